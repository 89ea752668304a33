import HTTPTypes
import Hummingbird

/// The configuration file, read again.
struct ConfigurationRoutes: Sendable {
    let reload: ConfigurationReload

    var routes: [Route] {
        [
            Route(.post, "/v1/config/reload", scope: .admin, on: .admin) { request, _ in
                try Query(request).done()
                try await request.refuseBody()
                let outcome: ConfigurationReload.Outcome
                do throws(ConfigurationReload.Refusal) {
                    outcome = try await reload.reload()
                } catch {
                    return try answer(error)
                }
                return try .json(encoding: outcome)
            }
        ]
    }

    private struct Problems: Encodable {
        struct Fault: Encodable {
            let code: String
            let message: String
        }

        struct Problem: Encodable {
            let line: Int?
            let key: String
            let message: String
        }

        let error: Fault
        let file: String
        let problems: [Problem]
    }

    private func answer(_ refusal: ConfigurationReload.Refusal) throws -> Response {
        let message = "\(refusal)"
        switch refusal {
        case .withoutFile: throw RouteError(.conflict, "configuration_file_missing", message)
        case .underWay: throw RouteError(.conflict, "reload_under_way", message)
        case .refused: throw RouteError(.unprocessableContent, "configuration_refused", message)
        case .late: throw RouteError(.gatewayTimeout, "reload_timeout", message)
        case .fault: throw RouteError.fault(message)
        case .file(let error):
            let problems = error.problems.map { Problems.Problem(line: $0.line, key: $0.key, message: $0.message) }
            return try .json(
                encoding: Problems(
                    error: .init(code: "configuration_invalid", message: message),
                    file: error.file,
                    problems: problems
                ),
                status: .unprocessableContent
            )
        }
    }
}

import HTTPTypes
import Hummingbird

/// Tokens made, listed and revoked while the service runs.
struct TokenRoutes: Sendable {
    private let tokens: TokenBook

    init(_ tokens: TokenBook) {
        self.tokens = tokens
    }

    var routes: [Route] {
        [
            Route(.get, "/v1/tokens", scope: .admin, on: .admin) { request, _ in
                try Query(request).done()
                return try .json(encoding: TokenList(tokens: tokens.all.map(TokenView.init)))
            },
            Route(.post, "/v1/tokens", scope: .admin, on: .admin) { request, _ in try await create(request) },
            Route(.delete, "/v1/tokens/{name}", scope: .admin, on: .admin) { _, context in
                let name = Query.decoded(Substring(context.parameters.get("name") ?? ""))
                try await answering { () async throws in try await tokens.revoke(name) }
                return Response(status: .noContent)
            },
        ]
    }

    private func create(_ request: Request) async throws -> Response {
        struct Wanted: Decodable {
            let name: String
            let source: String?
            let scopes: [AccessToken.Scope]
        }
        let wanted = try await request.decoded(Wanted.self)
        let made = try await answering {
            try await tokens.create(name: wanted.name, source: wanted.source, scopes: wanted.scopes)
        }
        var view = TokenView(made.token)
        view.token = made.text
        var response = try Response.json(encoding: view, status: .created)
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private func answering<Value: Sendable>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as TokenError {
            let status: HTTPResponse.Status =
                switch error.code {
                case .nameTaken, .adminNeeded, .tooMany: .conflict
                case .notFound: .notFound
                case .nameInvalid, .scopesMissing, .sourceUnknown: .badRequest
                }
            throw RouteError(status, error.code.rawValue, error.message)
        }
    }

    private struct TokenList: Encodable {
        let tokens: [TokenView]
    }

    private struct TokenView: Encodable {
        let name: String
        let source: String?
        let scopes: [AccessToken.Scope]
        let created: String
        let lastFour: String
        /// The text; only in the answer to the request that made it.
        var token: String?

        init(_ token: AccessToken) {
            name = token.name
            source = token.source
            scopes = token.scopes
            created = ISOTime.text(token.created)
            lastFour = token.lastFour
        }
    }
}

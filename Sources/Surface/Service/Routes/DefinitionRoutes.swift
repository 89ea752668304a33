import Avro
import HTTPTypes
import Hummingbird
import Platform
import Tracking

/// Campaigns, canvases and subscription groups.
struct DefinitionRoutes: Sendable {
    let tracker: Tracker
    let failStop: FailStop
    let platform: Platform
    let openSource: String

    var routes: [Route] {
        [("campaigns", Definition.Kind.campaign), ("canvases", .canvas), ("subscription-groups", .group)].flatMap {
            routes($0, of: $1)
        }
    }

    private func routes(_ name: String, of kind: Definition.Kind) -> [Route] {
        [
            Route(.get, "/v1/\(name)", scope: .read, on: .both) { request, _ in
                try Query(request).done()
                let member = name.replacing("-", with: "_")
                return .json(Array(JSONValue.object([.init(member, .array(all(kind)))]).text.utf8))
            },
            Route(.get, "/v1/\(name)/{id}", scope: .read, on: .both) { request, context in
                try Query(request).done()
                guard let found = one(kind, Self.id(context)) else { throw Self.unknown(kind, Self.id(context)) }
                return .json(Array(found.text.utf8))
            },
            Route(.put, "/v1/\(name)/{id}", scope: .admin, on: .both) { request, context in
                try Query(request).done()
                return try await put(kind, Self.id(context), request, context)
            },
            Route(.delete, "/v1/\(name)/{id}", scope: .admin, on: .both) { request, context in
                try Query(request).done()
                try await request.refuseBody()
                let id = Self.id(context)
                guard let found = one(kind, id) else { throw Self.unknown(kind, id) }
                try await take(.undefine(kind, id: id), context)
                return .json(Array(found.text.utf8))
            },
        ]
    }

    private static func id(_ context: CourantContext) -> String {
        Query.decoded(Substring(context.parameters.get("id") ?? ""))
    }

    private func put(
        _ kind: Definition.Kind,
        _ id: String,
        _ request: Request,
        _ context: CourantContext
    ) async throws -> Response {
        let body = try await request.bytes(upTo: 1 << 20)
        let definition: Definition
        do {
            let json = try JSONValue(parsing: String(decoding: body, as: UTF8.self))
            definition = try Definition(kind, id: id, reading: json)
        } catch let error as AvroError {
            throw RouteError.bad("body_invalid", "The body is not JSON: \(error.message).")
        } catch let error as DefinitionError {
            throw RouteError(error)
        }
        try await take(.define(definition), context)
        return .json(Array(definition.json.text.utf8))
    }

    private func take(_ report: TrackReport, _ context: CourantContext) async throws(RouteError) {
        do throws(TrackingError) {
            _ = try await tracker.take(report, from: openSource, body: [])
        } catch {
            failStop.check(error)
            throw RouteError(error)
        }
    }

    private func all(_ kind: Definition.Kind) -> [JSONValue] {
        let (book, now) = (tracker.definitions, platform.clock.now().seconds)
        return switch kind {
        case .campaign: book.campaigns(at: now).map(\.json)
        case .canvas: book.canvases(at: now).map(\.json)
        case .group: book.groups(at: now).map(\.json)
        }
    }

    private func one(_ kind: Definition.Kind, _ id: String) -> JSONValue? {
        let (book, now) = (tracker.definitions, platform.clock.now().seconds)
        return switch kind {
        case .campaign: book.campaign(id, at: now)?.json
        case .canvas: book.canvas(id, at: now)?.json
        case .group: book.group(id, at: now)?.json
        }
    }

    private static func unknown(_ kind: Definition.Kind, _ id: String) -> RouteError {
        RouteError(.notFound, "\(kind.rawValue)_unknown", "There is no \(kind.rawValue) \"\(id)\".")
    }
}

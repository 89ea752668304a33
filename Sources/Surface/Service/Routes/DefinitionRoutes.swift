import Avro
import HTTPTypes
import Hummingbird
import Intake
import Platform
import Tracking

/// Campaigns, canvases and subscription groups.
struct DefinitionRoutes: Sendable {
    let tracker: Tracker
    /// Says whether anything is taken yet: a definition of the folder would replace one that came before it.
    let body: LimitedBody
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
                var query = Query(request)
                let after = query.text("after")
                try query.done()
                return .json(Self.page(of: all(kind), behind: after, as: name.replacing("-", with: "_")))
            },
            Route(.get, "/v1/\(name)/{id}", scope: .read, on: .both) { request, context in
                try Query(request).done()
                guard let found = one(kind, Self.id(context)) else { throw unknown(kind, Self.id(context)) }
                return .json(Array(found.text.utf8))
            },
            Route(.put, "/v1/\(name)/{id}", scope: .admin, on: .both) { request, context in
                try Query(request).done()
                if let unavailable = body.unavailable { return unavailable }
                return try await put(kind, Self.id(context), request, context)
            },
            Route(.delete, "/v1/\(name)/{id}", scope: .admin, on: .both) { request, context in
                try Query(request).done()
                if let unavailable = body.unavailable { return unavailable }
                try await request.refuseBody()
                let id = Self.id(context)
                guard let found = one(kind, id) else { throw unknown(kind, id) }
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
        let body = try TrackingBody(try await request.bytes(upTo: 1 << 20))
        let definition = try body.read { json throws(DefinitionError) in
            try Definition(kind, id: id, reading: json)
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

    private func all(_ kind: Definition.Kind) -> [Definition] {
        let (book, now) = (tracker.definitions, platform.clock.now().seconds)
        return switch kind {
        case .campaign: book.campaigns(at: now).map(Definition.campaign)
        case .canvas: book.canvases(at: now).map(Definition.canvas)
        case .group: book.groups(at: now).map(Definition.group)
        }
    }

    /// A page of definitions has as many as fit in so many bytes, and the one that goes beyond them.
    static let pageBytes = 1 << 20

    /// A page of definitions in the order of their ids, and where the next one begins.
    static func page(of definitions: [Definition], behind after: String?, as member: String) -> [UInt8] {
        var rest = definitions.drop { definition in after.map { definition.id <= $0 } ?? false }
        var text = Array("{\"\(member)\":[".utf8)
        var last: String?
        while let definition = rest.first, text.count < pageBytes {
            if last != nil { text.append(UInt8(ascii: ",")) }
            text.append(contentsOf: definition.json.text.utf8)
            last = definition.id
            rest.removeFirst()
        }
        let next = rest.isEmpty ? nil : last
        text.append(contentsOf: "]\(next.map { ",\"next\":\(JSONValue.string($0).text)" } ?? "")}".utf8)
        return text
    }

    private func one(_ kind: Definition.Kind, _ id: String) -> JSONValue? {
        let (book, now) = (tracker.definitions, platform.clock.now().seconds)
        return switch kind {
        case .campaign: book.campaign(id, at: now)?.json
        case .canvas: book.canvas(id, at: now)?.json
        case .group: book.group(id, at: now)?.json
        }
    }

    private func unknown(_ kind: Definition.Kind, _ id: String) -> RouteError {
        Self.unknown(kind, id, in: tracker.definitions, at: platform.clock.now().seconds)
    }

    static func unknown(_ kind: Definition.Kind, _ id: String, in book: DefinitionBook, at time: Int64) -> RouteError {
        let (noun, ids) =
            switch kind {
            case .campaign: ("campaign", book.campaigns(at: time).map(\.id))
            case .canvas: ("canvas", book.canvases(at: time).map(\.id))
            case .group: ("subscription group", book.groups(at: time).map(\.id))
            }
        let message = "There is no \(noun) \(id.quotedCut); \(NameList.told(ids, near: id))."
        return RouteError(.notFound, "\(kind.rawValue)_unknown", message)
    }
}

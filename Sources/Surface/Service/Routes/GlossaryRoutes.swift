import Glossary
import HTTPTypes
import Hummingbird
import Intake
import Platform

/// The glossary to look things up in.
struct GlossaryRoutes: Sendable {
    private let glossary: Glossary

    init(_ glossary: Glossary) {
        self.glossary = glossary
    }

    var routes: [Route] {
        [
            Route(.get, "/v1/glossary", scope: nil, on: .both) { request, _ in try list(request) },
            Route(.get, "/v1/glossary/{type}", scope: nil, on: .both) { request, context in
                try show(request, context)
            },
        ]
    }

    private func list(_ request: Request) throws(RouteError) -> Response {
        var query = Query(request)
        let edition = try edition(&query)
        let filter = Filter(
            text: query.text("q"),
            events: query.list("events"),
            sections: query.list("section"),
            channels: query.list("channel"),
            actions: query.list("action")
        )
        try query.done()
        let types = edition.types(matching: filter).map { $0.json(withFields: false) }.joined(separator: ",")
        return .json(Array("{\"edition\":\(JSONText.quoted(edition.name)),\"types\":[\(types)]}".utf8))
    }

    private func show(_ request: Request, _ context: CourantContext) throws(RouteError) -> Response {
        var query = Query(request)
        let edition = try edition(&query)
        let format = try query.choice("format", default: "json", of: ["json", "avro", "json-schema"])
        try query.done()
        let name = Query.decoded(Substring(context.parameters.get("type") ?? ""))
        guard let type = edition.type(named: name) else {
            let near = NearMiss.nearest(to: name, among: edition.types.map(\.name)).joined(separator: ", ")
            let message = "Edition \(edition.name) has no event type \(name.quotedCut); near names are \(near)."
            throw RouteError(.notFound, "event_type_unknown", message)
        }
        let text =
            switch format {
            case "avro": type.avroSchema(namespace: .files(kind: "Local"))
            case "json-schema": type.jsonSchema()
            default: type.json(withFields: true)
            }
        return .json(Array(text.utf8))
    }

    private func edition(_ query: inout Query) throws(RouteError) -> Edition {
        let names = glossary.editions.map(\.name)
        let name = try query.choice("edition", default: Configuration.defaultEdition, of: names)
        guard let edition = glossary.edition(name) else { preconditionFailure("an edition is found by its name") }
        return edition
    }
}

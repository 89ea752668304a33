import Avro
import Delivery
import Glossary
import HTTPTypes
import Hummingbird
import Intake
import Journal
import Samples

/// What a connector makes of one event, without storing or sending it.
struct PreviewRoutes: Sendable {
    private static let sampleSeed: UInt64 = 1
    /// One event, with room to spare over what intake takes by default.
    private static let eventBytesMax = 1 << 20

    let intake: Intake
    let delivery: Delivery
    let glossary: Glossary
    private let writers: [UInt64: (name: String, edition: String, resolution: Resolution)]

    init(
        intake: Intake,
        delivery: Delivery,
        glossary: Glossary,
        schemas: [JournalSchema]
    ) throws(AvroError) {
        self.intake = intake
        self.delivery = delivery
        self.glossary = glossary
        var writers: [UInt64: (name: String, edition: String, resolution: Resolution)] = [:]
        for schema in schemas {
            let resolution = try Resolution(writer: try Schema(json: schema.json))
            writers[schema.fingerprint] = (schema.name, schema.edition, resolution)
        }
        self.writers = writers
    }

    var routes: [Route] {
        [
            Route(.post, "/v1/connectors/{name}/preview", scope: .read, on: .admin) { request, context in
                let connector = try ConnectorRoutes.connector(context, of: delivery)
                var query = Query(request)
                let (source, type) = (query.text("source"), query.text("event_type"))
                try query.done()
                let body = try await request.bytes(upTo: Self.eventBytesMax)
                return try preview(body, connector, source: source, type: type)
            }
        ]
    }

    private func preview(
        _ body: [UInt8],
        _ connector: Connector,
        source: String?,
        type: String?
    ) throws -> Response {
        guard body.isEmpty || type == nil else {
            throw RouteError.bad("parameter_invalid", "event_type asks for a made-up event; leave out one of the two.")
        }
        let event = try body.isEmpty ? sample(of: type, connector) : body
        let source = try source ?? onlySource()
        let encoded: EncodedEvent
        do throws(EncodingRefusal) {
            encoded = try intake.encode(event, of: source)
        } catch {
            throw RouteError(.unprocessableContent, error.code, "The event is not taken: \(error.message).")
        }
        guard let writer = writers[encoded.fingerprint] else {
            throw RouteError.fault("the event's schema is not among the journal's")
        }
        let before = try writer.resolution.decode(encoded.datum.span)
        var answer = [
            JSONValue.Member("connector", .string(connector.settings.name)),
            JSONValue.Member("event_type", .string(writer.name)),
        ]
        var after = Datum.null
        switch connector.preview(fingerprint: encoded.fingerprint, datum: encoded.datum) {
        case .notCarried:
            answer.append(.init("outcome", .string("not_carried")))
            answer.append(.init("reason", .string("The connector's settings do not select this event type.")))
        case .refused(let reason):
            answer.append(.init("outcome", .string("set_aside")))
            answer.append(.init("reason", .string(reason)))
        case .delivered(let type, let datum):
            after = try Resolution(writer: try Schema(json: type.schema)).decode(datum.span)
            if case .record(let fields) = after {
                after = .record(fields.filter { !connector.leavesOut($0.name) })
            }
            answer.append(.init("outcome", .string("delivered")))
            answer.append(.init("edition", .string(type.edition)))
        }
        answer.append(.init("before", try JSONValue(parsing: before.json)))
        answer.append(.init("after", try JSONValue(parsing: after.json)))
        answer.append(.init("changed", .array(Self.changes(from: before, to: after).map(JSONValue.string))))
        return .json(Array(JSONValue.object(answer).text.utf8))
    }

    private func onlySource() throws(RouteError) -> String {
        let names = intake.sourceNames
        guard names.count == 1 else {
            let list = names.joined(separator: ", ")
            throw .bad(
                "parameter_invalid",
                "There are several sources; name the one whose event it is as `source`: \(list)."
            )
        }
        return names[0]
    }

    /// The flat JSON of a made-up event.
    private func sample(of name: String?, _ connector: Connector) throws(RouteError) -> [UInt8] {
        let carried = connector.types.first { $0.fields != nil }
        let edition = glossary.edition(connector.settings.edition)
        guard let wanted = name ?? carried?.name, let type = edition?.type(named: wanted) else {
            throw .bad("parameter_invalid", "event_type names no event type; GET /v1/glossary lists them.")
        }
        var bytes: [UInt8] = []
        SampleStream.one(of: type, seed: Self.sampleSeed).json(into: &bytes)
        return bytes
    }

    /// The names of fields whose values differ, one that is missing on one side among them unless it was null.
    private static func changes(from before: Datum, to after: Datum) -> [String] {
        guard case .record(let old) = before, case .record(let new) = after else { return [] }
        let names = old.map(\.name) + new.map(\.name).filter { before[$0] == nil }
        return names.filter { name in
            (before[name]?.unwrapped ?? .null) != (after[name]?.unwrapped ?? .null)
        }
    }
}

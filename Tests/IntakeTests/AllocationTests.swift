import CAllocations
import Glossary
import Platform
import Testing

@testable import Intake

/// What an event costs the allocator: nothing.
///
/// Twice the events may cost a few allocations more, for buffers that double as they grow.
@Suite(.enabled(if: courant_allocations_are_counted(), "this C library's allocations cannot be counted"))
struct AllocationTests {
    private static let events = 500
    private static let growthMax = 16

    private func parser(_ shape: BodyShape) throws -> EventParser {
        let secret = [UInt8](repeating: 7, count: 16)
        let editions = Glossary.standard.editions
        let schemas = try Intake.journalSchemas(editions)
        let platform = Platform.live(blockingThreads: 1, computeThreads: 1)
        return EventParser(
            edition: try #require(CompiledGlossary(editions, schemas: schemas, secret: secret).editions["2021"]),
            source: SourceSettings(name: "default"),
            identities: IdentityMaker(secret: secret, clock: platform.clock, random: platform.random),
            clock: platform.clock,
            eventBytesMax: 900_000,
            eventsMax: 100_000,
            partitions: 1,
            idempotencyKey: nil,
            shape: shape
        )
    }

    private func event(_ index: Int, _ shape: BodyShape) -> String {
        shape == .envelope
            ? """
            {"event_type":"users.behaviors.CustomEvent","id":"an-id-of-some-length-\(index)","time":1700000000,\
            "user":{"user_id":"a-user-of-some-length","external_user_id":"another-of-some-length",\
            "timezone":"Europe/Paris"},"properties":{"name":"watched something long","app_id":"an-app-of-some-length"\
            \(index % 2 == 0 ? "" : ",\"custom_properties\":{\"colour\":\"blue\",\"size\":42}")}}
            """
            : """
            {"event_type":"users.messages.email.Open","id":"an-id-of-some-length-\(index)","time":1700000000,\
            "user_id":"a-user-of-some-length","email_address":"somebody@example.com","campaign_name":"\\u0041 campaign",\
            "timezone":"Europe/Paris","canvas_id":null}
            """
    }

    private func body(_ count: Int, _ shape: BodyShape) -> Body {
        let events = (0..<count).map { event($0, shape) }
        return switch shape {
        case .flat: Body("[\(events.joined(separator: ","))]".utf8)
        case .lines: Body(events.joined(separator: "\n").utf8)
        case .envelope: Body("{\"events\":[\(events.joined(separator: ","))]}".utf8)
        }
    }

    @Test("an event costs no allocation in any shape of body", arguments: [BodyShape.flat, .lines, .envelope])
    func noneForAnEvent(shape: BodyShape) throws {
        let parser = try parser(shape)
        let lane = unsafe try Lane(partitions: 1)
        func allocations(_ body: borrowing Body, _ count: Int) throws -> Int {
            let before = courant_allocations()
            let parsed = unsafe try parser.parse(body.text, in: lane)
            let after = courant_allocations()
            try #require(parsed.received == count && parsed.rejections.isEmpty && parsed.findings.unknownFields.isEmpty)
            return after - before
        }
        let one = body(Self.events, shape)
        let two = body(2 * Self.events, shape)
        // The first time buffers grow and types are made ready.
        _ = try allocations(two, 2 * Self.events)
        let first = try allocations(one, Self.events)
        let second = try allocations(two, 2 * Self.events)
        #expect(first > 0, "nothing was counted")
        #expect(second - first < Self.growthMax, "\(first) for \(Self.events) events, \(second) for twice as many")
    }
}

import Avro
import Intake
import Platform
import Testing

@testable import Tracking

@Suite("events that no record can hold")
struct LargeEventTests {
    private static let small = 1 << 20

    private func click(_ key: String, bytes: Int, _ world: TrackingWorld) -> ProviderReport {
        let url = JSONValue.string(String(repeating: "u", count: bytes))
        return Stories.email("Click", "u1", key: key, time: world.now, fields: [.init("url", url)])
    }

    @Test("what waited and is more than half a segment becomes a dead letter, and tracking goes on")
    func overtaken() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.provider([click("big", bytes: 800_000, world), click("small", bytes: 10, world)])
        }
        try await world.run(segmentBytes: Self.small) { running in
            try await running.pass(.seconds(901))
            try await check(running)
        }
    }

    @Test("a report whose send sets such an event free is taken all the same")
    func released() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.provider([click("big", bytes: 800_000, world), click("small", bytes: 10, world)])
        }
        try await world.run(segmentBytes: Self.small) { running in
            let answer = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            #expect(answer.accepted == 2)
            try await check(running)
        }
    }

    @Test("one that is too large to wait becomes a dead letter at once, with its first bytes")
    func tooLargeToWait() async throws {
        let world = try TrackingWorld()
        try await world.run(segmentBytes: Self.small) { running in
            try await running.provider([click("big", bytes: 800_000, world), click("small", bytes: 10, world)])
            try await running.pass(.seconds(901))
            try await check(running)
        }
    }

    private func check(_ running: TrackingWorld.Running) async throws {
        #expect(try await running.events("users.messages.email.Click").map { $0["url"]?.count } == [10])
        let letters = try await running.events("courant.DeadLetter")
        #expect(letters.map { $0["code"] } == ["event_too_large"])
        let letter = try #require(letters.first)
        #expect(letter["message"]?.contains("bytes are kept") == true)
        #expect(letter["raw"]?.hasPrefix(#"{"event_type":"users.messages.email.Click""#) == true)
        // And tracking lives.
        let answer = try await running.report(.sends, Stories.sends(["u2"]), key: "k2")
        #expect(answer.accepted == 1)
        #expect(running.intake.balances.allSatisfy { $0.isBalanced })
    }
}

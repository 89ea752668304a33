import Avro
import Intake
import Platform
import Telemetry
import Testing

@testable import Tracking

@Suite("conversions by opens and clicks")
struct WaitingDeedTests {
    private static let conversion = "users.campaigns.Conversion"
    private static let sale = """
        {"name":"Sale","conversions":[{"type":"Opens Message","window":500},{"type":"Clicks Message","window":300}]}
        """

    private func open(_ key: String, at seconds: Int64, _ world: TrackingWorld) -> ProviderReport {
        Stories.email("Open", "u1", key: key, time: TrackingWorld.start + seconds)
    }

    @Test(
        "the earliest open converts, whichever was told first, once overtake has passed since the first was taken in",
        arguments: [[50, 60, 70], [70, 60, 50], [60, 70, 50]]
    )
    func earliest(times: [Int64]) async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "c-1", Self.sale)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            for time in times {
                try await running.provider([open("\(time)", at: time, world)])
                try await running.pass(.seconds(299))
            }
            #expect(try await running.events(Self.conversion).isEmpty)
            try await running.pass(.seconds(3))
            let events = try await running.events(Self.conversion)
            #expect(events.map { $0.integer("time") } == [TrackingWorld.start + 50])
            #expect(events.map { $0.integer("conversion_behavior_index") } == [0])
            try await running.pass(.seconds(2_000))
            #expect(try await running.events(Self.conversion).count == 1)
        }
    }

    @Test("of two opens in one second the event id decides, so that the same converts in any order")
    func sameSecond() async throws {
        var ids: Set<String?> = []
        for keys in [["a", "b"], ["b", "a"]] {
            let world = try TrackingWorld()
            try await world.run { running in
                try await running.define(.campaign, "c-1", Self.sale)
                _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
                for key in keys {
                    var report = open(key, at: 5, world)
                    report.metadata = ["app_id": key]
                    try await running.provider([report])
                }
                try await running.pass(.seconds(900))
                let events = try await running.events(Self.conversion)
                #expect(events.count == 1)
                ids.insert(events.first?["app_id"])
            }
        }
        #expect(ids.count == 1)
    }

    @Test("an open outside the window neither converts nor keeps a later one from it")
    func window() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "c-1", Self.sale)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            try await running.provider([open("late", at: 501, world), open("early", at: -1, world)])
            try await running.pass(.seconds(900))
            #expect(try await running.events(Self.conversion).isEmpty)
            try await running.provider([open("last", at: 500, world)])
            try await running.pass(.seconds(900))
            #expect(try await running.events(Self.conversion).map { $0.integer("time") } == [TrackingWorld.start + 500])
        }
    }

    @Test("what waits outlives a restart, and a crash that loses the state", arguments: [false, true])
    func restart(isLost: Bool) async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "c-1", Self.sale)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
        }
        try world.keepStore(as: "before")
        try await world.run { running in
            try await running.provider([open("2", at: 20, world), open("1", at: 10, world)])
        }
        if isLost { try world.putStoreBack("before") }
        try await world.run { running in
            try await running.pass(.seconds(899))
            #expect(try await running.events(Self.conversion).isEmpty)
            try await running.pass(.seconds(2))
            #expect(try await running.events(Self.conversion).map { $0.integer("time") } == [TrackingWorld.start + 10])
        }
        // What was decided is decided.
        if isLost { try world.putStoreBack("before") }
        try await world.run { running in
            try await running.pass(.seconds(2_000))
            #expect(try await running.events(Self.conversion).count == 1)
        }
    }

    @Test("a message that is reported after the click counts as a receipt of its own")
    func laterReceipt() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "c-1", Self.sale)
            let ours = ProviderReport(
                .happened(type: "users.messages.email.Click"),
                key: "1",
                time: TrackingWorld.start + 30,
                address: .email("u1@example.com"),
                metadata: ["user_id": "u1", "campaign_id": "c-1"]
            )
            try await running.provider([ours])
            let earlier = Stories.sends(["u1"], more: #""time":\#(TrackingWorld.start + 10),"#)
            _ = try await running.report(.sends, earlier, key: "k1")
            try await running.pass(.seconds(901))
            let events = try await running.events(Self.conversion)
            #expect(events.map { $0.integer("conversion_behavior_index") } == [1])
        }
    }

    @Test("the conversion goes out under the source of the open that decides it")
    func sources() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "c-1", Self.sale)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            try await running.provider([open("1", at: 20, world)])
            try await running.provider([open("2", at: 10, world)], source: "other")
            try await running.pass(.seconds(901))
            let accepted = running.intake.balances.map { ($0.source, $0.accepted) }
            #expect(accepted.map(\.0) == ["default", "other"])
            // A Send and an Open; an Open and the Conversion.
            #expect(accepted.map(\.1) == [2, 2])
        }
    }

    @Test("what waits of a source that is configured no more is counted and leaves nothing behind, and events are kept")
    func orphans() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "c-1", Self.sale)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            let unknown = Stories.email("Open", "u2", key: "2", time: world.now)
            try await running.provider([open("1", at: 1, world), unknown], source: "other")
        }
        try await world.run(sources: ["default"]) { running in
            try await running.pass(.seconds(901))
            #expect(running.tracker.metrics.orphaned.value == 2)
            let left = try await running.tracker.store.read { (view) throws(TrackingError) in
                try [StateTable.parked, .overdue, .deeds, .ripening].map { table throws(TrackingError) in
                    try view.settledRows(table).count
                }
            }
            #expect(left == [0, 0, 0, 0])
            let letters = try await running.events("courant.DeadLetter")
            #expect(letters.map { $0["code"] } == ["source_unknown"])
            #expect(letters.map { $0["source"] } == ["other"])
            #expect(letters.first?["raw"]?.contains("u2@example.com") == true)
            #expect(running.intake.balances.allSatisfy { $0.isBalanced })
        }
    }

    @Test("without waiting the first to be told converts at once")
    func noWaiting() async throws {
        var settings = TrackingSettings()
        settings.overtake = .zero
        let world = try TrackingWorld(settings: settings)
        try await world.run { running in
            try await running.define(.campaign, "c-1", Self.sale)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            try await running.provider([open("2", at: 20, world)])
            #expect(try await running.events(Self.conversion).map { $0.integer("time") } == [TrackingWorld.start + 20])
        }
    }

    @Test("what waits is read back as it was written, and hostile text is refused")
    func text() throws {
        let happening = Happening(type: "t.Open", id: "e", time: -5, fields: Fields())
        let fields = Fields([
            .init("user_id", .string("ü")), .init("app_id", .string("a")), .init("url", .string("left out")),
        ])
        for owner in [MessageOwner.campaign("c"), .canvas("v")] {
            let deed = try #require(WaitingDeed(.opened, owner, of: happening, fields, taken: 7, source: "s"))
            #expect(WaitingDeed(text: deed.text) == deed)
            #expect(deed.user == "user ü" && deed.fields["url"] == nil)
        }
        #expect(WaitingDeed(.opened, .campaign("c"), of: happening, Fields(), taken: 7, source: "s") == nil)
        for text in ["", "{}", #"{"kind":"opened","id":"e","time":1,"taken":1,"source":"s","fields":{}}"#] {
            #expect(WaitingDeed(text: text) == nil)
        }
    }
}

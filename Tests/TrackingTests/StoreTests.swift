import Avro
import Journal
import Platform
import PlatformTesting
import Testing

@testable import Tracking

@Suite("tracking's state")
struct StoreTests {
    @Test("changes are read back as they were written, and hostile bytes are refused")
    func encoding() throws {
        var changes = StateChanges()
        for table in StateTable.allCases {
            let day: UInt16 = table.isDaily ? 20_454 : 0
            changes.append(
                StateChange(table: table, day: day, head: RowHead(high: .max, low: 1), tail: "té", value: "{}")
            )
            changes.append(
                StateChange(table: table, day: day, head: RowHead(high: 0, low: .max), tail: "", value: nil)
            )
        }
        let bytes = changes.encoded
        #expect(StateChanges(bytes) == changes)
        for length in 0..<bytes.count { #expect(StateChanges(Array(bytes.prefix(length))) != changes) }
        #expect(StateChanges([2]) == nil)
        #expect(StateChanges([1, 99, 1]) == nil)
    }

    @Test("definitions, contexts and subscriptions are there after a restart, and after the store was lost in a crash")
    func restart() async throws {
        let world = try TrackingWorld()
        try await world.run { _ in }
        try world.keepStore(as: "empty")
        try await world.run { running in
            try await running.define(.campaign, "c-1", Stories.spring)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
        }
        for isLost in [false, true] {
            if isLost { try world.putStoreBack("empty") }
            try await world.run { running in
                #expect(running.tracker.definitions.campaign("c-1", at: world.now)?.name == "Spring")
                let key = "open-\(isLost)"
                try await running.provider([Stories.email("Open", "u1", key: key, time: world.now)])
                let events = try await running.events("users.messages.email.Open")
                #expect(events.last?["campaign_id"] == "c-1")
            }
        }
    }

    @Test("a definition is found under its own id after a restart, whatever characters the id has")
    func strangeIDs() async throws {
        let ids = ["a b", " a", "\u{301}a", "a\u{2028}b", "\"", "a\\nb", "null", "{}", "\u{200D}"]
        let world = try TrackingWorld()
        try await world.run { running in
            for id in ids { try await running.define(.campaign, id, Stories.spring) }
            try await running.define(.campaign, "gone \u{301}", Stories.spring)
            try await running.undefine(.campaign, "gone \u{301}")
        }
        try await world.run { running in
            for id in ids { #expect(running.tracker.definitions.campaign(id, at: world.now)?.id == id) }
            #expect(running.tracker.definitions.campaign("gone \u{301}", at: world.now) == nil)
        }
        for id in ids {
            for owner in [MessageOwner.campaign(id), .canvas(id)] {
                let name = ReceiptName(time: 1, id: "r", owner: owner)
                #expect(ReceiptName(name.tail) == name)
            }
        }
    }

    @Test("an id in other bytes for the same letters is the same definition, also over a restart")
    func spellings() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            try await running.define(.campaign, "\u{E9}", Stories.spring)
            try await running.undefine(.campaign, "e\u{301}")
            try await running.define(.campaign, "e\u{301}u", Stories.spring)
            try await running.define(.campaign, "\u{E9}u", Stories.spring)
        }
        try await world.run { running in
            for id in ["\u{E9}", "e\u{301}"] {
                #expect(running.tracker.definitions.campaign(id, at: world.now) == nil)
                #expect(running.tracker.definitions.campaign(id + "u", at: world.now)?.name == "Spring")
            }
        }
    }

    @Test("a stored definition that cannot be read says what stands there and what to do")
    func unreadable() throws {
        let error = try #require(throws: TrackingError.self) { try StoredVersion("campaign c-1\n{\"a\":1}", from: "7") }
        #expect("\(error)".contains("it begins campaign c-1?{"))
        #expect("\(error)".contains("another version of Courant has written it: start that one"))
    }

    @Test(
        "an id with a control character is refused",
        arguments: ["a\r", "a\nb", "\u{1B}[31m", "a\u{7F}", "a\u{85}", "\tb"]
    )
    func controlCharacters(id: String) async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            let error = await #expect(throws: DefinitionError.self) {
                try await running.define(.campaign, id, Stories.spring)
            }
            #expect(error?.description.contains("control characters, found U+00") == true)
        }
        try await world.run { running in #expect(running.tracker.definitions.campaign(id, at: world.now) == nil) }
    }

    @Test("old days go by whole tables, and retention waits for what is not yet settled")
    func days() async throws {
        let world = try TrackingWorld()
        try await world.run { running in
            let answer = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            #expect(running.tracker.neededFrom(.init(0)) < running.journal.end(of: .init(0)))
            await running.tracker.settleNow()
            #expect(running.tracker.neededFrom(.init(0)) == running.journal.end(of: .init(0)))
            try await running.pass(.seconds(40 * 86_400))
            let days = try await running.tracker.store.read { (view) throws(TrackingError) in
                StateTable.allCases.filter(\.isDaily).map { view.days(of: $0).count }
            }
            #expect(days.allSatisfy { $0 == 0 })
            let message = answer.messages[0].messageID
            let found = try await running.tracker.store.read { (view) throws(TrackingError) in
                try view.value(
                    .messages,
                    day: TrackingIDs.day(ofMessage: message),
                    running.tracker.ids.head("message", message)
                )
            }
            #expect(found == nil)
        }
    }

    @Test("a view shows its own changes over what the store holds")
    func view() async throws {
        let path = "\(try TrackingWorld().folder)-view.db"
        let store = try await TrackingStore.open(path, platform: Platform.testing(files: SystemFiles()))
        let head = RowHead(high: 1, low: 2)
        let day = StateDay(20_454)
        let changes = try await store.read { (view) throws(TrackingError) in
            view.put(.receipts, day: day, head, "a", "1")
            view.put(.receipts, day: day, head, "b", "2")
            view.remove(.receipts, day: day, head, "a")
            #expect(try view.rows(.receipts, day: day, head).map(\.tail) == ["b"])
            #expect(try view.value(.receipts, day: day, head, "a") == nil)
            #expect(view.days(of: .receipts) == [day])
            let mark = view.mark
            view.put(.receipts, day: day, head, "b", "3")
            view.remove(.receipts, day: day, head, "c")
            view.put(.users, head, "", "x")
            view.takeBack(to: mark)
            #expect(try view.rows(.receipts, day: day, head).map(\.value) == ["2"])
            #expect(try view.value(.users, head) == nil)
            return view.changes.changes
        }
        try await store.apply(changes, applied: .zero)
        try await store.read { (view) throws(TrackingError) in
            view.put(.receipts, day: day, head, "c", "3")
            #expect(try view.rows(.receipts, day: day, head).map(\.value) == ["2", "3"])
        }
        #expect(try await store.drop(.receipts, before: StateDay(20_455)) == 1)
        try await store.read { (view) throws(TrackingError) in
            #expect(try view.rows(.receipts, day: day, head).isEmpty)
        }
        try await store.close()
    }
}

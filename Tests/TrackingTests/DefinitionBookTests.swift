import Avro
import Testing

@testable import Tracking

/// What the book answers for a time.
@Suite struct DefinitionBookTests {
    private static func campaign(_ name: String, id: String = "c") -> Definition {
        .campaign(Campaign(id: id, name: name, variations: [Variation(id: "a", name: "\(name) A", share: 100)]))
    }

    private static func canvas(_ name: String) -> Definition {
        let steps = [Canvas.Step(id: "s", name: "\(name) S")]
        let variations = [Variation(id: "a", name: "\(name) A", share: 100)]
        return .canvas(Canvas(id: "v", name: name, variations: variations, steps: steps))
    }

    private static func sms(_ id: String, _ numbers: [String], services: [String] = []) -> Definition {
        .group(
            SubscriptionGroup(sms: id, name: id, appGroupID: "app", numbers: numbers, messagingServices: services)
        )
    }

    @Test(
        "names in events are those at the event's time",
        arguments: [(0, "one"), (99, "one"), (100, "one"), (199, "one"), (200, "two"), (.max, "two")]
            as [(Int64, String)]
    )
    func versions(time: Int64, name: String) {
        var book = DefinitionBook()
        book.put(Self.campaign("one"), from: 100)
        book.put(Self.campaign("two"), from: 200)
        #expect(book.campaign("c", at: time)?.name == name)
        #expect(book.campaign("d", at: time) == nil)
        #expect(book.canvas("c", at: time) == nil)
    }

    @Test("a put with an earlier time stands before the later versions")
    func earlier() {
        var changes: [Bool] = []
        var book = DefinitionBook()
        book.put(Self.campaign("one"), from: 100)
        book.put(Self.campaign("three"), from: 300)
        changes.append(book.put(Self.campaign("two"), from: 200))
        #expect(
            [50, 100, 199, 200, 299, 300].map { book.campaign("c", at: $0)?.name }
                == ["one", "one", "one", "two", "two", "three"]
        )
        changes.append(book.put(Self.campaign("zero"), from: 50))
        #expect([0, 50, 99, 100].map { book.campaign("c", at: $0)?.name } == ["zero", "zero", "zero", "one"])
        #expect(changes == [true, true])
    }

    @Test("a put with the time of a version replaces it")
    func sameTime() {
        var changes: [Bool] = []
        var book = DefinitionBook()
        book.put(Self.campaign("one"), from: 100)
        changes.append(book.put(Self.campaign("two"), from: 100))
        #expect(book.campaign("c", at: 0)?.name == "two")
        #expect(changes == [true])
    }

    @Test("a put of the same content changes nothing")
    func sameContent() {
        var changes: [Bool] = []
        var book = DefinitionBook()
        changes.append(book.put(Self.campaign("one"), from: 100))
        let before = book
        changes.append(book.put(Self.campaign("one"), from: 200))
        changes.append(book.put(Self.campaign("one"), from: 100))
        changes.append(book.put(Self.campaign("one"), from: 50))
        #expect(book == before)
        #expect(changes == [true, false, false, false])
    }

    @Test("a put of the next version's content begins it earlier")
    func nextContent() {
        var changes: [Bool] = []
        var book = DefinitionBook()
        book.put(Self.campaign("one"), from: 100)
        book.put(Self.campaign("two"), from: 200)
        changes.append(book.put(Self.campaign("two"), from: 150))
        #expect(book.campaign("c", at: 149)?.name == "one")
        #expect(book.campaign("c", at: 150)?.name == "two")
        #expect(changes == [true])
    }

    @Test("what is removed is gone from then on, until it is put again")
    func removal() {
        var changes: [Bool] = []
        var book = DefinitionBook()
        changes.append(book.remove(.campaign, id: "c", from: 10))
        book.put(Self.campaign("one"), from: 100)
        changes.append(book.remove(.canvas, id: "c", from: 200))
        changes.append(book.remove(.campaign, id: "c", from: 200))
        changes.append(book.remove(.campaign, id: "c", from: 250))
        changes.append(book.put(Self.campaign("one"), from: 300))
        #expect([0, 199, 200, 299, 300].map { book.campaign("c", at: $0)?.name } == ["one", "one", nil, nil, "one"])
        changes.append(book.remove(.campaign, id: "c", from: 50))
        #expect(changes == [false, false, true, false, true, false])
    }

    @Test("the names that the book knows are fields of the glossary")
    func names() {
        var book = DefinitionBook()
        book.put(Self.campaign("C1"), from: 100)
        book.put(Self.campaign("C2"), from: 200)
        book.put(Self.canvas("V"), from: 100)
        let campaign = book.names(campaign: "c", variation: "a", at: 150)
        #expect(campaign == [.init("campaign_name", .string("C1")), .init("message_variation_name", .string("C1 A"))])
        #expect(book.names(campaign: "c", at: 200) == [.init("campaign_name", .string("C2"))])
        let canvas = book.names(canvas: "v", canvasVariation: "a", step: "s", at: 100)
        #expect(
            canvas == [
                .init("canvas_name", .string("V")), .init("canvas_variation_name", .string("V A")),
                .init("canvas_step_name", .string("V S")),
            ]
        )
        #expect(book.names(campaign: "c", variation: "z", at: 0) == [.init("campaign_name", .string("C1"))])
        #expect(book.names(campaign: "z", variation: "a", canvas: "z", step: "s", at: 100) == [])
        #expect(book.names(variation: "a", canvasVariation: "a", step: "s", at: 100) == [])
        #expect(book.names(at: 100) == [])
    }

    @Test("what is removed keeps its last name, since its messages live on")
    func namesAfterRemoval() {
        var book = DefinitionBook()
        book.put(Self.campaign("one"), from: 100)
        book.put(Self.campaign("two"), from: 150)
        book.remove(.campaign, id: "c", from: 200)
        #expect(book.names(campaign: "c", at: 250) == [.init("campaign_name", .string("two"))])
    }

    @Test("a group is found by number, by service and by a provider's id, at a time")
    func groups() {
        var book = DefinitionBook()
        book.put(Self.sms("g", ["+15550001111"], services: ["MG1"]), from: 100)
        book.put(Self.sms("g", ["24365"]), from: 200)
        let lists = [SubscriptionGroup.ProviderGroups(provider: "sendgrid", ids: ["1", "2"])]
        book.put(.group(SubscriptionGroup(email: "e", name: "e", providerGroups: lists)), from: 100)
        #expect(book.group(forNumber: "+15550001111", at: 150)?.id == "g")
        #expect(book.group(forNumber: "+15550001111", at: 200) == nil)
        #expect(book.group(forNumber: "24365", at: 199) == nil)
        #expect(book.group(forNumber: "24365", at: 200)?.id == "g")
        #expect(book.group(forService: "MG1", at: 0)?.id == "g")
        #expect(book.group(forService: "MG1", at: 200) == nil)
        #expect(book.group(provider: "sendgrid", id: "2", at: 100)?.id == "e")
        #expect(book.group(provider: "sendgrid", id: "3", at: 100) == nil)
        #expect(book.group(provider: "ses", id: "2", at: 100) == nil)
        #expect(book.group("e", at: 100)?.channel == .email)
        book.remove(.group, id: "g", from: 300)
        #expect(book.group(forNumber: "24365", at: 300) == nil)
        #expect(book.group(forNumber: "24365", at: 299)?.id == "g")
    }

    @Test("a number moves from group to group")
    func movedNumber() throws {
        var book = DefinitionBook()
        book.put(Self.sms("b", ["24365"]), from: 100)
        let other = Self.sms("a", ["24365"])
        let error = try #require(throws: DefinitionError.self) { try book.check(other, from: 200) }
        #expect(error == DefinitionError(.taken, at: "numbers", "has 24365, which is the group b's already"))
        book.put(Self.sms("b", []), from: 150)
        try book.check(other, from: 200)
        book.put(other, from: 200)
        #expect(book.group(forNumber: "24365", at: 149)?.id == "b")
        #expect(book.group(forNumber: "24365", at: 200)?.id == "a")
    }

    @Test("a group may be put again with its own numbers")
    func ownNumber() throws {
        var book = DefinitionBook()
        book.put(Self.sms("b", ["24365"]), from: 100)
        try book.check(Self.sms("b", ["24365", "24366"]), from: 200)
    }

    @Test("lists hold what is in force, in the order of ids")
    func lists() {
        var book = DefinitionBook()
        for id in ["c", "a", "b"] { book.put(Self.campaign(id, id: id), from: 100) }
        book.put(Self.canvas("V"), from: 100)
        book.put(Self.sms("g", []), from: 100)
        book.remove(.campaign, id: "b", from: 200)
        #expect(book.campaigns(at: 150).map(\.id) == ["a", "b", "c"])
        #expect(book.campaigns(at: 200).map(\.id) == ["a", "c"])
        #expect(book.canvases(at: 200).map(\.id) == ["v"])
        #expect(book.groups(at: 200).map(\.id) == ["g"])
    }

    @Test("versions that ended before a time are dropped, and the one in force stays")
    func forgetting() {
        var book = DefinitionBook()
        book.put(Self.campaign("one"), from: 100)
        book.put(Self.campaign("two"), from: 200)
        book.put(Self.campaign("three"), from: 300)
        book.forget(endedBefore: 200)
        #expect(book.campaign("c", at: 0)?.name == "one")
        book.forget(endedBefore: 201)
        #expect(book.campaign("c", at: 0)?.name == "two")
        book.forget(endedBefore: .max)
        #expect(book.campaign("c", at: 0)?.name == "three")
    }

    @Test("a definition removed before a time is dropped whole, with its numbers")
    func forgettingRemoved() {
        var book = DefinitionBook()
        book.put(Self.sms("g", ["24365"]), from: 100)
        book.remove(.group, id: "g", from: 200)
        book.forget(endedBefore: 200)
        #expect(book.group(forNumber: "24365", at: 150)?.id == "g")
        book.forget(endedBefore: 201)
        #expect(book.group(forNumber: "24365", at: 150) == nil)
        #expect(book == DefinitionBook())
    }

    @Test("a definition keeps its newest versions")
    func versionsMax() {
        var book = DefinitionBook()
        let count = DefinitionLimits.versionsMax + 5
        for index in 0..<count { book.put(Self.campaign("\(index)"), from: Int64(index)) }
        #expect(book.campaign("c", at: 0)?.name == "5")
        #expect(book.campaign("c", at: .max)?.name == "\(count - 1)")
    }

    @Test("a full book takes a known definition and no other")
    func fullBook() throws {
        var book = DefinitionBook()
        for index in 0..<DefinitionLimits.definitionsMax { book.put(Self.campaign("n", id: "\(index)"), from: 0) }
        try book.check(Self.campaign("m", id: "0"), from: 1)
        try book.check(Self.canvas("V"), from: 1)
        let error = try #require(throws: DefinitionError.self) { try book.check(Self.campaign("m", id: "x"), from: 1) }
        #expect(error.code == .tooMany)
        #expect(error.description == "id is one more than the 10000 of its kind; delete another first")
    }
}

@Suite("definitions that nothing refers to any more")
struct ForgettingTests {
    private func named(_ name: String) -> String { #"{"name":"\#(name)"}"# }

    private func versions(_ running: TrackingWorld.Running) async throws -> [String] {
        try await running.tracker.store.read { (view) throws(TrackingError) in
            try view.settledRows(.definitions).map(\.value).sorted()
        }
    }

    @Test("versions go once they ended longer ago than contexts are kept, those in force stay, also over a restart")
    func ages() async throws {
        let world = try TrackingWorld()
        let day = Duration.seconds(86_400)
        try await world.run { running in
            try await running.define(.campaign, "c-1", named("First"))
            try await running.define(.campaign, "c-gone", named("Gone"))
            try await running.pass(day)
            try await running.define(.campaign, "c-1", named("Second"))
            _ = try await running.tracker.take(.undefine(.campaign, id: "c-gone"), from: "default", body: [])
            try await running.pass(.seconds(20 * 86_400))
            try await running.define(.campaign, "c-1", named("Third"))
            #expect(try await versions(running).count == 5)
            // Thirty days after the first ended, and the day that its table may last longer.
            try await running.pass(.seconds(10 * 86_400 + 43_200))
            #expect(try await versions(running).count == 5)
            #expect(running.tracker.definitions.campaign("c-1", at: TrackingWorld.start)?.name == "First")
            try await running.pass(.seconds(2 * 86_400))
            #expect(try await versions(running).count == 2)
            #expect(running.tracker.definitions.campaign("c-1", at: TrackingWorld.start)?.name == "Second")
            #expect(!running.tracker.definitions.hasVersion(.campaign, id: "c-gone", from: TrackingWorld.start))
        }
        let kept = try await world.run { $0.tracker.definitions }
        #expect(kept.campaign("c-1", at: world.now)?.name == "Third")
        #expect(kept.names(campaign: "c-gone", at: world.now).isEmpty)
        // The last version never ages.
        try await world.run { running in
            try await running.pass(.seconds(400 * 86_400))
            #expect(try await versions(running).count == 1)
            #expect(running.tracker.definitions.campaign("c-1", at: world.now)?.name == "Third")
        }
    }
}

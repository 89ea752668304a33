import Foundation
import Glossary
import Samples
import Testing

/// The first events of a stream over an edition.
func events(_ count: Int, seed: UInt64, edition: String = "2021", start: Int64 = 1_782_000_000) throws -> [SampleEvent]
{
    var stream = SampleStream(
        seed: seed,
        edition: try #require(Glossary.standard.edition(edition)),
        startingAt: start
    )
    return (0..<count).map { _ in stream.next() }
}

@Suite("Streams of made-up events")
struct StreamTests {
    @Test("all 32 types occur among the first 2,000 events, whatever the seed", arguments: 0..<25 as Range<UInt64>)
    func allTypes(seed: UInt64) throws {
        let names = Set(try events(2000, seed: seed).map(\.type.name))
        let wanted = try #require(Glossary.standard.edition("2021")).types.filter { $0.section == "message engagement" }
        #expect(wanted.count == 32)
        for type in wanted { #expect(names.contains(type.name), "\(type.name), seed \(seed)") }
    }

    @Test("the newest edition has all of the 32 types that it knows, with fields of its own")
    func newestEdition() throws {
        let sample = try events(2000, seed: 3, edition: "v10")
        #expect(Set(sample.map(\.type.name)).count == 30)
        #expect(sample.contains { $0.text(of: "message_variation_name") != nil })
        for event in sample { try checkShape(event) }
    }

    @Test("the same seed gives the same bytes, another one others")
    func isDeterministic() throws {
        func bytes(_ seed: UInt64) throws -> [UInt8] {
            var bytes: [UInt8] = []
            for event in try events(5000, seed: seed) { event.json(into: &bytes) }
            return bytes
        }
        let first = try bytes(11)
        #expect(try bytes(11) == first)
        #expect(try bytes(12) != first)
    }

    @Test("events come in the order of their time, about one for each second, with ids of their own")
    func order() throws {
        let start: Int64 = 1_750_000_000
        let sample = try events(60_000, seed: 5, start: start)
        var last = start
        var ids: Set<String> = []
        for event in sample {
            guard case .int(let time)? = event.value(of: "time") else {
                Issue.record("an event without time")
                return
            }
            #expect(time >= last)
            last = time
            #expect(ids.insert(try #require(event.text(of: "id"))).inserted)
        }
        #expect(30_000...120_000 ~= last - start)
    }

    @Test("every event keeps every rule and has what its record requires", arguments: [1, 2] as [UInt64])
    func rules(seed: UInt64) throws {
        for event in try events(20_000, seed: seed) { try checkShape(event) }
    }

    @Test("the JSON of an event is read by another library, with the values that the event has")
    func json() throws {
        for event in try events(5000, seed: 21) + oneOfEach(seed: 4) {
            var bytes: [UInt8] = []
            event.json(into: &bytes)
            #expect(bytes.starts(with: "{\"event_type\":\"\(event.type.name)\",\"".utf8))
            let object = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
            #expect(object.count == event.values.count + 1)
            for (name, value) in event.values {
                switch value {
                case .string(let text): #expect(object[name] as? String == text)
                case .int(let number): #expect((object[name] as? NSNumber)?.int64Value == number)
                case .double(let number): #expect((object[name] as? NSNumber)?.doubleValue == number)
                case .boolean(let isTrue): #expect(object[name] as? Bool == isTrue)
                case .strings(let texts): #expect(object[name] as? [String] == texts)
                }
            }
        }
    }

    @Test("one of each type of each edition is whole, keeps the rules and repeats with its seed")
    func oneOfEach() throws {
        for seed in 0..<4 as Range<UInt64> {
            let sample = oneOfEach(seed: seed)
            #expect(sample.count == 136)
            for event in sample {
                try checkShape(event)
                // Missing are the other origin's fields, those of the other channel, and the name of an entry's step.
                let missing = event.type.fields.filter {
                    event.value(of: $0.name) == nil && !$0.name.hasPrefix("canvas_")
                }
                let allowed = [
                    "campaign_id", "campaign_name", "message_variation_id", "message_variation_name", "send_id",
                    "dispatch_id", "email_address", "phone_number", "category", "from_phone_number",
                ]
                for field in missing { #expect(allowed.contains(field.name), "\(event.type.name) \(field.name)") }
            }
        }
        for (one, again) in zip(oneOfEach(seed: 9), oneOfEach(seed: 9)) {
            #expect(one.values.map(\.value) == again.values.map(\.value))
        }
    }

    private func oneOfEach(seed: UInt64) -> [SampleEvent] {
        Glossary.standard.editions.flatMap(\.types).map { SampleStream.one(of: $0, seed: seed) }
    }
}

/// Checks names, order, types, required fields and every rule, the counted ones too.
func checkShape(_ event: SampleEvent) throws {
    let type = event.type
    let names = event.values.map(\.name)
    #expect(names == type.fields.map(\.name).filter { names.contains($0) }, "\(type.name)")
    for field in type.fields {
        let place: Comment = "\(type.name) \(field.name)"
        switch (event.value(of: field.name), field.type) {
        case (nil, _): #expect(!field.isRequired, place)
        case (.string(let text)?, .string):
            #expect(!text.isEmpty, place)
            let bytes = Array(text.utf8)
            let isKept = field.rule.map { $0.holds(for: bytes.span) } ?? true
            #expect(isKept, "\(type.name) \(field.name) \(text)")
        case (.int(let number)?, .int), (.int(let number)?, .long):
            #expect(field.rule?.holds(forInteger: number) ?? true, place)
            if field.name == "time" || field.type == .int { #expect(Rule.timeIsInRange(number), place) }
        case (.double?, .float), (.double?, .double), (.boolean?, .boolean), (.strings?, .stringArray): break
        default: Issue.record("\(type.name) \(field.name) is of another type")
        }
    }
    if type.dispatchNeedsCampaign, event.value(of: "dispatch_id") != nil {
        #expect(event.value(of: "campaign_id") != nil)
    }
}

import Avro
import Foundation
import Testing

@testable import Tracking

/// Every sentence of the glossary that says when an event occurs or what a field means, shown by what tracking makes of
/// a story.
@Suite("what the glossary says")
struct SentenceTests {
    private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("an event occurs as the catalogue says", arguments: occasionSentences)
    func occasions(_ sentence: Sentence) async throws { try await check(sentence) }

    @Test("a field means what the catalogue says", arguments: fieldSentences)
    func fields(_ sentence: Sentence) async throws { try await check(sentence) }

    @Test("the statements about the glossary hold", arguments: statementSentences)
    func statements(_ sentence: Sentence) async throws { try await check(sentence) }

    private func check(_ sentence: Sentence) async throws {
        let events = try await Stage.shared.events(of: sentence.scenario)
        #expect(sentence.holds(events), "\(sentence.testDescription)")
        #expect(!sentence.holds([]), "no event shows it: \(sentence.testDescription)")
    }

    @Test("what a test elsewhere shows is shown there under that name", arguments: statementsElsewhere)
    func elsewhere(_ sentence: SentenceElsewhere) throws {
        let text = try String(contentsOf: Self.tests.appending(path: sentence.file), encoding: .utf8)
        #expect(text.contains("\"\(sentence.name)\""), "\(sentence.file)")
    }

    @Test("no sentence of the catalogue is missing, and none is made up")
    func complete() throws {
        let data = try Data(contentsOf: Self.tests.appending(path: "Fixtures/catalog/edition-2021.json"))
        let catalogue = try JSONValue(parsing: String(decoding: data, as: UTF8.self))
        var occasions: Set<[String]> = []
        var notes: Set<[String]> = []
        for type in catalogue["events"]?.array ?? [] {
            let name = try #require(type["name"]?.string)
            occasions.insert([name, try #require(type["occurs"]?.string)])
            for field in type["fields"]?.array ?? [] {
                guard let note = field["note"]?.string else { continue }
                notes.insert([try #require(field["name"]?.string), note])
            }
        }
        #expect(occasions.count == 42)
        for (sentences, wanted) in [(occasionSentences, occasions), (fieldSentences, notes)] {
            let shown = Set(sentences.map { [$0.subject, $0.text] })
            #expect(wanted.subtracting(shown).isEmpty && shown.subtracting(wanted).isEmpty)
            #expect(shown.count == sentences.count, "a sentence stands twice")
        }
    }

    @Test("each of the statements that say when events occur is shown", arguments: 8...16)
    func everyStatement(number: Int) {
        let subject = "statement \(number)"
        #expect((statementSentences.map(\.subject) + statementsElsewhere.map(\.subject)).contains(subject))
    }
}

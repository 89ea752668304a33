import Avro
import Glossary
import Intake
import Journal
import Platform
import PlatformTesting
import Telemetry

/// Requests as senders post them: every shape, encoding, edition and strictness.
///
/// The first byte says which; the body follows. Beyond not crashing: every record that reaches the journal reads back
/// by its own schema to the same bytes, the counts add up, the answer is JSON, and a body parsed as a whole gives what
/// the same events give one by one.
struct IntakeTarget: FuzzTarget {
    static let name = "intake"

    private static let eventBytesMax = 8_192
    private static let encodings: [String?] = [nil, "gzip", "deflate", "zstd"]
    private static let shapes: [(SourceSettings.Format, String?)] = [
        (.events, "application/json"), (.events, "application/x-ndjson"), (.currents, "application/json"),
        (.events, nil),
    ]

    private let intake: Intake
    private let journal = CatchingJournal(partitions: 2)
    private let schemas: [UInt64: (schema: Schema, resolution: Resolution)]

    init() throws {
        let editions = Glossary.standard.editions
        let journalSchemas = try Intake.journalSchemas(editions)
        var schemas: [UInt64: (Schema, Resolution)] = [:]
        for entry in journalSchemas {
            let schema = try Schema(json: entry.json)
            schemas[entry.fingerprint] = (schema, try Resolution(writer: schema))
        }
        self.schemas = schemas
        var settings = IntakeSettings()
        settings.eventBytesMax = Self.eventBytesMax
        settings.eventsMax = 100
        settings.decompressedBytesMax = 1 << 20
        intake = Intake(
            sources: (0..<8).map { number in
                SourceSettings(
                    name: Self.source(number),
                    edition: number & 4 == 0 ? "2021" : "v10",
                    isStrict: number & 1 == 1,
                    unknownFields: number & 2 == 0 ? .leaveOut : .reject
                )
            },
            editions: editions,
            schemas: journalSchemas,
            settings: settings,
            journal: journal,
            platform: .onOneThread(),
            metrics: MetricRegistry()
        )
        intake.become(.ready)
    }

    private static func source(_ number: Int) -> String { "source-\(number)" }

    func take(_ input: FuzzInput) {
        var input = input
        let choice = Int(input.byte())
        let body = input.rest
        let before = sums
        let whole = answer(choice, body)
        let after = sums
        demand(intake.balances.allSatisfy(\.isBalanced), "the source's balance does not add up")
        let records = whole.batches.flatMap { batch in batch.entries.map { (batch, $0) } }
        for (batch, entry) in records { check(entry, of: batch) }
        demand(
            records.count == after.kept - before.kept,
            "\(records.count) records reached the journal, \(after.kept - before.kept) are counted"
        )
        let hasKey = choice & 0x80 != 0
        guard Self.encodings[choice >> 5 & 3] == nil, hasKey, body.count <= Self.eventBytesMax else { return }
        compare(whole, with: answer(choice, body + Self.padding), body)
    }

    /// Blank lines that make a body larger than an event may be, so that it is taken apart first.
    private static let padding = [UInt8](repeating: UInt8(ascii: "\n"), count: eventBytesMax + 1)

    private typealias Outcome = (answer: IntakeAnswer, json: JSONValue, batches: [RecordBatch])

    private var sums: (received: Int, kept: Int) {
        intake.balances.reduce((0, 0)) { ($0.0 + $1.received, $0.1 + $1.accepted + $1.duplicates + $1.setAside) }
    }

    private func answer(_ choice: Int, _ body: [UInt8]) -> Outcome {
        let (format, type) = Self.shapes[choice & 3]
        let answer = awaited {
            await intake.answer(
                IntakeRequest(
                    source: Self.source(choice >> 2 & 7),
                    format: format,
                    contentType: type,
                    contentEncoding: Self.encodings[choice >> 5 & 3],
                    idempotencyKey: choice & 0x80 == 0 ? nil : "key",
                    body: Body(body)
                )
            )
        }
        demand([200, 207, 400, 413, 422].contains(answer.status), "a body was answered with \(answer.status)")
        guard let text = String(validating: answer.body, as: UTF8.self), let json = try? JSONValue(parsing: text) else {
            fatalError("the answer is no JSON: \(String(decoding: answer.body, as: UTF8.self))")
        }
        return (answer, json, journal.take())
    }

    private func check(_ entry: RecordBatch.Entry, of batch: RecordBatch) {
        let record = Array(batch.bytes[Int(entry.start)..<Int(entry.start) + Int(entry.length)])
        let datum = record[RecordLayout.datumStart...]
        let single = Array(record[RecordLayout.lengthBytes...])
        do {
            let fingerprint = try SingleObject.fingerprint(of: single.span).rawValue
            guard let (schema, resolution) = schemas[fingerprint] else {
                fatalError("a record names no schema of the journal: \(fingerprint)")
            }
            let value = try resolution.decode(Array(datum).span)
            var encoder = BinaryEncoder()
            try encoder.encode(value, as: schema)
            demand(encoder.bytes.elementsEqual(datum), "a record does not encode to the bytes it was read from")
        } catch {
            fatalError("a record cannot be read: \(error)")
        }
    }

    private func compare(_ whole: Outcome, with single: Outcome, _ body: [UInt8]) {
        demand(
            whole.answer.status == single.answer.status,
            "answered \(whole.answer.status) as a whole, \(single.answer.status) event by event"
        )
        // Where a body breaks off is told by its bytes, which differ.
        guard whole.json["accepted"] != nil else { return }
        demand(whole.answer.body == single.answer.body, "answered otherwise as a whole than event by event")
        demand(
            whole.batches.map(\.bytes) == single.batches.map(\.bytes),
            "other records as a whole than event by event"
        )
    }
}

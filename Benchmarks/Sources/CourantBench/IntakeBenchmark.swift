import Glossary
import Intake
import Journal
import Platform
import Telemetry

/// Bytes of requests to journal-ready records, all checks on, one request at a time: what one core does.
struct IntakeBenchmark {
    static let runs = 3
    private static let bodiesMadeOver = 1_000
    private static let rounds = 3

    let file: EventFile

    @concurrent
    func run() async throws {
        let journal = CatchingJournal(keeps: false)
        let intake = try Self.intake(into: journal)
        // The first run warms caches and tables and is not counted.
        for run in 0...Self.runs {
            let measurement = Measurement.start()
            try await Self.post(file, to: intake)
            if run > 0 {
                measurement.row("Intake, run \(run)", events: file.events, bytes: file.bytes, against: "null")
            }
        }
        for form in BodyForm.allCases { try await measure(form, intake) }
    }

    /// The same events in other bodies, as many of them as can be made over in little time.
    private func measure(_ form: BodyForm, _ intake: Intake) async throws {
        let bodies = try file.bodies.prefix(Self.bodiesMadeOver).map(form.body)
        let events = file.events(inFirst: bodies.count)
        for run in 0...1 {
            let measurement = Measurement.start()
            for _ in 0..<Self.rounds {
                for body in bodies { try await Self.post(body, form, to: intake) }
            }
            guard run > 0 else { continue }
            let bytes = bodies.reduce(0) { $0 + $1.count } * Self.rounds
            measurement.row("Intake, \(form.rawValue)", events: events * Self.rounds, bytes: bytes, against: "null")
        }
    }

    static func editions() throws -> [Edition] {
        guard let edition = Glossary.standard.edition("2021") else { throw BenchmarkFailure("no edition 2021") }
        return [edition]
    }

    static func intake(into journal: any Journal, platform: Platform = .live()) throws -> Intake {
        let editions = try editions()
        let intake = Intake(
            sources: [SourceSettings(name: "default")],
            editions: editions,
            schemas: try Intake.journalSchemas(editions),
            settings: IntakeSettings(),
            journal: journal,
            platform: platform,
            metrics: MetricRegistry()
        )
        intake.become(.ready)
        return intake
    }

    static func post(_ file: EventFile, to intake: Intake) async throws {
        for body in file.bodies { try await post(body, nil, to: intake) }
    }

    /// Posts NDJSON, or a body in another form.
    private static func post(_ body: [UInt8], _ form: BodyForm?, to intake: Intake) async throws {
        let answer = await intake.answer(
            IntakeRequest(
                source: "default",
                format: form == .envelope ? .currents : .events,
                contentType: form == .array || form == .envelope ? "application/json" : "application/x-ndjson",
                contentEncoding: form?.coding,
                body: Body(body)
            )
        )
        guard answer.status == 200 else {
            throw BenchmarkFailure(
                "intake answered \(answer.status): \(String(decoding: answer.body, as: UTF8.self))"
            )
        }
    }
}

/// A measurement that would not mean what it says.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

import Glossary
import Intake
import Journal
import Platform
import Telemetry

/// Bytes of requests to journal-ready records, all checks on, one request at a time: what one core does.
struct IntakeBenchmark {
    static let runs = 3

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
        for body in file.bodies {
            let answer = await intake.answer(
                IntakeRequest(
                    source: "default",
                    format: .events,
                    contentType: "application/x-ndjson",
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
}

/// A measurement that would not mean what it says.
struct BenchmarkFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

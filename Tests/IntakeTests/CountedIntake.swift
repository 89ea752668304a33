import CAllocations
import Glossary
import Journal
import Platform
import PlatformTesting
import Telemetry
import Testing

@testable import Intake

/// An intake whose allocations are counted, from the request to the answer.
///
/// They are counted by thread, so one thread does everything.
struct CountedIntake {
    let intake: Intake

    /// Over a journal; with a lenient and a strict source for each edition.
    init(_ journal: any Journal, on platform: Platform, eventBytesMax: Int = 8 << 20) throws {
        let editions = Glossary.standard.editions
        var settings = IntakeSettings()
        settings.eventBytesMax = eventBytesMax
        intake = Intake(
            sources: editions.flatMap { edition in
                [false, true].map { isStrict in
                    SourceSettings(
                        name: Self.source(edition, isStrict: isStrict),
                        edition: edition.name,
                        isStrict: isStrict
                    )
                }
            },
            editions: editions,
            schemas: try Intake.journalSchemas(editions),
            settings: settings,
            journal: journal,
            platform: platform,
            metrics: MetricRegistry()
        )
        intake.become(.ready)
    }

    /// Does `work` on a thread of its own, which is also the one of the platform that it is given.
    static func onOneThread(_ work: @Sendable (Platform) async throws -> Void) async throws {
        let thread = ThreadPool(threads: 1)
        try await withTaskExecutorPreference(thread) { try await there(thread, work) }
    }

    /// Makes the platform here: a call that does nothing before it waits would not change threads.
    @concurrent
    private static func there(
        _ thread: ThreadPool,
        _ work: @Sendable (Platform) async throws -> Void
    ) async throws {
        let platform = Platform(
            clock: SystemClock(),
            random: SystemRandom(),
            files: FaultyFiles(),
            blocking: thread,
            compute: thread
        )
        try await work(platform)
    }

    static func source(_ edition: Edition, isStrict: Bool) -> String {
        "\(edition.name) \(isStrict ? "strict" : "lenient")"
    }

    /// What a body costs of which all `events` are taken.
    func allocations(
        _ text: [UInt8],
        _ events: Int,
        _ shape: BodyShape,
        _ coding: String? = nil,
        source: String,
        areRepeats: Bool = false
    ) async throws -> Int {
        let request = IntakeRequest(
            source: source,
            format: shape == .envelope ? .currents : .events,
            contentType: shape == .lines ? "application/x-ndjson" : "application/json",
            contentEncoding: coding,
            body: Body(coding.map { Packing.pack(text, $0) } ?? text)
        )
        let before = courant_allocations()
        let answer = await intake.answer(request)
        let after = courant_allocations()
        let counts = "{\"accepted\":\(areRepeats ? 0 : events),\"duplicates\":\(areRepeats ? events : 0),"
        let text = String(decoding: answer.body, as: UTF8.self)
        try #require(answer.status == 200 && text.hasPrefix(counts), "\(text.prefix(600))")
        try #require(after > before, "nothing was counted")
        return after - before
    }
}

/// A journal that keeps nothing.
final class ForgettingJournal: WrittenJournal {
    let partitions: Int
    let recordBytesMax = Int.max

    init(partitions: Int = 1) { self.partitions = partitions }

    func append(_ batch: RecordBatch, to partition: PartitionID) async throws(JournalError) -> AppendResult {
        AppendResult(duplicates: [], accepted: batch.entries.count, firstOffset: nil)
    }

    func refusal(of bytes: Int) -> JournalRefusal? { nil }
}

import CAllocations
import Glossary
import Journal
import Telemetry
import Testing

@testable import Intake

/// What a further event of a body costs the allocator, from the request to the answer: nothing.
///
/// A body costs some dozens of allocations, and twice the events a few more, for buffers that double as they grow.
@Suite(.enabled(if: courant_allocations_are_counted(), "this C library's allocations cannot be counted"))
struct AllocationTests {
    private static let events = 500
    /// 0.02 for each event added.
    private static let addedMax = events / 50
    private static let codings: [String?] = [nil, "gzip", "deflate", "zstd"]

    enum Sender: String, CaseIterable {
        case lenient, strict
        /// One that names users by `external_user_id` only.
        case derived
    }

    private func edition(_ name: String) throws -> Edition { try #require(Glossary.standard.edition(name)) }

    /// Twice the events must cost next to nothing more.
    private func expectNothingAdded(
        _ counted: CountedIntake,
        _ bodies: SampleBodies,
        _ coding: String? = nil,
        source: String,
        _ what: String
    ) async throws {
        let (one, two) = (bodies.text(Self.events), bodies.text(2 * Self.events))
        // The first time buffers grow and types are made ready.
        _ = try await counted.allocations(two, 2 * Self.events, bodies.shape, coding, source: source)
        let first = try await counted.allocations(one, Self.events, bodies.shape, coding, source: source)
        let second = try await counted.allocations(two, 2 * Self.events, bodies.shape, coding, source: source)
        #expect(
            second - first <= Self.addedMax,
            "\(what), \(coding ?? "as it is"): \(first) for \(Self.events) events, \(second) for twice as many"
        )
    }

    @Test(
        "a further event costs no allocation, in any shape, coding and edition, whatever its type and its source",
        arguments: ["2021", "v10"],
        [BodyShape.flat, .lines, .envelope]
    )
    func noneForAFurtherEvent(name: String, shape: BodyShape) async throws {
        let edition = try edition(name)
        try #require(Self.events >= 2 * edition.types.count, "both bodies have events of every type")
        try await CountedIntake.onOneThread { platform in
            let counted = try CountedIntake(ForgettingJournal(), on: platform)
            for sender in Sender.allCases {
                let bodies = SampleBodies(edition, shape, sender == .derived ? .noUser : .none)
                try #require(sender != .derived || bodies.derivedCount > 0)
                for coding in Self.codings {
                    try await expectNothingAdded(
                        counted,
                        bodies,
                        coding,
                        source: CountedIntake.source(edition, isStrict: sender == .strict),
                        sender.rawValue
                    )
                }
            }
        }
    }

    @Test("nor does it in a body so large that its events are parsed one by one", arguments: ["2021", "v10"])
    func noneOneByOne(name: String) async throws {
        let edition = try edition(name)
        let eventBytesMax = 256 << 10
        try await CountedIntake.onOneThread { platform in
            let counted = try CountedIntake(ForgettingJournal(), on: platform, eventBytesMax: eventBytesMax)
            for shape in [BodyShape.flat, .lines, .envelope] {
                let bodies = SampleBodies(edition, shape)
                try #require(bodies.text(Self.events).count > eventBytesMax)
                let source = CountedIntake.source(edition, isStrict: false)
                try await expectNothingAdded(counted, bodies, source: source, "\(shape)")
            }
        }
    }

    @Test(
        "nor one without an id, with unknown fields and broken rules, for several partitions",
        arguments: ["2021", "v10"]
    )
    func noneForWhatIsOdd(name: String) async throws {
        let edition = try edition(name)
        try await CountedIntake.onOneThread { platform in
            let counted = try CountedIntake(ForgettingJournal(partitions: 3), on: platform)
            for shape in [BodyShape.flat, .lines, .envelope] {
                let source = CountedIntake.source(edition, isStrict: false)
                try await expectNothingAdded(counted, SampleBodies(edition, shape, .odd), source: source, "\(shape)")
            }
        }
    }

    @Test("nor a repeat, which the journal's writer recognises", arguments: ["2021", "v10"])
    func noneForARepeat(name: String) async throws {
        let edition = try edition(name)
        let editions = Glossary.standard.editions
        let schemas = try Intake.journalSchemas(editions)
        try await CountedIntake.onOneThread { platform in
            let journal = try await SegmentedJournal.open(
                JournalSettings(folder: "/\(name)", segmentBytes: 4 << 20, duplicateMemory: 1 << 20),
                schemas: schemas,
                identify: { secret in Intake.identify(editions, schemas: schemas, secret: secret) },
                platform: platform,
                metrics: MetricRegistry(),
                failStop: { error in Issue.record("\(error)") },
                onLoss: { loss in Issue.record("\(loss)") }
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await journal.run() }
                let counted = try CountedIntake(journal, on: platform)
                try await expectNothingAddedByRepeats(counted, SampleBodies(edition, .lines), edition)
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }

    private func expectNothingAddedByRepeats(
        _ counted: CountedIntake,
        _ bodies: SampleBodies,
        _ edition: Edition
    ) async throws {
        let source = CountedIntake.source(edition, isStrict: false)
        func least(_ events: Int) async throws -> Int {
            var least = Int.max
            let text = bodies.text(events)
            // The journal makes spare segments beside.
            for _ in 0..<3 {
                let cost = try await counted.allocations(text, events, .lines, source: source, areRepeats: true)
                least = min(least, cost)
            }
            return least
        }
        _ = try await counted.allocations(bodies.text(2 * Self.events), 2 * Self.events, .lines, source: source)
        let (first, second) = (try await least(Self.events), try await least(2 * Self.events))
        #expect(second - first <= Self.addedMax, "\(first) for \(Self.events) repeats, \(second) for twice as many")
    }
}

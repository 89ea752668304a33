internal import Avro
package import Delivery
internal import Journal
package import Platform

/// A stream under test, with a view from outside.
package protocol StreamConformanceSubject: Sendable {
    /// The destination, as a process that has just started makes it, on the same place each time.
    func makeDestination() async throws -> any StreamDestination

    /// The ids of the records that a reader of the place finds, in the order in which a reader gets them.
    func ids() async throws -> [String]

    /// Ways in which the place can refuse, and what each must be answered with.
    func faults() async throws -> [StreamConformanceFault]
}

/// One way in which a stream refuses.
package struct StreamConformanceFault: Sendable {
    package enum Answer: Sendable, Hashable {
        /// The whole delivery fails.
        case failure(DestinationError.Remedy)
        /// The first record is refused and the others stand.
        case refusalOfFirst
    }

    package var name: String
    package var answer: Answer
    /// Makes it happen to the destination's next calls.
    package var begin: @Sendable () async throws -> Void
    package var end: @Sendable () async throws -> Void

    package init(
        name: String,
        answer: Answer,
        begin: @escaping @Sendable () async throws -> Void,
        end: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        self.answer = answer
        self.begin = begin
        self.end = end
    }
}

/// What every stream must do, one check at a time.
///
/// Run each check on a fresh, empty place.
package enum StreamConformanceCheck: String, Sendable, CaseIterable {
    /// When a delivery returns, its records stand there, in their order, once.
    case delivers
    /// An empty batch is nothing.
    case deliversNothing
    /// Batches of two partitions at the same time both arrive.
    case deliversBesideEachOther
    /// A cancelled delivery ends, and after it every record is delivered by the next.
    case survivesCancellation
    /// Another process delivers again what it does not know to stand there: at least once.
    case deliversAgain
    /// A probe says what it found, and leaves nothing there.
    case probes
    /// Refusals carry their remedy, lose nothing, and pass when the cause does.
    case errorsCarryRemedies
}

/// Runs the checks against one subject.
package struct StreamConformance: Sendable {
    private static let attemptsMax = 100
    private static let attemptEvery = Duration.milliseconds(200)

    let subject: any StreamConformanceSubject
    /// A type whose only required fields besides `id` are texts and numbers.
    let type: CarriedType
    let platform: Platform

    package init(_ subject: any StreamConformanceSubject, type: CarriedType, platform: Platform) {
        self.subject = subject
        self.type = type
        self.platform = platform
    }

    package func run(_ check: StreamConformanceCheck) async throws {
        switch check {
        case .delivers: try await delivers()
        case .deliversNothing: try await deliversNothing()
        case .deliversBesideEachOther: try await deliversBesideEachOther()
        case .survivesCancellation: try await survivesCancellation()
        case .deliversAgain: try await deliversAgain()
        case .probes: try await probes()
        case .errorsCarryRemedies: try await errorsCarryRemedies()
        }
    }

    private func delivers() async throws {
        let destination = try await subject.makeDestination()
        let count = min(destination.limits.recordsMax, 50)
        for first in [0, count] {
            let outcome = try await destination.deliver(try batch(first..<first + count))
            try expect(outcome.refused.isEmpty, "records were refused: \(outcome.refused)")
            let (found, wanted) = (try await subject.ids(), ids(0..<first + count))
            try expect(found == wanted, "after a delivery the place holds \(found) instead of \(wanted)")
        }
    }

    private func deliversNothing() async throws {
        let outcome = try await subject.makeDestination().deliver(try batch(0..<0))
        try expect(outcome.refused.isEmpty, "of an empty batch records were refused")
        let found = try await subject.ids()
        try expect(found.isEmpty, "of an empty batch came \(found)")
    }

    private func deliversBesideEachOther() async throws {
        let destination = try await subject.makeDestination()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for partition in 0..<4 {
                let batch = try batch(partition * 10..<partition * 10 + 10, partition: partition)
                group.addTask { _ = try await destination.deliver(batch) }
            }
            try await group.waitForAll()
        }
        let found = try await subject.ids()
        try expect(found.sorted() == ids(0..<40).sorted(), "after four deliveries the place holds \(found)")
        for partition in 0..<4 {
            let wanted = ids(partition * 10..<partition * 10 + 10)
            try expect(found.filter { wanted.contains($0) } == wanted, "a batch's order was changed")
        }
    }

    private func survivesCancellation() async throws {
        let destination = try await subject.makeDestination()
        let batch = try batch(0..<50)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await destination.deliver(batch) }
            group.cancelAll()
        }
        _ = try await destination.deliver(batch)
        let found = try await subject.ids()
        try expect(Set(found) == Set(ids(0..<50)), "after a cancelled delivery and another the place holds \(found)")
    }

    private func deliversAgain() async throws {
        for _ in 0..<2 { _ = try await subject.makeDestination().deliver(try batch(0..<10)) }
        let found = try await subject.ids()
        try expect(Set(found) == Set(ids(0..<10)), "after two processes the place holds \(found)")
    }

    private func probes() async throws {
        let found = try await subject.makeDestination().probe()
        try expect(!found.isEmpty, "a probe that succeeds says nothing")
        let ids = try await subject.ids()
        try expect(ids.isEmpty, "of a probe came \(ids)")
    }

    private func errorsCarryRemedies() async throws {
        var wanted: Set<String> = []
        for (index, fault) in try await subject.faults().enumerated() {
            let numbers = index * 10..<index * 10 + 10
            let batch = try batch(numbers)
            let destination = try await subject.makeDestination()
            try await fault.begin()
            switch fault.answer {
            case .failure(let remedy):
                let error = try await failure(of: destination, batch, under: fault.name)
                try expect(error.remedy == remedy, "“\(fault.name)” got the remedy \(error.remedy): \(error)")
                try expect(!error.message.isEmpty, "“\(fault.name)” has no message")
                try await fault.end()
                try await recover(destination, batch, from: fault.name)
                wanted.formUnion(ids(numbers))
            case .refusalOfFirst:
                let refused = try await destination.deliver(batch).refused
                try expect(refused.map(\.record) == [0], "under “\(fault.name)” these were refused: \(refused)")
                try expect(refused.allSatisfy { !$0.reason.isEmpty }, "“\(fault.name)” has no reason")
                try await fault.end()
                wanted.formUnion(ids(numbers).dropFirst())
            }
            let found = try await subject.ids()
            try expect(Set(found) == wanted, "after “\(fault.name)” the place holds \(found.sorted())")
        }
    }

    /// A client may need a moment to see that the cause has gone.
    private func recover(
        _ destination: any StreamDestination,
        _ batch: StreamBatch,
        from fault: String
    ) async throws {
        for _ in 0..<Self.attemptsMax {
            do throws(DestinationError) {
                _ = try await destination.deliver(batch)
                return
            } catch {
                try await platform.clock.sleep(for: Self.attemptEvery)
            }
        }
        throw ConformanceFailure("after “\(fault)” no delivery succeeds")
    }

    private func failure(
        of destination: any StreamDestination,
        _ batch: StreamBatch,
        under fault: String
    ) async throws -> DestinationError {
        let outcome: StreamOutcome
        do throws(DestinationError) {
            outcome = try await destination.deliver(batch)
        } catch {
            return error
        }
        throw ConformanceFailure("under “\(fault)” a delivery answered \(outcome) instead of failing")
    }

    private func ids(_ numbers: Range<Int>) -> [String] { numbers.map { "record-\($0)" } }

    private func batch(_ numbers: Range<Int>, partition: Int = 0) throws -> StreamBatch {
        var batch = StreamBatch(partition: PartitionID(partition), types: [type])
        for (number, id) in zip(numbers, ids(numbers)) {
            let start = batch.bytes.count
            batch.bytes += try datum(id: id)
            batch.records.append(
                StreamBatch.Record(offset: Offset(Int64(number)), type: 0, datum: start..<batch.bytes.count)
            )
        }
        return batch
    }

    private func datum(id: String) throws -> [UInt8] {
        let schema = try Schema(json: type.schema)
        let entries = (schema.recordSchema?.fields ?? []).map { field -> Datum.Entry in
            let value: Datum =
                switch field.schema.base {
                case .string: .string(field.name == "id" ? id : field.name)
                case .int: .int(7)
                case .long: .long(7)
                default: .union(0, .null)
                }
            return Datum.Entry(field.name, value)
        }
        var encoder = BinaryEncoder()
        try encoder.encode(.record(entries), as: schema)
        return encoder.bytes
    }

    private func expect(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
        guard condition else { throw ConformanceFailure(sentence()) }
    }
}

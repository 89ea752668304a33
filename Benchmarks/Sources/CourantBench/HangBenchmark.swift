import Avro
import Delivery
import Journal
import Platform

/// What a connector's neighbour costs it: one that lands as it does, against one whose destination never answers.
///
/// Both neighbours read, stage and compress everything; so what differs is the hanging alone.
struct HangBenchmark {
    static let rounds = 7
    static let codec = Codec.zstandard(level: 1)

    let file: EventFile

    @concurrent
    func run() async throws {
        try await ScratchFolder.with { folder in
            let platform = Platform.live()
            let journal = try await BenchJournal.open(in: folder, platform: platform)
            try await BenchJournal.running(journal) {
                try await IntakeBenchmark.post(file, to: IntakeBenchmark.intake(into: journal))
                for round in 0..<Self.rounds {
                    // In turn the first, since the disk is slower after much was written.
                    for hangs in round.isMultiple(of: 2) ? [false, true] : [true, false] {
                        try await measure(journal, hangs: hangs, folder: "\(folder)/\(round)-\(hangs)", platform)
                    }
                }
            }
        }
    }

    private func measure(_ journal: any Journal, hangs: Bool, folder: String, _ platform: Platform) async throws {
        try platform.files.makeDurableFolder(folder)
        try await DeliveryBench.with(journal, folder: folder, platform: platform) { bench in
            let measured = try await bench.connector("measured", codec: Self.codec)
            let neighbour = try await bench.connector(
                "neighbour",
                codec: Self.codec,
                to: hangs ? HangingDestination(platform: platform) : nil
            )
            let measurement = Measurement.start()
            let landed = try await bench.running([measured, neighbour]) {
                let landed = try await measured.flush(timeout: .seconds(600)).records
                measurement.row(
                    hangs ? "Delivery beside a destination that hangs" : "Delivery beside one that answers",
                    events: landed,
                    bytes: file.bytes,
                    against: "zstd1"
                )
                return landed
            }
            guard landed == file.events else { throw BenchmarkFailure("\(landed) of \(file.events) records landed") }
        }
    }
}

/// Takes an object and never says what became of it.
private struct HangingDestination: ObjectDestination {
    let platform: Platform
    let location = "nowhere"

    func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome {
        try? await platform.clock.sleep(for: .seconds(86_400))
        throw .cancelled
    }

    func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]? { nil }

    func delete(_ key: String) async throws(DestinationError) {}
}

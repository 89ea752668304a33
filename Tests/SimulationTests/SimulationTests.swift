import Foundation
import ProgramTesting
import Testing

/// The simulator, run as a person runs it.
@Suite("in a simulated world", .serialized) struct SimulationTests {
    private static let simulator = {
        let beside = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "courant-simulate")
        if let beside, FileManager.default.isExecutableFile(atPath: beside.path) { return beside }
        return URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: ".build/debug/courant-simulate")
    }()

    /// Of so many seeds each kind of mishap must come about in one, at least.
    private static let seedsForEach = 200

    private func simulate(_ arguments: String...) async throws -> ProgramOutcome {
        try await runProgram(Self.simulator, arguments, within: .seconds(900))
    }

    @Test("a thousand seeds keep every promise", .timeLimit(.minutes(15)))
    func thousandSeeds() async throws {
        let seeds = ProcessInfo.processInfo.environment["COURANT_SEEDS"] ?? "1000"
        let outcome = try await simulate("--seeds", seeds)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("\(seeds) seeds from 1 on: all promises kept"))
        // What never goes wrong proves nothing. How often it does is the same each time.
        let lines = outcome.lines.drop { $0 != "What went wrong in them:" }.dropFirst().prefix { $0.hasPrefix("  ") }
        #expect(lines.count >= 30)
        let enough = (Int(seeds) ?? 0) / Self.seedsForEach
        for line in lines {
            let count = line.split(separator: " ").first.flatMap { Int($0) }
            #expect(count ?? -1 >= enough, "\(line)")
        }
    }

    @Test("the service broken in any of the listed ways is found out", .timeLimit(.minutes(15)))
    func brokenVariants() async throws {
        let outcome = try await simulate("--broken", "all", "--seeds", "400")
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
        #expect(outcome.lines.count >= 20)
    }

    @Test("a seed that ends its process is named with the command that runs it again")
    func trap() async throws {
        let outcome = try await simulate("--first", "7", "--seeds", "2", "--broken", "traps")
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("seed 7: its process was ended by signal"))
        #expect(outcome.output.contains("make simulate SEEDS=1 ARGS=\"--first 7 --broken traps --verbose\""))
        #expect(outcome.output.contains("seeds 8 to 8 were not run"))
    }

    @Test("a seed that finds a broken variant is named with the command that breaks it again")
    func found() async throws {
        let outcome = try await simulate("--first", "1", "--seeds", "20", "--broken", "counts-twice")
        #expect(outcome.status == 1)
        #expect(outcome.output.contains("--broken counts-twice --verbose\""))
    }

    @Test("a seed is the same run in two processes, to the last step")
    func replays() async throws {
        let first = try await simulate("--first", "7", "--seeds", "20", "--trace-hash")
        let second = try await simulate("--first", "7", "--seeds", "20", "--trace-hash")
        #expect(first.lines.count >= 20)
        #expect(Set(first.lines).count == first.lines.count, "no two seeds are the same run")
        #expect(first.lines == second.lines)
        // Nor does it matter what the process has simulated before.
        let alone = try await simulate("--first", "26", "--trace-hash")
        #expect(alone.lines.filter { $0.hasPrefix("seed ") } == first.lines.filter { $0.hasPrefix("seed 26:") })
    }
}

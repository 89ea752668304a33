import ArgumentParser
import Foundation
import Simulation

/// Runs the service in a simulated world, seed after seed.
///
/// Each hundred of seeds has a process of its own, since a simulated process that dies leaves its memory behind; and
/// each process hashes as all others do, so that a seed is the same run everywhere.
@main
struct CourantSimulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "courant-simulate",
        abstract: "Runs the service in a simulated world, seed after seed, and judges what is left."
    )

    @Option(help: "The first seed.")
    var first: UInt64 = 1

    @Option(help: "How many seeds.")
    var seeds: UInt64 = 1

    @Option(help: "How many processes at a time.")
    var jobs = 2

    @Option(help: "Break the service in this way; `all` breaks it in every way, one after the other.")
    var broken: String?

    @Flag(help: "Tell everything that happens.")
    var verbose = false

    @Flag(help: "Print the sum over each run's trace.")
    var traceHash = false

    @Option(help: ArgumentHelp("A file that is told each seed as it begins.", visibility: .hidden))
    var begun: String?

    @Option(help: ArgumentHelp("A file that is told what went wrong in all seeds, and how often.", visibility: .hidden))
    var mishaps: String?

    private static let seedsOfProcess: UInt64 = 100
    private static let seedsOfHunt: UInt64 = 20
    fileprivate static let hashing = "SWIFT_DETERMINISTIC_HASHING"

    func run() throws {
        if broken == "all" { return try runVariants() }
        guard ProcessInfo.processInfo.environment[Self.hashing] != nil, seeds <= Self.seedsOfProcess else {
            return try runProcesses()
        }
        try SimulationRun.prepare()
        let show: (@Sendable (String) -> Void)? = if verbose { { Self.line($0) } } else { nil }
        let variant = try broken.map(Self.variant)
        var hasFailed = false
        var counts: [Mishap: Int] = [:]
        for seed in first..<first + seeds {
            if let begun { try "\(seed)".write(toFile: begun, atomically: true, encoding: .utf8) }
            let verdict = try SimulationRun.verdict(seed: seed, breaking: variant, show: show)
            counts.merge(verdict.mishaps, uniquingKeysWith: +)
            if traceHash { Self.line("seed \(seed): \(String(verdict.sum, radix: 16)), \(verdict.jobs) jobs") }
            if verbose { for failure in verdict.failures { Self.line("seed \(seed): \(failure)") } }
            // Broken on purpose it is to be found out by what is broken.
            let sign = variant?.sign
            guard let failure = verdict.failures.first(where: { failure in sign.map(failure.contains) ?? true }) else {
                continue
            }
            hasFailed = true
            let more = verdict.failures.count > 1 ? " (and \(verdict.failures.count - 1) more)" : ""
            Self.line("seed \(seed): \(failure)\(more)")
            Self.line(Self.again(seed, broken))
            if variant != nil { break }
        }
        if let mishaps {
            try Self.lines(counts).joined(separator: "\n").write(toFile: mishaps, atomically: true, encoding: .utf8)
        }
        if hasFailed { throw ExitCode(1) }
    }

    /// Each mishap with how often it came about.
    private static func lines(_ counts: [Mishap: Int]) -> [String] {
        Mishap.allCases.map { "\(counts[$0] ?? 0) \($0.rawValue)" }
    }

    /// The command that runs a seed again.
    private static func again(_ seed: UInt64, _ broken: String?) -> String {
        let option = broken.map { " --broken \($0)" } ?? ""
        return "  make simulate SEEDS=1 ARGS=\"--first \(seed)\(option) --verbose\""
    }

    /// Breaks the service in every way, each until a seed finds it.
    private func runVariants() throws {
        var hasFailed = false
        for variant in BrokenVariant.allCases {
            let (isFound, what) = try hunt(variant)
            hasFailed = hasFailed || !isFound
            Self.line("\(variant.rawValue) \(isFound ? "is found" : "is NOT found"): \(what)")
        }
        if hasFailed { throw ExitCode(1) }
    }

    /// Breaks the service in one way until a seed finds it: by a verdict, or by a trap where that is how it ends.
    private func hunt(_ variant: BrokenVariant) throws -> (isFound: Bool, what: String) {
        var next = first
        while next < first + seeds {
            let pipe = Pipe()
            let child = try Child(self, from: next, Self.seedsOfHunt, breaking: variant.rawValue, output: pipe)
            let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            defer { _ = child.mishaps() }
            switch child.ending() {
            case .signal(let signal, let seed):
                let command = Self.again(seed, variant.rawValue)
                return (variant.endsInTrap, "seed \(seed): its process was ended by signal \(signal)\n\(command)")
            case .status(0): break
            case .status(1) where output.hasPrefix("seed "): return (true, output.trimmingCharacters(in: .newlines))
            case .status(let status):
                throw SimulationError("the process with \(variant.rawValue) ended with \(status): \(output)")
            }
            next += Self.seedsOfHunt
        }
        return (false, "\(seeds) seeds from \(first) on")
    }

    /// Hands the seeds out to processes.
    private func runProcesses() throws {
        var running: [Child] = []
        var hasFailed = false
        var counts: [Mishap: Int] = [:]
        func end() {
            let child = running.removeFirst()
            let ending = child.ending()
            counts.merge(child.mishaps(), uniquingKeysWith: +)
            if case .status(0) = ending { return }
            hasFailed = true
            guard case .signal(let signal, let seed) = ending else { return }
            Self.line("seed \(seed): its process was ended by signal \(signal)")
            Self.line(Self.again(seed, broken))
            if seed < child.last { Self.line("  seeds \(seed + 1) to \(child.last) were not run") }
        }
        for next in stride(from: first, to: first + seeds, by: Int(Self.seedsOfProcess)) {
            if running.count >= jobs { end() }
            let count = min(Self.seedsOfProcess, first + seeds - next)
            running.append(try Child(self, from: next, count, breaking: broken))
        }
        while !running.isEmpty { end() }
        Self.line("What went wrong in them:")
        for line in Self.lines(counts) { Self.line("  \(line)") }
        if hasFailed { throw ExitCode(1) }
        Self.line("\(seeds) \(seeds == 1 ? "seed" : "seeds") from \(first) on: all promises kept")
        if let broken {
            Self.line("\(broken) is NOT found; more seeds may find it: the tests try 400")
            throw ExitCode(1)
        }
    }

    private static func variant(_ name: String) throws -> BrokenVariant {
        guard let variant = BrokenVariant(rawValue: name) else {
            let names = BrokenVariant.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("There is no way to be broken called \(name); there are: \(names).")
        }
        return variant
    }

    @Sendable fileprivate static func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}

/// A process that runs some seeds.
private struct Child {
    enum Ending {
        case status(Int32)
        /// It was ended by a signal while it ran that seed.
        case signal(Int32, seed: UInt64)
    }

    private let process = Process()
    private let begun = FileManager.default.temporaryDirectory.appending(path: "simulate-\(UUID().uuidString)")
    private let told = FileManager.default.temporaryDirectory.appending(path: "simulate-\(UUID().uuidString)")
    private let first: UInt64
    let last: UInt64

    init(
        _ command: CourantSimulate,
        from first: UInt64,
        _ count: UInt64,
        breaking variant: String?,
        output: Pipe? = nil
    ) throws {
        (self.first, last) = (first, first + count - 1)
        if let output { process.standardOutput = output }
        process.executableURL = Bundle.main.executableURL
        process.arguments =
            ["--first", "\(first)", "--seeds", "\(count)", "--begun", begun.path, "--mishaps", told.path]
            + (command.verbose ? ["--verbose"] : []) + (variant.map { ["--broken", $0] } ?? [])
            + (command.traceHash ? ["--trace-hash"] : [])
        process.environment = ProcessInfo.processInfo.environment.merging([CourantSimulate.hashing: "1"]) { $1 }
        try process.run()
    }

    /// What went wrong in its seeds; nothing where it was ended by a signal.
    func mishaps() -> [Mishap: Int] {
        defer { try? FileManager.default.removeItem(at: told) }
        let lines = (try? String(contentsOf: told, encoding: .utf8))?.split(separator: "\n") ?? []
        var counts: [Mishap: Int] = [:]
        for line in lines {
            let parts = line.split(separator: " ", maxSplits: 1)
            guard parts.count == 2, let mishap = Mishap(rawValue: String(parts[1])) else { continue }
            counts[mishap] = Int(parts[0])
        }
        return counts
    }

    /// Waits for its end.
    func ending() -> Ending {
        process.waitUntilExit()
        defer { try? FileManager.default.removeItem(at: begun) }
        guard process.terminationReason != .exit else { return .status(process.terminationStatus) }
        let seed = (try? String(contentsOf: begun, encoding: .utf8)).flatMap { UInt64($0) }
        return .signal(process.terminationStatus, seed: seed ?? first)
    }
}

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

    private static let seedsOfProcess: UInt64 = 100
    private static let seedsOfHunt: UInt64 = 20
    private static let traps: Set = [SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGBUS, SIGSEGV]
    private static let hashing = "SWIFT_DETERMINISTIC_HASHING"

    func run() throws {
        if broken == "all" { return try runVariants() }
        guard ProcessInfo.processInfo.environment[Self.hashing] != nil, seeds <= Self.seedsOfProcess else {
            return try runProcesses()
        }
        try SimulationRun.prepare()
        let show: (@Sendable (String) -> Void)? = if verbose { { Self.line($0) } } else { nil }
        let variant = try broken.map(Self.variant)
        var hasFailed = false
        for seed in first..<first + seeds {
            let verdict = try SimulationRun.verdict(seed: seed, breaking: variant, show: show)
            if traceHash { Self.line("seed \(seed): \(String(verdict.sum, radix: 16)), \(verdict.jobs) jobs") }
            guard let failure = verdict.failures.first else { continue }
            hasFailed = true
            let more = verdict.failures.count > 1 ? " (and \(verdict.failures.count - 1) more)" : ""
            Self.line("seed \(seed): \(failure)\(more)")
            if verbose { for failure in verdict.failures.dropFirst() { Self.line("seed \(seed): \(failure)") } }
            Self.line("  make simulate SEEDS=1 ARGS=\"--first \(seed) --verbose\"")
            // Broken on purpose it has been found out.
            if variant != nil { break }
        }
        if hasFailed { throw ExitCode(1) }
    }

    /// Breaks the service in every way, each until a seed finds it.
    private func runVariants() throws {
        var hasFailed = false
        for variant in BrokenVariant.allCases {
            var (next, found) = (first, "")
            while found.isEmpty, next < first + seeds {
                let pipe = Pipe()
                let process = try start(from: next, Self.seedsOfHunt, breaking: variant.rawValue, output: pipe)
                let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                if process.terminationReason != .exit {
                    let signal = process.terminationStatus
                    // A trap of the service's own is a find; that somebody ended the process is none.
                    guard Self.traps.contains(signal) else {
                        throw SimulationError("the process with \(variant.rawValue) was ended by signal \(signal)")
                    }
                    found = "seeds from \(next) on: it traps, signal \(signal)"
                } else if process.terminationStatus == 1 {
                    found = String(output.prefix { $0 != "\n" })
                }
                next += Self.seedsOfHunt
            }
            hasFailed = hasFailed || found.isEmpty
            let what = found.isEmpty ? "is NOT found by \(seeds) seeds" : "is found: \(found)"
            Self.line("\(variant.rawValue) \(what)")
        }
        if hasFailed { throw ExitCode(1) }
    }

    /// Hands the seeds out to processes.
    private func runProcesses() throws {
        var running: [(process: Process, first: UInt64, count: UInt64)] = []
        var hasFailed = false
        func end() {
            let (process, first, count) = running.removeFirst()
            process.waitUntilExit()
            guard process.terminationStatus != 0 || process.terminationReason != .exit else { return }
            hasFailed = true
            guard process.terminationReason != .exit else { return }
            let signal = process.terminationStatus
            Self.line("seeds \(first) to \(first + count - 1): their process was ended by signal \(signal)")
        }
        for next in stride(from: first, to: first + seeds, by: Int(Self.seedsOfProcess)) {
            if running.count >= jobs { end() }
            let count = min(Self.seedsOfProcess, first + seeds - next)
            running.append((try start(from: next, count), next, count))
        }
        while !running.isEmpty { end() }
        if hasFailed { throw ExitCode(1) }
        if seeds > 1 { Self.line("\(seeds) seeds from \(first) on: all promises kept") }
    }

    private func start(
        from first: UInt64,
        _ count: UInt64,
        breaking variant: String? = nil,
        output: Pipe? = nil
    ) throws -> Process {
        let process = Process()
        if let output { process.standardOutput = output }
        process.executableURL = Bundle.main.executableURL
        process.arguments =
            ["--first", "\(first)", "--seeds", "\(count)"] + (verbose ? ["--verbose"] : [])
            + ((variant ?? broken).map { ["--broken", $0] } ?? [])
            + (traceHash ? ["--trace-hash"] : [])
        process.environment = ProcessInfo.processInfo.environment.merging([Self.hashing: "1"]) { $1 }
        try process.run()
        return process
    }

    private static func variant(_ name: String) throws -> BrokenVariant {
        guard let variant = BrokenVariant(rawValue: name) else {
            let names = BrokenVariant.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("There is no way to be broken called \(name); there are: \(names).")
        }
        return variant
    }

    @Sendable private static func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}

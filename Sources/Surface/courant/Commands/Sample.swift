import ArgumentParser
import Foundation
import Glossary
import Platform
import Samples

/// `courant sample`: made-up events that hang together.
struct Sample: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sample",
        abstract: "Write made-up events as NDJSON, or one file of each type.",
        discussion: """
            Users, campaigns and canvases hang together: a delivery follows its
            send, an open follows a delivery. The same seed and start give the same
            events; without a seed they are others each time.

            Examples:
              courant sample --events 1000 --seed 7 > events.ndjson
              courant sample --each --format avro
            """
    )

    /// The form of the files of `--each`.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case json
        case avro
    }

    @Option(name: .long, help: ArgumentHelp("How many events.", valueName: "events"))
    var events: Int = 100

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The same seed gives the same events (default: another each time; with --each 1).",
            valueName: "number"
        )
    )
    var seed: UInt64?

    @OptionGroup var edition: EditionOption

    @Option(
        name: .long,
        help: ArgumentHelp(
            "When the story begins, in seconds since 1970 or as 2026-01-31T12:00:00Z (default: now).",
            valueName: "time"
        )
    )
    var start: String?

    @Option(
        name: .long,
        defaultAsFlag: "samples",
        parsing: .next,
        help: ArgumentHelp("Write one file of each type into this folder instead.", valueName: "folder")
    )
    var each: String? = nil

    @Option(name: .long, help: "The form of the files of --each: json or avro.")
    var format: Format = .json

    func validate() throws {
        guard events >= 0 else { throw ValidationError("--events is 0 or more.") }
        guard format == .json || each != nil else {
            throw ValidationError("--format avro goes with --each: a file holds events of one type.")
        }
    }

    func run() throws {
        let edition = try edition.resolved()
        if let each {
            try SampleFolder(path: each, seed: seed ?? 1).write(edition.types, isAvro: format == .avro)
            return
        }
        let seed = seed ?? SystemRandom().next()
        var stream = SampleStream(seed: seed, edition: edition, startingAt: try startSeconds())
        var output = StandardOutput()
        var line: [UInt8] = []
        for _ in 0..<events {
            line.removeAll(keepingCapacity: true)
            stream.next().json(into: &line)
            try output.line(line)
        }
        try output.flush()
    }

    /// About one event happens each second, so that by default the last ones happen about now.
    private func startSeconds() throws -> Int64 {
        guard let start, start != "now" else { return SystemClock().now().seconds - Int64(events) }
        if let seconds = Int64(start) { return seconds }
        if let date = try? Date(start, strategy: .iso8601) { return Int64(date.timeIntervalSince1970) }
        throw CommandFailure(
            .usage,
            "`\(start)` is no time; write seconds since 1970, or a UTC time such as 2026-01-31T12:00:00Z."
        )
    }
}

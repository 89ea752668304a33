import ArgumentParser
import Foundation
import Platform

/// `courant send`: events from files to a server.
struct Send: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Post events from NDJSON, JSON or Avro files to a server.",
        discussion: """
            The form of each file is found from its first bytes. Avro object
            container files give the event type by the record's name, so an existing
            Currents bucket can be brought in as it is. A folder stands for the .avro,
            .ndjson, .jsonl and .json files in it; `-` reads standard input. Events in
            the Currents envelope go to /v1/currents, all others to /v1/events.

            A repeated send of the same file with the same --batch doubles nothing
            within the server's duplicate window, even where events have no id.
            With a --concurrency above 1 the order between batches is not kept.

            Examples:
              courant send events.ndjson --to http://127.0.0.1:8080
              courant send bucket --to https://events.example.com
              courant sample --events 1000 | courant send -

            Exits with 1 if any event was rejected or set aside.
            """
    )

    @Argument(help: ArgumentHelp("NDJSON, JSON or Avro files, folders, or - for standard input.", valueName: "file"))
    var files: [String]

    @Option(
        name: [.customLong("to"), .customLong("url")],
        help: ArgumentHelp(
            "Address of the server (default: $COURANT_URL, then http://127.0.0.1:8080).",
            valueName: "url"
        )
    )
    var address: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Token with the scope `ingest` (default: $COURANT_TOKEN).", valueName: "token")
    )
    var token: String?

    @Option(name: .long, help: ArgumentHelp("Events in one request, at most.", valueName: "events"))
    var batch: Int = 500

    @Option(name: .long, help: ArgumentHelp("Requests at a time.", valueName: "requests"))
    var concurrency: Int = 4

    @Flag(name: .long, help: "Write the summary as JSON.")
    var json = false

    /// A quarter of what the server takes by default, so that one large event more does not pass its limit.
    private static let batchBytesMax = 4 * 1024 * 1024

    func validate() throws {
        guard (1...100_000).contains(batch) else { throw ValidationError("--batch is a number from 1 to 100000.") }
        guard (1...256).contains(concurrency) else { throw ValidationError("--concurrency is a number from 1 to 256.") }
    }

    func run() async throws {
        let client = try ServerOptions.client(url: address, token: token)
        let sender = EventSender(client: client, concurrency: concurrency)
        let clock = SystemClock()
        let started = clock.uptime()
        var progress = ProgressBar("Sending", clock: clock)
        let events = try EventFiles(FilePaths.expanded(files, endings: ["avro", "ndjson", "jsonl", "json"]))
        let summary = try await sender.send(
            next: { try events.nextBatch(eventsMax: batch, bytesMax: Self.batchBytesMax) },
            progress: { sums in
                // Of what was read, the part that was answered.
                let answered = Double(sums.sent) / Double(max(1, events.count))
                let share = events.size.map { $0 == 0 ? 1 : Double(events.position) / Double($0) * answered }
                progress.update(events: sums.sent, share: share)
            }
        )
        progress.finish()
        try report(summary, elapsed: clock.uptime() - started)
        if summary.setAside > 0 {
            throw CommandFailure(
                .rejected,
                "\(Figures.count(summary.setAside, "event")) set aside; see them with `courant dead-letters list`."
            )
        }
        if summary.rejected > 0 {
            throw CommandFailure(
                .rejected,
                "\(Figures.count(summary.rejected, "event")) of \(Figures.count(summary.sent)) rejected; mend and send again."
            )
        }
    }

    private func report(_ summary: SendSummary, elapsed: Duration) throws {
        var output = StandardOutput()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            try output.line([UInt8](try encoder.encode(summary)))
        } else {
            var table = Table(rightAligned: [1])
            table.row("accepted", Figures.count(summary.accepted))
            table.row("duplicates", Figures.count(summary.duplicates))
            table.row("rejected", Figures.count(summary.rejected))
            if summary.setAside > 0 { table.row("set aside", Figures.count(summary.setAside)) }
            try output.line(table.text)
            let rate = Figures.rate(summary.sent, in: elapsed)
            try output.line("\(Figures.count(summary.sent, "event")) in \(Figures.duration(elapsed)), \(rate)")
        }
        try output.flush()
        for line in summary.leftOutLines { StandardError.line(line) }
        for rejection in summary.rejections { StandardError.line(rejection.sentence) }
        if summary.rejected > summary.rejections.count {
            StandardError.line("… and \(Figures.count(summary.rejected - summary.rejections.count)) more.")
        }
    }
}

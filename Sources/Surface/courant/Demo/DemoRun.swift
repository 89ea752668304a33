import Avro
import Foundation
import Glossary
import Platform
import Samples

/// One demonstration from the first event to the last figure.
struct DemoRun: Sendable {
    let events: Int
    let data: String
    let keepsFolder: Bool
    let log: String

    private static let connector = "local"
    private static let batchEvents = 500
    private static let concurrency = 4
    /// The type whose record is shown: the one that has all three parts of an event.
    private static let shownType = "users.messages.email.Click"

    func run() async throws {
        let clock = SystemClock()
        StandardError.line("Starting a server on a free port, data in \(data)")
        let server = try await ServerProcess.start(data: data, log: log, clock: clock)
        let outcome: Outcome
        do {
            outcome = try await post(to: server, clock: clock)
        } catch {
            if !Task.isCancelled { try server.check() }
            server.stop()
            if let failure = error as? CommandFailure, failure.status == .refused {
                throw CommandFailure(
                    .refused,
                    "`\(data)` has access tokens, and a demonstration posts without one: name another folder."
                )
            }
            throw error
        }
        server.stop()
        let landed = try LandedFiles(folder: files, leavingOut: outcome.before, sampleType: Self.shownType)
        try show(outcome, landed)
        try judge(outcome, landed)
    }

    private var files: String { "\(data)/files" }

    /// What happened while the server ran.
    private struct Outcome {
        let address: String
        let before: Set<String>
        let sums: SendSummary
        let posted: IdentitySum
        let types: Int
        let posting: Duration
        let whole: Duration
        let report: ServerReport
    }

    private func post(to server: ServerProcess, clock: any WorldClock) async throws -> Outcome {
        let client = try ServerClient(address: server.address, token: nil)
        // What an earlier run left behind lands first, so that the new files are this run's alone.
        _ = try await ServerReport.flush(Self.connector, timeout: 60, client)
        let before = Set(LandedFiles.paths(in: files))
        var samples = SampleStream(
            seed: SystemRandom().next(),
            edition: try EditionOption.resolved(EditionOption.standard),
            startingAt: clock.now().seconds - Int64(events)
        )
        var posted = IdentitySum()
        var types: Set<String> = []
        var made = 0
        var progress = ProgressBar("Posting", clock: clock)
        let started = clock.uptime()
        let sender = EventSender(client: client, concurrency: Self.concurrency)
        let sums = try await sender.send(
            next: {
                guard made < events else { return nil }
                try Task.checkCancellation()
                var batch = EventBatch(origin: "demo", first: made, form: .flat)
                while batch.count < Self.batchEvents && made < events {
                    let event = samples.next()
                    var json: [UInt8] = []
                    event.json(into: &json)
                    batch.append(json)
                    posted.add(event.text(of: "id") ?? "")
                    types.insert(event.type.name)
                    made += 1
                }
                return batch
            },
            progress: { progress.update(events: $0.sent, share: Double($0.sent) / Double(events)) }
        )
        progress.finish()
        let posting = clock.uptime() - started
        StandardError.line("Posted \(Figures.count(sums.sent, "event")). Flushing the connector `\(Self.connector)`")
        _ = try await ServerReport.flush(Self.connector, timeout: 120, client)
        return Outcome(
            address: server.address,
            before: before,
            sums: sums,
            posted: posted,
            types: types.count,
            posting: posting,
            whole: clock.uptime() - started,
            report: try await ServerReport.fetch(client)
        )
    }

    private func show(_ outcome: Outcome, _ landed: LandedFiles) throws {
        var output = StandardOutput()
        try output.line("\n\(files)")
        for line in landed.tree() { try output.line(line) }
        if let sample = landed.sample {
            try output.line("\nThe first record of \(sample.file.eventType ?? sample.file.path):")
            try output.line(sample.json)
        }
        try output.line("")
        for line in BalanceTables.lines(outcome.report) { try output.line(line) }
        var figures = Table()
        let posted = outcome.sums.sent
        figures.row(
            "acknowledged",
            "\(Figures.count(posted, "event")) of \(Figures.count(outcome.types, "type")) in "
                + "\(Figures.duration(outcome.posting)), \(Figures.rate(posted, in: outcome.posting))"
        )
        figures.row(
            "landed",
            "\(Figures.count(landed.records, "record")) in \(Figures.count(landed.files.count, "file")), "
                + "\(Figures.bytes(landed.bytes)), \(Figures.duration(outcome.whole)) after the first was made"
        )
        try output.line("\n\(figures.text)")
        try output.line("\nWhat to try next:")
        for line in advice(landed) { try output.line("  \(line)") }
        try output.flush()
    }

    private func advice(_ landed: LandedFiles) -> [String] {
        let courant = Invocation.name
        var lines: [String] = []
        if keepsFolder, let sample = landed.sample {
            lines.append("\(courant) cat '\(files)/\(sample.file.path)' --limit 3")
            lines.append("\(courant) inspect '\(files)/\(sample.file.path)'")
            lines.append("\(courant) serve --data '\(data)'")
        } else {
            lines.append("\(courant) demo --keep  # and look at the files")
            lines.append("\(courant) serve --data ./courant-data  # a server that stays")
        }
        lines.append("\(courant) sample --events 1000 | \(courant) send -  # made-up events to a running server")
        lines.append("\(courant) glossary show \(Self.shownType)")
        return lines
    }

    /// The demonstration is a test too: what is read back from the files is what was posted, each id once.
    private func judge(_ outcome: Outcome, _ landed: LandedFiles) throws {
        let sums = outcome.sums
        guard sums.accepted == events else {
            let first = sums.rejections.first.map { " The first: \($0.sentence)" } ?? ""
            throw CommandFailure(
                .rejected,
                "\(Figures.count(sums.accepted)) of \(Figures.count(events, "event")) were accepted, "
                    + "\(Figures.count(sums.rejected)) rejected.\(first)"
            )
        }
        guard landed.identities == outcome.posted else {
            throw CommandFailure(
                .rejected,
                "The files hold \(Figures.count(landed.records, "record")), but not exactly the "
                    + "\(Figures.count(events)) that were posted. Please report this."
            )
        }
        let connector = try outcome.report.connector(named: Self.connector)
        guard outcome.report.sources.allSatisfy(\.balances), connector.balance.balances, connector.balance.pending == 0,
            connector.balance.lost == 0
        else {
            throw CommandFailure(.rejected, "The balances do not hold. Please report this.")
        }
        StandardError.line("\nEach of the \(Figures.count(events)) events stands exactly once in the files.")
    }
}

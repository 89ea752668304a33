import ArgumentParser
import Avro
import Glossary
import Intake

/// `courant validate`: a verdict on each event of a file, without a server.
struct Validate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check the events of a file against the glossary, without a server.",
        discussion: """
            Prints a line for each event: its number and `ok`, `lenient` or
            `rejected`, with the code, the field and a sentence. `lenient` means that
            the source takes it and counts something: a broken rule, for which a
            strict source rejects it, or a field that the type does not have, for
            which a source with `unknown_fields: reject` does, be it strict or not.

            Example:
              courant validate events.ndjson --strict

            Exits with 1 if any event would be rejected.
            """
    )

    @Argument(help: ArgumentHelp("An NDJSON, JSON or Avro file, or - for standard input.", valueName: "file"))
    var file: String

    @OptionGroup var edition: EditionOption

    @Flag(name: .long, help: "Check as a strict source does: a broken rule rejects, but for open lists.")
    var strict = false

    @Flag(name: .long, help: "Write one JSON object for each event.")
    var json = false

    /// What is checked at a time; the verdicts of one event do not depend on it.
    private static let batchEventsMax = 2000
    private static let batchBytesMax = 8 * 1024 * 1024

    func run() throws {
        let judge = EventJudge(edition: try edition.resolved(), isStrict: strict)
        let events = try EventFile(path: file)
        var output = StandardOutput()
        var number = 0
        var rejected = 0
        do {
            while let batch = try events.nextBatch(eventsMax: Self.batchEventsMax, bytesMax: Self.batchBytesMax) {
                for verdict in try judge.verdicts(on: batch) {
                    number += 1
                    if case .rejected = verdict { rejected += 1 }
                    try output.line(json ? Self.description(number, verdict).text : Self.line(number, verdict))
                }
            }
        } catch {
            try output.flush()
            throw error
        }
        try output.flush()
        guard rejected == 0 else {
            throw CommandFailure(
                .rejected,
                "\(Figures.count(rejected)) of \(Figures.count(number, "event")) would be rejected; mend them as said above."
            )
        }
    }

    private static func line(_ number: Int, _ verdict: EventJudge.Verdict) -> String {
        guard let reason = verdict.reason else { return "\(number) \(verdict.word)" }
        let field = reason.field.map { " in \($0)" } ?? ""
        return "\(number) \(verdict.word) \(reason.code)\(field): \(reason.message)"
    }

    private static func description(_ number: Int, _ verdict: EventJudge.Verdict) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("event", .number(number)), .init("verdict", .string(verdict.word)),
        ]
        if let reason = verdict.reason {
            members += [
                .init("id", .text(reason.id)), .init("code", .string(reason.code)), .init("field", .text(reason.field)),
                .init("message", .string(reason.message)),
            ]
        }
        return .object(members)
    }
}

import ArgumentParser
import Avro
import Foundation
import Glossary
import Intake
import Journal
import Platform
import Service

/// `courant journal`: the journal's files as they lie on the disk.
struct JournalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "journal",
        abstract: "Check or dump a journal, without its lock, beside a running server.",
        discussion: """
            Examples:
              courant journal check ./courant-data
              courant journal dump ./courant-data --limit 10
            """,
        subcommands: [JournalCheck.self, JournalDump.self]
    )
}

/// The folder that a journal is looked for in.
enum JournalPlace {
    static let folder = "journal"

    /// Opens a journal's own folder, or that of the data folder that is named.
    static func inspector(_ path: String) throws -> SegmentInspector {
        let inner = "\(path)/\(folder)"
        let isData = FileManager.default.fileExists(atPath: inner)
        let schemas = try Intake.journalSchemas(Glossary.standard.editions)
        do throws(JournalError) {
            return try SegmentInspector(folder: isData ? inner : path, schemas: schemas, files: SystemFiles())
        } catch {
            throw CommandFailure(.noInput, "`\(path)` is no journal that can be read: \(error.message)")
        }
    }
}

/// `courant journal check`: every checksum of every segment.
struct JournalCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Verify every checksum of a journal; name what is broken.",
        discussion: """
            Changes nothing and takes no lock, so it may run beside a server. What
            is being written at the moment may look like a torn tail, which is no
            rot: a start cuts it.

            Example:
              courant journal check ./courant-data

            Exits with 1 if a frame, a head or a seal is broken.
            """
    )

    @Argument(help: ArgumentHelp("A data folder, or a journal's own.", valueName: "folder"))
    var folder = Configuration.standard().data

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() throws {
        let inspector = try JournalPlace.inspector(folder)
        let reports: [SegmentInspector.Report]
        do {
            reports = try inspector.check()
        } catch {
            throw CommandFailure(.noInput, "`\(folder)` cannot be read any further: \(error.message)")
        }
        var output = StandardOutput()
        if json {
            try output.line(
                JSONValue.object([
                    "journal": .string(inspector.id.description),
                    "partitions": .number(inspector.partitions),
                    "segments": .array(reports.map(Self.description)),
                ]).pretty
            )
        } else {
            try output.line("Journal \(inspector.id), \(Figures.count(inspector.partitions, "partition"))")
            var table = Table(rightAligned: [1, 2, 3, 4])
            table.row("SEGMENT", "SIZE", "FIRST OFFSET", "FRAMES", "RECORDS", "STATE")
            for report in reports {
                table.row(
                    URL(filePath: report.path).lastPathComponent,
                    Figures.bytes(Int(report.bytes)),
                    report.firstOffset?.description ?? "-",
                    Figures.count(report.framesGood),
                    Figures.count(report.records),
                    Self.state(report)
                )
            }
            try output.line(table.text)
        }
        try output.flush()
        let broken = reports.filter { !Self.troubles($0).isEmpty }
        guard broken.isEmpty else {
            let names = broken.map { "\($0.path): \(Self.troubles($0).joined(separator: ", "))" }
            throw CommandFailure(
                .rejected,
                "\(Figures.count(broken.count, "segment")) broken; the server skips bad frames, counts their records as lost and says so in its log.\n"
                    + names.joined(separator: "\n")
            )
        }
    }

    /// What is broken for good.
    ///
    /// A torn tail and an open segment are not.
    private static func troubles(_ report: SegmentInspector.Report) -> [String] {
        var troubles: [String] = []
        if !report.isHeadGood && report.ending != .removed { troubles.append("head broken") }
        if report.framesBad > 0 { troubles.append("\(Figures.count(report.framesBad, "frame")) broken") }
        if report.ending == .sealBroken { troubles.append("seal broken") }
        return troubles
    }

    private static func state(_ report: SegmentInspector.Report) -> String {
        let tail = report.hasTornTail ? ["torn tail"] : []
        let troubles = troubles(report).filter { $0 != report.ending.rawValue }
        return ([report.ending.rawValue] + tail + troubles).joined(separator: ", ")
    }

    private static func description(_ report: SegmentInspector.Report) -> JSONValue {
        .object([
            "path": .string(report.path),
            "partition": .number(report.partition.rawValue),
            "number": .number(Int(report.number)),
            "bytes": .number(Int(report.bytes)),
            "state": .string(report.ending.rawValue),
            "first_offset": report.firstOffset.map { .number(Int($0.rawValue)) } ?? .null,
            "next_offset": report.nextOffset.map { .number(Int($0.rawValue)) } ?? .null,
            "frames": .number(report.framesGood),
            "frames_broken": .number(report.framesBad),
            "records": .number(report.records),
            "head_good": .boolean(report.isHeadGood),
            "torn_tail": .boolean(report.hasTornTail),
        ])
    }
}

/// `courant journal dump`: the records, with where they stand.
struct JournalDump: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dump",
        abstract: "Print a journal's records, one JSON object a line.",
        discussion: """
            Each object has partition, offset, time, edition, event_type and record.
            Dead letters are of the type courant.DeadLetter. Broken frames are left
            out; `courant journal check` names them.

            Example:
              courant journal dump ./courant-data --type 'courant.DeadLetter'
            """
    )

    @Argument(help: ArgumentHelp("A data folder, or a journal's own.", valueName: "folder"))
    var folder = Configuration.standard().data

    @Option(name: .long, help: ArgumentHelp("Only records of this type; may stand several times.", valueName: "event"))
    var type: [String] = []

    @Option(name: .long, help: ArgumentHelp("Stop after this many records.", valueName: "records"))
    var limit: Int?

    /// The end that `--limit` asks for.
    private struct LimitReached: Error {}

    func run() throws {
        let inspector = try JournalPlace.inspector(folder)
        var output = StandardOutput()
        var resolutions: [UInt64: Resolution] = [:]
        var left = limit ?? .max
        let names = Set(type.flatMap(Self.names))
        let outcome: Result<Void, any Error>
        do {
            outcome = try inspector.dump { (record) throws(any Error) in
                guard left > 0 else { throw LimitReached() }
                guard type.isEmpty || names.contains(record.schema.name) else { return }
                let resolution =
                    try resolutions[record.schema.fingerprint] ?? Resolution(writer: Schema(json: record.schema.json))
                resolutions[record.schema.fingerprint] = resolution
                try output.line(Self.line(record, try resolution.decode(record.datum.span)))
                left -= 1
            }
        } catch {
            throw CommandFailure(.noInput, "`\(folder)` cannot be read any further: \(error.message)")
        }
        try output.flush()
        if case .failure(let error) = outcome, !(error is LimitReached) {
            guard let avro = error as? AvroError else { throw error }
            throw CommandFailure(
                .badData,
                "A record does not fit its schema (\(avro.message)); run `courant journal check`."
            )
        }
    }

    /// The name as given, and the one that it is an alias of.
    private static func names(of type: String) -> [String] {
        [type] + Glossary.standard.editions.compactMap { $0.type(named: type)?.name }
    }

    private static func line(_ record: SegmentInspector.Record, _ datum: Datum) -> [UInt8] {
        let time = Date(timeIntervalSince1970: Double(record.time.nanoseconds / 1_000_000) / 1000)
        let head = JSONValue.object([
            "partition": .number(record.partition.rawValue),
            "offset": .number(Int(record.offset.rawValue)),
            "time": .string(time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))),
            "edition": .string(record.schema.edition),
            "event_type": .string(record.schema.name),
        ])
        var line = Array(head.text.utf8.dropLast())
        line.append(contentsOf: ",\"record\":".utf8)
        datum.appendJSON(to: &line)
        line.append(UInt8(ascii: "}"))
        return line
    }
}

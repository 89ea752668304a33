import ArgumentParser
import Avro

/// `courant cat`: the records of Avro files as JSON.
struct Cat: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat",
        abstract: "Print the records of Avro files, one JSON object a line.",
        discussion: """
            Each object has exactly the record's fields, nulls included. Works on
            any Avro object container file with the codec null, deflate, snappy or
            zstandard (bzip2 and xz are not read), with blocks of up to 512 MiB and
            records of up to 16 million values, nested up to 512 levels. A folder
            stands for the .avro files in it; `-` reads standard input.

            Example:
              courant cat courant-data/files --with-type --limit 10
            """
    )

    @Argument(help: ArgumentHelp("Avro files, folders of them, or - for standard input.", valueName: "file"))
    var files: [String]

    @Flag(name: .long, help: "Add the event type, from the record's name, as event_type.")
    var withType = false

    @Option(name: .long, help: ArgumentHelp("Stop after this many records.", valueName: "records"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit is 0 or more.") }
    }

    func run() throws {
        var output = StandardOutput()
        var left = limit ?? .max
        var line: [UInt8] = []
        for file in try FilePaths.expanded(files, endings: ["avro"]) where left > 0 {
            let reader = try RecordReader(path: file)
            let type = withType ? Datum.Entry("event_type", .string(reader.typeName)) : nil
            do {
                while left > 0, let datum = try reader.next() {
                    line.removeAll(keepingCapacity: true)
                    Self.typed(datum, type).appendJSON(to: &line)
                    try output.line(line)
                    left -= 1
                }
            } catch {
                try output.flush()
                throw error
            }
        }
        try output.flush()
    }

    private static func typed(_ datum: Datum, _ type: Datum.Entry?) -> Datum {
        guard let type, case .record(let fields) = datum else { return datum }
        return .record([type] + fields)
    }
}

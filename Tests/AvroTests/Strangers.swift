import Avro
import Foundation
import ProgramTesting
import Testing

/// Files written here, read by fastavro, Apache avro and polars, and the files that those wrote from them.
///
/// Python starts once for all tests: importing the three libraries costs more than the work.
struct Strangers: Sendable {
    struct Case: Sendable {
        let name: String
        let schema: Schema
        let datums: [Datum]
        let isFlat: Bool
    }

    /// Not an expectation's error: those are thought reported already where the shared run's result is asked again.
    struct Failure: Error {
        let about: String
    }

    let folder: URL
    let cases: [Case]
    let report: JSONValue
    let seed: UInt64

    /// The one run; what went wrong in it is kept for each test that needs it.
    static let run = Task { try await Strangers(seed: Seeds.fresh(1)[0]) }

    private init(seed: UInt64) async throws {
        self.seed = seed
        folder = Catalog.root.deletingLastPathComponent().appending(path: ".build/avro-strangers")
        try? FileManager.default.removeItem(at: folder)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        cases = try Strangers.makeCases(seed: seed)
        for item in cases { try Strangers.write(item, to: folder) }
        let cases = cases.map { item in
            JSONValue.object([
                .init("name", .string(item.name)), .init("schema", .string(item.schema.json)),
                .init("polars", .boolean(item.isFlat)),
            ])
        }
        let tasks = JSONValue.object([
            .init("cases", .array(cases)), .init("evolutions", .array(try Strangers.evolutions())),
        ])
        try tasks.text.write(to: folder.appending(path: "cases.json"), atomically: false, encoding: .utf8)
        let outcome = try await runProgram(
            testPython(),
            ["Python/strangers.py", folder.path(percentEncoded: false)],
            folder: Catalog.root.appending(path: "AvroTests")
        )
        guard outcome.status == 0 else {
            throw Failure(about: "strangers.py did not run to its end: \(outcome.errors)")
        }
        report = try JSONValue(
            parsing: try String(contentsOf: folder.appending(path: "report.json"), encoding: .utf8)
        )
    }

    private static func makeCases(seed: UInt64) throws -> [Case] {
        var cases = try Catalog.types().enumerated().map { number, type in
            var random = RandomAvro(seed: seed &+ UInt64(number))
            // Field order is what polars keeps; infinities it reads like any double.
            let datums = (0..<4).map { _ in random.datum(type.schema, root: type.schema) }
            return Case(name: type.name, schema: type.schema, datums: datums, isFlat: true)
        }
        for number in 0..<60 {
            var random = RandomAvro(seed: seed &+ UInt64(1_000 + number))
            let schema = random.record()
            let datums = (0..<10).map { _ in random.datum(schema, root: schema) }
            cases.append(Case(name: "random-\(number)", schema: schema, datums: datums, isFlat: false))
        }
        var random = RandomAvro(seed: seed)
        let schema = try Catalog.types()[0].schema
        let datums = (0..<1_000).map { _ in random.datum(schema, root: schema) }
        return cases + [Case(name: "many-blocks", schema: schema, datums: datums, isFlat: true)]
    }

    private static func write(_ item: Case, to folder: URL) throws {
        let lines = item.datums.map { $0.wideJSON + "\n" }.joined()
        try Data(lines.utf8).write(to: folder.appending(path: item.name + ".jsonl"))
        for codec in allCodecs {
            let file = try container(item.datums, item.schema, codec: codec, blockBytes: 2_000)
            try Data(file).write(to: folder.appending(path: "\(item.name).\(codec.name).avro"))
        }
    }

    /// The cases of schema resolution, for the libraries to agree with.
    private static func evolutions() throws -> [JSONValue] {
        try ResolutionTests.evolutions.map { evolution in
            let writer = try Schema(json: evolution.writer)
            let bytes = try encode(evolution.datum, writer)
            let resolved = try Resolution(writer: writer, reader: Schema(json: evolution.reader)).decode(all: bytes)
            let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return .object([
                .init("about", .string(evolution.about)), .init("writer", .string(evolution.writer)),
                .init("reader", .string(evolution.reader)), .init("bytes", .string(hex)),
                .init("json", .string(resolved.wideJSON)),
                .init("isForApache", .boolean(!ResolutionTests.apacheLacks.contains(evolution.about))),
            ])
        }
    }

    /// The values of a file that a stranger wrote, as JSON lines.
    func lines(of item: Case, by library: String, codec: Codec) throws -> [String] {
        let file = folder.appending(path: "\(item.name).by-\(library).\(codec.name).avro")
        return try readAll(Array(try Data(contentsOf: file))).map(\.wideJSON)
    }
}

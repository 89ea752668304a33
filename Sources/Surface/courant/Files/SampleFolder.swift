import Avro
import Crypto
import Foundation
import Glossary
import Samples

/// One made-up event of each type, each in a file of its own that bears the type's name.
struct SampleFolder {
    let path: String
    let seed: UInt64

    func write(_ types: [EventType], isAvro: Bool) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            for type in types {
                let event = SampleStream.one(of: type, seed: seed)
                let bytes = isAvro ? try avro(event) : try json(event)
                let file = URL(filePath: path).appending(path: "\(type.name).\(isAvro ? "avro" : "json")")
                try Data(bytes).write(to: file, options: .atomic)
            }
        } catch let error as CocoaError {
            throw CommandFailure(.noInput, "`\(path)` cannot be written: \(error.localizedDescription)")
        }
        var output = StandardOutput()
        try output.line("Wrote \(Figures.count(types.count, "file")) to \(path).")
        try output.flush()
    }

    private func json(_ event: SampleEvent) throws -> [UInt8] {
        var bytes: [UInt8] = []
        event.json(into: &bytes)
        return Array(JSONValue.parsed(String(decoding: bytes, as: UTF8.self)).pretty.utf8) + [UInt8(ascii: "\n")]
    }

    /// As in the public sample files: one record, uncompressed.
    private func avro(_ event: SampleEvent) throws -> [UInt8] {
        let digest = SHA256.hash(data: Array("\(seed) \(event.type.edition) \(event.type.name)".utf8))
        var writer = ContainerWriter(
            schema: try Schema(json: event.type.avroSchema(namespace: .files(kind: "Local"))),
            codec: .null,
            sync: Array(digest.prefix(ContainerHeader.syncBytes))
        )
        try writer.append(.record(event.type.fields.map { Self.entry($0, of: event) }))
        return try writer.finish()
    }

    private static func entry(_ field: Field, of event: SampleEvent) -> Datum.Entry {
        let value = event.value(of: field.name).map { Self.datum($0, of: field) }
        guard !field.isRequired else { return Datum.Entry(field.name, value ?? .null) }
        return Datum.Entry(field.name, value.map { Datum.union(1, $0) } ?? Datum.union(0, .null))
    }

    private static func datum(_ value: SampleValue, of field: Field) -> Datum {
        switch (value, field.type) {
        case (.int(let number), .int): .int(Int32(truncatingIfNeeded: number))
        case (.int(let number), .float): .float(Float(number))
        case (.int(let number), .double): .double(Double(number))
        case (.int(let number), _): .long(number)
        case (.double(let number), .float): .float(Float(number))
        case (.double(let number), _): .double(number)
        case (.boolean(let isTrue), _): .boolean(isTrue)
        case (.string(let text), _): .string(text)
        case (.strings(let texts), .stringArray(nullableItems: true)):
            .array(texts.map { .union(1, .string($0)) })
        case (.strings(let texts), _): .array(texts.map { .string($0) })
        }
    }
}

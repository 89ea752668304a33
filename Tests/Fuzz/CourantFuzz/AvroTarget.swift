import Avro

/// Files, schemas and values that were written elsewhere.
///
/// The first byte says what follows: a container file; a schema; two schemas and a value, each before a zero; JSON.
/// What is read is written again and must read the same, and no difference may come from the pieces in which bytes
/// arrive.
struct AvroTarget: FuzzTarget {
    static let name = "avro"

    private let limits: ReaderLimits

    init() {
        var limits = ReaderLimits()
        limits.headerBytesMax = 64 << 10
        limits.blockBytesMax = 1 << 20
        limits.decompressedBlockBytesMax = 4 << 20
        limits.stringBytesMax = 1 << 20
        limits.valuesMax = 1 << 16
        limits.spareValuesMax = 1 << 12
        self.limits = limits
    }

    func take(_ input: FuzzInput) {
        var input = input
        switch input.byte() & 3 {
        case 0: container(input.rest)
        case 1: schema(input)
        case 2: value(input)
        default: json(input)
        }
    }

    // MARK: - Container files

    private struct Read {
        var schema: Schema?
        var values: [Datum] = []
        var failure: AvroError.Code?
    }

    private func container(_ bytes: [UInt8]) {
        let whole = read(bytes, pieceBytes: .max)
        let pieces = read(bytes, pieceBytes: 7)
        demand(whole.failure == pieces.failure, "\(String(describing: whole.failure)) as a whole, in pieces not")
        demand(whole.values.count == pieces.values.count, "other values in pieces than as a whole")
        guard let schema = whole.schema else { return }
        writeAgain(whole.values, schema)
        skipBlocks(bytes)
    }

    private func read(_ bytes: [UInt8], pieceBytes: Int) -> Read {
        var read = Read()
        do {
            var reader = try ContainerReader(ArraySource(bytes, pieceBytes: pieceBytes), limits: limits)
            read.schema = reader.writerSchema
            while let value = try reader.next() { read.values.append(value) }
        } catch {
            demand(!error.message.isEmpty, "an error says what is wrong")
            read.failure = error.code
        }
        return read
    }

    private func writeAgain(_ values: [Datum], _ schema: Schema) {
        do {
            for codec in [Codec.null, .snappy, .deflate(level: 1), .zstandard(level: 1)] {
                let marker = [UInt8](repeating: 9, count: ContainerHeader.syncBytes)
                var writer = ContainerWriter(schema: schema, codec: codec, sync: marker, blockBytes: 512)
                for value in values { try writer.append(value) }
                let again = read(try writer.finish(), pieceBytes: .max)
                // Values without bytes and deep ones may pass a limit by how they are stored.
                if again.failure == .limit { continue }
                demand(again.failure == nil, "what was written cannot be read: \(String(describing: again.failure))")
                let before = try encoded(values, schema)
                demand(try encoded(again.values, schema) == before, "other values come back than were written")
            }
        } catch {
            fatalError("what was read cannot be written: \(error)")
        }
    }

    /// By their bytes: a NaN is not equal to itself.
    private func encoded(_ values: [Datum], _ schema: Schema) throws -> [UInt8] {
        var encoder = BinaryEncoder()
        for value in values { try encoder.encode(value, as: schema) }
        return encoder.bytes
    }

    private func skipBlocks(_ bytes: [UInt8]) {
        guard var reader = try? ContainerReader(ArraySource(bytes), limits: limits) else { return }
        while let block = try? reader.nextBlock() {
            demand(block.bytes.count <= limits.decompressedBlockBytesMax, "a block is larger than its limit")
        }
    }

    // MARK: - Schemas and values

    private func schema(_ input: FuzzInput) {
        guard let text = input.restAsText, let schema = try? Schema(json: text, names: .any) else { return }
        do {
            let again = try Schema(json: schema.json, names: .any)
            demand(again.fingerprint == schema.fingerprint, "a schema changes its fingerprint by being written")
            demand(again.json == schema.json, "a schema is written otherwise the second time")
            _ = try? Resolution(writer: schema)
        } catch {
            fatalError("a schema cannot be read again: \(error): \(schema.json)")
        }
    }

    private func value(_ input: FuzzInput) {
        var input = input
        guard let writerText = input.text(), let readerText = input.text() else { return }
        guard let writer = try? Schema(json: writerText), let reader = try? Schema(json: readerText),
            let resolution = try? Resolution(writer: writer, reader: reader),
            let plain = try? Resolution(writer: writer)
        else { return }
        let bytes = input.rest
        if let value = try? plain.decode(bytes.span, limits: limits) {
            do {
                let again = try encoded([value], writer)
                let read = try encoded([try plain.decode(again.span, limits: limits)], writer)
                demand(again == read, "a value changes by being written")
                demand((try? JSONValue(parsing: value.json)) != nil || isDeep(value.json), "a value's JSON is none")
            } catch  where error.isLimit {
                // Compact blocks may have more values to a byte than the input had.
            } catch {
                fatalError("a value that was read cannot be written: \(error)")
            }
        }
        guard let resolved = try? resolution.decode(bytes.span, limits: limits) else { return }
        do { _ = try encoded([resolved], reader) } catch {
            fatalError("a resolved value is none of its reader's: \(error)")
        }
        var store = SchemaStore()
        guard let fingerprint = try? store.add(writer) else { return }
        let single = SingleObject.marker + fingerprint.littleEndianBytes + bytes
        _ = try? SingleObject.decode(single.span, with: store, limits: limits)
        _ = try? SingleObject.decode(bytes.span, with: store, limits: limits)
    }

    /// Maps may hold one key twice, and values may nest deeper than the parser follows.
    private func isDeep(_ json: String) -> Bool {
        do {
            _ = try JSONValue(parsing: json)
            return false
        } catch {
            return error.message.contains("stands twice") || error.message.contains("nested")
        }
    }

    private func json(_ input: FuzzInput) {
        guard let text = input.restAsText, let value = try? JSONValue(parsing: text) else { return }
        do {
            let again = try JSONValue(parsing: value.text)
            demand(again.text == value.text, "JSON is written otherwise the second time")
            demand(again == value, "JSON changes by being written")
        } catch {
            fatalError("JSON cannot be read again: \(error)")
        }
    }
}

extension Error {
    fileprivate var isLimit: Bool { (self as? AvroError)?.code == .limit }
}

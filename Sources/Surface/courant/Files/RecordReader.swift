import Avro

/// The records of one Avro object container file, one after the other.
final class RecordReader {
    static let magic: [UInt8] = [0x4F, 0x62, 0x6A, 0x01]
    /// For files that a person names: some writers, polars among them, put all that they have into one block.
    private static let limits: ReaderLimits = {
        var limits = ReaderLimits()
        limits.blockBytesMax = 512 << 20
        limits.decompressedBlockBytesMax = 512 << 20
        limits.stringBytesMax = 512 << 20
        return limits
    }()

    /// The schema's full name; the word for its kind where it has none.
    let recordName: String
    private let path: String
    private var reader: ContainerReader<AvroFileSource>

    init(_ source: AvroFileSource) throws {
        path = source.path
        do {
            reader = try ContainerReader(source, limits: Self.limits)
        } catch {
            throw Self.failure(error, path: source.path)
        }
        recordName = reader.writerSchema.name?.full ?? reader.writerSchema.kind
    }

    convenience init(path: String) throws {
        try self.init(try AvroFileSource(path: path))
    }

    var header: ContainerHeader { reader.header }
    var fingerprint: String { reader.writerSchema.fingerprint.description }

    /// What stands behind `inner.` in the record's name, as in the public files; else nil.
    var eventType: String? {
        guard let range = recordName.firstRange(of: ".inner.") else { return nil }
        return String(recordName[range.upperBound...])
    }

    /// The event type, or where the name does not tell, the whole name.
    var typeName: String { eventType ?? recordName }

    func next() throws -> Datum? {
        do {
            return try reader.next()
        } catch {
            throw Self.failure(error, path: path)
        }
    }

    func nextBlock() throws -> ContainerReader<AvroFileSource>.Block? {
        do {
            return try reader.nextBlock()
        } catch {
            throw Self.failure(error, path: path)
        }
    }

    /// A failure of the file itself keeps its own sentence.
    private static func failure(_ error: AvroError, path: String) -> CommandFailure {
        if let cause = error.cause as? CommandFailure { return cause }
        let place = error.position.map { ", at byte \($0)" } ?? ""
        return CommandFailure(.badData, "\(path): \(error.message)\(place).")
    }
}

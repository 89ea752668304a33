import Avro
import Foundation

/// The bytes of one file, or of standard input, as the Avro reader wants them: in order, in pieces, never the whole.
///
/// A class, so that who hands it to a reader still sees how far the reader came.
final class AvroFileSource: ByteSource {
    let path: String
    /// Nil for standard input and for what has no size, such as a pipe.
    let size: Int?
    private(set) var position = 0
    private let handle: FileHandle
    /// What was looked at before reading began.
    private var ahead: [UInt8] = []

    /// Opens a file, or standard input for `-`.
    init(path: String) throws {
        size = try Self.size(of: path)
        self.path = path == "-" ? "standard input" : path
        guard let handle = path == "-" ? .standardInput : FileHandle(forReadingAtPath: path) else {
            throw CommandFailure(.noInput, "`\(path)` cannot be read; check its permissions.")
        }
        self.handle = handle
    }

    /// The bytes of a file that is there; nil for what has no size, such as a pipe or `-` for standard input.
    static func size(of path: String) throws -> Int? {
        guard path != "-" else { return nil }
        // Follows links, which the attributes of a path alone do not.
        let target = URL(filePath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: target) else {
            throw CommandFailure(.noInput, "There is no file `\(path)`.")
        }
        let type = attributes[.type] as? FileAttributeType
        guard type != .typeDirectory else {
            throw CommandFailure(
                .noInput,
                "`\(path)` is a folder; name one of the files in it."
            )
        }
        return type == .typeRegular ? attributes[.size] as? Int : nil
    }

    /// The first bytes, which are read again afterwards.
    func peek(_ count: Int) throws -> [UInt8] {
        while ahead.count < count {
            let more = try readFile(count - ahead.count)
            if more.isEmpty { break }
            ahead.append(contentsOf: more)
        }
        return [UInt8](ahead.prefix(count))
    }

    /// The next bytes, at most `count`; empty at the end.
    func read(atMost count: Int) throws -> [UInt8] {
        let bytes: [UInt8]
        if ahead.isEmpty {
            bytes = try readFile(count)
        } else {
            bytes = [UInt8](ahead.prefix(count))
            ahead.removeFirst(bytes.count)
        }
        position += bytes.count
        return bytes
    }

    func read(into buffer: inout [UInt8], atMost count: Int) throws -> Int {
        let bytes = try read(atMost: count)
        buffer.append(contentsOf: bytes)
        return bytes.count
    }

    private func readFile(_ count: Int) throws -> [UInt8] {
        do {
            return try handle.read(upToCount: count).map { [UInt8]($0) } ?? []
        } catch {
            throw CommandFailure(.noInput, "\(path) cannot be read any further (\(error.localizedDescription)).")
        }
    }

    deinit {
        try? handle.close()
    }
}

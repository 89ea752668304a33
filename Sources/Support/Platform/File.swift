#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What the operating system refused: the call, the path and its `errno`.
package struct FileError: Error, Sendable, Hashable, CustomStringConvertible {
    package let code: Int32
    package let operation: String
    package let path: String

    package init(code: Int32, operation: String, path: String) {
        self.code = code
        self.operation = operation
        self.path = path
    }

    package var isNotFound: Bool { code == ENOENT }
    package var isExists: Bool { code == EEXIST }
    package var isDenied: Bool { code == EACCES || code == EPERM || code == EROFS || code == EINVAL }
    package var isNoSpace: Bool { code == ENOSPC || code == EDQUOT }

    package var description: String {
        let reason = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        return "\(operation) \(path): \(reason)"
    }
}

/// How a file is opened.
package enum OpenMode: Sendable {
    /// Must exist; reading only.
    case read
    /// Must not exist; reading and writing.
    case create
    /// Must exist; reading and writing.
    case readWrite
}

/// One open file.
///
/// Its calls block: make them on `Platform.blocking`.
/// Calls at different positions may run at the same time. `close` is the owner's, after its last call.
package protocol File: AnyObject, Sendable {
    /// Reads up to the buffer's size and answers how much; fewer only at the end of the file.
    func read(at position: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int

    /// Writes all of `bytes`, or throws.
    func write(at position: Int64, _ bytes: UnsafeRawBufferPointer) throws(FileError)

    /// Returns once all that was written is safe from power loss (`fdatasync`). After a failure nothing is known,
    /// and a second call proves nothing.
    func synchronize() throws(FileError)

    func truncate(to size: Int64) throws(FileError)

    func size() throws(FileError) -> Int64

    func close()
}

extension File {
    /// Up to `count` bytes; fewer only at the end of the file.
    package func read(at position: Int64, count: Int) throws(FileError) -> [UInt8] {
        var failure: FileError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(FileError) {
                initialized = try unsafe read(at: position, into: UnsafeMutableRawBufferPointer(buffer))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    package func write(at position: Int64, _ bytes: [UInt8]) throws(FileError) {
        try unsafe bytes.span.bytes.withUnsafeBytes { (raw) throws(FileError) in
            try unsafe write(at: position, raw)
        }
    }
}

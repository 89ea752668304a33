import Foundation

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Standard error: progress, notes and failures, so that standard output stays data.
enum StandardError {
    static var isTerminal: Bool { isatty(2) == 1 }

    static func line(_ text: String) {
        write(text + "\n")
    }

    /// A reader that has gone away is no failure of ours.
    static func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}

/// Standard output, gathered into large writes.
///
/// What was written stands there only after ``flush()``.
struct StandardOutput: ~Copyable {
    static var isTerminal: Bool { isatty(1) == 1 }

    private var pending: [UInt8] = []
    private let pendingBytesMax = 64 * 1024

    mutating func write(_ text: String) throws {
        pending.append(contentsOf: text.utf8)
        try flushWhenFull()
    }

    mutating func line(_ text: String) throws {
        pending.append(contentsOf: text.utf8)
        pending.append(UInt8(ascii: "\n"))
        try flushWhenFull()
    }

    mutating func line(_ bytes: some Collection<UInt8>) throws {
        pending.append(contentsOf: bytes)
        pending.append(UInt8(ascii: "\n"))
        try flushWhenFull()
    }

    mutating func flush() throws {
        guard !pending.isEmpty else { return }
        let bytes = Data(pending)
        pending.removeAll(keepingCapacity: true)
        do {
            try FileHandle.standardOutput.write(contentsOf: bytes)
        } catch {
            throw CommandFailure(
                .internal,
                "Standard output takes no more bytes: the reader closed it or its disk is full."
            )
        }
    }

    private mutating func flushWhenFull() throws {
        if pending.count >= pendingBytesMax { try flush() }
    }
}

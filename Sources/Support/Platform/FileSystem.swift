/// Files and folders by path.
///
/// Its calls block: make them on `Platform.blocking`.
///
/// A new, renamed or removed name is safe from power loss only after `synchronizeFolder` of its folder.
package protocol FileSystem: Sendable {
    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File

    /// Replaces `to` in one step if it exists.
    func rename(_ from: String, to: String) throws(FileError)

    /// A second name for a file; fails if `to` exists, which makes it the create-only publication.
    func link(_ existing: String, to: String) throws(FileError)

    func remove(_ path: String) throws(FileError)

    /// Makes the folder and its missing parents; answers those it made, outermost first.
    func makeFolder(_ path: String) throws(FileError) -> [String]

    /// The names in a folder, sorted by their bytes.
    func list(_ path: String) throws(FileError) -> [String]

    /// Nil if nothing is there; of a folder, whatever the file system says.
    func size(of path: String) throws(FileError) -> Int64?

    func synchronizeFolder(_ path: String) throws(FileError)

    /// The bytes that this process may still write on the file system that holds `path`.
    func freeBytes(at path: String) throws(FileError) -> Int64

    /// Takes the lock on a file (made if missing) until release or the end of the process; nil if another holds it.
    func lock(_ path: String) throws(FileError) -> (any FileLock)?
}

/// A lock that is held.
package protocol FileLock: AnyObject, Sendable {
    func release()
}

extension FileSystem {
    /// The whole content of a file of at most `bytesMax`; `EFBIG` if it is larger.
    package func read(_ path: String, bytesMax: Int = 1 << 26) throws(FileError) -> [UInt8] {
        let file = try open(path, .read)
        defer { file.close() }
        let size = try file.size()
        guard size <= Int64(bytesMax) else { throw FileError(code: FileError.tooLarge, operation: "read", path: path) }
        return try file.read(at: 0, count: Int(size))
    }

    /// Puts a file in place whole: temporary name, sync, rename, sync of the folder.
    ///
    /// After a crash the old or the
    /// new content stands there, never a mixture.
    package func replace(_ path: String, with bytes: [UInt8]) throws(FileError) {
        let temporary = path + ".tmp"
        if try size(of: temporary) != nil { try remove(temporary) }
        let file = try open(temporary, .create)
        defer { file.close() }
        try file.write(at: 0, bytes)
        try file.synchronize()
        try rename(temporary, to: path)
        try synchronizeFolder(FilePath.folder(of: path))
    }

    /// Makes a folder, and those above it that are missing, and makes them durable.
    ///
    /// One after the other, each once the one above it is durable. So of what stands there already only the last may
    /// not be: a process that was killed may have made it and not synced its entry.
    package func makeDurableFolder(_ path: String) throws(FileError) {
        let parent = FilePath.folder(of: path)
        guard parent != path else { return }
        let isThere = try size(of: path) != nil
        if !isThere {
            try makeDurableFolder(parent)
            for made in try makeFolder(path) { try synchronizeFolder(made) }
        }
        do throws(FileError) {
            try synchronizeFolder(parent)
        } catch {
            // Who may not read the folder above has not made this one, nor anybody in its place.
            guard isThere, error.isDenied else { throw error }
        }
    }
}

/// Paths as text: split and joined at slashes.
package enum FilePath {
    /// The folder part: `a/b` of `a/b/c`, `.` of `c`, `/` of `/c`.
    package static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.utf8.startIndex ? "/" : String(path[..<slash])
    }

    /// The last part.
    package static func name(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }

    package static func join(_ folder: String, _ name: String) -> String {
        folder.isEmpty ? name : folder.utf8.last == UInt8(ascii: "/") ? folder + name : folder + "/" + name
    }
}

import Synchronization

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The machine's own file system, through POSIX calls: `EINTR` is retried, short reads and writes are completed.
package struct SystemFiles: FileSystem {
    package init() {}

    package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .create: O_RDWR | O_CREAT | O_EXCL
            case .readWrite: O_RDWR
            }
        return SystemFile(descriptor: try openDescriptor(path, flags), path: path)
    }

    package func rename(_ from: String, to: String) throws(FileError) {
        _ = try retrying("rename", to) { unsafe renameat(AT_FDCWD, from, AT_FDCWD, to) }
    }

    package func link(_ existing: String, to: String) throws(FileError) {
        _ = try retrying("link", to) { unsafe linkat(AT_FDCWD, existing, AT_FDCWD, to, 0) }
    }

    package func remove(_ path: String) throws(FileError) {
        _ = try retrying("remove", path) { unsafe unlinkat(AT_FDCWD, path, 0) }
    }

    package func makeFolder(_ path: String) throws(FileError) -> [String] {
        do {
            _ = try retrying("mkdir", path) { unsafe mkdirat(AT_FDCWD, path, 0o755) }
            return [path]
        } catch  where error.isExists {
            return []
        } catch  where error.isNotFound {
            let parent = FilePath.folder(of: path)
            guard parent != path, parent != "." else { throw error }
            let made = try makeFolder(parent)
            return made + (try makeFolder(path))
        }
    }

    package func list(_ path: String) throws(FileError) -> [String] {
        guard let folder = unsafe opendir(path) else { throw lastError("list", path) }
        defer { unsafe closedir(folder) }
        var names: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(folder) else {
                if errno != 0 { throw lastError("list", path) }
                break
            }
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) }
            if name != [UInt8(ascii: ".")], name != [UInt8(ascii: "."), UInt8(ascii: ".")] { names.append(name) }
        }
        names.sort { $0.lexicographicallyPrecedes($1) }
        return names.map { String(decoding: $0, as: UTF8.self) }
    }

    package func size(of path: String) throws(FileError) -> Int64? {
        var status = stat()
        do {
            _ = try retrying("stat", path) { unsafe fstatat(AT_FDCWD, path, &status, 0) }
        } catch  where error.isNotFound {
            return nil
        }
        return Int64(status.st_size)
    }

    package func synchronizeFolder(_ path: String) throws(FileError) {
        let descriptor = try openDescriptor(path, O_RDONLY | O_DIRECTORY)
        defer { closeDescriptor(descriptor) }
        _ = try retrying("sync of folder", path) { fsync(descriptor) }
    }

    package func freeBytes(at path: String) throws(FileError) -> Int64 {
        var status = statvfs()
        _ = try retrying("statvfs", path) { unsafe statvfs(path, &status) }
        return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    }

    package func lock(_ path: String) throws(FileError) -> (any FileLock)? {
        let descriptor = try openDescriptor(path, O_RDWR | O_CREAT)
        do {
            _ = try retrying("lock", path) { flock(descriptor, LOCK_EX | LOCK_NB) }
        } catch  where error.code == EWOULDBLOCK {
            closeDescriptor(descriptor)
            return nil
        } catch {
            closeDescriptor(descriptor)
            throw error
        }
        return SystemFileLock(descriptor: descriptor)
    }
}

/// One open POSIX file.
private final class SystemFile: File {
    private let descriptor: Int32
    private let path: String
    private let isClosed = Atomic(false)

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit {
        close()
    }

    func read(at position: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        try checkOpen("read")
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try retrying("read", path) {
                unsafe pread(descriptor, rest.baseAddress, rest.count, off_t(position) + off_t(done))
            }
            if count == 0 { break }
            done += count
        }
        return done
    }

    func write(at position: Int64, _ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try checkOpen("write")
        var done = 0
        while done < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try retrying("write", path) {
                unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(position) + off_t(done))
            }
        }
    }

    func synchronize() throws(FileError) {
        try checkOpen("sync")
        #if canImport(Glibc)
        // One call, EINTR included: a sync that failed once has perhaps already dropped what it was to write.
        guard fdatasync(descriptor) == 0 else { throw lastError("sync", path) }
        #else
        guard fcntl(descriptor, F_FULLFSYNC) == 0 else { throw lastError("sync", path) }
        #endif
    }

    func truncate(to size: Int64) throws(FileError) {
        try checkOpen("truncate")
        _ = try retrying("truncate", path) { ftruncate(descriptor, off_t(size)) }
    }

    func size() throws(FileError) -> Int64 {
        try checkOpen("stat")
        var status = stat()
        _ = try retrying("stat", path) { unsafe fstat(descriptor, &status) }
        return Int64(status.st_size)
    }

    func close() {
        if !isClosed.exchange(true, ordering: .acquiringAndReleasing) { closeDescriptor(descriptor) }
    }

    private func checkOpen(_ operation: String) throws(FileError) {
        guard !isClosed.load(ordering: .acquiring) else {
            throw FileError(code: EBADF, operation: operation, path: path)
        }
    }
}

private final class SystemFileLock: FileLock {
    private let descriptor: Int32
    private let isReleased = Atomic(false)

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        release()
    }

    func release() {
        guard !isReleased.exchange(true, ordering: .acquiringAndReleasing) else { return }
        // Closing alone would leave it held by a child that has not begun its own program yet.
        _ = flock(descriptor, LOCK_UN)
        closeDescriptor(descriptor)
    }
}

extension FileError {
    /// `EFBIG`, for those who may not import the C library.
    package static let tooLarge = EFBIG
    package static let notFound = ENOENT
    package static let alreadyThere = EEXIST
    package static let noSpace = ENOSPC
    package static let inputOutput = EIO
}

private func openDescriptor(_ path: String, _ flags: Int32) throws(FileError) -> Int32 {
    try retrying("open", path) { unsafe openat(AT_FDCWD, path, flags | O_CLOEXEC, 0o644) }
}

private func closeDescriptor(_ descriptor: Int32) {
    // Linux frees the descriptor even when it reports EINTR; all that needed saving was synced before.
    _ = close(descriptor)
}

private func retrying<Result: BinaryInteger>(
    _ operation: String,
    _ path: String,
    _ call: () -> Result
) throws(FileError) -> Result {
    while true {
        let result = call()
        if result >= 0 { return result }
        if errno != EINTR { throw lastError(operation, path) }
    }
}

private func lastError(_ operation: String, _ path: String) -> FileError {
    FileError(code: errno, operation: operation, path: path)
}

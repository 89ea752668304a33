package import Platform
import Synchronization

/// A file system in memory that loses what a real one may lose.
///
/// Written bytes are durable only after `synchronize`, names only after `synchronizeFolder`. `crash` keeps what is
/// durable and, by seed, some of the rest: whole pages, torn pages, some of the new names. Operations that change
/// something are numbered from 1; one of them can be made to fail, or to be the moment of the crash.
package final class FaultyFiles: FileSystem {
    /// What becomes of one numbered operation.
    package enum Fault: Sendable {
        /// It fails with this `errno`, once. A failed sync also forgets what it was to write, as Linux does.
        case error(Int32)
        /// It is half done, and from then on everything fails until `restart`.
        case crash
        /// The same before anything of it is done.
        case crashBefore
        /// The same once it is done: nobody is told that it is.
        case crashAfter
    }

    /// What the disk has taken of itself, where nobody asked for it by name.
    package struct Toll: Sendable, Hashable {
        /// Writes that met a full disk.
        package var fullWrites = 0
        /// Writes that the end of a process has cut.
        package var cutWrites = 0
        /// Unsynced pages that a power loss took, and such of which it left some sectors.
        package var lostPages = 0
        package var tornPages = 0
    }

    private let state: Mutex<FaultyState>
    private let observer = Mutex<(@Sendable (_ operation: String, _ path: String) -> Void)?>(nil)

    /// Where folders are not durable at once, they are so after `synchronizeFolder` of the folder that they are in.
    package init(areFoldersDurable: Bool = true) {
        var state = FaultyState()
        state.areFoldersDurable = areFoldersDurable
        self.state = Mutex(state)
    }

    /// Calls `body` at the start of each operation that changes something, with nothing locked: it may count, or
    /// hold the operation up.
    package func observe(_ body: (@Sendable (_ operation: String, _ path: String) -> Void)?) {
        observer.withLock { $0 = body }
    }

    fileprivate func announce(_ operation: String, _ path: String) {
        observer.withLock { $0 }?(operation, path)
    }

    /// The numbered operations so far.
    package var operationCount: Int { state.withLock { $0.operations } }

    /// Asks `body` about each operation, those that only look included, what becomes of it.
    ///
    /// Everything is locked meanwhile: it must not come back here.
    package func judge(_ body: (@Sendable (_ operation: String, _ path: String) -> Fault?)?) {
        state.withLock { $0.judge = body }
    }

    /// Plans a fault for the operation of that number (counted from the start).
    package func fail(operation: Int, _ fault: Fault) {
        state.withLock { $0.faults[operation] = fault }
    }

    /// Plans a fault for the next operations of a kind.
    ///
    /// Kinds: `create`, `write`, `sync`, `truncate`, `rename`, `link`, `remove`, `mkdir`, `sync of folder`. Where
    /// several write side by side, the ending of its path says whose operations are meant.
    package func failNext(_ kind: String, of ending: String = "", times: Int = 1, code: Int32) {
        state.withLock { $0.kindFaults[kind] = (ending, times, code) }
    }

    /// The bytes that all files together may have; nil is no limit.
    package func setCapacity(_ bytes: Int?) {
        state.withLock { $0.capacity = bytes }
    }

    /// True between a crash and the restart.
    package var isDown: Bool { state.withLock { $0.isDown } }

    /// The power fails now.
    package func crash() {
        state.withLock { $0.isDown = true }
    }

    /// What was taken so far.
    package var toll: Toll { state.withLock { $0.toll } }

    /// The bytes of all files together.
    package var bytes: Int { state.withLock { $0.bytes } }

    /// The bytes of all files whose paths begin so.
    package func bytes(under prefix: String) -> Int {
        state.withLock { state in
            state.entries.reduce(0) { $0 + ($1.key.hasPrefix(prefix) ? $1.value.current.count : 0) }
        }
    }

    /// The paths of all files that begin so, sorted by their bytes.
    package func paths(under prefix: String) -> [String] {
        state.withLock { state in state.entries.keys.filter { $0.hasPrefix(prefix) }.sorted() }
    }

    /// Power loss and a new start: open files are dead, locks are free.
    ///
    /// - Parameter seed: nil keeps exactly what was synced; otherwise it decides what else survived.
    package func restart(seed: UInt64?) {
        state.withLock { $0.restart(seed: seed) }
    }

    /// The process dies and the machine lives on: open files are dead, locks are free, and all that was written is
    /// there, as durable as it was.
    ///
    /// - Parameter seed: decides how much is there of a write that was cut by the end; nil: all of it.
    package func abandon(seed: UInt64? = nil) {
        state.withLock { $0.abandon(seed: seed) }
    }

    /// The content of a file as a reader would see it now.
    package func content(_ path: String) -> [UInt8]? {
        state.withLock { $0.entries[path]?.current }
    }

    /// Takes a file away behind everybody's back, durably.
    package func lose(_ path: String) {
        state.withLock { state in
            state.entries[path] = nil
            state.durableEntries[path] = nil
            state.pending.removeAll { $0.contains { $0.path == path } }
        }
    }

    /// Changes stored bytes behind everybody's back, as rot does.
    package func rot(_ path: String, at position: Int, _ bytes: [UInt8]) {
        state.withLock { state in
            guard let node = state.entries[path] else { preconditionFailure("\(path) is there to rot") }
            node.current.replaceSubrange(position..<position + bytes.count, with: bytes)
            if node.durable.count >= position + bytes.count {
                node.durable.replaceSubrange(position..<position + bytes.count, with: bytes)
            }
        }
    }

    package func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        if mode == .create { announce("create", path) }
        return try state.withLock { state throws(FileError) in
            switch mode {
            case .read, .readWrite:
                try state.look("open", path)
                guard let node = state.entries[path] else { throw FaultyState.error(.notFound, "open", path) }
                return FaultyFile(self, node, generation: state.generation, canWrite: mode == .readWrite)
            case .create:
                let node = try state.perform("create", path) { state throws(FileError) in
                    guard state.entries[path] == nil else { throw FaultyState.error(.exists, "create", path) }
                    guard state.folders.contains(FilePath.folder(of: path)) else {
                        throw FaultyState.error(.notFound, "create", path)
                    }
                    let node = FaultyNode(path)
                    state.set(path, node)
                    return node
                }
                return FaultyFile(self, node, generation: state.generation, canWrite: true)
            }
        }
    }

    package func rename(_ from: String, to: String) throws(FileError) {
        announce("rename", to)
        try change("rename", to) { state throws(FileError) in
            guard let node = state.entries[from] else { throw FaultyState.error(.notFound, "rename", from) }
            state.pending.append([(from, nil), (to, node)])
            state.entries[from] = nil
            state.entries[to] = node
            node.path = to
        }
    }

    package func link(_ existing: String, to: String) throws(FileError) {
        announce("link", to)
        try change("link", to) { state throws(FileError) in
            guard let node = state.entries[existing] else { throw FaultyState.error(.notFound, "link", existing) }
            guard state.entries[to] == nil else { throw FaultyState.error(.exists, "link", to) }
            state.set(to, node)
        }
    }

    package func remove(_ path: String) throws(FileError) {
        announce("remove", path)
        try change("remove", path) { state throws(FileError) in
            guard state.entries[path] != nil else { throw FaultyState.error(.notFound, "remove", path) }
            state.set(path, nil)
        }
    }

    package func makeFolder(_ path: String) throws(FileError) -> [String] {
        try change("mkdir", path) { state in
            var made: [String] = []
            var folder = path
            while state.folders.insert(folder).inserted {
                made.insert(folder, at: 0)
                folder = FilePath.folder(of: folder)
            }
            return made
        }
    }

    package func list(_ path: String) throws(FileError) -> [String] {
        try state.withLock { state throws(FileError) in
            try state.look("list", path)
            guard state.folders.contains(path) else { throw FaultyState.error(.notFound, "list", path) }
            return (Array(state.entries.keys) + Array(state.folders)).filter {
                $0 != path && FilePath.folder(of: $0) == path
            }
            .map { FilePath.name(of: $0) }.sorted()
        }
    }

    package func size(of path: String) throws(FileError) -> Int64? {
        try state.withLock { state throws(FileError) in
            try state.look("stat", path)
            if state.folders.contains(path) { return 0 }
            return (state.entries[path]?.current.count).map { Int64($0) }
        }
    }

    package func synchronizeFolder(_ path: String) throws(FileError) {
        announce("sync of folder", path)
        try change("sync of folder", path) { $0.synchronizeFolder(path) }
    }

    package func freeBytes(at path: String) throws(FileError) -> Int64 {
        state.withLock { state in state.capacity.map { Int64($0 - state.bytes) } ?? 1 << 40 }
    }

    package func lock(_ path: String) throws(FileError) -> (any FileLock)? {
        try state.withLock { state throws(FileError) in
            try state.look("lock", path)
            guard state.locks.insert(path).inserted else { return nil }
            return FaultyLock(self, path, generation: state.generation)
        }
    }

    private func change<Result: Sendable>(
        _ operation: String,
        _ path: String,
        _ body: (inout FaultyState) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        try state.withLock { state throws(FileError) in try state.perform(operation, path, body) }
    }

    fileprivate func path(of node: FaultyNode) -> String { state.withLock { _ in node.path } }

    fileprivate func withState<Result: Sendable>(
        generation: Int,
        _ operation: String,
        _ path: String,
        _ body: (inout FaultyState) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        try state.withLock { state throws(FileError) in
            guard state.generation == generation else { throw FaultyState.error(.inputOutput, operation, path) }
            return try body(&state)
        }
    }

    fileprivate func release(_ path: String, generation: Int) {
        state.withLock { state in
            if state.generation == generation { state.locks.remove(path) }
        }
    }
}

private final class FaultyFile: File {
    private let files: FaultyFiles
    private let node: FaultyNode
    private let generation: Int
    private let canWrite: Bool

    init(_ files: FaultyFiles, _ node: FaultyNode, generation: Int, canWrite: Bool) {
        self.files = files
        self.node = node
        self.generation = generation
        self.canWrite = canWrite
    }

    private var path: String { files.path(of: node) }

    func read(at position: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        let path = path
        let bytes = try files.withState(generation: generation, "read", path) { state throws(FileError) in
            try state.look("read", path)
            let start = min(Int(position), node.current.count)
            return Array(node.current[start..<min(node.current.count, start + buffer.count)])
        }
        unsafe buffer.copyBytes(from: bytes)
        return bytes.count
    }

    func write(at position: Int64, _ bytes: UnsafeRawBufferPointer) throws(FileError) {
        precondition(canWrite, "\(path) was opened for reading")
        let (bytes, path) = unsafe (Array(bytes), path)
        files.announce("write", path)
        try files.withState(generation: generation, "write", path) { state throws(FileError) in
            try state.write(node, path, Int(position), bytes)
        }
    }

    func synchronize() throws(FileError) {
        let path = path
        files.announce("sync", path)
        try files.withState(generation: generation, "sync", path) { state throws(FileError) in
            try state.synchronize(node, path)
        }
    }

    func truncate(to size: Int64) throws(FileError) {
        let path = path
        files.announce("truncate", path)
        try files.withState(generation: generation, "truncate", path) { state throws(FileError) in
            try state.perform("truncate", path) { _ in node.resize(Int(size)) }
        }
    }

    func size() throws(FileError) -> Int64 {
        let path = path
        return try files.withState(generation: generation, "stat", path) { state throws(FileError) in
            try state.look("stat", path)
            return Int64(node.current.count)
        }
    }

    func close() {}
}

private final class FaultyLock: FileLock {
    private let files: FaultyFiles
    private let path: String
    private let generation: Int

    init(_ files: FaultyFiles, _ path: String, generation: Int) {
        self.files = files
        self.path = path
        self.generation = generation
    }

    func release() {
        files.release(path, generation: generation)
    }
}

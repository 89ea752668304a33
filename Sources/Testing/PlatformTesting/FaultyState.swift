import Platform

/// One file's bytes: as they are read, and as power loss would leave them.
///
/// `@unchecked Sendable`: every access is under the lock of `FaultyFiles.state`.
final class FaultyNode: @unchecked Sendable {
    static let pageBytes = 4_096
    /// What a disk writes in one piece.
    static let sectorBytes = 512

    /// Its name now: an open file may have been renamed.
    var path: String
    var current: [UInt8] = []
    var durable: [UInt8] = []
    /// Pages written since the last sync.
    var dirty: Set<Int> = []

    init(_ path: String) {
        self.path = path
    }

    func write(_ position: Int, _ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty else { return }
        if current.count < position + bytes.count { resize(position + bytes.count) }
        current.replaceSubrange(position..<position + bytes.count, with: bytes)
        for page in position / Self.pageBytes...(position + bytes.count - 1) / Self.pageBytes { dirty.insert(page) }
    }

    func resize(_ size: Int) {
        if size < current.count {
            current.removeSubrange(size...)
        } else {
            current.append(contentsOf: [UInt8](repeating: 0, count: size - current.count))
        }
    }

    /// Takes over a page from `current`.
    func keep(page: Int) {
        keep(from: page * Self.pageBytes, count: Self.pageBytes)
    }

    /// Takes over those sectors of a page whose bits are set: a disk writes them in any order.
    func keep(page: Int, sectors: UInt8) {
        for sector in 0..<Self.pageBytes / Self.sectorBytes where sectors & 1 << UInt8(sector) != 0 {
            keep(from: page * Self.pageBytes + sector * Self.sectorBytes, count: Self.sectorBytes)
        }
    }

    private func keep(from start: Int, count: Int) {
        let end = min(start + count, current.count, durable.count)
        if start < end { durable.replaceSubrange(start..<end, with: current[start..<end]) }
    }
}

/// A write that the end of the process has cut.
struct CutWrite: Sendable {
    let node: FaultyNode
    /// What the file was before it.
    let before: [UInt8]
    let position: Int
    let bytes: [UInt8]

    /// Leaves only so many of its bytes in the file.
    func keep(_ count: Int) {
        node.current = before
        node.write(position, bytes[..<count])
    }
}

/// All that `FaultyFiles` holds.
struct FaultyState: Sendable {
    enum Reason {
        case notFound
        case exists
        case inputOutput
        case noSpace
    }

    var entries: [String: FaultyNode] = [:]
    var durableEntries: [String: FaultyNode] = [:]
    /// Changes of names since their folder's sync, in order; those of one operation stand together.
    var pending: [[(path: String, node: FaultyNode?)]] = []
    var folders: Set<String> = ["/", "."]
    var durableFolders: Set<String> = ["/", "."]
    var areFoldersDurable = true
    var judge: (@Sendable (_ operation: String, _ path: String) -> FaultyFiles.Fault?)?
    var locks: Set<String> = []
    var operations = 0
    var faults: [Int: FaultyFiles.Fault] = [:]
    var kindFaults: [String: (ending: String, times: Int, code: Int32)] = [:]
    var capacity: Int?
    var isDown = false
    var generation = 0
    var cutWrite: CutWrite?
    var toll = FaultyFiles.Toll()

    var bytes: Int { entries.values.reduce(0) { $0 + $1.current.count } }

    static func error(_ reason: Reason, _ operation: String, _ path: String) -> FileError {
        let code =
            switch reason {
            case .notFound: FileError.notFound
            case .exists: FileError.alreadyThere
            case .inputOutput: FileError.inputOutput
            case .noSpace: FileError.noSpace
            }
        return FileError(code: code, operation: operation, path: path)
    }

    func checkUp(_ operation: String, _ path: String) throws(FileError) {
        if isDown { throw Self.error(.inputOutput, operation, path) }
    }

    /// An operation that changes nothing: where it is the moment of the crash, nothing of it is seen.
    mutating func look(_ operation: String, _ path: String) throws(FileError) {
        try checkUp(operation, path)
        switch judge?(operation, path) {
        case nil: return
        case .error(let code): throw FileError(code: code, operation: operation, path: path)
        case .crash, .crashBefore, .crashAfter:
            isDown = true
            throw Self.error(.inputOutput, operation, path)
        }
    }

    /// How an operation goes.
    enum Course {
        case whole
        /// The power fails while it is done.
        case cut
        /// The power fails once it is done.
        case wholeThenDown
    }

    /// Counts an operation, and lets its fault happen.
    mutating func begin(_ operation: String, _ path: String) throws(FileError) -> Course {
        try checkUp(operation, path)
        operations += 1
        if let fault = kindFaults[operation], fault.times > 0, path.hasSuffix(fault.ending) {
            kindFaults[operation]?.times -= 1
            throw FileError(code: fault.code, operation: operation, path: path)
        }
        switch faults[operations] ?? judge?(operation, path) {
        case nil: return .whole
        case .error(let code): throw FileError(code: code, operation: operation, path: path)
        case .crash:
            isDown = true
            return .cut
        case .crashBefore:
            isDown = true
            throw Self.error(.inputOutput, operation, path)
        case .crashAfter:
            isDown = true
            return .wholeThenDown
        }
    }

    /// An operation that is done whole or, as a journalling file system has it, not at all.
    mutating func perform<Result>(
        _ operation: String,
        _ path: String,
        _ body: (inout FaultyState) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        let course = try begin(operation, path)
        guard course != .cut else { throw Self.error(.inputOutput, operation, path) }
        let result = try body(&self)
        guard course == .whole else { throw Self.error(.inputOutput, operation, path) }
        return result
    }

    mutating func set(_ path: String, _ node: FaultyNode?) {
        entries[path] = node
        pending.append([(path, node)])
    }

    mutating func write(_ node: FaultyNode, _ path: String, _ position: Int, _ bytes: [UInt8]) throws(FileError) {
        let course = try begin("write", path)
        guard course == .whole else {
            // All pages count as written and none as synced: the restart decides which of them survive, or, where only
            // the process has died, how much had been written.
            if course == .cut {
                cutWrite = CutWrite(node: node, before: node.current, position: position, bytes: bytes)
            }
            node.write(position, bytes[...])
            throw Self.error(.inputOutput, "write", path)
        }
        let growth = max(0, position + bytes.count - node.current.count)
        if let capacity, self.bytes + growth > capacity {
            // As on a real disk, what there is room for is written.
            let end = node.current.count + max(0, capacity - self.bytes)
            node.write(position, bytes.prefix(max(0, end - position)))
            toll.fullWrites += 1
            throw Self.error(.noSpace, "write", path)
        }
        node.write(position, bytes[...])
    }

    mutating func synchronize(_ node: FaultyNode, _ path: String) throws(FileError) {
        do throws(FileError) {
            try perform("sync", path) { _ in Self.keepAll(of: node) }
        } catch {
            // The kernel reports a failed write-back once and marks the pages clean: the next sync succeeds falsely.
            if !isDown { node.dirty = [] }
            throw error
        }
    }

    private static func keepAll(of node: FaultyNode) {
        if node.durable.count > node.current.count { node.durable.removeSubrange(node.current.count...) }
        let grown = node.current.count - node.durable.count
        node.durable.append(contentsOf: [UInt8](repeating: 0, count: max(0, grown)))
        for page in node.dirty { node.keep(page: page) }
        node.dirty = []
    }

    mutating func synchronizeFolder(_ folder: String) {
        var left: [[(path: String, node: FaultyNode?)]] = []
        for change in pending {
            if change.contains(where: { FilePath.folder(of: $0.path) == folder }) {
                for (path, node) in change { durableEntries[path] = node }
            } else {
                left.append(change)
            }
        }
        pending = left
        for inner in folders where FilePath.folder(of: inner) == folder { durableFolders.insert(inner) }
    }

    mutating func abandon(seed: UInt64?) {
        if let cutWrite, let seed {
            toll.cutWrites += 1
            cutWrite.keep(SeededRandom(seed: seed).next(below: cutWrite.bytes.count + 1))
        }
        cutWrite = nil
        generation += 1
        isDown = false
        locks = []
        faults = [:]
        kindFaults = [:]
    }

    mutating func restart(seed: UInt64?) {
        abandon(seed: nil)
        if areFoldersDurable { durableFolders = folders }
        if let seed { keepSome(SeededRandom(seed: seed)) }
        pending = []
        forgetLooseFolders()
        entries = durableEntries
        for node in entries.values {
            node.current = node.durable
            node.dirty = []
        }
    }

    /// A folder is found only from those above it; what was in one that is gone is gone too.
    private mutating func forgetLooseFolders() {
        let durable = durableFolders
        func isFound(_ folder: String) -> Bool {
            var folder = folder
            while durable.contains(folder) {
                let above = FilePath.folder(of: folder)
                if above == folder { return true }
                folder = above
            }
            return false
        }
        folders = durable.filter(isFound)
        durableFolders = folders
        durableEntries = durableEntries.filter { folders.contains(FilePath.folder(of: $0.key)) }
    }

    private mutating func keepSome(_ random: SeededRandom) {
        for folder in folders.subtracting(durableFolders).sorted() where random.next(below: 2) == 0 {
            durableFolders.insert(folder)
        }
        // Half of the seeds keep a prefix of the name changes, as a journalling file system does; the others any.
        let keepsPrefix = random.next(below: 2) == 0
        let prefix = random.next(below: pending.count + 1)
        for (index, change) in pending.enumerated() where keepsPrefix ? index < prefix : random.next(below: 2) == 0 {
            for (path, node) in change { durableEntries[path] = node }
        }
        let nodes = entries.sorted { $0.key < $1.key }.map(\.value)
        for node in nodes {
            if node.current.count != node.durable.count, random.next(below: 2) == 0 {
                let size = node.current.count
                if size < node.durable.count {
                    node.durable.removeSubrange(size...)
                } else {
                    node.durable.append(contentsOf: [UInt8](repeating: 0, count: size - node.durable.count))
                }
            }
            for page in node.dirty.sorted() {
                switch random.next(below: 3) {
                case 0: toll.lostPages += 1
                case 1: node.keep(page: page)
                default:
                    toll.tornPages += 1
                    node.keep(page: page, sectors: UInt8(random.next(below: 256)))
                }
            }
        }
    }
}

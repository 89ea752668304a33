internal import Platform
internal import PlatformTesting
internal import Synchronization

/// A disk with a care undone.
final class BrokenFiles: FileSystem {
    private let base: any FileSystem
    private let variant: BrokenVariant
    /// Files whose sync is put off.
    private let late = Mutex<[any File]>([])
    private let lastRemoved = Mutex("")
    /// The names of staged files in the folder that they have landed in.
    private let landed = Mutex<[String: String]>([:])

    init(_ base: any FileSystem, _ variant: BrokenVariant) {
        self.base = base
        self.variant = variant
    }

    /// What was put off is done now.
    func synchronizeLate() throws(FileError) {
        let files = late.withLock { late in
            defer { late = [] }
            return late
        }
        for file in files { try file.synchronize() }
    }

    fileprivate func synchronize(_ file: any File, _ path: String) throws(FileError) {
        switch variant {
        case .skipsSegmentSync where path.hasSuffix(".segment") || path.hasSuffix(".spare"): return
        case .showsUnsynced where path.hasSuffix(".segment"), .appendsOverTear where path.hasSuffix(".segment"):
            late.withLock { $0.append(file) }
        case .skipsStateSync where path.contains("state.db"): return
        case .skipsLandingSync where path.contains("/staging/") || path.hasPrefix(Scenario.folder): return
        case .retriesSegmentSync where path.hasSuffix(".segment"), .retriesStateSync where path.contains("state.db"):
            do throws(FileError) {
                try file.synchronize()
            } catch {
                try file.synchronize()
            }
        default: try file.synchronize()
        }
    }

    /// A segment as the variant has it read; nil: as it is.
    fileprivate func altered(_ path: String, _ file: any File) throws(FileError) -> [UInt8]? {
        guard path.hasSuffix(".segment"), variant == .believesRot || variant == .appendsOverTear else { return nil }
        let bytes = try file.read(at: 0, count: Int(file.size()))
        let metaFile = try base.open(Scenario.data + "/journal/journal.meta", .read)
        defer { metaFile.close() }
        let meta = try metaFile.read(at: 0, count: Int(metaFile.size()))
        if variant == .believesRot { return SegmentLayout.believed(bytes, meta: meta) }
        guard SegmentLayout(bytes).trailer == nil, try isNewest(path) else { return nil }
        // Whose recovery ends at the first frame that is not whole.
        let tear = min(bytes.count, SegmentLayout.tear(in: bytes, meta: meta))
        return bytes[..<tear] + [UInt8](repeating: 0, count: bytes.count - tear)
    }

    /// Whether no later segment of the partition is there.
    private func isNewest(_ path: String) throws(FileError) -> Bool {
        let (folder, name) = (FilePath.folder(of: path), FilePath.name(of: path))
        // The partition stands in the first four characters.
        let names = try base.list(folder).filter { $0.hasSuffix(".segment") && $0.prefix(4) == name.prefix(4) }
        return names.allSatisfy { $0 <= name }
    }

    /// Whether a file is recovery's copy of a segment, which the variant makes in the segment's own place (schedule 8).
    private func isInPlace(_ path: String) -> Bool { variant == .appendsOverTear && path.hasSuffix(Self.copied) }

    private static let copied = ".recovering"

    func open(_ path: String, _ mode: OpenMode) throws(FileError) -> any File {
        guard !isInPlace(path) else {
            let segment = String(path.dropLast(Self.copied.count))
            return BrokenFile(try base.open(segment, .readWrite), path, of: self, keepsLength: true)
        }
        return BrokenFile(try base.open(path, mode), path, of: self)
    }

    func rename(_ from: String, to: String) throws(FileError) {
        if variant == .keepsTornSegment, from.hasSuffix(Self.copied) { return try base.remove(from) }
        if isInPlace(from) { return }
        try base.rename(from, to: to)
    }

    func synchronizeFolder(_ path: String) throws(FileError) {
        switch variant {
        case .skipsFolderSync where path.hasPrefix(Scenario.data): return
        case .skipsOuterSync where path.utf8.count < Scenario.data.utf8.count: return
        case .removesWithoutOrder where path.hasSuffix("/journal"):
            let removed = lastRemoved.withLock { removed in
                defer { removed = "" }
                return removed
            }
            if !removed.isEmpty { return }
        default: break
        }
        try base.synchronizeFolder(path)
    }

    func remove(_ path: String) throws(FileError) {
        if isInPlace(path) { return }
        if variant == .rewritesLanded, let name = landed.withLock({ $0.removeValue(forKey: path) }) {
            try base.remove(name)
            try base.link(path, to: name)
            try base.synchronizeFolder(FilePath.folder(of: name))
        }
        try base.remove(path)
        lastRemoved.withLock { $0 = path.hasSuffix(".segment") ? path : "" }
    }

    func link(_ existing: String, to: String) throws(FileError) {
        try base.link(existing, to: to)
        landed.withLock { $0[existing] = to }
    }

    func makeFolder(_ path: String) throws(FileError) -> [String] { try base.makeFolder(path) }
    func list(_ path: String) throws(FileError) -> [String] { try base.list(path) }
    func size(of path: String) throws(FileError) -> Int64? { try base.size(of: path) }
    func freeBytes(at path: String) throws(FileError) -> Int64 { try base.freeBytes(at: path) }
    func lock(_ path: String) throws(FileError) -> (any FileLock)? { try base.lock(path) }
}

private final class BrokenFile: File {
    private let base: any File
    private let path: String
    private let files: BrokenFiles
    private let keepsLength: Bool

    init(_ base: any File, _ path: String, of files: BrokenFiles, keepsLength: Bool = false) {
        self.base = base
        self.keepsLength = keepsLength
        // A spare that has become a segment keeps its first name here.
        self.path = path.hasSuffix(".spare") ? path + ".segment" : path
        self.files = files
    }

    func synchronize() throws(FileError) { try files.synchronize(base, path) }

    func read(at position: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> Int {
        guard let bytes = try files.altered(path, base) else { return try unsafe base.read(at: position, into: buffer) }
        let part = bytes.dropFirst(Int(position)).prefix(buffer.count)
        unsafe buffer.copyBytes(from: part)
        return part.count
    }

    func write(at position: Int64, _ bytes: UnsafeRawBufferPointer) throws(FileError) {
        try unsafe base.write(at: position, bytes)
    }

    func truncate(to size: Int64) throws(FileError) {
        if !keepsLength { try base.truncate(to: size) }
    }

    func size() throws(FileError) -> Int64 { try base.size() }
    func close() { base.close() }
}

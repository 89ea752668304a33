package import Delivery
package import Platform
internal import Synchronization

/// A folder on this machine as object storage.
///
/// The staged file is read against its checksum, synced and linked to its final name, which fails if something stands
/// there; then the folder is synced, and each folder above it that this process has not synced before. So a final name
/// never shows half a file, and nothing is ever overwritten. Where staging lies on another file system, or a link is
/// refused, the file is copied under a temporary name first, and the copy is linked.
package final class LocalDestination: ObjectDestination {
    /// Folders known to be durable are remembered, up to so many.
    private static let foldersMax = 10_000

    private let configuration: LocalConfiguration
    private let platform: Platform
    private let durableFolders = Mutex<Set<String>>([])
    /// Whether a staged file could not be linked: the others are copied at once.
    private let mustCopy = Atomic(false)

    package init(_ configuration: LocalConfiguration, platform: Platform) {
        self.configuration = configuration
        self.platform = platform
    }

    package var location: String { "file:" + configuration.path }

    private var temporaryFolder: String {
        FilePath.join(FilePath.join(configuration.path, LocalConfiguration.temporaryFolder), configuration.connector)
    }

    /// Takes away what an earlier process was writing when it ended.
    package func prepare() async throws(DestinationError) {
        let (files, folder) = (platform.files, temporaryFolder)
        try await onBlocking { () throws(FileError) in
            try files.makeDurableFolder(folder)
            for name in try files.list(folder) { try files.remove(FilePath.join(folder, name)) }
        }
    }

    package func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome {
        let path = FilePath.join(configuration.path, object.key)
        if let outcome = try await found(object, at: path) { return outcome }
        switch try await linkStaged(object, as: path) {
        case .linked: return .created
        case .taken: return try await standing(object, at: path)
        case .refused: return try await landCopy(of: object, as: path)
        }
    }

    package func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]? {
        let (files, path) = (platform.files, FilePath.join(configuration.path, key))
        return try await onBlocking { () throws(FileError) in
            guard try files.size(of: path) != nil else { return nil }
            let file = try files.open(path, .read)
            defer { file.close() }
            return try file.read(at: 0, count: bytesMax)
        }
    }

    package func delete(_ key: String) async throws(DestinationError) {
        try await discard(FilePath.join(configuration.path, key))
    }

    private enum Linking {
        case linked
        /// Something stands there.
        case taken
        case refused
    }

    /// Gives the staged file its final name too; whoever staged it takes the other name away.
    ///
    /// Nobody writes to a staged file once it is finished.
    private func linkStaged(_ object: LandingObject, as path: String) async throws(DestinationError) -> Linking {
        guard !mustCopy.load(ordering: .relaxed) else { return .refused }
        let content = try await object.content()
        defer { content.close() }
        try await content.verify()
        let files = platform.files
        return try await inDurable(FilePath.folder(of: path)) { (folder) throws(FileError) in
            let staged = try files.open(object.path, .read)
            defer { staged.close() }
            try staged.synchronize()
            do throws(FileError) {
                try files.link(object.path, to: path)
            } catch {
                if error.isExists { return .taken }
                // That the folder is gone says nothing about links.
                guard !error.isNotFound else { throw error }
                mustCopy.store(true, ordering: .relaxed)
                return .refused
            }
            try files.synchronizeFolder(folder)
            return .linked
        }
    }

    /// What stands there since a moment ago: somebody else was quicker, or our own earlier attempt.
    private func standing(_ object: LandingObject, at path: String) async throws(DestinationError) -> LandingOutcome {
        if let outcome = try await found(object, at: path) { return outcome }
        throw DestinationError(.unreachable, "\(path) came and went", remedy: .retry(after: nil))
    }

    private func landCopy(of object: LandingObject, as path: String) async throws(DestinationError) -> LandingOutcome {
        let temporary = FilePath.join(temporaryFolder, "\(object.plan.first)-\(Hex.text(platform.random.next()))")
        do throws(DestinationError) {
            try await write(object, to: temporary)
            guard try await publish(temporary, as: path) else {
                try await discard(temporary)
                return try await standing(object, at: path)
            }
            return .created
        } catch {
            try? await discard(temporary)
            throw error
        }
    }

    /// Streams the staged file into a new file and syncs it.
    private func write(_ object: LandingObject, to path: String) async throws(DestinationError) {
        let content = try await object.content()
        defer { content.close() }
        let (files, folder) = (platform.files, temporaryFolder)
        let file = try await onBlocking { () throws(FileError) in
            _ = try files.makeFolder(folder)
            return try files.open(path, .create)
        }
        defer { file.close() }
        try await content.forEachPiece { (piece, position) async throws(DestinationError) in
            try await self.onBlocking { () throws(FileError) in try file.write(at: position, piece) }
        }
        try await onBlocking { () throws(FileError) in try file.synchronize() }
    }

    /// Gives the file its final name, durably; false if something stands there.
    private func publish(_ temporary: String, as path: String) async throws(DestinationError) -> Bool {
        let files = platform.files
        return try await inDurable(FilePath.folder(of: path)) { (folder) throws(FileError) in
            do throws(FileError) {
                try files.link(temporary, to: path)
            } catch {
                guard error.isExists else { throw error }
                return false
            }
            try files.synchronizeFolder(folder)
            try files.remove(temporary)
            return true
        }
    }

    /// What stands under the final name, if anything: ours, or a conflict.
    private func found(_ object: LandingObject, at path: String) async throws(DestinationError) -> LandingOutcome? {
        let files = platform.files
        let size = try await onBlocking { () throws(FileError) in try files.size(of: path) }
        guard let size else { return nil }
        let match = try await match(object, at: path, size: size)
        guard let match else {
            throw .conflict(key: object.key, found: "\(size) bytes in \(path), with neither its checksum nor its plan")
        }
        // An earlier attempt may have ended between the link and the folder's sync.
        try await inDurable(FilePath.folder(of: path)) { (folder) throws(FileError) in
            try files.synchronizeFolder(folder)
        }
        return .alreadyThere(match)
    }

    private func match(
        _ object: LandingObject,
        at path: String,
        size: Int64
    ) async throws(DestinationError) -> LandingOutcome.Match? {
        let files = platform.files
        return try await onBlocking { () throws(FileError) -> LandingOutcome.Match? in
            let file = try files.open(path, .read)
            defer { file.close() }
            if size == object.size {
                var sum = ChecksumStream()
                while sum.size < size {
                    let piece = try file.read(at: sum.size, count: LandingObject.pieceBytes)
                    if piece.isEmpty { break }
                    sum.add(piece)
                }
                if sum.checksum == object.checksum { return .checksum }
            }
            let head = try file.read(at: 0, count: PlanTag.headBytes)
            return PlanTag.text(inHead: head).map { object.plan.isNamed(by: $0) } == true ? .plan : nil
        }
    }

    /// Works in a folder that is durable; once more from the start where somebody has removed it meanwhile.
    private func inDurable<T: Sendable>(
        _ folder: String,
        _ work: @Sendable (_ folder: String) throws(FileError) -> T
    ) async throws(DestinationError) -> T {
        try await makeDurable(folder)
        do throws(FileError) {
            return try await platform.onBlocking { () throws(FileError) in try work(folder) }
        } catch  where error.isNotFound {
            durableFolders.withLock { _ = $0.remove(folder) }
            try await makeDurable(folder)
            return try await onBlocking { () throws(FileError) in try work(folder) }
        } catch {
            throw LocalFault.error(error)
        }
    }

    /// Makes the folder and syncs it and every folder above it, up to the root's parent, once in a process.
    private func makeDurable(_ folder: String) async throws(DestinationError) {
        guard !durableFolders.withLock({ $0.contains(folder) }) else { return }
        let (files, root) = (platform.files, configuration.path)
        try await onBlocking { () throws(FileError) in
            try files.makeDurableFolder(folder)
            var path = folder
            while path != root, path.utf8.count > root.utf8.count {
                path = FilePath.folder(of: path)
                try files.synchronizeFolder(path)
            }
        }
        durableFolders.withLock { folders in
            if folders.count >= Self.foldersMax { folders = [] }
            folders.insert(folder)
        }
    }

    private func discard(_ temporary: String) async throws(DestinationError) {
        let files = platform.files
        try await onBlocking { () throws(FileError) in
            if try files.size(of: temporary) != nil { try files.remove(temporary) }
        }
    }

    private func onBlocking<T: Sendable>(
        _ work: @Sendable () throws(FileError) -> T
    ) async throws(DestinationError) -> T {
        do throws(FileError) {
            return try await platform.onBlocking(work)
        } catch {
            throw LocalFault.error(error)
        }
    }
}

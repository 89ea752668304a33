import Delivery
import GRDB
import Journal
import Platform

/// The data folder, held by this process: journal, state and staging in their places, and of one piece.
struct DataFolder: Sendable {
    let path: String
    private let lock: any FileLock
    private let platform: Platform

    var journal: String { FilePath.join(path, "journal") }
    var staging: String { FilePath.join(path, "staging") }
    var state: String { FilePath.join(path, "state.db") }
    var tracking: String { FilePath.join(path, "tracking.db") }
    private var journalMeta: String { FilePath.join(journal, "journal.meta") }

    private init(path: String, lock: any FileLock, platform: Platform) {
        self.path = path
        self.lock = lock
        self.platform = platform
    }

    /// Makes the folder if it is missing, and takes its lock; the system frees the lock however the process ends.
    static func hold(_ path: String, processID: Int32, platform: Platform) async throws(ServiceError) -> DataFolder {
        let held = await platform.onBlocking { () -> Result<(any FileLock)?, FileError> in
            Result { () throws(FileError) in
                try platform.files.makeDurableFolder(path)
                let lock = try platform.files.lock(FilePath.join(path, "lock"))
                if lock != nil { try platform.files.replace(pidFile(path), with: Array("\(processID)".utf8)) }
                return lock
            }
        }
        switch held {
        case .success(let lock?): return DataFolder(path: path, lock: lock, platform: platform)
        case .success(nil): throw await inUse(path, platform)
        case .failure(let error):
            throw ServiceError(
                .dataFolder,
                "The data folder \(path) cannot be used: \(error). Check its permissions."
            )
        }
    }

    private static func inUse(_ path: String, _ platform: Platform) async -> ServiceError {
        let holder = await platform.onBlocking { try? platform.files.read(pidFile(path), bytesMax: 20) }
        let process = holder.map { "process \(String(decoding: $0, as: UTF8.self))" } ?? "another process"
        return ServiceError(
            .inUse,
            "The data folder \(path) is in use by \(process). Stop that one first, or name another folder."
        )
    }

    private static func pidFile(_ path: String) -> String {
        FilePath.join(path, "pid")
    }

    func release() {
        lock.release()
    }

    /// Opens the state, after making sure that it and the journal belong together.
    ///
    /// A journal without its state would be delivered a second time; state without its journal would take new records
    /// for old ones. Neither is ever mended by guessing.
    func openState() async throws -> StateStore {
        let (files, meta, statePath) = (platform.files, journalMeta, state)
        let (hasJournal, hasState) = try await platform.onBlocking { () throws(FileError) in
            (try files.size(of: meta) != nil, try files.size(of: statePath) != nil)
        }
        if hasJournal, !hasState { throw stateMissing }
        let store = try await StateStore.open(state, platform: platform)
        let bound = try await store.journal()
        if bound != nil, !hasJournal { throw journalMissing }
        if bound == nil, hasJournal, try await !store.wasMakingJournal() { throw stateMissing }
        if !hasJournal { try await store.noteMakingJournal() }
        let trackingPath = tracking
        let hasTracking = try await platform.onBlocking { () throws(FileError) in
            try files.size(of: trackingPath) != nil
        }
        if hasJournal, !hasTracking, try await store.hasTracking() { throw trackingMissing }
        return store
    }

    /// Notes that tracking's state is there, once it is: a start that is killed before must not look like its loss.
    func noteTracking(in state: StateStore) async throws { try await state.noteTracking() }

    private var trackingMissing: ServiceError {
        ServiceError(
            .inconsistent,
            "\(path) has no tracking.db, which holds campaigns, message contexts and subscriptions. Put it back from "
                + "the same moment; or, to begin tracking anew from what the journal still holds, make an empty file "
                + "of that name."
        )
    }

    private var stateMissing: ServiceError {
        ServiceError(
            .inconsistent,
            "\(path) has a journal but not the state that says what of it has landed. Put state.db back from the same "
                + "moment, or move the folder journal away to begin anew; what it holds is then not delivered."
        )
    }

    private var journalMissing: ServiceError {
        ServiceError(
            .inconsistent,
            "\(path) has state but not the journal that it belongs to. Put the folder journal back from the same "
                + "moment, or move state.db away to begin anew; tokens have to be made again."
        )
    }
}

extension StateStore {
    private static let making = "journal_making"
    private static let tracking = "tracking"

    /// Notes that there is tracking's state beside this one.
    fileprivate func noteTracking() async throws { try await note(Self.tracking) }

    fileprivate func hasTracking() async throws -> Bool { try await has(Self.tracking) }

    /// Notes that a journal is about to be made: a crash before state knows its id must not look like lost state.
    fileprivate func noteMakingJournal() async throws { try await note(Self.making) }

    fileprivate func wasMakingJournal() async throws -> Bool { try await has(Self.making) }

    private func note(_ key: String) async throws {
        try await write { database in
            try database.execute(
                sql: "INSERT INTO meta (key, value) VALUES (?, '1') ON CONFLICT (key) DO NOTHING",
                arguments: [key]
            )
        }
    }

    private func has(_ key: String) async throws -> Bool {
        try await read { database in
            try String.fetchOne(database, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key]) != nil
        }
    }
}

internal import CSimulation
internal import Platform
internal import Synchronization

/// SQLite on the simulated disk: its file operations are numbered, fail and are lost as all others.
enum SimulatedSQLite {
    private struct Surroundings: Sendable {
        let files: any FileSystem
        let random: any RandomSource
        let clock: any WorldClock
    }

    private struct State {
        var surroundings: Surroundings?
        var open: [(any File)?] = []
        var isRegistered = false
    }

    private static let state = Mutex(State())

    /// From now on every database is opened there; those that are open are dead.
    static func enter(files: any FileSystem, random: any RandomSource, clock: any WorldClock) throws(SimulationError) {
        let isNew = state.withLock { state in
            state.surroundings = Surroundings(files: files, random: random, clock: clock)
            defer { state.isRegistered = true }
            return !state.isRegistered
        }
        courant_simulated_vfs_forget()
        if isNew {
            var calls = Self.calls
            let failed = unsafe courant_simulated_vfs_register(&calls)
            guard failed == 0 else { throw SimulationError("SQLite takes no other files: error \(failed)") }
        }
        courant_simulated_vfs_reseed()
    }

    /// The process that had databases open is dead: they are left as they are, and their locks are free.
    static func forget() {
        courant_simulated_vfs_forget()
    }

    private static var world: Surroundings {
        guard let surroundings = state.withLock({ $0.surroundings }) else {
            preconditionFailure("the VFS is registered once there is a world for it")
        }
        return surroundings
    }

    private static func file(_ handle: Int32) -> any File {
        guard let file = state.withLock({ $0.open[Int(handle)] }) else {
            preconditionFailure("SQLite uses the files that it has open")
        }
        return file
    }

    private static func open(_ path: String, create: Bool) throws(FileError) -> (handle: Int32, isMade: Bool) {
        let files = world.files
        let isThere = try files.size(of: path) != nil
        let isMade = create && !isThere
        let file = try files.open(path, isMade ? .create : .readWrite)
        return state.withLock { state in
            state.open.append(file)
            return (Int32(state.open.count - 1), isMade)
        }
    }

    private static func result(_ work: () throws(FileError) -> Void) -> courant_file_result {
        do throws(FileError) {
            try work()
            return COURANT_FILE_DONE
        } catch {
            if error.isNoSpace { return COURANT_FILE_NO_SPACE }
            return error.isNotFound ? COURANT_FILE_NOT_FOUND : COURANT_FILE_FAILED
        }
    }

    private static func text(_ path: UnsafePointer<CChar>?) -> String {
        guard let path = unsafe path else { preconditionFailure("SQLite names the file") }
        return unsafe String(cString: path)
    }

    private static var calls: courant_file_calls {
        unsafe courant_file_calls(
            open: { path, create, handle, made in
                let path = unsafe SimulatedSQLite.text(path)
                return SimulatedSQLite.result { () throws(FileError) in
                    let opened = try SimulatedSQLite.open(path, create: create)
                    unsafe handle?.pointee = opened.handle
                    unsafe made?.pointee = opened.isMade
                }
            },
            close: { handle in
                SimulatedSQLite.file(handle).close()
                SimulatedSQLite.state.withLock { $0.open[Int(handle)] = nil }
            },
            read: { handle, bytes, size, position, count in
                let buffer = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: Int(size))
                return SimulatedSQLite.result { () throws(FileError) in
                    let read = try unsafe SimulatedSQLite.file(handle).read(at: position, into: buffer)
                    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[read...])
                    unsafe rest.initializeMemory(as: UInt8.self, repeating: 0)
                    unsafe count?.pointee = Int32(read)
                }
            },
            write: { handle, bytes, size, position in
                let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: Int(size))
                return SimulatedSQLite.result { () throws(FileError) in
                    try unsafe SimulatedSQLite.file(handle).write(at: position, buffer)
                }
            },
            truncate: { handle, size in
                SimulatedSQLite.result { () throws(FileError) in
                    try SimulatedSQLite.file(handle).truncate(to: size)
                }
            },
            synchronize: { handle in
                SimulatedSQLite.result { () throws(FileError) in try SimulatedSQLite.file(handle).synchronize() }
            },
            size: { handle, size in
                SimulatedSQLite.result { () throws(FileError) in
                    unsafe size?.pointee = try SimulatedSQLite.file(handle).size()
                }
            },
            synchronize_folder_of: { path in
                let folder = unsafe FilePath.folder(of: SimulatedSQLite.text(path))
                return SimulatedSQLite.result { () throws(FileError) in
                    try SimulatedSQLite.world.files.synchronizeFolder(folder)
                }
            },
            remove: { path in
                let path = unsafe SimulatedSQLite.text(path)
                return SimulatedSQLite.result { () throws(FileError) in
                    try SimulatedSQLite.world.files.remove(path)
                }
            },
            exists: { path, exists in
                let path = unsafe SimulatedSQLite.text(path)
                return SimulatedSQLite.result { () throws(FileError) in
                    unsafe exists?.pointee = try SimulatedSQLite.world.files.size(of: path) != nil
                }
            },
            random: { SimulatedSQLite.world.random.next() },
            milliseconds: { SimulatedSQLite.world.clock.now().nanoseconds / 1_000_000 }
        )
    }
}

internal import Platform

/// The folder of one connector's staged files: everything in it that no plan names can be made again.
struct StagingFolder: Sendable {
    let path: String
    let platform: Platform

    func path(of name: String) -> String {
        FilePath.join(path, name)
    }

    /// Makes the folder and takes away what is not to be kept, of one partition or of all.
    func clear(keeping names: Set<String>, prefix: String = "") async throws(DeliveryError) {
        let files = platform.files
        try await onBlocking { () throws(FileError) in
            try files.makeDurableFolder(path)
            for name in try files.list(path) where name.hasPrefix(prefix) && !names.contains(name) {
                try files.remove(FilePath.join(path, name))
            }
        }
    }

    func carryOut(_ writes: [StagedWrite]) async throws(DeliveryError) {
        guard !writes.isEmpty else { return }
        let files = platform.files
        try await onBlocking { () throws(FileError) in
            for write in writes { try write.carryOut(files) }
        }
    }

    /// Writes the head of a file whose body is complete and makes it durable.
    func finish(_ name: String, head: [UInt8], spillName: String?) async throws(DeliveryError) {
        let files = platform.files
        try await onBlocking { () throws(FileError) in
            let file = try files.open(path(of: name), .readWrite)
            defer { file.close() }
            try file.write(at: 0, head)
            try file.synchronize()
            if let spillName, try files.size(of: path(of: spillName)) != nil { try files.remove(path(of: spillName)) }
        }
    }

    func synchronize() async throws(DeliveryError) {
        try await onBlocking { () throws(FileError) in
            try platform.files.synchronizeFolder(path)
        }
    }

    /// The raw bytes of a block that went to the side file.
    func spilled(_ name: String, count: Int) async throws(DeliveryError) -> [UInt8] {
        guard count > 0 else { return [] }
        let bytes = try await onBlocking { () throws(FileError) in
            let file = try platform.files.open(path(of: name), .read)
            defer { file.close() }
            return try file.read(at: 0, count: count)
        }
        guard bytes.count == count else {
            throw DeliveryError(.staging, "\(path(of: name)) has fewer bytes than were written to it")
        }
        return bytes
    }

    func size(of name: String) async throws(DeliveryError) -> Int64? {
        try await onBlocking { () throws(FileError) in try platform.files.size(of: path(of: name)) }
    }

    func remove(_ names: [String]) async throws(DeliveryError) {
        try await onBlocking { () throws(FileError) in
            for name in names where try platform.files.size(of: path(of: name)) != nil {
                try platform.files.remove(path(of: name))
            }
        }
    }

    private func onBlocking<T: Sendable>(
        _ work: @Sendable () throws(FileError) -> T
    ) async throws(DeliveryError) -> T {
        do throws(FileError) {
            return try await platform.onBlocking(work)
        } catch {
            throw DeliveryError(.staging, "staging: \(error)")
        }
    }
}

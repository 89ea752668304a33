package import Platform

/// One object on its way: what the plan says, and the staged file to stream from.
package struct LandingObject: Sendable {
    /// The size of the pieces that content comes in.
    package static let pieceBytes = 1 << 20

    package let key: String
    package let size: Int64
    package let checksum: ObjectChecksum
    package let plan: PlanTag
    /// The staged file; also readable in any other order by a destination that needs two passes.
    package let path: String
    package let platform: Platform

    package init(
        key: String,
        size: Int64,
        checksum: ObjectChecksum,
        plan: PlanTag,
        path: String,
        platform: Platform
    ) {
        self.key = key
        self.size = size
        self.checksum = checksum
        self.plan = plan
        self.path = path
        self.platform = platform
    }

    /// Opens the staged file for one pass.
    package func content() async throws(DestinationError) -> LandingContent {
        try await LandingContent(self)
    }
}

/// One pass over a staged file, piece by piece; memory does not depend on the file's size.
///
/// The pass fails before its last piece if size or checksum are not the plan's, so bytes that rotted in staging are
/// never acknowledged. Whoever opens it closes it, or lets go of it.
package final class LandingContent: Sendable {
    private let object: LandingObject
    private let file: any File

    fileprivate init(_ object: LandingObject) async throws(DestinationError) {
        self.object = object
        do throws(FileError) {
            file = try await object.platform.onBlocking { () throws(FileError) in
                try object.platform.files.open(object.path, .read)
            }
        } catch {
            throw Self.failure(error, path: object.path)
        }
    }

    /// Gives every piece to `take`, in order; the last only once all were checked to be the plan's.
    package func forEachPiece(
        _ take: (_ piece: [UInt8], _ position: Int64) async throws(DestinationError) -> Void
    ) async throws(DestinationError) {
        var pieces = pieces()
        while let (piece, position) = try await pieces.next() {
            try await take(piece, position)
        }
    }

    /// The same pass for who needs no bytes, in one visit to the blocking threads and with one buffer.
    package func verify() async throws(DestinationError) {
        let size = object.size
        let sum = try await onFile { (file) throws(FileError) in
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LandingObject.pieceBytes, alignment: 16)
            defer { unsafe buffer.deallocate() }
            var sum = ChecksumStream()
            while sum.size < size, !Task.isCancelled {
                let count = try unsafe file.read(at: sum.size, into: buffer)
                guard count > 0 else { break }
                unsafe sum.add(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            }
            return sum
        }
        guard !Task.isCancelled else { throw .cancelled }
        try await check(sum)
    }

    /// The same pass for who asks for piece after piece.
    package func pieces() -> Pieces {
        Pieces(self)
    }

    /// One pass over the content.
    package struct Pieces: Sendable {
        private let content: LandingContent
        private var sum = ChecksumStream()
        private var isOver = false

        fileprivate init(_ content: LandingContent) {
            self.content = content
        }

        /// The next piece and where it begins; nil after the last.
        ///
        /// Damage is thrown in place of the last piece, so nobody who takes pieces ever holds a damaged whole.
        package mutating func next() async throws(DestinationError) -> (piece: [UInt8], position: Int64)? {
            guard !isOver else { return nil }
            guard !Task.isCancelled else { throw .cancelled }
            let position = sum.size
            let piece = try await content.piece(at: position)
            sum.add(piece)
            if piece.isEmpty || sum.size >= content.object.size {
                isOver = true
                try await content.check(sum)
            }
            return piece.isEmpty ? nil : (piece, position)
        }
    }

    package func close() {
        file.close()
    }

    private func piece(at position: Int64) async throws(DestinationError) -> [UInt8] {
        try await onFile { (file) throws(FileError) in try file.read(at: position, count: LandingObject.pieceBytes) }
    }

    private func check(_ sum: ChecksumStream) async throws(DestinationError) {
        let size = try await onFile { (file) throws(FileError) in try file.size() }
        guard sum.size == object.size, size == object.size else {
            throw .damaged(object.path, "it is not \(object.size) bytes long")
        }
        guard sum.checksum == object.checksum else {
            throw .damaged(object.path, "its checksum is not the plan's")
        }
    }

    private func onFile<T: Sendable>(
        _ work: @Sendable (any File) throws(FileError) -> T
    ) async throws(DestinationError) -> T {
        let file = file
        do throws(FileError) {
            return try await object.platform.onBlocking { () throws(FileError) in try work(file) }
        } catch {
            throw Self.failure(error, path: object.path)
        }
    }

    /// A file that is gone is made again; anything else (too many open files, an I/O error) may pass.
    private static func failure(_ error: FileError, path: String) -> DestinationError {
        error.isNotFound
            ? .damaged(path, "it is gone")
            : DestinationError(.unreachable, error.description, remedy: .retry(after: nil))
    }
}

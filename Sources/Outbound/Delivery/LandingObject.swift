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
/// The pass fails at its end if size or checksum are not the plan's, so bytes that rotted in staging are never
/// acknowledged. Whoever opens it closes it.
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

    /// Gives every piece to `take`, in order, then checks that they were the plan's.
    package func forEachPiece(
        _ take: (_ piece: [UInt8], _ position: Int64) async throws(DestinationError) -> Void
    ) async throws(DestinationError) {
        var sum = ChecksumStream()
        while sum.size <= object.size {
            guard !Task.isCancelled else { throw .cancelled }
            let piece = try await piece(at: sum.size)
            if piece.isEmpty { break }
            let position = sum.size
            sum.add(piece)
            guard sum.size <= object.size else { break }
            try await take(piece, position)
        }
        guard sum.size == object.size else {
            throw .damaged(object.path, "it is not \(object.size) bytes long")
        }
        guard sum.checksum == object.checksum else {
            throw .damaged(object.path, "its checksum is not the plan's")
        }
    }

    package func close() {
        file.close()
    }

    private func piece(at position: Int64) async throws(DestinationError) -> [UInt8] {
        let file = file
        do throws(FileError) {
            return try await object.platform.onBlocking { () throws(FileError) in
                try file.read(at: position, count: LandingObject.pieceBytes)
            }
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

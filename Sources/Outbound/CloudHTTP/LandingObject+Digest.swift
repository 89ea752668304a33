package import Delivery
internal import Platform

extension LandingObject {
    /// One pass over the staged file, piece by piece on the threads for computation, as for a digest.
    ///
    /// Memory does not depend on the file's size; a damaged file fails the pass.
    package func digested<Digest: Sendable>(
        by initial: Digest,
        _ add: @Sendable (inout Digest, [UInt8]) -> Void
    ) async throws(DestinationError) -> Digest {
        let content = try await content()
        defer { content.close() }
        var pieces = content.pieces()
        var digest = initial
        while let (piece, _) = try await pieces.next() {
            digest = await platform.onCompute { [digest] in
                var next = digest
                add(&next, piece)
                return next
            }
        }
        return digest
    }
}

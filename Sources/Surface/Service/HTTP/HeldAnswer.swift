import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization

extension Response {
    /// What a connection takes at once.
    private static let pieceBytes = 64 << 10

    /// The same answer, its bytes counted in the budget until the client has taken them.
    ///
    /// Whoever does not read answers holds what requests could have, and no more: while the budget is spent, none are
    /// taken. A small answer stays as it is.
    func held(by budget: BodyBudget, on channel: any Channel) async throws -> Response {
        guard let count = body.contentLength, count > Self.pieceBytes else { return self }
        let held = budget.hold(count)
        let collected = CollectedBody()
        try await body.write(collected)
        var answer = self
        answer.body = ResponseBody(contentLength: count) { writer in
            defer { withExtendedLifetime(held) {} }
            while let piece = collected.take(upTo: Self.pieceBytes) {
                try await writer.write(piece)
                // What was written has reached the channel by then, so that the next piece waits if it is full.
                try await channel.eventLoop.submit {}.get()
            }
            try await writer.finish(nil)
        }
        return answer
    }
}

/// A body's bytes, as they are written.
private final class CollectedBody: ResponseBodyWriter, Sendable {
    private let bytes = Mutex(ByteBuffer())

    func write(_ buffer: ByteBuffer) async throws {
        bytes.withLock { bytes in
            if bytes.readableBytes == 0 { bytes = buffer } else { bytes.writeImmutableBuffer(buffer) }
        }
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}

    /// The next bytes; nil at the end.
    func take(upTo count: Int) -> ByteBuffer? {
        bytes.withLock { bytes in
            bytes.readableBytes > 0 ? bytes.readSlice(length: min(bytes.readableBytes, count)) : nil
        }
    }
}

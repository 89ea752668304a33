import HTTPTypes
import Hummingbird
import Intake
import NIOCore
import Synchronization

extension Response {
    /// The same answer, its bytes counted in the budget until the client has taken them.
    ///
    /// Whoever does not read answers holds what other answers could have, and no more: while the budget is spent, no
    /// large ones are given. A small answer stays as it is.
    func held(by budget: BodyBudget, on channel: any Channel) async throws -> Response {
        guard let count = body.contentLength, count > IntakeAnswer.smallBytesMax else { return self }
        guard let held = budget.hold(count) else { throw RouteError.answersBusy }
        let collected = CollectedBody()
        try await body.write(collected)
        var answer = self
        answer.body = ResponseBody(contentLength: count) { writer in
            defer { withExtendedLifetime(held) {} }
            try await writer.write(inPieces: collected.all, on: channel)
            try await writer.finish(nil)
        }
        return answer
    }
}

/// What of an answer is given to a connection at once, and what the system takes ahead of the client.
enum AnswerPiece {
    static let bytes = 64 << 10
}

extension ResponseBodyWriter {
    /// Writes piece by piece, so that a client is seen to take each, and only as much waits in the connection.
    @concurrent
    mutating func write(inPieces buffer: ByteBuffer, on channel: any Channel) async throws {
        var rest = buffer
        while rest.readableBytes > 0, let piece = rest.readSlice(length: min(rest.readableBytes, AnswerPiece.bytes)) {
            try await write(piece)
            // What was written has reached the channel by then, so that the next piece waits if it is full.
            try await channel.eventLoop.submit {}.get()
        }
    }
}

/// A body's bytes, as they are written.
private final class CollectedBody: ResponseBodyWriter, Sendable {
    private let bytes = Mutex(ByteBuffer())

    var all: ByteBuffer { bytes.withLock { $0 } }

    func write(_ buffer: ByteBuffer) async throws {
        bytes.withLock { bytes in
            if bytes.readableBytes == 0 { bytes = buffer } else { bytes.writeImmutableBuffer(buffer) }
        }
    }

    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

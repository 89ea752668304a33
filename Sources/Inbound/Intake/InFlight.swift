import Synchronization

/// Bytes of bodies that may be worked on at once.
final class ByteBudget: Sendable {
    private let held = Atomic(0)
    let bytesMax: Int

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    var bytes: Int { held.load(ordering: .relaxed) }

    /// Takes `more` bytes for one that holds `mine`; false, and nothing taken, when they do not fit.
    ///
    /// One body alone is let through, however large: it could never be sent else.
    func take(_ more: Int, holding mine: Int) -> Bool {
        let (_, new) = held.add(more, ordering: .relaxed)
        if new <= bytesMax || new == mine + more { return true }
        held.subtract(more, ordering: .relaxed)
        return false
    }

    func give(back count: Int) { held.subtract(count, ordering: .relaxed) }
}

/// What one request holds of both budgets, the service's and its source's, from before it is decompressed until it is
/// answered.
struct InFlight: ~Copyable {
    private let service: ByteBudget
    private let source: ByteBudget
    private var bytes = 0

    init(service: ByteBudget, source: ByteBudget) {
        self.service = service
        self.source = source
    }

    /// Holds `wanted` bytes in all, or throws which budget is spent and keeps what it has.
    mutating func hold(_ wanted: Int) throws(BodyError) {
        let more = wanted - bytes
        if more <= 0 { return release(-more) }
        guard service.take(more, holding: bytes) else {
            throw .again(503, "busy", "too many bytes are being worked on; try again")
        }
        guard source.take(more, holding: bytes) else {
            service.give(back: more)
            throw .again(429, "source_busy", "the source's in-flight limit is reached; try again")
        }
        bytes = wanted
    }

    /// To be called at the end, whatever that is.
    mutating func release() { release(bytes) }

    private mutating func release(_ count: Int) {
        service.give(back: count)
        source.give(back: count)
        bytes -= count
    }
}

import Crypto
import Platform

/// Some events of one file as they go in one request: NDJSON, one event a line.
struct EventBatch: Sendable {
    /// Where the events come from, for messages.
    let origin: String
    /// The number of the first event in its file, from 0.
    let first: Int
    private(set) var body: [UInt8] = []
    /// Where each event ends in ``body``, behind its line end.
    private(set) var ends: [Int] = []

    init(origin: String, first: Int) {
        self.origin = origin
        self.first = first
    }

    var count: Int { ends.count }

    mutating func append(_ event: [UInt8]) {
        body.append(contentsOf: event)
        body.append(UInt8(ascii: "\n"))
        ends.append(body.count)
    }

    /// The same for the same events at the same place of a file, whichever run sends them: so records without an id get
    /// the same id again, and a repeated send is recognised.
    var idempotencyKey: String {
        var hash = SHA256()
        hash.update(data: body)
        let digest = hash.finalize().prefix(16)
        return "send-\(first)-\(count)-" + Hex.text(Array(digest))
    }

    /// Two batches that hold the same events, in order; each at least one.
    func halved() -> (EventBatch, EventBatch) {
        let middle = count / 2
        var left = EventBatch(origin: origin, first: first)
        var right = EventBatch(origin: origin, first: first + middle)
        for index in 0..<count {
            let start = index == 0 ? 0 : ends[index - 1]
            let event = [UInt8](body[start..<(ends[index] - 1)])
            if index < middle { left.append(event) } else { right.append(event) }
        }
        return (left, right)
    }
}

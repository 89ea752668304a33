import Avro
import Crypto
import Platform

/// How an event is written, which decides where it is posted.
enum EventForm: Sendable, Hashable {
    /// One flat object: `POST /v1/events`.
    case flat
    /// The Currents envelope, with `user` and `properties` as objects: `POST /v1/currents`.
    case envelope

    init(_ event: [UInt8]) {
        self = Self.mayBeEnvelope(event) && Self.isEnvelope(event) ? .envelope : .flat
    }

    private static let names = ["\"properties\"", "\"user\""].map { Array($0.utf8) }

    /// Whether one of the names occurs at all, which few flat events have.
    private static func mayBeEnvelope(_ event: [UInt8]) -> Bool {
        event.indices.contains { start in
            guard event[start] == UInt8(ascii: "\""), start + 1 < event.count else { return false }
            return names.contains { $0[1] == event[start + 1] && event[start...].starts(with: $0) }
        }
    }

    private static func isEnvelope(_ event: [UInt8]) -> Bool {
        guard let value = try? JSONValue(parsing: String(decoding: event, as: UTF8.self)) else { return false }
        return ["user", "properties"].contains { name in
            if case .object? = value[name] { true } else { false }
        }
    }
}

/// Some events of one file as they go in one request, all in one form, one event a line.
struct EventBatch: Sendable {
    /// Where the events come from, for messages.
    let origin: String
    /// The number of the first event in its file, from 0.
    let first: Int
    let form: EventForm
    /// NDJSON.
    private(set) var body: [UInt8] = []
    /// Where each event ends in ``body``, behind its line end.
    private(set) var ends: [Int] = []

    init(origin: String, first: Int, form: EventForm) {
        self.origin = origin
        self.first = first
        self.form = form
    }

    var count: Int { ends.count }

    mutating func append(_ event: [UInt8]) {
        body.append(contentsOf: event)
        body.append(UInt8(ascii: "\n"))
        ends.append(body.count)
    }

    /// What is posted, and as what.
    var content: (type: String, body: [UInt8]) {
        guard form == .envelope else { return ("application/x-ndjson", body) }
        var envelope = Array("{\"events\":[".utf8)
        envelope.reserveCapacity(body.count + 16)
        var start = 0
        for end in ends {
            if start > 0 { envelope.append(UInt8(ascii: ",")) }
            envelope += body[start..<(end - 1)]
            start = end
        }
        envelope += Array("]}".utf8)
        return ("application/json", envelope)
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
        var left = EventBatch(origin: origin, first: first, form: form)
        var right = EventBatch(origin: origin, first: first + middle, form: form)
        for index in 0..<count {
            let start = index == 0 ? 0 : ends[index - 1]
            let event = [UInt8](body[start..<(ends[index] - 1)])
            if index < middle { left.append(event) } else { right.append(event) }
        }
        return (left, right)
    }
}

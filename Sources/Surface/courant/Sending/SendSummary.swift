/// One event that the server did not take, and why.
struct RejectedEvent: Codable, Sendable {
    let file: String
    /// The event's number in its file, from 1.
    let event: Int
    let id: String?
    let code: String
    let field: String?
    let message: String

    var sentence: String {
        let place = "\(file), event \(event)" + (id.map { " (id \($0))" } ?? "")
        return "\(place): \(code)\(field.map { " in \($0)" } ?? ""): \(message)"
    }
}

/// What became of the events that were sent.
struct SendSummary: Codable, Sendable {
    var sent = 0
    var accepted = 0
    var duplicates = 0
    var rejected = 0
    /// Events in the Currents envelope that became dead letters: the server has them, they must not be sent again.
    var setAside = 0
    /// Events that have a field of that name, which their types have not: the server left it out.
    var leftOut: [String: Int] = [:]
    /// The first rejections, in the order in which they were answered.
    var rejections: [RejectedEvent] = []

    private enum CodingKeys: String, CodingKey {
        case sent, accepted, duplicates, rejected, rejections
        case setAside = "set_aside"
        case leftOut = "left_out"
    }

    /// As many as help to find the cause; a whole file of them would hide it.
    static let rejectionsKept = 20

    /// What was left out, for people: the field of most events first.
    var leftOutLines: [String] {
        let fields = leftOut.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        var lines = fields.prefix(Self.rejectionsKept).map { field, events in
            "Field \(field) was left out of \(Figures.count(events, "event")): an event of that type has no such field."
        }
        if fields.count > lines.count {
            lines.append("… and \(Figures.count(fields.count - lines.count, "other field")).")
        }
        return lines
    }

    mutating func add(_ other: SendSummary) {
        sent += other.sent
        accepted += other.accepted
        duplicates += other.duplicates
        rejected += other.rejected
        setAside += other.setAside
        leftOut.merge(other.leftOut, uniquingKeysWith: +)
        rejections.append(contentsOf: other.rejections.prefix(max(0, Self.rejectionsKept - rejections.count)))
    }
}

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
    var leftOut: [EventsAnswer.LeftOut] = []
    /// The first rejections, in the order in which they were answered.
    var rejections: [RejectedEvent] = []

    private enum CodingKeys: String, CodingKey {
        case sent, accepted, duplicates, rejected, rejections
        case setAside = "set_aside"
        case leftOut = "left_out"
    }

    /// As many as help to find the cause; a whole file of them would hide it.
    static let rejectionsKept = 20
    /// Names of fields beyond these are made up anew for each event.
    private static let fieldsKept = 1_000

    /// What was left out, for people: the field of most events first.
    var leftOutLines: [String] {
        let fields = leftOut.sorted { ($0.events, $1.field) > ($1.events, $0.field) }
        var lines = fields.prefix(Self.rejectionsKept).map { left in
            "Field \(left.field) was left out of \(Figures.count(left.events, "event")): "
                + "an event of that type has no such field."
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
        for left in other.leftOut {
            if let place = leftOut.firstIndex(where: { $0.field == left.field }) {
                leftOut[place].events += left.events
            } else if leftOut.count < Self.fieldsKept {
                leftOut.append(left)
            }
        }
        rejections.append(contentsOf: other.rejections.prefix(max(0, Self.rejectionsKept - rejections.count)))
    }
}

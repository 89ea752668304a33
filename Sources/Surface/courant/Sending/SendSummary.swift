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
    /// The first rejections, in the order in which they were answered.
    var rejections: [RejectedEvent] = []

    private enum CodingKeys: String, CodingKey {
        case sent, accepted, duplicates, rejected, rejections
        case setAside = "set_aside"
    }

    /// As many as help to find the cause; a whole file of them would hide it.
    static let rejectionsKept = 20

    mutating func add(_ other: SendSummary) {
        sent += other.sent
        accepted += other.accepted
        duplicates += other.duplicates
        rejected += other.rejected
        setAside += other.setAside
        rejections.append(contentsOf: other.rejections.prefix(max(0, Self.rejectionsKept - rejections.count)))
    }
}

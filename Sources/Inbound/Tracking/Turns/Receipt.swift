import Avro

/// From where conversions are counted: a message that a user received, or an entry into a canvas.
struct Receipt: Sendable, Hashable {
    let id: String
    let time: Int64
    let owner: MessageOwner
    /// What a conversion's event takes over.
    let fields: Fields
    /// One bit for each of the rules A to D that has been fulfilled.
    var converted: Int64

    static let fieldNames: Set<String> = [
        "user_id", "external_user_id", "timezone", "campaign_id", "campaign_name", "message_variation_id",
        "message_variation_name", "send_id", "canvas_id", "canvas_name", "canvas_variation_id",
        "canvas_variation_name", "app_group_id",
    ]

    init(id: String, time: Int64, owner: MessageOwner, fields: Fields) {
        self.id = id
        self.time = time
        self.owner = owner
        self.fields = fields.only(Self.fieldNames)
        converted = 0
    }

    /// Reads what `text` wrote; nil where it is something else.
    init?(_ name: ReceiptName, text: String) {
        guard let json = try? JSONValue(parsing: text), case .object(let members)? = json["fields"],
            let converted = json["converted"]?.integer
        else { return nil }
        id = name.id
        time = name.time
        owner = name.owner
        fields = Fields(members)
        self.converted = converted
    }

    var name: ReceiptName { ReceiptName(time: time, id: id, owner: owner) }

    func hasConverted(_ index: Int) -> Bool { converted & 1 << Int64(index) != 0 }

    mutating func convert(_ index: Int) { converted |= 1 << Int64(index) }

    var text: String {
        JSONValue.object([
            .init("converted", .number("\(converted)")), .init("fields", .object(fields.members)),
        ]).text
    }
}

/// What the row of a receipt is called: time, id and owner, so that what no deed can fulfil is never read.
struct ReceiptName: Sendable, Hashable, Comparable {
    let time: Int64
    let id: String
    let owner: MessageOwner

    init(time: Int64, id: String, owner: MessageOwner) {
        self.time = time
        self.id = id
        self.owner = owner
    }

    /// Reads what `tail` wrote; nil where it is something else.
    init?(_ tail: String) {
        let parts = tail.partsBetweenBlanks(atMost: 4)
        guard parts.count == 4, let time = OrderedText.number(parts[0]) else { return nil }
        switch parts[2] {
        case "campaign": owner = .campaign(parts[3])
        case "canvas": owner = .canvas(parts[3])
        default: return nil
        }
        self.time = time
        id = parts[1]
    }

    /// An id of a receipt has no blanks: tracking makes it.
    var tail: String {
        switch owner {
        case .campaign(let campaign): "\(OrderedText.text(time)) \(id) campaign \(campaign)"
        case .canvas(let canvas): "\(OrderedText.text(time)) \(id) canvas \(canvas)"
        }
    }

    var mark: ReceiptMark { ReceiptMark(time: time, id: id) }

    static func < (one: ReceiptName, other: ReceiptName) -> Bool { one.mark < other.mark }
}

/// A place in the order in which a user's receipts are gone through.
struct ReceiptMark: Sendable, Hashable, Comparable {
    let time: Int64
    let id: String

    init(time: Int64, id: String) {
        self.time = time
        self.id = id
    }

    /// Reads what `text` wrote; nil where it is something else.
    init?(_ text: String) {
        guard let time = OrderedText.number(text), text.utf8.count > 17 else { return nil }
        self.time = time
        id = String(text.dropFirst(17))
    }

    var text: String { "\(OrderedText.text(time)) \(id)" }

    static func < (one: ReceiptMark, other: ReceiptMark) -> Bool { (one.time, one.id) < (other.time, other.id) }
}

/// How far a deed has come through its user's receipts.
enum DeedProgress: Sendable, Hashable {
    case done
    /// A later turn goes on behind that one; nil: from the beginning.
    case goesOn(after: ReceiptMark?)
}

/// Where a receipt stands.
struct ReceiptPlace: Sendable, Hashable {
    let day: StateDay
    let head: RowHead
}

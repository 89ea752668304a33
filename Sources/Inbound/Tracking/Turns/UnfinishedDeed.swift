import Avro
import Telemetry

/// What a user did of which not all is decided: it fulfils more than one turn decides, or came behind such a one.
///
/// A user's stand in one queue, in the order in which they were taken in, and later turns go on with them.
struct UnfinishedDeed: Sendable, Hashable {
    private enum Kind: String {
        case customEvent
        case purchase
        case session
        case openedOfCampaign
        case openedOfCanvas
        case clickedOfCampaign
        case clickedOfCanvas
    }

    let deed: Deed
    let time: Int64
    /// The name of the source under which it came, and under which its conversions go out.
    let source: String
    /// The user's ids, and the app in which it was done.
    let fields: Fields

    init(_ deed: Deed, at time: Int64, source: String, _ fields: Fields) {
        self.deed = deed
        self.time = time
        self.source = source
        self.fields = fields.only(WaitingDeed.fieldNames)
    }

    /// Reads what `text` wrote; nil where it is something else.
    init?(text: String) {
        guard let json = try? JSONValue(parsing: text), let kind = json["kind"]?.string.flatMap(Kind.init),
            let time = json["time"]?.integer, let source = json["source"]?.string, let name = json["name"]?.string,
            case .object(let members)? = json["fields"]
        else { return nil }
        self.time = time
        self.source = source
        fields = Fields(members)
        deed =
            switch kind {
            case .customEvent: .customEvent(name: name, properties: json["properties"] ?? .null)
            case .purchase: .purchase(product: name, price: JSONNumber.double(json["price"]) ?? 0)
            case .session: .session
            case .openedOfCampaign: .opened(.campaign(name))
            case .openedOfCanvas: .opened(.canvas(name))
            case .clickedOfCampaign: .clicked(.campaign(name))
            case .clickedOfCanvas: .clicked(.canvas(name))
            }
    }

    var json: JSONValue {
        let kind: Kind
        let name: String
        var more: [JSONValue.Member] = []
        switch deed {
        case .customEvent(let event, let properties):
            (kind, name) = (.customEvent, event)
            more = [.init("properties", properties)]
        case .purchase(let product, let price):
            (kind, name) = (.purchase, product)
            more = [.init("price", JSONNumber.value(price))]
        case .session: (kind, name) = (.session, "")
        case .opened(.campaign(let id)): (kind, name) = (.openedOfCampaign, id)
        case .opened(.canvas(let id)): (kind, name) = (.openedOfCanvas, id)
        case .clicked(.campaign(let id)): (kind, name) = (.clickedOfCampaign, id)
        case .clicked(.canvas(let id)): (kind, name) = (.clickedOfCanvas, id)
        }
        return .object(
            [
                .init("kind", .string(kind.rawValue)), .init("name", .string(name)), .init("time", .number("\(time)")),
                .init("source", .string(source)), .init("fields", .object(fields.members)),
            ] + more
        )
    }
}

/// That deeds of a user wait to be gone on with, and behind which receipt with the first of them.
struct UnfinishedUser: Sendable, Hashable {
    /// The tail of its row among what ripens.
    static let tail = "unfinished"

    let user: String
    let mark: ReceiptMark?

    init(_ user: String, after mark: ReceiptMark?) {
        self.user = user
        self.mark = mark
    }

    /// Reads what `text` wrote; nil where it is something else.
    init?(text: String) {
        guard let json = try? JSONValue(parsing: text), let user = json["user"]?.string else { return nil }
        self.user = user
        mark = json["mark"]?.string.flatMap(ReceiptMark.init)
    }

    var text: String {
        JSONValue.object([
            .init("user", .string(user)), .init("mark", mark.map { .string($0.text) } ?? .null),
        ]).text
    }
}

extension Turn {
    /// Emits the conversions that a deed fulfils: once for each receipt and rule.
    ///
    /// For what a user's own device reports, which keeps its order. Of more than one turn decides the rest is left to
    /// later ones, and so is what the user does meanwhile.
    mutating func convert(_ fields: Fields, by deed: Deed, at time: Int64) throws(TrackingError) {
        guard let user = Self.userKey(fields), !book.owners(convertedBy: deed).isEmpty else { return }
        let unfinished = UnfinishedDeed(deed, at: time, source: source.name, fields)
        guard try !isBusy(user) else { return putOff(unfinished, of: user) }
        guard case .goesOn(let mark) = try goOn(unfinished, after: nil) else { return }
        putOff(unfinished, of: user)
        if memory.isBusy[user] == true { putOff(user, after: mark) }
    }

    /// Goes on with the deeds of a user, the first taken in first; answers whether some are left.
    mutating func goOn(_ waiting: UnfinishedUser) throws(TrackingError) -> Bool {
        let user = waiting.user
        let place = unfinishedPlace(user)
        var mark = waiting.mark
        var start = ""
        while let row = try view.first(.deeds, place, from: start) {
            guard hasRoom, memory.receiptsLeft > 0 else {
                putOff(user, after: mark)
                return true
            }
            // A deed without receipts costs something, too.
            memory.receiptsLeft -= 1
            let own = source
            if let deed = UnfinishedDeed(text: row.value), let source = sources[deed.source] {
                self.source = source
                let progress = try goOn(deed, after: mark)
                self.source = own
                if case .goesOn(let mark) = progress {
                    putOff(user, after: mark)
                    return true
                }
            } else {
                metrics.orphaned.add()
            }
            view.remove(.deeds, place, row.tail)
            // Behind it in the order of the bytes, and before any other of these tails, which are of one length.
            start = row.tail + " "
            mark = nil
        }
        memory.isBusy[user] = false
        return false
    }

    private mutating func goOn(
        _ unfinished: UnfinishedDeed,
        after mark: ReceiptMark?
    ) throws(TrackingError) -> DeedProgress {
        let (time, fields) = (unfinished.time, unfinished.fields)
        let users = Self.userKeys(fields)
        return try fulfil(users, unfinished.deed, at: time, after: mark) {
            (turn, receipt, rules) throws(TrackingError) in
            for (index, rule) in rules where rule.isWithinWindow(receipt: receipt.time, deed: time) {
                receipt.convert(index)
                try turn.makeConversion(receipt, index, rule, fields, users, time)
            }
        }
    }

    /// Gives up the first of a user's deeds, whose conversions no record holds, and lets a later turn go on with the
    /// others.
    mutating func giveUp(_ waiting: UnfinishedUser) throws(TrackingError) {
        let place = unfinishedPlace(waiting.user)
        guard let row = try view.first(.deeds, place) else { return }
        view.remove(.deeds, place, row.tail)
        setAsideDeed(row.value)
        putOff(waiting.user, after: nil)
    }

    /// What was done becomes a dead letter, as it stands in the state.
    mutating func setAsideDeed(_ text: String) {
        let message = "a conversion of what was done changes more than half a record (journal.segment) holds"
        setAside((try? JSONValue(parsing: text)) ?? .string(text), code: "event_too_large", message: message)
    }

    private func unfinishedPlace(_ user: String) -> RowHead { ids.head("unfinished", user) }

    private mutating func isBusy(_ user: String) throws(TrackingError) -> Bool {
        if let isBusy = memory.isBusy[user] { return isBusy }
        let isBusy = try view.first(.deeds, unfinishedPlace(user)) != nil
        memory.isBusy[user] = isBusy
        return isBusy
    }

    /// Puts a deed behind those of its user; one that takes too much of a record is set aside.
    private mutating func putOff(_ deed: UnfinishedDeed, of user: String) {
        metrics.putOff.add()
        let text = deed.json.text
        guard text.utf8.count < roomBytes / 2 else {
            let message = "the user has more messages than one turn decides, and what was done is too long to wait"
            return setAside(deed.json, code: "event_too_large", message: message)
        }
        let tail = OrderedText.text(sequence) + OrderedText.text(Int64(view.mark))
        view.put(.deeds, unfinishedPlace(user), tail, text)
        memory.isBusy[user] = true
    }

    /// Lets a later turn go on with the deeds of a user, behind those that it has to go on with already.
    private mutating func putOff(_ user: String, after mark: ReceiptMark?) {
        let due = now.clampedSubtract(settings.overtake.components.seconds)
        let head = RowHead(high: UInt64(max(0, due)), low: unfinishedPlace(user).low)
        view.put(.ripening, head, UnfinishedUser.tail, UnfinishedUser(user, after: mark).text)
    }
}

import Avro
import Intake

/// An open or a click as it waits until the conversions that it may make can be decided.
///
/// Providers tell of opens and clicks in any order. The earliest within a rule's window converts, whichever was told
/// first, so a conversion is decided when `overtake` has passed since the first that fulfils it was taken in.
struct WaitingDeed: Sendable, Hashable {
    enum Kind: String, Sendable {
        case opened
        case clicked
    }

    let kind: Kind
    let owner: MessageOwner
    /// The event that it is.
    let id: String
    let time: Int64
    /// When it was taken in, in seconds since 1970.
    let taken: Int64
    /// The name of the source under which it came, and under which its conversions go out.
    let source: String
    /// Who did it, as state is kept for them.
    let user: String
    /// The user's ids, and the app in which it was done.
    let fields: Fields

    static let fieldNames: Set<String> = ["user_id", "external_user_id", "app_id"]

    /// Nil where nobody is known to have done it.
    init?(
        _ kind: Kind,
        _ owner: MessageOwner,
        of happening: Happening,
        _ fields: Fields,
        taken: Int64,
        source: String
    ) {
        guard let user = Turn.userKey(fields) else { return nil }
        self.user = user
        self.kind = kind
        self.owner = owner
        id = happening.id
        time = happening.time
        self.taken = taken
        self.source = source
        self.fields = fields.only(Self.fieldNames)
    }

    /// Reads what `text` wrote; nil where it is something else.
    init?(text: String) {
        guard let json = try? JSONValue(parsing: text), let kind = json["kind"]?.string.flatMap(Kind.init),
            let id = json["id"]?.string, let time = json["time"]?.integer, let taken = json["taken"]?.integer,
            let source = json["source"]?.string, case .object(let members)? = json["fields"],
            let user = Turn.userKey(Fields(members))
        else { return nil }
        self.user = user
        if let campaign = json["campaign_id"]?.string {
            owner = .campaign(campaign)
        } else if let canvas = json["canvas_id"]?.string {
            owner = .canvas(canvas)
        } else {
            return nil
        }
        self.kind = kind
        self.id = id
        self.time = time
        self.taken = taken
        self.source = source
        fields = Fields(members)
    }

    var text: String {
        let owned: JSONValue.Member =
            switch owner {
            case .campaign(let id): .init("campaign_id", .string(id))
            case .canvas(let id): .init("canvas_id", .string(id))
            }
        return JSONValue.object([
            .init("kind", .string(kind.rawValue)), owned, .init("id", .string(id)), .init("time", .number("\(time)")),
            .init("taken", .number("\(taken)")), .init("source", .string(source)),
            .init("fields", .object(fields.members)),
        ]).text
    }

    var deed: Deed {
        switch kind {
        case .opened: .opened(owner)
        case .clicked: .clicked(owner)
        }
    }

    /// Whether it comes before another, however they arrived.
    func precedes(_ other: WaitingDeed) -> Bool { (time, id) < (other.time, other.id) }

    /// Where all deeds of the same kind stand that the user did with messages of the same owner.
    func place(_ ids: TrackingIDs) -> RowHead {
        switch owner {
        case .campaign(let id): ids.head("deeds", user, kind.rawValue, "campaign", id)
        case .canvas(let id): ids.head("deeds", user, kind.rawValue, "canvas", id)
        }
    }
}

extension Turn {
    /// Notes that a message was opened or clicked; what that converts is decided later, or now where nothing waits.
    mutating func note(_ happening: Happening, _ kind: WaitingDeed.Kind, _ fields: Fields) throws(TrackingError) {
        guard let owner = MessageOwner(fields),
            let deed = WaitingDeed(kind, owner, of: happening, fields, taken: now, source: source.name),
            book.mayConvert(owner, by: deed.deed)
        else { return }
        guard settings.overtake > .zero else { return try convert(fields, by: deed.deed, at: happening.time) }
        let place = deed.place(ids)
        view.put(.deeds, place, deed.id, deed.text)
        view.put(.ripening, RowHead(high: UInt64(max(0, now)), low: place.low), deed.id, deed.text)
    }

    /// Decides the conversions that a deed fulfils which has waited long enough: each goes to the earliest of the deeds
    /// that fulfil it, also where that was told later and waits still.
    mutating func settle(
        _ deed: WaitingDeed,
        sourceNamed: (String) -> TrackingSource?
    ) throws(TrackingError) -> [MadeEvents] {
        let place = deed.place(ids)
        let waiting = try view.rows(.deeds, place).compactMap { WaitingDeed(text: $0.value) }
        view.remove(.deeds, place, deed.id)
        view.remove(.ripening, RowHead(high: UInt64(max(0, deed.taken)), low: place.low), deed.id)
        var made: [MadeEvents] = []
        let own = source
        for (receiptPlace, found) in try receipts(of: deed.user, upTo: deed.time) {
            var receipt = found
            let before = receipt.converted
            for (index, rule) in rules(of: receipt, fulfilledBy: deed.deed) where !receipt.hasConverted(index) {
                let fitting = waiting.filter { rule.isWithinWindow(receipt: receipt.time, deed: $0.time) }
                guard fitting.contains(deed), let first = fitting.min(by: { $0.precedes($1) }) else { continue }
                receipt.convert(index)
                source = sourceNamed(first.source) ?? own
                try draftConversion(receipt, index, rule, first.fields, deed.user, first.time)
                made += try takeConsequences()
            }
            source = own
            if receipt.converted != before { put(receipt, at: receiptPlace) }
        }
        return made
    }
}

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
        memory.deeds[place] = nil
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
        let waiting = try waitingDeeds(at: place)
        let index = waiting.firstIndex(notBefore: { $0.precedes(deed) })
        let isWaiting = index < waiting.endIndex && waiting[index] == deed
        view.remove(.deeds, place, deed.id)
        view.remove(.ripening, RowHead(high: UInt64(max(0, deed.taken)), low: place.low), deed.id)
        if isWaiting { memory.deeds[place]?.remove(at: index) }
        let own = source
        if isWaiting {
            try fulfil(deed.user, deed.deed, at: deed.time) { (turn, receipt, rules) throws(TrackingError) in
                // The earliest since the receipt: where this one is within the window, that one is.
                let first = waiting[waiting.firstIndex(notBefore: { $0.time < receipt.time })]
                for (index, rule) in rules where rule.isWithinWindow(receipt: receipt.time, deed: deed.time) {
                    receipt.convert(index)
                    turn.source = sourceNamed(first.source) ?? own
                    try turn.makeConversion(receipt, index, rule, first.fields, deed.user, first.time)
                    turn.source = own
                }
            }
        }
        return takeConsequences()
    }

    /// In the order in which they count.
    private mutating func waitingDeeds(at place: RowHead) throws(TrackingError) -> [WaitingDeed] {
        if let known = memory.deeds[place] { return known }
        let found = try view.rows(.deeds, place).compactMap { WaitingDeed(text: $0.value) }
        let deeds = found.sorted { $0.precedes($1) }
        memory.deeds[place] = deeds
        return deeds
    }
}

import Avro
import Intake
import Telemetry

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
    /// When it was taken in, in seconds since 1970; where it goes on from an earlier turn, `overtake` before that.
    var taken: Int64
    /// The name of the source under which it came, and under which its conversions go out.
    let source: String
    /// Who did it, as state is kept for them.
    let user: String
    /// The user's ids, and the app in which it was done.
    let fields: Fields
    /// Behind which receipt it goes on.
    var mark: ReceiptMark?

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
        mark = json["mark"]?.string.flatMap(ReceiptMark.init)
    }

    var text: String {
        let owned: JSONValue.Member =
            switch owner {
            case .campaign(let id): .init("campaign_id", .string(id))
            case .canvas(let id): .init("canvas_id", .string(id))
            }
        let behind = mark.map { [JSONValue.Member("mark", .string($0.text))] } ?? []
        return JSONValue.object(
            [
                .init("kind", .string(kind.rawValue)), owned, .init("id", .string(id)),
                .init("time", .number("\(time)")), .init("taken", .number("\(taken)")),
                .init("source", .string(source)), .init("fields", .object(fields.members)),
            ] + behind
        ).text
    }

    var deed: Deed {
        switch kind {
        case .opened: .opened(owner)
        case .clicked: .clicked(owner)
        }
    }

    /// Its row's tail at its place: of those of one second only the first by its id is kept.
    var tail: String { OrderedText.text(time) }

    /// Where it stands by the moment at which it was taken in.
    func ripening(_ place: RowHead) -> RowHead { RowHead(high: UInt64(max(0, taken)), low: place.low) }

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
    ///
    /// Of those in one second the first by its id counts: it stands for all of them, since the first was taken in.
    mutating func note(_ happening: Happening, _ kind: WaitingDeed.Kind, _ fields: Fields) throws(TrackingError) {
        guard let owner = MessageOwner(fields),
            var deed = WaitingDeed(kind, owner, of: happening, fields, taken: now, source: source.name),
            book.mayConvert(owner, by: deed.deed)
        else { return }
        guard settings.overtake > .zero else { return try convert(fields, by: deed.deed, at: happening.time) }
        let place = deed.place(ids)
        if let known = try view.value(.deeds, place, deed.tail).flatMap(WaitingDeed.init(text:)) {
            guard deed.id < known.id else { return }
            (deed.taken, deed.mark) = (known.taken, known.mark)
        }
        put(deed, at: place)
    }

    private mutating func put(_ deed: WaitingDeed, at place: RowHead) {
        let text = deed.text
        view.put(.deeds, place, deed.tail, text)
        view.put(.ripening, deed.ripening(place), deed.tail, text)
    }

    /// Decides the conversions that a deed fulfils which has waited long enough: each goes to the earliest of the deeds
    /// that fulfil it, also where that was told later and waits still.
    ///
    /// Of more than one turn decides the rest is left to later ones; it answers whether there is a rest.
    mutating func settle(_ deed: WaitingDeed) throws(TrackingError) -> Bool {
        let place = deed.place(ids)
        let own = source
        var found: WaitingDeed?
        let progress = try fulfil(Self.userKeys(deed.fields), deed.deed, at: deed.time, after: deed.mark) {
            (turn, receipt, rules) throws(TrackingError) in
            for (index, rule) in rules where rule.isWithinWindow(receipt: receipt.time, deed: deed.time) {
                // The earliest since the receipt: where this one is within the window, that one is. Receipts come in
                // the order of time, so what is first for one is first for the next, unless it lies before that.
                if found.map({ $0.time < receipt.time }) ?? true {
                    found = try turn.firstDeed(at: place, since: receipt.time)
                }
                let first = found ?? deed
                receipt.convert(index)
                turn.source = turn.sources[first.source] ?? own
                try turn.makeConversion(receipt, index, rule, first.fields, Self.userKeys(first.fields), first.time)
                turn.source = own
            }
        }
        drop(deed)
        guard case .goesOn(let mark) = progress else { return false }
        if deed.mark == nil { metrics.putOff.add() }
        var rest = deed
        (rest.taken, rest.mark) = (now.clampedSubtract(settings.overtake.components.seconds), mark)
        put(rest, at: place)
        return true
    }

    /// Lets a deed wait no longer.
    mutating func drop(_ deed: WaitingDeed) {
        let place = deed.place(ids)
        view.remove(.deeds, place, deed.tail)
        view.remove(.ripening, deed.ripening(place), deed.tail)
    }

    /// Gives up a deed that waits and whose conversions no record holds.
    mutating func giveUp(_ deed: WaitingDeed) {
        drop(deed)
        setAsideDeed(deed.text)
    }

    private func firstDeed(at place: RowHead, since time: Int64) throws(TrackingError) -> WaitingDeed? {
        try view.first(.deeds, place, from: OrderedText.text(time)).flatMap { WaitingDeed(text: $0.value) }
    }
}

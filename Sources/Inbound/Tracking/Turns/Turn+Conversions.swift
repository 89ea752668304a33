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

    init?(id: String, text: String) {
        guard let json = try? JSONValue(parsing: text), case .object(let members)? = json["fields"],
            let time = json["time"]?.integer, let converted = json["converted"]?.integer
        else { return nil }
        let fields = Fields(members)
        guard let owner = MessageOwner(fields) else { return nil }
        self.id = id
        self.time = time
        self.owner = owner
        self.fields = fields
        self.converted = converted
    }

    func hasConverted(_ index: Int) -> Bool { converted & 1 << Int64(index) != 0 }

    mutating func convert(_ index: Int) { converted |= 1 << Int64(index) }

    var text: String {
        JSONValue.object([
            .init("time", .number("\(time)")), .init("converted", .number("\(converted)")),
            .init("fields", .object(fields.members)),
        ]).text
    }
}

/// Where a receipt stands.
struct ReceiptPlace: Sendable, Hashable {
    let day: StateDay
    let head: RowHead
}

extension Turn {
    /// Whom state is kept for; nil where nobody is named.
    static func userKey(_ fields: Fields) -> String? {
        fields.string("user_id").map { "user \($0)" } ?? fields.string("external_user_id").map { "external \($0)" }
    }

    /// Notes that a user received a message: a campaign's conversions are counted from here, and of a canvas it is the
    /// last step before whatever the user does next.
    mutating func receive(_ context: MessageContext) throws(TrackingError) {
        guard let user = Self.userKey(context.fields) else { return }
        switch context.owner {
        case .campaign(let id):
            guard book.campaign(id, at: context.time)?.conversions.isEmpty == false else { return }
            let receipt = Receipt(
                id: context.messageID,
                time: context.time,
                owner: .campaign(id),
                fields: context.fields
            )
            put(receipt, of: user)
        case .canvas(let id):
            guard let step = context.fields.string("canvas_step_id") else { return }
            let head = ids.head("step", user, id)
            view.put(.steps, day: StateDay(seconds: context.time), head, context.messageID, "\(context.time) \(step)")
        case nil: return
        }
    }

    /// Notes an entry into a canvas or an enrolment in a control group.
    mutating func enter(_ fields: Fields, id: String, time: Int64) {
        guard let user = Self.userKey(fields), let owner = MessageOwner(fields) else { return }
        let rules =
            switch owner {
            case .campaign(let id): book.campaign(id, at: time)?.conversions
            case .canvas(let id): book.canvas(id, at: time)?.conversions
            }
        guard rules?.isEmpty == false else { return }
        put(Receipt(id: id, time: time, owner: owner, fields: fields), of: user)
    }

    private mutating func put(_ receipt: Receipt, of user: String) {
        put(receipt, at: ReceiptPlace(day: StateDay(seconds: receipt.time), head: ids.head("receipts", user)))
    }

    mutating func put(_ receipt: Receipt, at place: ReceiptPlace) {
        view.put(.receipts, day: place.day, place.head, receipt.id, receipt.text)
    }

    /// The receipts of a user that a deed of that time can fulfil, as far as time goes; the latest days first.
    func receipts(of user: String, upTo time: Int64) throws(TrackingError) -> [(place: ReceiptPlace, Receipt)] {
        let head = ids.head("receipts", user)
        let oldest = StateDay(seconds: time - DefinitionLimits.windowSecondsMax)
        var found: [(place: ReceiptPlace, Receipt)] = []
        for day in view.days(of: .receipts) where day >= oldest && day <= StateDay(seconds: time) {
            for row in try view.rows(.receipts, day: day, head) {
                guard let receipt = Receipt(id: row.tail, text: row.value) else { continue }
                found.append((ReceiptPlace(day: day, head: head), receipt))
            }
        }
        return found.reversed()
    }

    /// Emits the conversions that a deed fulfils: once for each receipt and rule.
    ///
    /// For what a user's own device reports, which keeps its order.
    mutating func convert(_ fields: Fields, by deed: Deed, at time: Int64) throws(TrackingError) {
        guard let user = Self.userKey(fields) else { return }
        for (place, found) in try receipts(of: user, upTo: time) {
            var receipt = found
            let before = receipt.converted
            for (index, rule) in rules(of: receipt, fulfilledBy: deed) where !receipt.hasConverted(index) {
                guard rule.isWithinWindow(receipt: receipt.time, deed: time) else { continue }
                receipt.convert(index)
                try draftConversion(receipt, index, rule, fields, user, time)
            }
            if receipt.converted != before { put(receipt, at: place) }
        }
    }

    func rules(of receipt: Receipt, fulfilledBy deed: Deed) -> [(Int, ConversionRule)] {
        switch receipt.owner {
        case .campaign(let id):
            guard let campaign = book.campaign(id, at: receipt.time) else { return [] }
            return campaign.conversions(by: deed).map { ($0, campaign.conversions[$0]) }
        case .canvas(let id):
            guard let canvas = book.canvas(id, at: receipt.time) else { return [] }
            return canvas.conversions(by: deed).map { ($0, canvas.conversions[$0]) }
        }
    }

    mutating func draftConversion(
        _ receipt: Receipt,
        _ index: Int,
        _ rule: ConversionRule,
        _ deed: Fields,
        _ user: String,
        _ time: Int64
    ) throws(TrackingError) {
        var fields = receipt.fields
        fields["app_id"] = deed["app_id"]
        fields["conversion_behavior_index"] = .number("\(index)")
        fields.set("conversion_behavior", rule.behavior)
        let type: String
        switch receipt.owner {
        case .campaign: type = "users.campaigns.Conversion"
        case .canvas(let canvas):
            type = "users.canvas.Conversion"
            fields.set("canvas_step_id", try lastStep(user, canvas, upTo: time))
        }
        let id = TrackingIDs.id("conversion", receipt.id, "\(index)")
        if let draft = draft(type, id: id, time: time, try known(fields)) { consequences.append(draft) }
    }

    /// The last step of a canvas that a user was sent.
    private func lastStep(_ user: String, _ canvas: String, upTo time: Int64) throws(TrackingError) -> String? {
        let head = ids.head("step", user, canvas)
        for day in view.days(of: .steps) where day <= StateDay(seconds: time) {
            let steps = try view.rows(.steps, day: day, head).compactMap { Self.timed($0.value) }
            if let last = steps.filter({ $0.time <= time }).max(by: { $0.time < $1.time }) { return last.text }
        }
        return nil
    }
}

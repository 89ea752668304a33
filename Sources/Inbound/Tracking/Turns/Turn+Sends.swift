import Avro

extension Turn {
    /// The drafts of a report of sends: one Send for each recipient, or none where the provider has the word.
    func drafts(of report: SendReport) throws(TrackingError) -> (drafts: [Draft], messages: [SentMessage]) {
        let dispatchDay = try dispatchDay(report)
        var drafts: [Draft] = []
        var messages: [SentMessage] = []
        // A user has one dispatch id, on however many devices: that of the first item that names him.
        var firstItems: [String: Int] = [:]
        for (index, recipient) in report.recipients.enumerated() {
            let number = "\(index)"
            let day = StateDay(seconds: arrived)
            let id = TrackingIDs.messageID(day: day, source.name, key, number)
            var fields = try known(recipient.item.fields)
            if report.channel == .sms, fields["to_phone_number"] == nil {
                fields["to_phone_number"] = fields["phone_number"]
            }
            let first = Self.userKey(recipient.item.fields).flatMap { firstItems[$0] } ?? index
            if let user = Self.userKey(recipient.item.fields) { firstItems[user] = first }
            fields.set("dispatch_id", dispatchID(report, fields, first, dispatchDay))
            let time = recipient.item.time ?? arrived
            if fields["send_id"] == nil, let campaign = fields.string("campaign_id") {
                fields.set("send_id", book.campaign(campaign, at: time)?.sendID)
            }
            let context = MessageContext(
                messageID: id,
                time: time,
                sendType: report.channel.sendType,
                origin: makesSends(report.channel) ? .reported : .awaited,
                fields: fields
            )
            messages.append(SentMessage(index: index, context: context, recipient: recipient))
            // Drafted in any case: what could not be an event is told now, not when the provider speaks.
            if let draft = draft(report.channel.sendType, id: Self.sendID(id), time: time, fields, index: index) {
                drafts.append(draft)
            }
        }
        return (drafts, messages)
    }

    /// Whether reports of that channel make its Sends themselves.
    func makesSends(_ channel: SendReport.Channel) -> Bool { source.sends == .reported || !channel.hasProvider }

    /// The id of a message's one Send, whoever reports it.
    static func sendID(_ messageID: String) -> String { TrackingIDs.id("send", messageID) }

    /// Why a report of sends cannot be carried out as it is, by the items it concerns.
    func complaints(_ report: SendReport) -> [ItemRejection] {
        report.recipients.enumerated().compactMap { index, recipient in
            let fields = recipient.item.fields
            if fields["user_id"] == nil, fields["external_user_id"] == nil {
                return ItemRejection(
                    index,
                    "recipient_unknown",
                    "user_id",
                    "a recipient has a user_id or an external_user_id"
                )
            }
            if report.channel == .sms, fields["phone_number"] == nil {
                return ItemRejection(index, "field_missing", "phone_number", "an SMS goes to a phone_number")
            }
            let time = recipient.item.time ?? arrived
            return controlComplaint(fields, time, index) ?? breach(fields, at: time, of: index)
        }
    }

    private func controlComplaint(_ fields: Fields, _ time: Int64, _ index: Int) -> ItemRejection? {
        let rule = "users of a control variation are sent nothing; report them to"
        if let campaign = fields.string("campaign_id"), let variation = fields.string("message_variation_id"),
            book.campaign(campaign, at: time)?.variation(variation)?.isControl == true
        {
            let message = "\(rule) /v1/track/enrolments"
            return ItemRejection(index, "variation_is_control", "message_variation_id", message)
        }
        if let canvas = fields.string("canvas_id"), let variation = fields.string("canvas_variation_id"),
            book.canvas(canvas, at: time)?.variation(variation)?.isControl == true
        {
            let message = "\(rule) /v1/track/entries"
            return ItemRejection(index, "variation_is_control", "canvas_variation_id", message)
        }
        return nil
    }

    /// Remembers messages that were taken, and what their sending sets free.
    mutating func remember(_ messages: [SentMessage], of report: SendReport) throws(TrackingError) {
        if report.trigger == .scheduled, let key = report.dispatchKey {
            let head = ids.head("dispatch", source.name, key)
            if try seen(head) == nil { view.put(.seen, day: StateDay(seconds: arrived), head, "", "\(arrived)") }
        }
        // A message that went to several devices of a user is received once.
        var received: Set<[String?]> = []
        for message in messages {
            let context = message.context
            let day = StateDay(seconds: arrived)
            let isAdopted = try isAdopted(context, as: message.recipient.providerMessageID)
            view.put(.messages, day: day, ids.head("message", context.messageID), "", context.text)
            if let providerID = message.recipient.providerMessageID { remember(context, as: providerID, of: day) }
            if report.channel == .sms { rememberOutbound(context, service: report.messagingService) }
            let receipt = [Self.userKey(context.fields), context.fields.string("dispatch_id")]
            if received.insert(receipt).inserted, !isAdopted { try receive(context) }
            try release(ids.head("parked", "message", context.messageID), context)
            if let providerID = message.recipient.providerMessageID {
                try release(providerID: providerID, context)
            }
        }
    }

    /// Whether the provider told of a message before its report, which so was received already.
    private func isAdopted(_ context: MessageContext, as providerID: String?) throws(TrackingError) -> Bool {
        // Where no source leaves the Send to its provider, none is adopted.
        guard let providerID, sources.values.contains(where: { $0.sends == .provider }) else { return false }
        let asked = Happening(
            type: context.sendType,
            id: "",
            time: context.time,
            fields: context.fields.only(["email_address"]),
            providerMessageID: providerID
        )
        guard let before = try self.context(of: asked), before.origin == .adopted, before.owner == context.owner else {
            return false
        }
        return Self.userKey(before.fields) == Self.userKey(context.fields)
    }

    // MARK: - Dispatch ids

    /// The day on which a scheduled report's dispatch key was first named within two days; nil where it names none.
    private func dispatchDay(_ report: SendReport) throws(TrackingError) -> StateDay? {
        guard report.trigger == .scheduled, let dispatchKey = report.dispatchKey else { return nil }
        let first = try seen(ids.head("dispatch", source.name, dispatchKey)).flatMap { Int64($0) }
        return StateDay(seconds: first ?? arrived)
    }

    /// The recipients of one scheduled message share one, in all reports that name its dispatch key.
    ///
    /// Other messages under that key have their own. Who does not share has one for himself.
    private func dispatchID(_ report: SendReport, _ fields: Fields, _ item: Int, _ day: StateDay?) -> String {
        guard isShared(report, fields) else { return TrackingIDs.dispatchID(source.name, key, item: item) }
        let message = ["campaign_id", "canvas_id", "canvas_step_id"].map { fields.string($0) ?? "" }
        let send = report.dispatchKey.map { ["key", $0, "\(day?.rawValue ?? 0)"] } ?? ["report", key]
        return TrackingIDs.id(["dispatch", source.name, report.channel.rawValue] + message + send)
    }

    /// Statement 8: users of one scheduled campaign message share its dispatch id, as do those of a scheduled entry
    /// step; every other canvas step counts as triggered, even when it was scheduled.
    private func isShared(_ report: SendReport, _ fields: Fields) -> Bool {
        guard report.trigger == .scheduled else { return false }
        guard let canvas = fields.string("canvas_id") else { return true }
        guard let step = fields.string("canvas_step_id") else { return false }
        let found = book.canvas(canvas, at: arrived)?.step(step)
        return found.map { $0.isEntry && $0.isScheduled } ?? false
    }

    // MARK: - SMS

    /// Where a reply finds the message that it answers: by the user's number and by ours.
    mutating func rememberOutbound(_ context: MessageContext, service: String?) {
        guard let to = context.fields.string("to_phone_number") else { return }
        for sender in [context.fields.string("from_phone_number"), service].compactMap({ $0 }) {
            let head = ids.head("outbound", to, sender)
            view.put(.outbound, day: day(context.time), head, ordered(context.time), context.messageID)
        }
    }
}

/// A message that a report names.
struct SentMessage: Sendable {
    let index: Int
    let context: MessageContext
    let recipient: SendReport.Recipient
}

/// Why one item of a report was not taken.
package struct ItemRejection: Sendable, Hashable {
    package internal(set) var index: Int
    package let code: String
    package let field: String?
    package let message: String

    init(_ index: Int, _ code: String, _ field: String?, _ message: String) {
        self.index = index
        self.code = code
        self.field = field
        self.message = message
    }
}

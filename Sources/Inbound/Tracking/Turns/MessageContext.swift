import Avro

/// What is remembered of a message: to whom it went, what it belongs to, and which ids it has.
struct MessageContext: Sendable, Hashable {
    /// What later events of the message take over.
    ///
    /// Names are not among them where a definition has them: they are those of the event's time.
    static let fieldNames: Set<String> = [
        "user_id", "external_user_id", "timezone", "email_address", "to_phone_number", "from_phone_number",
        "device_id", "app_id", "platform", "ad_id", "ad_id_type", "ad_tracking_enabled", "push_token",
        "campaign_id", "campaign_name", "message_variation_id", "message_variation_name", "canvas_id", "canvas_name",
        "canvas_variation_id", "canvas_variation_name", "canvas_step_id", "canvas_step_name",
        "canvas_step_message_variation_id", "dispatch_id", "send_id", "content_card_id", "subscription_group_id",
        "app_group_id", "ip_pool", "from_domain",
    ]

    /// Who told of the message, and whose word makes its Send: for good, however the source is configured later.
    enum Origin: String, Sendable {
        /// A report, which made the Send.
        case reported
        /// A report, and its provider's word makes the Send.
        case awaited
        /// Its provider alone, whose word made the Send.
        case adopted
    }

    let messageID: String
    let time: Int64
    /// The event type of its Send, which tells its channel.
    let sendType: String
    let origin: Origin
    var fields: Fields

    var text: String {
        var stored = fields.only(Self.fieldNames)
        stored["time"] = .number("\(time)")
        stored.set("send_type", sendType)
        stored.set("origin", origin.rawValue)
        return stored.text
    }

    init(messageID: String, time: Int64, sendType: String, origin: Origin, fields: Fields) {
        self.messageID = messageID
        self.time = time
        self.sendType = sendType
        self.origin = origin
        self.fields = fields
    }

    init?(messageID: String, text: String) {
        guard var fields = Fields(text: text), let time = fields["time"]?.integer,
            let sendType = fields.string("send_type"), let origin = fields.string("origin").flatMap(Origin.init)
        else { return nil }
        for name in ["time", "send_type", "origin"] { fields[name] = nil }
        self.init(messageID: messageID, time: time, sendType: sendType, origin: origin, fields: fields)
    }

    /// Whether an event of that type can be one of this message: a push is not opened as an email.
    func mayHave(_ type: String) -> Bool {
        guard type.hasPrefix("users.messages.") else { return true }
        return type.hasPrefix(sendType[...(sendType.lastIndex(of: ".") ?? sendType.startIndex)])
    }

    /// Whether an event went to its recipient, as far as both name an address.
    func isTo(_ event: Fields) -> Bool {
        let isMailbox = Self.agree(fields.string("email_address"), event.string("email_address"), Turn.normalized)
        return isMailbox && Self.agree(fields.string("to_phone_number"), event.string("to_phone_number")) { $0 }
    }

    private static func agree(_ one: String?, _ other: String?, _ form: (String) -> String) -> Bool {
        guard let one, let other else { return true }
        return form(one) == form(other)
    }

    /// What it says of an event: of one that went to somebody else, nothing about its recipient.
    func fields(for event: Fields) -> Fields {
        isTo(event) ? fields : fields.only(Self.fieldNames.subtracting(Self.recipientNames))
    }

    private static let recipientNames: Set<String> = [
        "user_id", "external_user_id", "timezone", "email_address", "to_phone_number", "device_id", "platform", "ad_id",
        "ad_id_type", "ad_tracking_enabled", "push_token",
    ]

    /// The campaign or canvas that the message belongs to.
    var owner: MessageOwner? { MessageOwner(fields) }
}

extension MessageOwner {
    init?(_ fields: Fields) {
        if let campaign = fields.string("campaign_id") {
            self = .campaign(campaign)
        } else if let canvas = fields.string("canvas_id") {
            self = .canvas(canvas)
        } else {
            return nil
        }
    }
}

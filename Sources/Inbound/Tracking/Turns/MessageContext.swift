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

    let messageID: String
    let time: Int64
    let fields: Fields

    var text: String {
        var stored = fields.only(Self.fieldNames)
        stored["time"] = .number("\(time)")
        return stored.text
    }

    init(messageID: String, time: Int64, fields: Fields) {
        self.messageID = messageID
        self.time = time
        self.fields = fields
    }

    init?(messageID: String, text: String) {
        guard var fields = Fields(text: text), let time = fields["time"]?.integer else { return nil }
        fields["time"] = nil
        self.init(messageID: messageID, time: time, fields: fields)
    }

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

import Avro

extension Turn {
    /// How long after an outbound message an inbound one still answers it (statement 14).
    static let replySeconds: Int64 = 14_400

    /// A message of a user to one of our numbers: an event for each user who shares the number, and for a keyword a
    /// change of their subscription.
    mutating func receive(
        _ message: InboundMessage,
        id: String,
        time: Int64,
        fields given: Fields
    ) throws(TrackingError) {
        let group =
            book.group(forNumber: message.to, at: time)
            ?? message.service.flatMap { book.group(forService: $0, at: time) }
        let word = (group?.keywords ?? .standard).word(in: message)
        var fields = given
        fields.set("user_phone_number", message.from)
        fields.set("inbound_phone_number", message.to)
        fields.set("message_body", message.body)
        fields.set("action", InboundMessage.Word.action(of: word))
        fields.set("app_group_id", group?.appGroupID)
        fields.set("subscription_group_id", group?.id)
        if !message.mediaURLs.isEmpty { fields["media_urls"] = .array(message.mediaURLs.map(JSONValue.string)) }
        let answered = try answered(by: message, at: time)
        if let answered {
            for name in Self.answeredNames { if let value = answered.fields[name] { fields[name] = value } }
        }
        for user in try senders(of: message, at: time) {
            var own = fields
            own.set("user_id", user)
            own = try known(own)
            let eventID = TrackingIDs.id("inbound", id, user)
            if let draft = draft("users.messages.sms.InboundReceive", id: eventID, time: time, own) {
                _ = try settle(draft)
            }
            guard let group, word == .start || word == .stop else { continue }
            var change = own.only(Set(Self.answeredNames + ["user_id", "external_user_id", "timezone"]))
            change.set("phone_number", message.from)
            change.set("subscription_group_id", group.id)
            change.set("subscription_status", word == .start ? "Subscribed" : "Unsubscribed")
            change.set("channel", group.channel.rawValue)
            try subscribe(change, eventID: TrackingIDs.id("inbound-change", id, user), time: time)
        }
    }

    /// What an inbound event takes over from the message that it answers.
    private static let answeredNames = [
        "campaign_id", "campaign_name", "message_variation_id", "message_variation_name", "canvas_id", "canvas_name",
        "canvas_variation_id", "canvas_variation_name", "canvas_step_id", "canvas_step_name",
    ]

    private func senders(of message: InboundMessage, at time: Int64) throws(TrackingError) -> [String] {
        if settings.attribution == .latestRecipient, let last = try latestRecipient(message.from, at: time) {
            return [last]
        }
        let users = try users(at: .phone(message.from))
        return users.isEmpty ? [derivedUser(at: .phone(message.from))].compactMap { $0 } : users
    }

    private func latestRecipient(_ number: String, at time: Int64) throws(TrackingError) -> String? {
        let head = ids.head("delivery", number)
        for day in view.days(of: .deliveries) where day <= self.day(time) {
            if let value = try view.value(.deliveries, day: day, head), let (at, user) = Self.timed(value), at <= time {
                return user
            }
        }
        return nil
    }

    /// The latest message to that user from that number, or from its messaging service, within four hours.
    private func answered(
        by message: InboundMessage,
        at time: Int64
    ) throws(TrackingError) -> MessageContext? {
        let ours = [message.to, message.service].compactMap { $0 }
        // A message dated ahead stands under the day on which it was taken in.
        let oldest = StateDay(seconds: time.clampedSubtract(Self.replySeconds + 86_400))
        var found: (tail: String, value: String)?
        for sender in ours {
            let head = ids.head("outbound", message.from, sender)
            guard let row = try latest(.outbound, head, upTo: time, from: oldest) else { continue }
            if found.map({ $0.tail < row.tail }) ?? true { found = row }
        }
        guard let found, let sent = OrderedText.number(found.tail), time.clampedSubtract(sent) <= Self.replySeconds
        else { return nil }
        return try context(found.value)
    }
}

import Avro
import Telemetry

extension Turn {
    /// How long after an outbound message an inbound one still answers it (statement 14).
    static let replySeconds: Int64 = 14_400
    /// To how many of the users who share a number a message from it is credited.
    static let sendersMax = 1_000

    /// A message of a user to one of our numbers: an event for each user who shares the number, up to so many, and for
    /// a keyword a change of their subscription.
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
        let (senders, isMore) = try senders(of: message, answering: answered, at: time)
        var left = senders[...]
        let before = usedBytes
        while usedBytes - before < roomBytes, let sender = left.popFirst() {
            let own = try known(fields.filled(from: sender))
            guard let user = own.string("user_id") ?? own.string("external_user_id") else { continue }
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
        if isMore || !left.isEmpty { metrics.crowded.add() }
    }

    /// What an inbound event takes over from the message that it answers.
    private static let answeredNames = [
        "campaign_id", "campaign_name", "message_variation_id", "message_variation_name", "canvas_id", "canvas_name",
        "canvas_variation_id", "canvas_variation_name", "canvas_step_id", "canvas_step_name",
    ]

    /// The ids of those who wrote it: all who share the number, or the one whom the attribution names.
    ///
    /// A number that the directory has not is that of whom the answered message went to.
    private func senders(
        of message: InboundMessage,
        answering answered: MessageContext?,
        at time: Int64
    ) throws(TrackingError) -> (first: [Fields], isMore: Bool) {
        if settings.attribution == .latestRecipient, let last = try latestRecipient(of: message, at: time) {
            return ([last], false)
        }
        let (users, isMore) = try users(at: message.from, limit: Self.sendersMax)
        if users.isEmpty, let answered, Self.userKey(answered.fields) != nil {
            return ([answered.fields.only(Self.userNames)], false)
        }
        let found = users.isEmpty ? [derivedUser(at: .phone(message.from))].compactMap { $0 } : users
        return (found.map { Fields([JSONValue.Member("user_id", .string($0))]) }, isMore)
    }

    private static let userNames: Set<String> = ["user_id", "external_user_id"]

    /// To whom the latest message was delivered that went from the number written to, to the number that writes.
    private func latestRecipient(of message: InboundMessage, at time: Int64) throws(TrackingError) -> Fields? {
        let head = ids.head("delivery", message.from, message.to)
        for day in try view.days(of: .deliveries, holding: head) where day <= self.day(time) {
            if let value = try view.value(.deliveries, day: day, head), let (at, user) = Self.timed(value), at <= time {
                return Fields(text: user)
            }
        }
        return nil
    }

    /// The latest message to that user from that number, or from its messaging service, within four hours.
    ///
    /// A number and a service of one group need not belong together: the provider says of which service the number is,
    /// or has said from which number the message went.
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

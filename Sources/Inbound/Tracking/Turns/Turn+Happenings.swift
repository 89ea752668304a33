import Avro
import Glossary
import Intake
import Journal
import Telemetry

extension Turn {
    /// Completes what happened to a message with its context, and drafts it.
    ///
    /// Where the message is not known yet the event waits: when its send is reported it goes out with its context, and
    /// after `overtake` without, never earlier.
    mutating func happen(_ happening: Happening) throws(TrackingError) {
        if let context = try context(of: happening) {
            try emit(happening, context)
        } else if mayWait(happening), try complaint(happening) == nil, park(happening) {
            return
        } else {
            try emit(happening, nil)
        }
    }

    // MARK: - Finding the message

    /// That of its message, from whatever source it was reported; none where the message is of another channel.
    func context(of happening: Happening) throws(TrackingError) -> MessageContext? {
        try message(of: happening).flatMap { $0.mayHave(happening.type) ? $0 : nil }
    }

    func message(of happening: Happening) throws(TrackingError) -> MessageContext? {
        if let id = happening.messageID, let context = try context(id) { return context }
        guard let providerID = happening.providerMessageID else { return nil }
        let head = ids.head("provider", providerID)
        // More than three are one request's recipients: they are asked for by address.
        for (day, few) in try view.firstRows(.providerMessages, head, ofEachDay: 4) {
            if let id = try messageID(among: few, at: head, day, of: happening) { return try context(id) }
        }
        return nil
    }

    /// The message that a provider knows by an id, and of an email by its address too: SendGrid's id of one request is
    /// that of all its recipients.
    private func messageID(
        among few: [(tail: String, value: String)],
        at head: RowHead,
        _ day: StateDay,
        of happening: Happening
    ) throws(TrackingError) -> String? {
        let address = happening.mailbox
        guard few.count > 3 else {
            if let own = few.first(where: { $0.tail == address }) { return own.value }
            if address.isEmpty { return few.count == 1 ? few[0].value : nil }
            return few.first { $0.tail.isEmpty }?.value
        }
        if let own = try view.value(.providerMessages, day: day, head, address) { return own }
        return address.isEmpty ? nil : try view.value(.providerMessages, day: day, head, "")
    }

    /// Remembers under which id a provider knows a message.
    mutating func remember(_ context: MessageContext, as providerID: String, of day: StateDay) {
        let address = Self.mailbox(context.fields)
        view.put(.providerMessages, day: day.generation, ids.head("provider", providerID), address, context.messageID)
    }

    /// Lets go what has waited for a message that a provider knows by an id.
    mutating func release(providerID: String, _ context: MessageContext) throws(TrackingError) {
        for address in Set([Self.mailbox(context.fields), ""]).sorted() {
            try release(ids.head("parked", "provider", providerID, address), context)
        }
    }

    /// The address of an email's recipient, empty for any other message: a provider's id of those has one recipient.
    static func mailbox(_ fields: Fields) -> String { fields.string("email_address").map(normalized) ?? "" }

    func context(_ messageID: String) throws(TrackingError) -> MessageContext? {
        guard let day = TrackingIDs.day(ofMessage: messageID), day.rawValue > 0 else { return nil }
        let text = try view.value(.messages, day: day, ids.head("message", messageID))
        return text.flatMap { MessageContext(messageID: messageID, text: $0) }
    }

    /// Whether an event waits for its message: it names one, and says nothing itself of what it belongs to.
    private func mayWait(_ happening: Happening) -> Bool {
        guard settings.overtake > .zero else { return false }
        if happening.messageID != nil { return true }
        guard happening.providerMessageID != nil else { return false }
        return !["campaign_id", "canvas_id", "dispatch_id"].contains { happening.fields[$0] != nil }
    }

    // MARK: - Waiting

    /// Answers whether the event waits: one whose copies are too much for a change record does not.
    private mutating func park(_ happening: Happening) -> Bool {
        let heads = Self.waitingPlaces(of: happening, ids)
        guard let place = heads.first else { return false }
        let due = now + settings.overtake.components.seconds
        let text = happening.text(due: due, source: source.name)
        // A provider's body is one report: what it parks must go into one change record.
        let bytes = (text.utf8.count + Self.parkedBytesMax) * (heads.count + 1)
        guard view.changes.bytes - startBytes + bytes <= intake.journal.recordBytesMax / 2 else { return false }
        for head in heads { view.put(.parked, head, happening.id, text) }
        view.put(.overdue, RowHead(high: UInt64(max(0, due)), low: place.low), happening.id, text)
        metrics.parked.add()
        parked += 1
        return true
    }

    /// What a row of what waits takes beside its text.
    private static let parkedBytesMax = 256

    static func waitingPlaces(of happening: Happening, _ ids: TrackingIDs) -> [RowHead] {
        [
            happening.messageID.map { ids.head("parked", "message", $0) },
            happening.providerMessageID.map { ids.head("parked", "provider", $0, happening.mailbox) },
        ].compactMap { $0 }
    }

    /// How many events one step lets go that have waited for a message.
    private static let releasedMax = 1_000

    /// Lets go what has waited for a message: of more than goes into a record the rest goes out, with its context too,
    /// when it has waited long enough.
    mutating func release(_ head: RowHead, _ context: MessageContext) throws(TrackingError) {
        for row in try view.rows(.parked, head, limit: Self.releasedMax).prefix(Self.releasedMax) {
            guard view.changes.bytes - startBytes < roomBytes, consequencesBytes < intake.journal.recordBytesMax else {
                return
            }
            guard let (happening, due, name) = Happening.reading(row.value), context.mayHave(happening.type),
                let owner = sources[name]
            else { continue }
            unpark(happening, due: due)
            metrics.released.add()
            let own = source
            source = owner
            try emit(happening, context)
            source = own
        }
    }

    /// Lets go what has waited long enough.
    mutating func overtake(_ happening: Happening, due: Int64) throws(TrackingError) {
        unpark(happening, due: due)
        metrics.overtaken.add()
        try emit(happening, try context(of: happening))
    }

    /// Gives up something that waits and whose consequences no record holds.
    mutating func giveUp(_ happening: Happening, due: Int64) {
        unpark(happening, due: due)
        let message = "the event and what follows from it are more than half a record (journal.segment)"
        setAside(happening.event(happening.fields), code: "event_too_large", message: message)
    }

    private mutating func unpark(_ happening: Happening, due: Int64) {
        let heads = Self.waitingPlaces(of: happening, ids)
        for head in heads { view.remove(.parked, head, happening.id) }
        guard let place = heads.first else { return }
        view.remove(.overdue, RowHead(high: UInt64(max(0, due)), low: place.low), happening.id)
    }

    // MARK: - Going out

    mutating func emit(_ happening: Happening, _ context: MessageContext?) throws(TrackingError) {
        let fields = try completed(happening, context)
        if happening.type == Self.changeType {
            return try subscribe(fields, eventID: happening.id, time: happening.time)
        }
        guard let draft = draft(happening.type, id: happening.id, time: happening.time, fields) else {
            // It waited while the source changed its edition.
            metrics.orphaned.add()
            let event = happening.event(fields)
            let message = "edition \(source.edition.name) has no event type \(happening.type)"
            return setAside(event, code: Rejection.Code.typeUnknown, message: message)
        }
        if happening.type.hasSuffix(".Send"), let context, context.isTo(happening.fields) {
            noteMade(Self.sendID(context.messageID))
        }
        guard try settle(draft) else { return }
        try follow(happening, fields, context)
    }

    /// What is known of an event together with its message.
    func completed(_ happening: Happening, _ context: MessageContext?) throws(TrackingError) -> Fields {
        guard let context else { return try named(happening.fields, at: happening.address) }
        var fields = happening.fields
        let said = context.fields(for: happening.fields)
        // What we remember of a message is what its sender said; what came back with it fills gaps only.
        for name in Self.sendersWord { if let value = said[name] { fields[name] = value } }
        fields.fill(from: said)
        return try named(fields, at: happening.address)
    }

    /// Fields in which a message's context outweighs what an event brings itself.
    private static let sendersWord = [
        "user_id", "external_user_id", "campaign_id", "campaign_name", "message_variation_id", "message_variation_name",
        "canvas_id", "canvas_name", "canvas_variation_id", "canvas_variation_name", "canvas_step_id",
        "canvas_step_name", "canvas_step_message_variation_id", "dispatch_id", "send_id",
    ]

    /// What an event sets off: a Send is received, opens and clicks may convert, a delivery is its number's latest.
    mutating func follow(
        _ happening: Happening,
        _ fields: Fields,
        _ context: MessageContext?
    ) throws(TrackingError) {
        let type = happening.type
        if type == "users.messages.sms.Delivery" { try noteDelivery(fields, time: happening.time) }
        if type.hasSuffix(".Send"), context == nil { try adopt(happening, fields) }
        if let context { learn(happening, context) }
        if type == "users.messages.inappmessage.Impression" {
            try receive(
                MessageContext(
                    messageID: happening.id,
                    time: happening.time,
                    sendType: type,
                    origin: .reported,
                    fields: fields
                )
            )
        }
        // A card of the news feed is no message.
        guard !type.hasPrefix("users.messages.newsfeedcard.") else { return }
        if type.hasSuffix(".Open") { try note(happening, .opened, fields) }
        if type.hasSuffix(".Click") { try note(happening, .clicked, fields) }
    }

    /// Remembers a message that only its provider has told of, so that what it tells later finds it.
    private mutating func adopt(_ happening: Happening, _ fields: Fields) throws(TrackingError) {
        let day = StateDay(seconds: now)
        let id = TrackingIDs.messageID(day: day, "adopted", happening.id)
        noteMade(Self.sendID(id))
        let context = MessageContext(
            messageID: id,
            time: happening.time,
            sendType: happening.type,
            origin: .adopted,
            fields: fields
        )
        view.put(.messages, day: day, ids.head("message", id), "", context.text)
        if let providerID = happening.providerMessageID {
            remember(context, as: providerID, of: day)
            try release(providerID: providerID, context)
        }
        if happening.type == SendReport.Channel.sms.sendType {
            rememberOutbound(context, service: happening.fields.string(ProviderReport.serviceKey))
        }
        try receive(context)
    }

    /// What only the provider knows of a message: from which pool it went, and from which number where it was reported
    /// as sent by a service.
    ///
    /// A reply comes to that number, and may not name the service.
    mutating func learn(_ happening: Happening, _ context: MessageContext) {
        guard let day = TrackingIDs.day(ofMessage: context.messageID), context.isTo(happening.fields) else { return }
        var known = context
        for name in ["ip_pool", "from_phone_number"] where known.fields[name] == nil {
            known.fields.set(name, happening.fields.string(name))
        }
        guard known != context else { return }
        view.put(.messages, day: day, ids.head("message", known.messageID), "", known.text)
        if known.fields["from_phone_number"] != context.fields["from_phone_number"] {
            rememberOutbound(known, service: nil)
        }
    }

    /// Whom a delivered SMS went to: of two in one second the same counts, whichever is told first.
    private mutating func noteDelivery(_ fields: Fields, time: Int64) throws(TrackingError) {
        guard let to = fields.string("to_phone_number"), let from = fields.string("from_phone_number") else { return }
        let user = fields.only(["user_id", "external_user_id"]).text
        let (head, day) = (ids.head("delivery", to, from), day(time))
        if let last = try view.value(.deliveries, day: day, head), let before = Self.timed(last),
            (before.time, before.text) > (time, user)
        {
            return
        }
        view.put(.deliveries, day: day, head, "", "\(time) \(user)")
    }

    /// Splits `1767225600 text`.
    static func timed(_ text: String) -> (time: Int64, text: String)? {
        let parts = text.partsBetweenBlanks(atMost: 2)
        guard parts.count == 2, let time = Int64(parts[0]) else { return nil }
        return (time, parts[1])
    }
}

extension Happening {
    /// Where its message went, as far as the event itself says.
    var address: ProviderReport.Address {
        if let email = fields.string("email_address") { return .email(email) }
        return fields.string("to_phone_number").map { .phone($0) } ?? .none
    }

    /// The address of an email's recipient, empty for any other message.
    var mailbox: String { Turn.mailbox(fields) }

    /// As flat JSON, for a letter.
    func event(_ fields: Fields) -> JSONValue {
        let head = [
            JSONValue.Member("event_type", .string(type)), .init("id", .string(id)), .init("time", .number("\(time)")),
        ]
        return .object(head + fields.members.filter { !["event_type", "id", "time"].contains($0.key) })
    }

    /// The event as it waits.
    func text(due: Int64, source: String) -> String {
        var members: [JSONValue.Member] = [
            .init("due", .number("\(due)")), .init("source", .string(source)), .init("type", .string(type)),
            .init("id", .string(id)), .init("time", .number("\(time)")), .init("fields", .object(fields.members)),
        ]
        if let messageID { members.append(.init("message_id", .string(messageID))) }
        if let providerMessageID { members.append(.init("provider_message_id", .string(providerMessageID))) }
        return JSONValue.object(members).text
    }

    /// Reads what `text` wrote; nil where it is something else.
    static func reading(_ text: String) -> (happening: Happening, due: Int64, source: String)? {
        guard let json = try? JSONValue(parsing: text), let due = json["due"]?.integer,
            let source = json["source"]?.string, let type = json["type"]?.string, let id = json["id"]?.string,
            let time = json["time"]?.integer, case .object(let members)? = json["fields"]
        else { return nil }
        let happening = Happening(
            type: type,
            id: id,
            time: time,
            fields: Fields(members),
            messageID: json["message_id"]?.string,
            providerMessageID: json["provider_message_id"]?.string
        )
        return (happening, due, source)
    }
}

internal import Avro
internal import Crypto
internal import Platform
internal import Tracking

/// One event of Amazon SES's, and what it reports of each recipient.
struct SESEvent {
    static let esp = "Amazon SES"
    /// A message has at most fifty.
    static let recipientsMax = 1_000
    /// Bounces that SES gives itself, since the address bounced before: nothing was sent.
    static let dropSubtypes: Set<String> = ["Suppressed", "OnAccountSuppressionList"]

    /// SNS's id of the message that it came in.
    let id: String
    let value: JSONValue
    let mail: JSONValue

    init(_ text: String, id: String) throws(ProviderError) {
        self.id = id
        value = try JSONItems.value(of: Array(text.utf8)[...])
        guard value.members != nil else { throw ProviderError(.strange, "an event that is no object") }
        mail = value["mail"] ?? .null
    }

    static func hash(_ bytes: [UInt8]) -> String { "sha256:\(Hex.text(Array(SHA256.hash(data: bytes))))" }

    func reports() throws(ProviderError) -> [ProviderReport] {
        // Identity-level notifications have the other name, and no tags.
        guard let name = (value["eventType"] ?? value["notificationType"])?.string else {
            throw ProviderError(.strange, "an event without `eventType` or `notificationType`")
        }
        switch name {
        case "Send":
            let kind = ProviderReport.Kind.sent(type: "users.messages.email.Send")
            return try addresses(mail["destination"]).enumerated().map { index, address throws(ProviderError) in
                report(kind, key: "\(id):\(index)", time: try time(mail), address, sender)
            }
        case "Delivery":
            let delivery = try object("delivery")
            return try each("Delivery", addresses(delivery["recipients"]), key: id, time: delivery, delivered)
        case "Bounce": return try bounces()
        case "Complaint": return try complaints()
        case "DeliveryDelay": return try delays()
        case "Open":
            let open = try object("open")
            return try each("Open", [onlyAddress(name)], key: id, time: open) { fields in
                fields.set("user_agent", open["userAgent"]?.scalarText)
            }
        case "Click":
            let click = try object("click")
            return try each("Click", [onlyAddress(name)], key: id, time: click) { fields in
                fields.set("url", click["link"]?.scalarText)
                fields.set("link_alias", alias(click["linkTags"]))
                fields.set("user_agent", click["userAgent"]?.scalarText)
            }
        case "Subscription": return try subscriptions()
        // `Reject` and `Rendering Failure` too: nothing was sent, and no type says so.
        default: return [unmapped(name)]
        }
    }

    // MARK: - Kinds

    private func bounces() throws(ProviderError) -> [ProviderReport] {
        let bounce = try object("bounce")
        let type = bounce["bounceType"]?.scalarText ?? "Undetermined"
        let subtype = bounce["bounceSubType"]?.scalarText
        let isDrop = subtype.map(Self.dropSubtypes.contains) ?? false
        return try recipients(bounce["bouncedRecipients"]).enumerated().map { index, recipient throws(ProviderError) in
            var fields = ReportFields()
            let summary = [type, subtype].compactMap(\.self).joined(separator: "/")
            fields.set("bounce_reason", recipient["diagnosticCode"]?.scalarText ?? summary)
            if type == "Permanent" { fields.set("is_drop", flag: isDrop) }
            if !isDrop { fields.set("sending_ip", tag("ses:outgoing-ip")) }
            fields = completed(fields)
            // What is not permanent SES has tried again for hours, and now given up.
            return report(
                .happened(type: "users.messages.email.\(type == "Permanent" ? "Bounce" : "SoftBounce")"),
                key: "\(feedbackID(bounce)):\(index)",
                time: try time(bounce),
                try address(recipient["emailAddress"]),
                fields
            )
        }
    }

    private func complaints() throws(ProviderError) -> [ProviderReport] {
        let complaint = try object("complaint")
        // The opposite of a complaint: someone took the message out of the spam folder.
        if complaint["complaintFeedbackType"]?.scalarText == "not-spam" { return [unmapped("Complaint:not-spam")] }
        var addresses: [String] = []
        for recipient in try recipients(complaint["complainedRecipients"]) {
            addresses.append(try address(recipient["emailAddress"]))
        }
        // `userAgent` names the program that reports, not the user's.
        return try each("MarkAsSpam", addresses, key: feedbackID(complaint), time: complaint) { _ in }
    }

    private func delays() throws(ProviderError) -> [ProviderReport] {
        let delay = try object("deliveryDelay")
        return try recipients(delay["delayedRecipients"]).enumerated().map { index, recipient throws(ProviderError) in
            let address = try address(recipient["emailAddress"])
            var fields = ReportFields()
            fields.set("deferral_reason", (recipient["diagnosticCode"] ?? delay["delayType"])?.scalarText)
            fields.set("recipient_domain", EmailAddress.domain(address))
            fields.set("sending_ip", tag("ses:outgoing-ip"))
            return report(
                .happened(type: "users.messages.email.Deferral"),
                key: "\(id):\(index)",
                time: try time(delay),
                address,
                completed(fields)
            )
        }
    }

    /// A click on the link to unsubscribe, and what it changed.
    private func subscriptions() throws(ProviderError) -> [ProviderReport] {
        let subscription = try object("subscription")
        let address = try onlyAddress("Subscription")
        let time = try time(subscription)
        let old = SESTopicPreferences(subscription["oldTopicPreferences"])
        let new = SESTopicPreferences(subscription["newTopicPreferences"])
        var changes: [(kind: ProviderReport.Kind, suffix: String)] = []
        if new.isUnsubscribed != old.isUnsubscribed {
            changes.append((.everything(isSubscribed: !new.isUnsubscribed), "everything"))
        }
        // Out of everything is out of every topic, which SES then lists too.
        if !new.isUnsubscribed {
            for topic in new.topics where old[topic.name] != topic.isSubscribed {
                changes.append((.group(id: topic.name, isSubscribed: topic.isSubscribed), "group:\(topic.name)"))
            }
        }
        let hasLeft = changes.contains { change in
            switch change.kind {
            case .everything(let isSubscribed), .group(_, let isSubscribed): !isSubscribed
            default: false
            }
        }
        if hasLeft { changes.insert((.happened(type: "users.messages.email.Unsubscribe"), "click"), at: 0) }
        guard !changes.isEmpty else { return [unmapped("Subscription")] }
        return changes.map { report($0.kind, key: "\(id):\($0.suffix)", time: time, address, ReportFields()) }
    }

    // MARK: - Parts

    private func each(
        _ action: String,
        _ addresses: [String],
        key: String,
        time object: JSONValue,
        _ fill: (inout ReportFields) -> Void
    ) throws(ProviderError) -> [ProviderReport] {
        let time = try time(object)
        var fields = ReportFields()
        fill(&fields)
        fields = completed(fields)
        return addresses.enumerated().map { index, address in
            report(
                .happened(type: "users.messages.email.\(action)"),
                key: "\(key):\(index)",
                time: time,
                address,
                fields
            )
        }
    }

    private func report(
        _ kind: ProviderReport.Kind,
        key: String,
        time: Int64?,
        _ address: String?,
        _ fields: ReportFields
    ) -> ProviderReport {
        let arguments = arguments
        return ProviderReport(
            kind,
            key: key,
            account: mail["sendingAccountId"]?.scalarText ?? "",
            time: time,
            address: address.map { .email($0) } ?? .none,
            messageID: arguments.messageID,
            providerMessageID: mail["messageId"]?.scalarText,
            metadata: arguments.metadata,
            fields: fields.members
        )
    }

    private func unmapped(_ name: String) -> ProviderReport {
        report(.unmapped(name: name), key: id, time: nil, nil, ReportFields())
    }

    private var arguments: CustomArguments {
        var arguments = CustomArguments()
        for tag in mail["tags"]?.members ?? [] {
            if let text = (tag.value.array?.first ?? tag.value).scalarText { arguments.take(tag.key, text) }
        }
        return arguments
    }

    private func tag(_ name: String) -> String? { mail["tags"]?[name]?.array?.first?.scalarText }

    private var sender: ReportFields {
        var fields = ReportFields()
        fields.set("from_domain", tag("ses:from-domain"))
        return fields
    }

    private func completed(_ fields: ReportFields) -> ReportFields {
        var fields = fields
        fields.set("from_domain", tag("ses:from-domain"))
        fields.set("esp", Self.esp)
        return fields
    }

    private func delivered(_ fields: inout ReportFields) {
        fields.set("sending_ip", tag("ses:outgoing-ip"))
    }

    /// Of a bounce or complaint, the same however often and through whichever topic it is published.
    private func feedbackID(_ object: JSONValue) -> String { object["feedbackId"]?.scalarText ?? id }

    /// The tag that says so, else all of them, as they stand in `ses:tags`.
    private func alias(_ tags: JSONValue?) -> String? {
        let pairs = (tags?.members ?? []).compactMap { tag in
            (tag.value.array?.first ?? tag.value).scalarText.map { (name: tag.key, value: $0) }
        }
        return pairs.first { $0.name == "link_alias" }?.value
            ?? (pairs.isEmpty ? nil : pairs.map { "\($0.name):\($0.value)" }.joined(separator: ";"))
    }

    private func object(_ name: String) throws(ProviderError) -> JSONValue {
        guard let object = value[name], object.members != nil else {
            throw ProviderError(.strange, "an event without its `\(name)`")
        }
        return object
    }

    private func time(_ object: JSONValue) throws(ProviderError) -> Int64? {
        guard let text = object["timestamp"]?.scalarText else { return nil }
        guard let time = CalendarTime.parse(extended: text) else {
            throw ProviderError(.strange, "`timestamp` is no moment")
        }
        return time.seconds
    }

    private func recipients(_ list: JSONValue?) throws(ProviderError) -> [JSONValue] {
        guard let list = list?.array, (1...Self.recipientsMax).contains(list.count) else {
            throw ProviderError(.strange, "no list of 1 to \(Self.recipientsMax) recipients")
        }
        return list
    }

    private func addresses(_ list: JSONValue?) throws(ProviderError) -> [String] {
        var addresses: [String] = []
        for item in try recipients(list) { addresses.append(try address(item)) }
        return addresses
    }

    private func address(_ value: JSONValue?) throws(ProviderError) -> String {
        guard let text = value?.string, !text.isEmpty else {
            throw ProviderError(.strange, "a recipient without address")
        }
        return EmailAddress.bare(text)
    }

    private func onlyAddress(_ name: String) throws(ProviderError) -> String {
        let addresses = try addresses(mail["destination"])
        guard addresses.count == 1 else {
            throw ProviderError(.strange, "`\(name)` of a message to several: SES does not say which of them it was")
        }
        return addresses[0]
    }
}

/// What a contact is subscribed to.
struct SESTopicPreferences {
    private(set) var isUnsubscribed = false
    private(set) var topics: [(name: String, isSubscribed: Bool)] = []

    init(_ value: JSONValue?) {
        isUnsubscribed = value?["unsubscribeAll"] == .boolean(true)
        for topic in value?["topicSubscriptionStatus"]?.array ?? [] {
            guard let name = topic["topicName"]?.scalarText, let status = topic["subscriptionStatus"]?.scalarText,
                status == "OptIn" || status == "OptOut"
            else { continue }
            topics.append((name, status == "OptIn"))
        }
    }

    /// Nil for a topic that is not named.
    subscript(name: String) -> Bool? { topics.first { $0.name == name }?.isSubscribed }
}

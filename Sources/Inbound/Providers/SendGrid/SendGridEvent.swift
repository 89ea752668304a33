internal import Avro
internal import Crypto
internal import Platform
internal import Tracking

/// One event of SendGrid's, and what it reports.
///
/// Custom arguments stand flat among SendGrid's own names; where both have a name, SendGrid's counts.
struct SendGridEvent {
    /// A time above it is in milliseconds, as in some samples of SendGrid's: in seconds it is the year 5138.
    static let secondsMax: Int64 = 100_000_000_000
    /// SendGrid's ids have at most 100.
    static let keyBytesMax = 256
    static let esp = "SendGrid"
    /// Reasons of `dropped` that say what an earlier hard bounce said.
    static let bouncedReasons: Set<String> = ["Bounced Address", "Invalid"]

    private let raw: ArraySlice<UInt8>
    private let value: JSONValue

    init(_ raw: ArraySlice<UInt8>) throws(ProviderError) {
        self.raw = raw
        value = try JSONItems.value(of: raw)
        guard value.members != nil else { throw ProviderError(.strange, "an event that is no object") }
    }

    func reports() throws(ProviderError) -> [ProviderReport] {
        guard let name = text("event") else { throw ProviderError(.strange, "an event without `event`") }
        let facts = try facts(of: name)
        let isUnmapped = facts.allSatisfy { fact in
            if case .unmapped = fact.kind { true } else { false }
        }
        guard let address = text("email") ?? (isUnmapped ? "" : nil) else {
            throw ProviderError(.strange, "`\(name)` without `email`")
        }
        let time = try time()
        let arguments = arguments
        return facts.map { fact in
            ProviderReport(
                fact.kind,
                key: key + fact.suffix,
                time: time,
                address: address.isEmpty ? .none : .email(address),
                messageID: arguments.messageID,
                providerMessageID: messageID,
                metadata: arguments.metadata,
                fields: fact.fields.members
            )
        }
    }

    private struct Fact {
        var kind: ProviderReport.Kind
        var fields = ReportFields()
        /// Told apart from the other fact of the same event.
        var suffix = ""
    }

    private func facts(of name: String) throws(ProviderError) -> [Fact] {
        switch name {
        case "processed":
            var fields = ReportFields()
            fields.set("ip_pool", value["pool"]?["name"]?.scalarText ?? value["pool"]?.scalarText)
            return [Fact(kind: .sent(type: "users.messages.email.Send"), fields: fields)]
        case "delivered": return [happened("Delivery") { $0.set("sending_ip", text("ip")) }]
        case "deferred": return [deferral]
        case "bounce":
            guard text("type") != "blocked" else { return [happened("SoftBounce", bounce)] }
            return [
                happened("Bounce") { fields in
                    bounce(&fields)
                    fields.set("is_drop", flag: false)
                }
            ]
        case "dropped":
            guard let reason = text("reason"), Self.bouncedReasons.contains(reason) else { break }
            // Nothing was attempted, so there is no sending address.
            return [
                happened("Bounce") { fields in
                    fields.set("bounce_reason", reason)
                    fields.set("is_drop", flag: true)
                }
            ]
        case "open":
            return [
                happened("Open") { fields in
                    fields.set("user_agent", text("useragent"))
                    fields.set("machine_open", text("sg_machine_open"))
                }
            ]
        case "click":
            return [
                happened("Click") { fields in
                    fields.set("url", text("url"))
                    fields.set("user_agent", text("useragent"))
                }
            ]
        case "spamreport": return [happened("MarkAsSpam") { $0.set("user_agent", text("useragent")) }]
        case "unsubscribe": return [unsubscribe, Fact(kind: .everything(isSubscribed: false), suffix: "/everything")]
        case "group_unsubscribe": return [unsubscribe, try group(isSubscribed: false)]
        case "group_resubscribe": return [try group(isSubscribed: true)]
        default: break
        }
        return [Fact(kind: .unmapped(name: name))]
    }

    private func happened(_ action: String, _ fill: (inout ReportFields) -> Void) -> Fact {
        var fields = ReportFields()
        fill(&fields)
        fields.set("esp", Self.esp)
        return Fact(kind: .happened(type: "users.messages.email.\(action)"), fields: fields)
    }

    private var unsubscribe: Fact { Fact(kind: .happened(type: "users.messages.email.Unsubscribe")) }

    private var deferral: Fact {
        happened("Deferral") { fields in
            fields.set("attempt_count", number: value["attempt"]?.wholeNumber)
            fields.set("deferral_reason", text("response") ?? text("reason"))
            fields.set("sending_ip", text("ip"))
            fields.set("recipient_domain", text("email").flatMap(EmailAddress.domain))
        }
    }

    private func bounce(_ fields: inout ReportFields) {
        fields.set("bounce_reason", text("reason"))
        fields.set("sending_ip", text("ip"))
    }

    private func group(isSubscribed: Bool) throws(ProviderError) -> Fact {
        guard let id = text("asm_group_id") else { throw ProviderError(.strange, "a group's event without its id") }
        return Fact(kind: .group(id: id, isSubscribed: isSubscribed), suffix: "/group")
    }

    private func text(_ name: String) -> String? { value[name]?.scalarText }

    private func time() throws(ProviderError) -> Int64? {
        guard let timestamp = value["timestamp"], timestamp != .null else { return nil }
        guard let time = timestamp.wholeNumber, time >= 0 else {
            throw ProviderError(.strange, "`timestamp` is no number of seconds")
        }
        return time > Self.secondsMax ? time / 1_000 : time
    }

    private var arguments: CustomArguments {
        var arguments = CustomArguments()
        for member in value.members ?? [] {
            if let text = member.value.scalarText { arguments.take(member.key, text) }
        }
        return arguments
    }

    /// SendGrid's id of the message, which its send call answered: bounces long after the delivery have it in `smtp-id`
    /// only, before the at sign.
    private var messageID: String? {
        if let id = text("sg_message_id")?.split(separator: ".", maxSplits: 1).first { return String(id) }
        let id = text("smtp-id")?.split(separator: "@", maxSplits: 1).first?.drop { $0 == "<" }
        return id.flatMap { $0.isEmpty ? nil : String($0) }
    }

    /// The event's id, or what stands for it where there is none: the same bytes have the same.
    private var key: String {
        if let id = text("sg_event_id"), id.utf8.count <= Self.keyBytesMax { return id }
        return "sha256:\(Hex.text(Array(SHA256.hash(data: Array(raw)))))"
    }
}

internal import Avro
internal import Tracking

/// One message of Twilio's: what became of one that we sent, or one that came in.
///
/// Twilio echoes nothing that the sender gave it, so the ids of a sent message stand in the query of the address that
/// the sender gave as `StatusCallback`, where they are signed.
struct TwilioMessage: Sendable {
    /// Twilio takes ten to a message.
    static let mediaMax = 100

    private let form: FormFields
    private let query: FormFields?

    init(_ request: WebhookRequest) throws(ProviderError) {
        guard Self.isForm(request), let form = FormFields(request.body) else {
            throw ProviderError(.strange, "not a form")
        }
        guard form.text("MessageSid") != nil else { throw ProviderError(.strange, "a form without MessageSid") }
        query = FormFields(request.query)
        guard !form.hasNUL, query?.hasNUL != true else { throw ProviderError(.strange, JSONItems.noNUL) }
        self.form = form
    }

    static func isForm(_ request: WebhookRequest) -> Bool {
        let type = request.header("Content-Type")?.prefix { $0 != ";" } ?? ""
        return type.split(separator: " ").first?.lowercased() == "application/x-www-form-urlencoded"
    }

    /// Callbacks about a message that came in have its status and no text; the message itself always has a text.
    var isInbound: Bool { form["Body"] != nil && ["received", nil].contains(form.text("MessageStatus")) }

    func report() throws(ProviderError) -> ProviderReport {
        guard let id = form.text("MessageSid") else { throw ProviderError(.strange, "a form without MessageSid") }
        guard let status = form.text("MessageStatus") ?? form.text("SmsStatus") ?? (isInbound ? "received" : nil)
        else { throw ProviderError(.strange, "neither a status nor a text") }
        if let channel = channel {
            return report(.unmapped(name: "\(channel):\(status)"), key: key(id, status), address: .none)
        }
        if isInbound {
            let message = try inbound()
            return report(.inbound(message), key: id, address: .phone(message.from))
        }
        guard let to = form.text("To") else { throw ProviderError(.strange, "a status without `To`") }
        return report(kind(of: status), key: key(id, status), address: .phone(to), fields: fields(of: status))
    }

    private func report(
        _ kind: ProviderReport.Kind,
        key: String,
        address: ProviderReport.Address,
        fields: ReportFields = ReportFields()
    ) -> ProviderReport {
        var arguments = CustomArguments()
        if !isInbound {
            for field in query?.fields ?? [] {
                arguments.take(
                    String(decoding: field.name, as: UTF8.self),
                    String(decoding: field.value, as: UTF8.self)
                )
            }
        }
        return ProviderReport(
            kind,
            key: key,
            account: form.text("AccountSid") ?? "",
            time: nil,
            address: address,
            messageID: arguments.messageID,
            providerMessageID: form.text("MessageSid"),
            metadata: arguments.metadata,
            fields: fields.members
        )
    }

    private func kind(of status: String) -> ProviderReport.Kind {
        switch status {
        case "accepted", "queued": .sent(type: "users.messages.sms.Send")
        case "sent": .happened(type: "users.messages.sms.CarrierSend")
        case "delivered": .happened(type: "users.messages.sms.Delivery")
        // The carrier had it and refused it; `failed` never left Twilio.
        case "undelivered": .happened(type: "users.messages.sms.Rejection")
        case "failed": .happened(type: "users.messages.sms.DeliveryFailure")
        default: .unmapped(name: status)
        }
    }

    private func fields(of status: String) -> ReportFields {
        var fields = ReportFields()
        fields.set("from_phone_number", form.text("From"))
        fields.set(ProviderReport.serviceKey, form.text("MessagingServiceSid"))
        if status == "undelivered" || status == "failed" {
            fields.set("error", form.text("ErrorMessage"))
            fields.set("provider_error_code", form.text("ErrorCode"))
        }
        return fields
    }

    /// A message of a service is first `accepted`, then `queued`: one fact, so that it is sent once.
    private func key(_ id: String, _ status: String) -> String {
        let status = status == "accepted" ? "queued" : status
        return ([id, status] + [form.text("ErrorCode")].compactMap(\.self)).joined(separator: ":")
    }

    /// `whatsapp` of `whatsapp:+15005550009`, `rcs` and others; nil for a number or a sender's name.
    private var channel: String? {
        for name in ["From", "To"] {
            guard let address = form.text(name), let colon = address.firstIndex(of: ":") else { continue }
            return String(address[..<colon])
        }
        return nil
    }

    private func inbound() throws(ProviderError) -> InboundMessage {
        guard let from = form.text("From"), let to = form.text("To") else {
            throw ProviderError(.strange, "a message without `From` or `To`")
        }
        let count = min(form.text("NumMedia").flatMap { Int($0) } ?? 0, Self.mediaMax)
        return InboundMessage(
            from: from,
            to: to,
            service: form.text("MessagingServiceSid"),
            body: form["Body"] ?? "",
            mediaURLs: (0..<max(0, count)).compactMap { form.text("MediaUrl\($0)") },
            word: form.text("OptOutType").flatMap { InboundMessage.Word(rawValue: $0.uppercased()) }
        )
    }
}

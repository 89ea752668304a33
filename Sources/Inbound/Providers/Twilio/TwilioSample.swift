package import Platform

/// Requests as Twilio sends them, signed with an auth token.
package struct TwilioSample: Sendable {
    package static let account = "AC00000000000000000000000000000001"

    package var token: String

    package init(token: String) {
        self.token = token
    }

    /// A status callback, to an address whose query names the message.
    package func status(
        _ status: String,
        message: String,
        to number: String = "+15005550009",
        url: String,
        at time: Timestamp
    ) -> WebhookRequest {
        request(
            url: url,
            fields: [
                ("AccountSid", Self.account), ("ApiVersion", "2010-04-01"), ("From", "+15005550006"),
                ("MessageSid", message), ("MessageStatus", status), ("SmsSid", message), ("SmsStatus", status),
                ("To", number),
            ],
            at: time
        )
    }

    /// A message to one of our numbers.
    package func inbound(_ text: String, message: String, url: String, at time: Timestamp) -> WebhookRequest {
        request(
            url: url,
            fields: [
                ("AccountSid", Self.account), ("ApiVersion", "2010-04-01"), ("Body", text), ("From", "+15005550009"),
                ("FromCity", ""), ("MessageSid", message), ("NumMedia", "0"), ("NumSegments", "1"),
                ("SmsMessageSid", message), ("SmsSid", message), ("SmsStatus", "received"), ("To", "+15005550006"),
            ],
            at: time
        )
    }

    package func request(url: String, fields: [(name: String, value: String)], at time: Timestamp) -> WebhookRequest {
        var request = WebhookRequest(
            url: url,
            headers: [("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")],
            body: Array(PercentEncoding.form(fields).utf8),
            arrived: time
        )
        guard let signature = TwilioSignature.signature(of: request, token: token) else {
            preconditionFailure("every form of a sample can be signed")
        }
        request.headers.append((TwilioSignature.header, signature))
        return request
    }
}

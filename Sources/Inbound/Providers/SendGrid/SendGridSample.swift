internal import Avro
internal import Crypto
package import Platform

/// Requests as SendGrid sends them, signed with a key of one's own.
package struct SendGridSample: Sendable {
    private let key: P256.Signing.PrivateKey

    /// Makes a key to throw away.
    package init() {
        key = P256.Signing.PrivateKey()
    }

    /// Takes a key in PEM.
    package init(privateKey pem: String) throws(ProviderError) {
        guard let key = try? P256.Signing.PrivateKey(pemRepresentation: pem) else {
            throw ProviderError(.settings, "not a P-256 private key in PEM")
        }
        self.key = key
    }

    /// What goes into `public_keys`.
    package var publicKey: String { Base64.encode(Array(key.publicKey.derRepresentation)) }

    /// One message's way to a click, with custom arguments as the sender would have given them.
    ///
    /// The ids of its events are made from the moment, so that a later sample repeats none.
    package static func body(
        at time: Timestamp,
        to address: String = "kim@example.net",
        arguments: [(name: String, value: String)] = []
    ) -> [UInt8] {
        let events: [(name: String, members: [(String, String)])] = [
            ("processed", []),
            ("delivered", [("response", "250 OK"), ("ip", "192.0.2.7")]),
            ("open", [("useragent", "Sample/1.0"), ("ip", "198.51.100.4")]),
            ("click", [("url", "https://www.example.com/"), ("useragent", "Sample/1.0"), ("ip", "198.51.100.4")]),
        ]
        let items = events.enumerated().map { index, event in
            var members: [JSONValue.Member] = [
                .init("email", .string(address)),
                .init("timestamp", .number("\(time.seconds)")),
                .init("event", .string(event.name)),
                .init("sg_event_id", .string("sample-\(time.nanoseconds)-\(index)")),
                .init("sg_message_id", .string("sample-\(time.nanoseconds).recvd-sample-0.0")),
            ]
            members += (event.members + arguments.map { ($0.name, $0.value) }).map { .init($0, .string($1)) }
            return JSONValue.object(members).text
        }
        // As SendGrid breaks its lines, which is part of what is signed.
        return Array("[\(items.joined(separator: ",\r\n"))]\r\n".utf8)
    }

    package func request(url: String, body: [UInt8], at time: Timestamp) throws(ProviderError) -> WebhookRequest {
        let seconds = "\(time.seconds)"
        let digest = SendGridSignature.digest(time: seconds, body: body)
        guard let signature = try? key.signature(for: digest) else {
            throw ProviderError(.settings, "the key does not sign")
        }
        return WebhookRequest(
            url: url,
            headers: [
                ("Content-Type", "application/json"),
                (SendGridSignature.signatureHeader, Base64.encode(Array(signature.derRepresentation))),
                (SendGridSignature.timestampHeader, seconds),
            ],
            body: body,
            arrived: time
        )
    }
}

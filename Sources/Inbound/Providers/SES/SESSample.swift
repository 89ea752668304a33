internal import Avro
internal import Crypto
package import Platform
internal import SwiftASN1
internal import X509
internal import _CryptoExtras

/// Messages as SNS posts them, signed with a key and a certificate made to be thrown away.
package struct SESSample: Sendable {
    package static let topic = "arn:aws:sns:us-east-1:000000000000:sample"
    package static let certificateURL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-sample.pem"

    /// What stands at `certificateURL`: signed by its own key, so a webhook that trusts it as a root takes it too.
    package let certificate: [UInt8]
    private let key: _RSA.Signing.PrivateKey

    /// Makes a key, and a certificate that is valid between the moments given.
    package init(
        from: Timestamp,
        until: Timestamp,
        commonName: String = "sns.amazonaws.com"
    ) throws(ProviderError) {
        do {
            key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            let name = try DistinguishedName([.init(type: .RDNAttributeType.commonName, utf8String: commonName)])
            let signer = Certificate.PrivateKey(key)
            let made = try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(bytes: [1]),
                publicKey: signer.publicKey,
                notValidBefore: from.date,
                notValidAfter: until.date,
                issuer: name,
                subject: name,
                signatureAlgorithm: .sha256WithRSAEncryption,
                extensions: Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                },
                issuerPrivateKey: signer
            )
            certificate = Array(try made.serializeAsPEM().pemString.utf8)
        } catch {
            throw ProviderError(.settings, "no certificate can be made: \(error)")
        }
    }

    /// A delivery, with tags as the sender would have given them.
    package static func delivery(
        at time: Timestamp,
        to recipient: String = "kim@example.net",
        tags: [(name: String, value: String)] = []
    ) -> String {
        let moment = JSONValue.string(CalendarTime(time).extended)
        let address = JSONValue.array([.string(recipient)])
        let tags = tags.map { JSONValue.Member($0.name, .array([.string($0.value)])) }
        let mail: [JSONValue.Member] = [
            .init("timestamp", moment), .init("messageId", .string("sample-\(time.nanoseconds)")),
            .init("source", .string("news@example.com")), .init("sendingAccountId", .string("000000000000")),
            .init("destination", address), .init("tags", .object(tags)),
        ]
        let delivery: [JSONValue.Member] = [
            .init("timestamp", moment), .init("recipients", address), .init("smtpResponse", .string("250 ok")),
        ]
        return JSONValue.object([
            .init("eventType", .string("Delivery")), .init("mail", .object(mail)),
            .init("delivery", .object(delivery)),
        ]).text
    }

    /// A notification with that text in it.
    package func notification(
        _ text: String,
        id: String,
        url: String,
        at time: Timestamp,
        topic: String = topic,
        subject: String? = nil,
        version: Int = 2
    ) throws(ProviderError) -> WebhookRequest {
        var members: [(String, String)] = [
            ("Type", "Notification"), ("MessageId", id), ("TopicArn", topic), ("Message", text),
        ]
        if let subject { members.append(("Subject", subject)) }
        return try request(members, url: url, at: time, version: version)
    }

    /// SNS's question whether the subscription is wanted.
    package func confirmation(
        id: String,
        url: String,
        at time: Timestamp,
        topic: String = topic,
        subscribeURL: String? = nil
    ) throws(ProviderError) -> WebhookRequest {
        let confirm = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=\(topic)&Token=sample"
        return try request(
            [
                ("Type", "SubscriptionConfirmation"), ("MessageId", id), ("TopicArn", topic),
                ("Message", "You have chosen to subscribe."), ("Token", "sample"),
                ("SubscribeURL", subscribeURL ?? confirm),
            ],
            url: url,
            at: time,
            version: 2
        )
    }

    /// An envelope of those members, with time and signature.
    package func request(
        _ members: [(name: String, value: String)],
        url: String,
        at time: Timestamp,
        version: Int,
        certificateURL: String = certificateURL
    ) throws(ProviderError) -> WebhookRequest {
        var members = members.map { JSONValue.Member($0.name, .string($0.value)) }
        members.append(.init("Timestamp", .string(CalendarTime(time).extended)))
        let signed = Array(try SNSMessage(Array(JSONValue.object(members).text.utf8)).stringToSign.utf8)
        let signature: _RSA.Signing.RSASignature
        do {
            signature =
                version == 1
                ? try key.signature(for: Insecure.SHA1.hash(data: signed), padding: .insecurePKCS1v1_5)
                : try key.signature(for: SHA256.hash(data: signed), padding: .insecurePKCS1v1_5)
        } catch {
            throw ProviderError(.settings, "the key does not sign: \(error)")
        }
        members.append(.init("SignatureVersion", .string("\(version)")))
        members.append(.init("Signature", .string(Base64.encode(Array(signature.rawRepresentation)))))
        members.append(.init("SigningCertURL", .string(certificateURL)))
        return WebhookRequest(
            url: url,
            headers: [
                ("Content-Type", "text/plain; charset=UTF-8"),
                ("x-amz-sns-message-type", members.first?.value.string ?? ""),
            ],
            body: Array(JSONValue.object(members).text.utf8),
            arrived: time
        )
    }
}

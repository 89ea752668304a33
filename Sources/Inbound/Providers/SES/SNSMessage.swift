internal import Avro

/// SNS's envelope around a message.
struct SNSMessage: Sendable {
    enum Kind: String, Sendable {
        case notification = "Notification"
        case subscriptionConfirmation = "SubscriptionConfirmation"
        case unsubscribeConfirmation = "UnsubscribeConfirmation"

        /// What is signed, in this order.
        fileprivate var signed: [String] {
            switch self {
            case .notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
            case .subscriptionConfirmation, .unsubscribeConfirmation:
                ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
            }
        }
    }

    let kind: Kind
    let id: String
    let topic: String
    let text: String
    private let value: JSONValue

    init(_ body: [UInt8]) throws(ProviderError) {
        value = try JSONItems.value(of: body[...])
        guard let type = value["Type"]?.string else { throw ProviderError(.strange, "no `Type`") }
        guard let kind = Kind(rawValue: type) else { throw ProviderError(.strange, "of an unknown `Type`") }
        self.kind = kind
        guard let id = value["MessageId"]?.string, let topic = value["TopicArn"]?.string,
            let text = value["Message"]?.string
        else { throw ProviderError(.strange, "no `MessageId`, `TopicArn` or `Message`") }
        self.id = id
        self.topic = topic
        self.text = text
    }

    var timestamp: String { value["Timestamp"]?.string ?? "" }
    var signatureVersion: String? { value["SignatureVersion"]?.string }
    var signature: String? { value["Signature"]?.string }
    var signingCertURL: String? { value["SigningCertURL"]?.string }
    var subscribeURL: String? { value["SubscribeURL"]?.string }

    /// Name and value, a line each; what is not there, such as a subject, is left out.
    var stringToSign: String {
        kind.signed.compactMap { name in value[name]?.string.map { "\(name)\n\($0)\n" } }.joined()
    }
}

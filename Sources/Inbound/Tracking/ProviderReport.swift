package import Avro

/// What a provider says of one message to or from one person, its signature checked and its words translated.
///
/// One event of a provider makes as many of these as it states facts: SendGrid's `group_unsubscribe` is a click on the
/// unsubscribe link and a change of a subscription.
package struct ProviderReport: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        /// The provider took the message on: a Send where the source says `sends: provider`, else it adds context only.
        case sent(type: String)
        /// Something happened to a message: one event of this type.
        case happened(type: String)
        /// A person wrote to one of our numbers.
        case inbound(InboundMessage)
        /// The person's state in a group changed; the group by the provider's own id.
        case group(id: String, isSubscribed: Bool)
        /// The person's state changed for every message of the channel.
        case everything(isSubscribed: Bool)
        /// An event of the provider that the glossary has no type for, by the provider's name.
        case unmapped(name: String)
    }

    /// Where a message went to or came from.
    package enum Address: Sendable, Hashable {
        case email(String)
        case phone(String)
        /// The provider named none.
        case none
    }

    package var kind: Kind
    /// The provider's own id of this fact, unique within provider and account.
    package var key: String
    /// Whose account at the provider; empty where the provider does not say.
    package var account: String
    /// Seconds since 1970; nil where the provider does not say: then it is the time of arrival.
    package var time: Int64?
    package var address: Address
    /// The message id that a send report answered and the sender gave to the provider.
    package var messageID: String?
    /// The provider's own id of the message.
    package var providerMessageID: String?
    /// Fields of the glossary that the sender gave to the provider with the message.
    package var metadata: [String: String]
    /// Fields of the event type that the provider knows, by their names in the glossary.
    ///
    /// A field that the type of the loaded edition does not have is left out later.
    package var fields: [JSONValue.Member]

    package init(
        _ kind: Kind,
        key: String,
        account: String = "",
        time: Int64?,
        address: Address,
        messageID: String? = nil,
        providerMessageID: String? = nil,
        metadata: [String: String] = [:],
        fields: [JSONValue.Member] = []
    ) {
        self.kind = kind
        self.key = key
        self.account = account
        self.time = time
        self.address = address
        self.messageID = messageID
        self.providerMessageID = providerMessageID
        self.metadata = metadata
        self.fields = fields
    }

    /// What custom arguments may be called to say which message an event belongs to.
    package static let messageIDKey = "message_id"

    /// Among `fields`, and no field of the glossary: the service that a message was sent by, by the provider's id.
    package static let serviceKey = "messaging_service"

    /// The custom arguments that are taken for fields of the glossary.
    package static let metadataKeys: Set<String> = [
        "user_id", "external_user_id", "timezone", "campaign_id", "campaign_name", "message_variation_id",
        "message_variation_name", "canvas_id", "canvas_name", "canvas_variation_id", "canvas_variation_name",
        "canvas_step_id", "canvas_step_name", "canvas_step_message_variation_id", "dispatch_id", "send_id",
        "subscription_group_id", "app_id", "app_group_id",
    ]
}

/// What a person wrote to one of our numbers.
package struct InboundMessage: Sendable, Hashable {
    /// What the provider itself took the message for.
    package enum Word: String, Sendable {
        case stop = "STOP"
        case start = "START"
        case help = "HELP"
    }

    /// The person's number.
    package var from: String
    /// Ours.
    package var to: String
    /// The service that the number belongs to, by the provider's id.
    package var service: String?
    package var body: String
    package var mediaURLs: [String]
    package var word: Word?

    package init(
        from: String,
        to: String,
        service: String? = nil,
        body: String,
        mediaURLs: [String] = [],
        word: Word? = nil
    ) {
        self.from = from
        self.to = to
        self.service = service
        self.body = body
        self.mediaURLs = mediaURLs
        self.word = word
    }
}

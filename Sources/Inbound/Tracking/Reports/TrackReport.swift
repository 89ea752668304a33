package import Avro

/// What tracking is told: what was sent, what users did, who they are, and what providers say.
package enum TrackReport: Sendable, Hashable {
    case sends(SendReport)
    case pushResults([PushResultItem])
    case interactions([Interaction])
    case entries([ReportItem])
    case enrolments([ReportItem])
    case behaviours([Behaviour])
    case subscriptions([ReportItem])
    case users([DirectoryEntry])
    /// Takes a user out of the directory.
    case forget(userID: String)
    case define(Definition)
    case undefine(Definition.Kind, id: String)
    /// Verified reports of a provider, and what of its body could not be understood.
    case provider(name: String, [ProviderReport], strange: [StrangePart])

    /// A part of a provider's genuine body that nothing could be made of.
    package struct StrangePart: Sendable, Hashable {
        package let raw: [UInt8]
        package let message: String

        package init(raw: [UInt8], message: String) {
            self.raw = raw
            self.message = message
        }
    }

    /// How many things it tells.
    var items: Int {
        switch self {
        case .sends(let report): report.recipients.count
        case .pushResults(let items): items.count
        case .interactions(let items): items.count
        case .entries(let items), .enrolments(let items), .subscriptions(let items): items.count
        case .behaviours(let items): items.count
        case .users(let entries): entries.count
        case .define, .undefine, .forget: 1
        case .provider(_, let reports, let strange): reports.count + strange.count
        }
    }

    /// The items that may name a campaign, a canvas or a subscription group.
    var naming: [ReportItem] {
        switch self {
        case .sends(let report): report.recipients.map(\.item)
        case .pushResults(let items): items.map(\.item)
        case .interactions(let items): items.map(\.item)
        case .entries(let items), .enrolments(let items), .subscriptions(let items): items
        case .behaviours, .users, .forget, .define, .undefine, .provider: []
        }
    }

    /// Whether a sender repeats it by its Idempotency-Key; providers' events have ids of their own.
    var isKeyed: Bool {
        switch self {
        case .provider, .users, .forget, .define, .undefine: false
        default: true
        }
    }
}

/// One thing that a report tells, as fields of the glossary.
package struct ReportItem: Sendable, Hashable {
    package var fields: Fields
    /// Seconds since 1970; nil: the moment of the report.
    package var time: Int64?
    /// The message that it is about, by the id that a send report answered.
    package var messageID: String?
}

/// Messages of one kind, each to one recipient.
package struct SendReport: Sendable, Hashable {
    package enum Channel: String, Sendable, CaseIterable {
        case email
        case push
        case sms
        case webhook
        case contentCard = "content_card"

        var sendType: String {
            switch self {
            case .email: "users.messages.email.Send"
            case .push: "users.messages.pushnotification.Send"
            case .sms: "users.messages.sms.Send"
            case .webhook: "users.messages.webhook.Send"
            case .contentCard: "users.messages.contentcard.Send"
            }
        }
    }

    package enum Trigger: String, Sendable, CaseIterable {
        case scheduled
        case action
        case api
    }

    package var channel: Channel
    package var trigger: Trigger
    /// Joins the requests of one scheduled send.
    package var dispatchKey: String?
    /// The service that the provider sends an SMS by.
    package var messagingService: String?
    /// With the report's own fields filled in.
    package var recipients: [Recipient]

    package struct Recipient: Sendable, Hashable {
        package var item: ReportItem
        package var providerMessageID: String?
    }
}

/// What APNs or FCM answered about one push.
package struct PushResultItem: Sendable, Hashable {
    package var item: ReportItem
    package var result: PushResult
    package var service: PushService
}

/// What an app saw a user do with a message.
package struct Interaction: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        case pushOpen = "push_open"
        case pushForeground = "push_foreground"
        case inAppImpression = "in_app_impression"
        case inAppClick = "in_app_click"
        case contentCardImpression = "content_card_impression"
        case contentCardClick = "content_card_click"
        case contentCardDismiss = "content_card_dismiss"
        case newsFeedCardImpression = "news_feed_card_impression"
        case newsFeedCardClick = "news_feed_card_click"

        var type: String {
            switch self {
            case .pushOpen: "users.messages.pushnotification.Open"
            case .pushForeground: "users.messages.pushnotification.IosForeground"
            case .inAppImpression: "users.messages.inappmessage.Impression"
            case .inAppClick: "users.messages.inappmessage.Click"
            case .contentCardImpression: "users.messages.contentcard.Impression"
            case .contentCardClick: "users.messages.contentcard.Click"
            case .contentCardDismiss: "users.messages.contentcard.Dismiss"
            case .newsFeedCardImpression: "users.messages.newsfeedcard.Impression"
            case .newsFeedCardClick: "users.messages.newsfeedcard.Click"
            }
        }
    }

    package var kind: Kind
    package var item: ReportItem
}

/// What a user did outside of any message.
package struct Behaviour: Sendable, Hashable {
    package enum Kind: String, Sendable, CaseIterable {
        case customEvent = "custom_event"
        case purchase
        case firstSession = "first_session"
        case sessionStart = "session_start"
        case sessionEnd = "session_end"
        case location
        case install
        case uninstall
        case newsFeedImpression = "news_feed_impression"

        var type: String {
            switch self {
            case .customEvent: "users.behaviors.CustomEvent"
            case .purchase: "users.behaviors.Purchase"
            case .firstSession: "users.behaviors.app.FirstSession"
            case .sessionStart: "users.behaviors.app.SessionStart"
            case .sessionEnd: "users.behaviors.app.SessionEnd"
            case .location: "users.behaviors.Location"
            case .install: "users.behaviors.InstallAttribution"
            case .uninstall: "users.behaviors.Uninstall"
            case .newsFeedImpression: "users.behaviors.app.NewsFeedImpression"
            }
        }
    }

    package var kind: Kind
    package var item: ReportItem
    /// As an object; in the event they are a text.
    package var properties: JSONValue
}

/// What the directory knows of a user.
package struct DirectoryEntry: Sendable, Hashable {
    package var userID: String
    package var externalUserID: String?
    package var timezone: String?
    package var phones: [String]
    package var emails: [String]
}

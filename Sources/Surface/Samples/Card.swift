/// A story that begins with a user and a message, or a part of one.
///
/// Stories are dealt from a deck that has each of them as often as its weight says, so that every type of event
/// occurs in each round.
enum Card: UInt8, CaseIterable, Sendable {
    case emailDelivered
    case emailOpened
    case emailClicked
    case emailConverted
    case emailBounced
    case emailSoftBounced
    case emailSpam
    case emailUnsubscribed
    case pushSent
    case pushOpened
    case pushForeground
    case pushBounced
    case textDelivered
    case textReplied
    case textStopped
    case textRejected
    case textFailed
    case textHelp
    case inAppSeen
    case inAppClicked
    case cardSent
    case cardSeen
    case cardClicked
    case cardDismissed
    case newsSeen
    case newsClicked
    case webhookSent
    case canvasEntered
    case canvasConverted
    case canvasControl
    case controlEnrolled
    /// A step of a canvas that the user is in. Not dealt.
    case canvasStep
    /// A reply by text message. Not dealt.
    case reply

    /// How often it stands in the deck: after the mix of a busy sender, two fifths email and a third push.
    var weight: Int {
        switch self {
        case .emailDelivered, .emailOpened: 12
        case .emailClicked: 6
        case .emailConverted: 2
        case .pushSent: 20
        case .pushOpened: 9
        case .textDelivered: 7
        case .inAppSeen: 6
        case .inAppClicked: 3
        case .canvasEntered: 4
        case .webhookSent: 3
        case .pushForeground, .pushBounced, .textReplied, .cardSent, .cardSeen, .newsSeen, .controlEnrolled: 2
        case .emailBounced, .emailSoftBounced, .emailSpam, .emailUnsubscribed, .textStopped, .textRejected,
            .textFailed, .textHelp, .cardClicked, .cardDismissed, .newsClicked, .canvasConverted, .canvasControl:
            1
        case .canvasStep, .reply: 0
        }
    }

    /// The channel that the story's message goes through, if it is a campaign's.
    var channel: SampleChannel? {
        switch self {
        case .emailDelivered, .emailOpened, .emailClicked, .emailConverted, .emailBounced, .emailSoftBounced,
            .emailSpam, .emailUnsubscribed, .controlEnrolled:
            .email
        case .pushSent, .pushOpened, .pushForeground, .pushBounced: .push
        case .textDelivered, .textReplied, .textStopped, .textRejected, .textFailed: .text
        case .inAppSeen, .inAppClicked: .inApp
        case .cardSent, .cardSeen, .cardClicked, .cardDismissed: .contentCard
        case .webhookSent: .webhook
        case .textHelp, .newsSeen, .newsClicked, .canvasEntered, .canvasConverted, .canvasControl, .canvasStep, .reply:
            nil
        }
    }

    static let deck: [Card] = allCases.flatMap { Array(repeating: $0, count: $0.weight) }
}

/// A rule that concerns the value of one field.
///
/// Which field has which rule stands in the glossary's text. The checks take the bytes of a value as UTF-8 and
/// allocate nothing, so that they can run for every event.
public enum FieldRule: UInt8, Hashable, Sendable, CaseIterable {
    /// `time` has ten digits.
    case tenDigitTime
    /// The name of an IANA time zone.
    case timezone
    /// A phone number in E.164 form.
    case phone
    /// A phone number in E.164 form, a short code or a sender name.
    case sender
    /// A kind of advertising id, from a closed list.
    case adIDType
    /// The state of a subscription, from a closed list.
    case subscriptionStatus
    /// The state of a subscription, from an open list.
    case subscriptionStatusOpen
    /// The channel of a subscription group, from a closed list.
    case channel
    /// A channel, from an open list.
    case channelOpen
    /// What became of the subscription, from a closed list.
    case action
    /// What became of the subscription, from an open list.
    case actionOpen
    /// The category of an automatic reply, from an open list.
    case category
    /// A platform, from an open list.
    case platform
    /// What a push button does, from an open list.
    case buttonActionType
    /// A JSON object in a string.
    case jsonObject
    /// The index of a conversion event, 0 to 3.
    case conversionIndex
    /// `canvas_step_name` of a canvas entry, which is null.
    case canvasStepNameOnEntry

    /// The rule for the field of that name in that type, if there is one.
    public static func rule(forField name: String, type: EventType) -> FieldRule? {
        type.field(named: name)?.rule
    }

    /// Whether the bytes of a string keep the rule.
    ///
    /// A rule for integers holds for no string.
    public func holds(for value: Span<UInt8>) -> Bool {
        switch self {
        case .timezone: TimeZoneNames.standard.contains(value)
        case .phone: PhoneNumber.isE164(value)
        case .sender: PhoneNumber.isSender(value)
        case .jsonObject: JSONSyntax.isObject(value)
        case .tenDigitTime, .conversionIndex, .canvasStepNameOnEntry: false
        case .adIDType: WordList.adIDTypes.contains(value)
        case .subscriptionStatus: WordList.subscriptionStates.contains(value)
        case .subscriptionStatusOpen: WordList.openSubscriptionStates.contains(value)
        case .channel: WordList.groupChannels.contains(value)
        case .channelOpen: WordList.channels.contains(value)
        case .action, .actionOpen: WordList.actions.contains(value)
        case .category: WordList.categories.contains(value)
        case .platform: WordList.platforms.contains(value)
        case .buttonActionType: WordList.buttonActions.contains(value)
        }
    }

    /// Whether an integer keeps the rule.
    ///
    /// A rule for strings holds for no integer.
    public func holds(forInteger value: Int64) -> Bool {
        switch self {
        case .tenDigitTime: 1_000_000_000...9_999_999_999 ~= value
        case .conversionIndex: 0...3 ~= value
        default: false
        }
    }

    /// Whether the rule is about integers; all others are about strings.
    public var isForIntegers: Bool { self == .tenDigitTime || self == .conversionIndex }

    func suits(_ type: FieldType) -> Bool {
        isForIntegers ? type.isInteger : type == .string
    }

    /// The rule's name in the glossary's text.
    public var name: String {
        switch self {
        case .tenDigitTime: "ten-digit-time"
        case .timezone: "timezone"
        case .phone: "phone"
        case .sender: "sender"
        case .adIDType: "ad-id-type"
        case .subscriptionStatus: "subscription-status"
        case .subscriptionStatusOpen: "subscription-status-open"
        case .channel: "channel"
        case .channelOpen: "channel-open"
        case .action: "action"
        case .actionOpen: "action-open"
        case .category: "category"
        case .platform: "platform"
        case .buttonActionType: "button-action-type"
        case .jsonObject: "json-object"
        case .conversionIndex: "conversion-index"
        case .canvasStepNameOnEntry: "canvas-step-name-on-entry"
        }
    }

    init?(name: String) {
        guard let rule = FieldRule.allCases.first(where: { $0.name == name }) else { return nil }
        self = rule
    }
}

/// A rule of validity, as senders and operators meet it: by its code and its sentence.
public struct Rule: Hashable, Sendable {
    /// What becomes of an event that breaks a rule.
    public enum Enforcement: String, Hashable, Sendable {
        /// Every source sets the event aside with its bytes: the record cannot be stored as it should be.
        case always
        /// A strict source rejects the event; a lenient one stores it and counts it by the rule's code.
        case strict
        /// Every source stores the event and counts it by the rule's code.
        case counted
    }

    /// The name under which it is reported and counted.
    public let code: String
    /// What the rule asks for, in one sentence.
    public let sentence: String
    /// What becomes of an event that breaks it.
    public let enforcement: Enforcement

    /// An event's own JSON is at most as long as the limit allows (900,000 bytes unless configured otherwise).
    public static let sizeOverLimit = Rule(
        code: "size_over_limit",
        sentence: "The JSON of an event has at most 900,000 bytes, or what the configuration says.",
        enforcement: .always
    )

    /// `time` is in 32-bit seconds.
    public static let timeOutOfRange = Rule(
        code: "time_out_of_range",
        sentence: "`time` is in seconds since 1970 and fits into 32 bits; a number that is too large is most likely in"
            + " milliseconds.",
        enforcement: .always
    )

    /// `dispatch_id` on an email Click stands only beside a `campaign_id`.
    public static let dispatchWithoutCampaign = Rule(
        code: "dispatch_id_without_campaign",
        sentence: "On an email click `dispatch_id` stands only together with a `campaign_id`.",
        enforcement: .strict
    )

    /// The rules that concern no single field's value, or hold whatever the field's own rule is.
    public static let general: [Rule] = [.sizeOverLimit, .timeOutOfRange, .dispatchWithoutCampaign]

    /// Whether a `time` can be stored: whole seconds within 32 bits, whatever the width of the field.
    public static func timeIsInRange(_ seconds: Int64) -> Bool {
        Int64(Int32.min)...Int64(Int32.max) ~= seconds
    }
}

/// A list of known values, compared without regard to letter case.
struct WordList: Sendable {
    static let adIDTypes = WordList("ios_idfa", "google_ad_id", "windows_ad_id", "roku_ad_id")
    static let subscriptionStates = WordList("Subscribed", "Unsubscribed")
    static let openSubscriptionStates = WordList("Subscribed", "Unsubscribed", "Opted-In")
    static let groupChannels = WordList("email", "sms")
    static let channels = WordList(
        "email",
        "sms",
        "push",
        "whatsapp",
        "rcs",
        "line",
        "webhook",
        "content_card",
        "in_app_message",
        "banner"
    )
    static let actions = WordList("subscribed", "unsubscribed", "none")
    static let categories = WordList("Opt-In", "Opt-Out", "Help")
    static let platforms = WordList("ios", "android", "web", "tvos", "roku", "kindle")
    static let buttonActions = WordList("URI", "DEEP_LINK", "NONE", "CLOSE", "SHARE")

    /// The values, as they are written.
    let words: [String]
    private let folded: [FoldedWord]

    private init(_ words: String...) {
        self.words = words
        folded = words.map { word in
            guard let folded = FoldedWord(Array(word.utf8).span) else {
                preconditionFailure("\(word) is too long for a list of values")
            }
            return folded
        }
    }

    /// Whether the value is on the list, in any letter case.
    func contains(_ value: Span<UInt8>) -> Bool {
        guard let value = FoldedWord(value) else { return false }
        for index in folded.indices where folded[index] == value { return true }
        return false
    }
}

/// A word of at most 16 bytes in lower case, packed into two numbers so that comparing is cheap.
private struct FoldedWord: Equatable {
    static let bytesMax = 16

    private var low: UInt64 = 0
    private var high: UInt64 = 0

    /// Nil for a word that is empty or longer than any list has.
    init?(_ value: Span<UInt8>) {
        guard 1...FoldedWord.bytesMax ~= value.count else { return nil }
        for index in value.indices {
            var byte = value[index]
            if byte &- 0x41 < 26 { byte |= 0x20 }
            // A zero byte would look like the end of a shorter word.
            guard byte != 0 else { return nil }
            high = high &<< 8 | low &>> 56
            low = low &<< 8 | UInt64(byte)
        }
    }
}

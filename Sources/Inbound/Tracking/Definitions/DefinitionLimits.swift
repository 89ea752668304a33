/// How much one definition may hold.
package enum DefinitionLimits {
    package static let idBytesMax = 200
    package static let nameBytesMax = 1_000
    package static let variationsMax = 50
    package static let stepsMax = 200
    /// Of one canvas step.
    package static let messageVariationsMax = 50
    /// Conversion A to D.
    package static let conversionsMax = 4
    /// Of one conversion.
    package static let filtersMax = 20
    package static let windowSecondsMax: Int64 = 30 * 86_400
    package static let numbersMax = 1_000
    package static let messagingServicesMax = 100
    package static let providersMax = 20
    /// Of one provider.
    package static let providerGroupsMax = 100
    package static let languagesMax = 50
    /// RFC 5646 gives 35 characters to the longest language tag that is no private agreement.
    package static let languageBytesMax = 35
    /// Of one meaning in one language.
    package static let keywordsMax = 100
    package static let keywordBytesMax = 100
    /// Of one kind in a book.
    package static let definitionsMax = 10_000
    /// Of one definition in a book; the oldest go first.
    package static let versionsMax = 200
}

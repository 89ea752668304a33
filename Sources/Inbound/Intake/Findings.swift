import Glossary

/// What was noticed in events that were taken all the same.
struct Findings {
    /// The bit of the one rule that is about two fields.
    static let dispatchBit: UInt64 = 1 << 63

    /// How often each rule was broken, by its code.
    private(set) var rules: [String: Int] = [:]
    var unknownFields: [String: Int] = [:]
    var derivedUsers = 0
    var madeIDs = 0

    /// Counts each rule whose bit is set once.
    mutating func count(rules bits: UInt64) {
        var rest = bits
        while rest != 0 {
            let rule = FieldRule(rawValue: UInt8(rest.trailingZeroBitCount))?.rule ?? .dispatchWithoutCampaign
            rules[rule.code, default: 0] += 1
            rest &= rest - 1
        }
    }
}

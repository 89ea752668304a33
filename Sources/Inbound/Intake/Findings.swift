import Glossary

/// What was noticed in events that were taken all the same.
struct Findings {
    /// The bit of the one rule that is about two fields.
    static let dispatchBit: UInt64 = 1 << 63

    /// How often each rule was broken, by its bit; empty where none was.
    private var broken: [Int] = []
    var unknownFields: [(name: String, events: Int)] = []
    var derivedUsers = 0

    /// How often each rule was broken, by its code.
    var rules: [String: Int] {
        var rules: [String: Int] = [:]
        for (bit, times) in broken.enumerated() where times > 0 {
            rules[(FieldRule(rawValue: UInt8(bit))?.rule ?? .dispatchWithoutCampaign).code, default: 0] += times
        }
        return rules
    }

    /// Counts each rule whose bit is set once.
    mutating func count(rules bits: UInt64) {
        if broken.isEmpty { broken = Array(repeating: 0, count: UInt64.bitWidth) }
        var rest = bits
        while rest != 0 {
            broken[rest.trailingZeroBitCount] += 1
            rest &= rest - 1
        }
    }
}

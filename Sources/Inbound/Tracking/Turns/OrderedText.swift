/// Moments and numbers as texts whose order is that of what they say.
enum OrderedText {
    /// 16 digits.
    static func text(_ number: Int64) -> String {
        let bits = UInt64(bitPattern: number) ^ (1 << 63)
        let digits = String(bits, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Reads what `text` wrote at the start of a text; nil where it is something else.
    static func number(_ text: some StringProtocol) -> Int64? {
        UInt64(text.prefix(16), radix: 16).map { Int64(bitPattern: $0 ^ (1 << 63)) }
    }
}

extension Int64 {
    /// The difference, or the end of the range that it lies beyond: times come from strangers.
    func clampedSubtract(_ other: Int64) -> Int64 {
        let (difference, isOver) = subtractingReportingOverflow(other)
        guard isOver else { return difference }
        return other > 0 ? .min : .max
    }
}

extension String {
    /// Its parts between blanks, at most so many.
    ///
    /// Not by characters: a blank and an accent behind it are one.
    func partsBetweenBlanks(atMost count: Int) -> [String] {
        utf8.split(separator: UInt8(ascii: " "), maxSplits: count - 1, omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
    }
}

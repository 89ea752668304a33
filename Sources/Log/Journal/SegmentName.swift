import Platform

/// The name of a segment's file: `p000-s0000000000000001.segment`.
///
/// `.ids` in its place: the seal of a segment that was removed while the duplicate window needs its identities.
///
/// Other endings mark files that never count: `.spare` (zeros, made ahead), `.recovering` (a copy in the making);
/// both are removed at the next open. `.broken` is a segment whose head rotted, kept for a person.
struct SegmentName: Hashable, Sendable {
    static let ending = ".segment"
    static let identitiesEnding = ".ids"
    static let leftoverEndings = [".spare", ".recovering", ".tmp"]

    /// As far as 16 digits go; a name with more is none of a journal's.
    static let numberMax: UInt64 = 9_999_999_999_999_999

    let partition: PartitionID
    let number: UInt64

    var text: String { text(ending: Self.ending) }

    func text(ending: String) -> String {
        "\(Self.partitionStem(partition))-s\(Self.digits(number, 16))\(ending)"
    }

    /// How the names of a partition's files begin.
    static func partitionStem(_ partition: PartitionID) -> String {
        "p" + digits(UInt64(partition.rawValue), 3)
    }

    init(partition: PartitionID, number: UInt64) {
        self.partition = partition
        self.number = number
    }

    init?(_ text: String, ending: String = Self.ending) {
        let parts = text.dropLast(ending.count).split(separator: "-", omittingEmptySubsequences: false)
        guard text.hasSuffix(ending), parts.count == 2, parts[0].first == "p", parts[1].first == "s",
            let partition = Int(parts[0].dropFirst()), let number = UInt64(parts[1].dropFirst()),
            number <= Self.numberMax, (0..<PartitionID.countMax).contains(partition)
        else { return nil }
        self.init(partition: PartitionID(partition), number: number)
        guard self.text(ending: ending) == text else { return nil }
    }

    private static func digits(_ value: UInt64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

package import Journal
package import Platform

/// The number of a plan in state; plans of one connector are numbered in the order of their commits.
package struct PlanID: Sendable, Hashable, Comparable {
    package let rawValue: Int64

    package init(rawValue: Int64) {
        self.rawValue = rawValue
    }

    package static func < (left: PlanID, right: PlanID) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// A finished file with frozen boundaries, committed before anything is sent.
///
/// It is carried out as made, whatever the configuration says later. A plan may own several objects.
package struct Plan: Sendable, Hashable {
    package var id: PlanID
    package var connector: String
    package var location: String
    package var partition: PartitionID
    package var type: String
    package var edition: String
    package var first: Offset
    package var last: Offset
    package var hour: Hour
    /// The records that this plan must land; state counts them as pending until it has.
    package var count: Int
    package var made: Timestamp
    package var objects: [PlanObject]

    /// What the objects themselves say about their plan.
    package func tag(journal: JournalID) -> PlanTag {
        PlanTag(
            journal: journal,
            connector: connector,
            partition: partition,
            type: type,
            first: first,
            last: last,
            count: count
        )
    }
}

/// One object of a plan.
package struct PlanObject: Sendable, Hashable {
    package var key: String
    package var size: Int64
    package var checksum: ObjectChecksum
    /// The records in the staged file: the plan's count, or fewer if it was made again from a journal with rot.
    package var count: Int
    /// The name of its file in the connector's staging folder.
    package var staged: String

    package init(key: String, size: Int64, checksum: ObjectChecksum, count: Int, staged: String) {
        self.key = key
        self.size = size
        self.checksum = checksum
        self.count = count
        self.staged = staged
    }
}

/// The name of a plan inside its objects: the metadata `courant.plan` of the Avro header, as JSON.
///
/// Two files of one plan need not have equal bytes: codecs and settings change. The tag is what tells that an object
/// is ours. It has a fixed size so that the header can be reserved before its numbers are known.
package struct PlanTag: Sendable, Hashable {
    package static let metadataKey = "courant.plan"
    /// Four numbers of at most 20 digits, a type of at most 200 bytes, two ids of 32 and 128: 500 at the most.
    package static let bytes = 512

    package var journal: JournalID
    package var connector: String
    package var partition: PartitionID
    package var type: String
    package var first: Offset
    package var last: Offset
    package var count: Int

    package init(
        journal: JournalID,
        connector: String,
        partition: PartitionID,
        type: String,
        first: Offset,
        last: Offset,
        count: Int
    ) {
        self.journal = journal
        self.connector = connector
        self.partition = partition
        self.type = type
        self.first = first
        self.last = last
        self.count = count
    }

    /// JSON without trailing spaces, for the metadata of object stores.
    package var json: String {
        identity + "\"count\":\(count)}"
    }

    /// JSON padded with spaces to `bytes`.
    package var padded: [UInt8] {
        let text = Array(json.utf8)
        precondition(text.count <= Self.bytes, "names are validated: a plan's tag fits its reserved bytes")
        return text + [UInt8](repeating: UInt8(ascii: " "), count: Self.bytes - text.count)
    }

    /// Whether `text` names the same plan.
    ///
    /// The count does not take part: a file made again after rot has fewer.
    package func isNamed(by text: some Sequence<UInt8>) -> Bool {
        text.starts(with: identity.utf8)
    }

    /// Everything before the count.
    ///
    /// None of the names can contain a character that JSON escapes.
    private var identity: String {
        "{\"journal\":\"\(journal)\",\"connector\":\"\(connector)\",\"partition\":\(partition.rawValue),"
            + "\"type\":\"\(type)\",\"first\":\(first.rawValue),\"last\":\(last.rawValue),"
    }
}

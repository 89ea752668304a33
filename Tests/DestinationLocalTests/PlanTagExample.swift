import Delivery
import Journal

extension PlanTag {
    static let example = PlanTag(
        journal: JournalID([UInt8](repeating: 1, count: 16)),
        connector: "c",
        partition: PartitionID(0),
        type: "users.X",
        first: Offset(17),
        last: Offset(19),
        count: 3
    )
}

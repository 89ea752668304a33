internal import Avro

extension PlanTag {
    /// How much of a file's beginning holds its head: the schema of the widest type is below 16 KiB.
    package static let headBytes = 64 << 10

    /// The text of `courant.plan` in the head of an Avro file, or nil where there is none.
    package static func text(inHead bytes: [UInt8]) -> [UInt8]? {
        guard let reader = try? ContainerReader(ArraySource(bytes)) else { return nil }
        return reader.header.metadata.first { $0.key == metadataKey }?.value
    }
}

/// What a connector makes of one record.
package enum RecordPreview: Sendable, Hashable {
    /// Its type is not among those that the connector carries.
    case notCarried
    /// It would be set aside, and why.
    case refused(String)
    /// The datum that is delivered, of this type.
    case delivered(CarriedType, datum: [UInt8])
}

extension Connector {
    /// The event types that it carries.
    package var types: [CarriedType] { context.types }

    /// What becomes of a record on its way: edition and privacy; nothing is stored or sent.
    package func preview(fingerprint: UInt64, datum: [UInt8]) -> RecordPreview {
        let route = context.routes.find(fingerprint)
        guard route >= 0 else { return .notCarried }
        let type = context.types[context.routes.types[route]]
        guard let projection = context.routes.projections[route] else { return .delivered(type, datum: datum) }
        var (output, scratch) = ([UInt8](), ProjectionScratch())
        let obstacle = unsafe datum.withUnsafeBytes { unsafe projection.append($0, to: &output, scratch: &scratch) }
        if let obstacle { return .refused(projection.sentence(for: obstacle)) }
        return .delivered(type, datum: output)
    }

    /// Whether the destination never carries a field of the records that it is given.
    package func leavesOut(_ field: String) -> Bool {
        if case .stream(let destination) = destination { destination.leavesOut(field) } else { false }
    }
}

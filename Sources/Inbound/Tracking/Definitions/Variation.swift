package import Avro

/// One way in which a campaign or canvas meets its users.
package struct Variation: Sendable, Hashable {
    package let id: String
    package let name: String
    /// Percent of the users.
    package let share: Double
    /// Whether its users get nothing, to compare the others with.
    package let isControl: Bool

    package init(id: String, name: String, share: Double, isControl: Bool = false) {
        self.id = id
        self.name = name
        self.share = share
        self.isControl = isControl
    }

    init(reading json: JSONValue, at path: String) throws(DefinitionError) {
        let known = ["id", "name", "share", "control"]
        let reader = try MemberReader(json, at: path, of: "a variation", known: known)
        id = try reader.id()
        name = try reader.name()
        share = try reader.number("share", 0...100, rule: "a number from 0 to 100, in percent")
        isControl = try reader.flag("control")
    }

    package var json: JSONValue {
        .object([
            .init("id", .string(id)), .init("name", .string(name)), .init("share", JSONNumber.value(share)),
            .init("control", .boolean(isControl)),
        ])
    }
}

extension [Variation] {
    /// How far the shares' sum may be from 100: three thirds written with three digits are 99.999.
    static let shareSlack = 0.001

    init(reading reader: MemberReader) throws(DefinitionError) {
        self = try reader.items("variations", countMax: DefinitionLimits.variationsMax, Variation.init(reading:at:))
        let path = reader.path(of: "variations")
        try MemberReader.refuseTwice(map(\.id), at: path, member: ".id")
        let sum = reduce(0) { $0 + $1.share }
        // A sum of decimals misses its own last digit.
        guard isEmpty || abs(sum - 100) <= Self.shareSlack + 1e-9 else {
            let message = "must have shares that sum to 100, found a sum of \(JSONNumber.value(sum).text)"
            throw DefinitionError(.wrongValue, at: path, message)
        }
    }
}

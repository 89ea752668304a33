package import Avro

/// A message to many, in variations, and what counts as its success.
package struct Campaign: Sendable, Hashable {
    package let id: String
    package let name: String
    /// The send id of messages whose report names none.
    package let sendID: String?
    /// None where its messages have no variations.
    package let variations: [Variation]
    /// Conversion A to D.
    package let conversions: [ConversionRule]

    package init(
        id: String,
        name: String,
        sendID: String? = nil,
        variations: [Variation] = [],
        conversions: [ConversionRule] = []
    ) {
        self.id = id
        self.name = name
        self.sendID = sendID
        self.variations = variations
        self.conversions = conversions
    }

    package init(id: String, reading json: JSONValue) throws(DefinitionError) {
        let known = ["id", "name", "send_id", "variations", "conversions"]
        let reader = try MemberReader(json, at: "", of: "a campaign", known: known)
        self.id = try reader.ownID(id)
        name = try reader.name()
        sendID = try reader.optionalText("send_id", bytesMax: DefinitionLimits.idBytesMax)
        variations = try [Variation](reading: reader)
        conversions = try [ConversionRule](reading: reader)
    }

    package var json: JSONValue {
        var members: [JSONValue.Member] = [.init("id", .string(id)), .init("name", .string(name))]
        if let sendID { members.append(.init("send_id", .string(sendID))) }
        members.append(.init("variations", .array(variations.map(\.json))))
        members.append(.init("conversions", .array(conversions.map(\.json))))
        return .object(members)
    }

    package func variation(_ id: String) -> Variation? {
        variations.first { $0.id == id }
    }

    /// The indices, 0 to 3, of the conversions that the deed fulfils, window aside.
    package func conversions(by deed: Deed) -> [Int] {
        conversions.indices.filter { conversions[$0].matches(deed, for: .campaign(id)) }
    }
}

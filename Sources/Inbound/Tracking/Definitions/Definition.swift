package import Avro

/// A campaign, a canvas or a subscription group.
package enum Definition: Sendable, Hashable {
    case campaign(Campaign)
    case canvas(Canvas)
    case group(SubscriptionGroup)

    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case campaign
        case canvas
        case group
    }

    package init(_ kind: Kind, id: String, reading json: JSONValue) throws(DefinitionError) {
        switch kind {
        case .campaign: self = .campaign(try Campaign(id: id, reading: json))
        case .canvas: self = .canvas(try Canvas(id: id, reading: json))
        case .group: self = .group(try SubscriptionGroup(id: id, reading: json))
        }
    }

    package var kind: Kind {
        switch self {
        case .campaign: .campaign
        case .canvas: .canvas
        case .group: .group
        }
    }

    package var id: String {
        switch self {
        case .campaign(let campaign): campaign.id
        case .canvas(let canvas): canvas.id
        case .group(let group): group.id
        }
    }

    /// None for a group.
    var conversions: [ConversionRule] {
        switch self {
        case .campaign(let campaign): campaign.conversions
        case .canvas(let canvas): canvas.conversions
        case .group: []
        }
    }

    package var json: JSONValue {
        switch self {
        case .campaign(let campaign): campaign.json
        case .canvas(let canvas): canvas.json
        case .group(let group): group.json
        }
    }
}

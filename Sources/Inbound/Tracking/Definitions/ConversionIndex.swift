/// Which campaigns and canvases have, or had, a conversion by what kind of deed.
struct ConversionIndex: Sendable, Hashable {
    private enum Kind: Sendable, Hashable {
        case customEvent(String)
        case purchase
        case session
    }

    private var owners: [Kind: Set<MessageOwner>] = [:]

    mutating func add(_ rules: [ConversionRule], of owner: MessageOwner) {
        for rule in rules {
            switch rule.kind {
            case .performsCustomEvent(let name, _): owners[.customEvent(name), default: []].insert(owner)
            case .makesPurchase: owners[.purchase, default: []].insert(owner)
            case .startsSession: owners[.session, default: []].insert(owner)
            // A message is opened and clicked for its own campaign or canvas only.
            case .opensMessage, .clicksMessage: break
            }
        }
    }

    func owners(convertedBy deed: Deed) -> Set<MessageOwner> {
        switch deed {
        case .customEvent(let name, _): owners[.customEvent(name)] ?? []
        case .purchase: owners[.purchase] ?? []
        case .session: owners[.session] ?? []
        case .opened(let owner), .clicked(let owner): [owner]
        }
    }
}

/// Rules of one version of a campaign or canvas, which holds for what was received from a moment up to another.
struct RuleSpan: Sendable {
    let from: Int64
    let until: Int64
    /// With their indexes, 0 to 3.
    let rules: [(Int, ConversionRule)]
    /// One bit for each rule.
    let bits: Int64
    /// The longest window, in seconds.
    let windowMax: Int64

    init(from: Int64, until: Int64, rules: [(Int, ConversionRule)]) {
        self.from = from
        self.until = until
        self.rules = rules
        bits = rules.reduce(0) { $0 | 1 << Int64($1.0) }
        windowMax = rules.map { $0.1.window.components.seconds }.max() ?? 0
    }
}

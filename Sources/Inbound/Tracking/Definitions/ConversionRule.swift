package import Avro

/// What a user must do after a message, and how soon, for it to count as a conversion.
package struct ConversionRule: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case performsCustomEvent(name: String, filters: [PropertyFilter])
        /// The product by its id, nil for any; the price at least `minimumPrice`, where there is one.
        case makesPurchase(product: String?, minimumPrice: Double?)
        case startsSession
        /// The message is one of the campaign or canvas itself, as with clicks.
        case opensMessage
        case clicksMessage
    }

    package let kind: Kind
    /// How long after the receipt a deed counts, in whole seconds.
    package let window: Duration

    package init(_ kind: Kind, window: Duration) {
        self.kind = kind
        self.window = window
    }

    /// The rule as a definition holds it, and as the field `conversion_behavior` has it: type, window, then what the
    /// type needs, always in the same order.
    package var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("type", .string(type.rawValue)), .init("window", .number("\(window.components.seconds)")),
        ]
        switch kind {
        case .performsCustomEvent(let name, let filters):
            members.append(.init("custom_event_name", .string(name)))
            if !filters.isEmpty { members.append(.init("filters", .array(filters.map(\.json)))) }
        case .makesPurchase(let product, let minimumPrice):
            members.append(.init("product", .string(product ?? Self.anyProduct)))
            if let minimumPrice { members.append(.init("minimum_price", JSONNumber.value(minimumPrice))) }
        case .startsSession, .opensMessage, .clicksMessage: break
        }
        return .object(members)
    }

    /// The text of the field `conversion_behavior`.
    package var behavior: String { json.text }

    /// Whether the deed is the one asked for, when the rule belongs to `owner`.
    package func matches(_ deed: Deed, for owner: MessageOwner) -> Bool {
        switch (kind, deed) {
        case (.performsCustomEvent(let wanted, let filters), .customEvent(let name, let properties)):
            wanted == name && filters.allSatisfy { $0.holds(for: properties) }
        case (.makesPurchase(let wanted, let minimumPrice), .purchase(let product, let price)):
            (wanted == nil || wanted == product) && minimumPrice.map { price >= $0 } ?? true
        case (.startsSession, .session): true
        case (.opensMessage, .opened(let origin)), (.clicksMessage, .clicked(let origin)): origin == owner
        default: false
        }
    }

    /// Whether a deed counts for a message received at `receipt`, both in seconds since 1970.
    ///
    /// It does from the second of the receipt itself, since times have no finer grain, up to and with the last
    /// second of the window.
    package func isWithinWindow(receipt: Int64, deed: Int64) -> Bool {
        let (passed, overflow) = deed.subtractingReportingOverflow(receipt)
        return !overflow && passed >= 0 && passed <= window.components.seconds
    }
}

extension ConversionRule {
    private enum TypeName: String, CaseIterable {
        case performsCustomEvent = "Performs Custom Event"
        case makesPurchase = "Makes Purchase"
        case startsSession = "Starts Session"
        case opensMessage = "Opens Message"
        case clicksMessage = "Clicks Message"
    }

    /// The word for a purchase of whatever product.
    private static let anyProduct = "any"

    private var type: TypeName {
        switch kind {
        case .performsCustomEvent: .performsCustomEvent
        case .makesPurchase: .makesPurchase
        case .startsSession: .startsSession
        case .opensMessage: .opensMessage
        case .clicksMessage: .clicksMessage
        }
    }

    package init(reading json: JSONValue, at path: String = "") throws(DefinitionError) {
        let eventMembers = ["custom_event_name", "filters"]
        let purchaseMembers = ["product", "minimum_price"]
        let known = ["type", "window"] + eventMembers + purchaseMembers
        let reader = try MemberReader(json, at: path, of: "a conversion", known: known)
        let type = try reader.choice("type", of: TypeName.self)
        if type != .performsCustomEvent {
            try reader.refuse(eventMembers, "belongs to the type \(TypeName.performsCustomEvent.rawValue) only")
        }
        if type != .makesPurchase {
            try reader.refuse(purchaseMembers, "belongs to the type \(TypeName.makesPurchase.rawValue) only")
        }
        let seconds = try reader.integer(
            "window",
            1...DefinitionLimits.windowSecondsMax,
            rule: "a whole number of seconds from 1 to \(DefinitionLimits.windowSecondsMax)"
        )
        window = .seconds(seconds)
        kind =
            switch type {
            case .performsCustomEvent: try Self.customEvent(reader)
            case .makesPurchase: try Self.purchase(reader)
            case .startsSession: .startsSession
            case .opensMessage: .opensMessage
            case .clicksMessage: .clicksMessage
            }
    }

    private static func customEvent(_ reader: MemberReader) throws(DefinitionError) -> Kind {
        .performsCustomEvent(
            name: try reader.text("custom_event_name", bytesMax: DefinitionLimits.nameBytesMax),
            filters: try reader.items(
                "filters",
                countMax: DefinitionLimits.filtersMax,
                PropertyFilter.init(reading:at:)
            )
        )
    }

    private static func purchase(_ reader: MemberReader) throws(DefinitionError) -> Kind {
        let product = try reader.optionalText("product", bytesMax: DefinitionLimits.nameBytesMax)
        var minimumPrice: Double?
        if reader.value("minimum_price") != nil {
            minimumPrice = try reader.number(
                "minimum_price",
                0...Double.greatestFiniteMagnitude,
                rule: "a number from 0 up"
            )
        }
        return .makesPurchase(product: product == anyProduct ? nil : product, minimumPrice: minimumPrice)
    }
}

extension [ConversionRule] {
    init(reading reader: MemberReader) throws(DefinitionError) {
        self = try reader.items("conversions", countMax: DefinitionLimits.conversionsMax) {
            (json, path) throws(DefinitionError) in
            try ConversionRule(reading: json, at: path)
        }
    }
}

/// The tables of tracking's state.
///
/// Each row has a head of 16 bytes, by which related rows stand together, a tail, and a value.
package enum StateTable: UInt8, CaseIterable, Sendable {
    /// Versions of campaigns, canvases and subscription groups.
    case definitions = 1
    /// Who a user is: external id, time zone.
    case users = 2
    /// Which users an address or a number belongs to.
    case addresses = 3
    /// The state of a user in a subscription group.
    case subscriptions = 4
    /// Provider events whose message is not known yet, by message.
    case parked = 5
    /// The same, by the moment they have waited long enough; heads are times.
    case overdue = 6
    /// Opens and clicks whose conversions are not decided yet, by user, campaign or canvas, and kind.
    case deeds = 7
    /// The same, by the moment they were taken in; heads are times.
    case ripening = 8

    /// Message contexts, by message id.
    case messages = 32
    /// Message ids, by the provider's own and, of an email, its address.
    case providerMessages = 33
    /// What has been taken: reports by their keys, with what they were answered, and events by their ids.
    case seen = 34
    /// What conversions are counted from, by user.
    case receipts = 35
    /// Outbound SMS, by the user's number and ours, in the order of time.
    case outbound = 36
    /// The canvas steps that a user was sent, by user and canvas, in the order of time.
    case steps = 37
    /// Who received a message at a number.
    case deliveries = 38

    /// Whether there is a table for each day, so that the past goes by whole tables.
    package var isDaily: Bool { rawValue >= 32 }

    var sqlName: String {
        switch self {
        case .definitions: "definitions"
        case .users: "users"
        case .addresses: "addresses"
        case .subscriptions: "subscriptions"
        case .parked: "parked"
        case .overdue: "overdue"
        case .deeds: "deeds"
        case .ripening: "ripening"
        case .messages: "messages"
        case .providerMessages: "provider_messages"
        case .seen: "seen"
        case .receipts: "receipts"
        case .outbound: "outbound"
        case .steps: "steps"
        case .deliveries: "deliveries"
        }
    }

    func sqlName(day: UInt16) -> String { isDaily ? "\(sqlName)_\(day)" : sqlName }
}

/// The 16 bytes by which rows are found: a keyed hash, or a moment.
package struct RowHead: Hashable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package var bytes: [UInt8] {
        [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - $0 * 8)) } }
    }

    init(bytesOf span: Span<UInt8>, in range: Range<Int>) {
        func word(_ start: Int) -> UInt64 { (start..<start + 8).reduce(0) { $0 << 8 | UInt64(span[$1]) } }
        high = word(range.lowerBound)
        low = word(range.lowerBound + 8)
    }
}

/// A day since 1970, as daily tables are named by it.
package struct StateDay: Hashable, Comparable, Sendable {
    package let rawValue: UInt16

    package init(_ rawValue: UInt16) { self.rawValue = rawValue }

    /// The day of a moment in seconds since 1970; the ends of the range hold what lies beyond them.
    ///
    /// The first is day 1: 0 stands for tables that are not daily.
    package init(seconds: Int64) {
        rawValue = UInt16(clamping: max(1, seconds / 86_400))
    }

    /// The first of the sixteen days whose provider ids stand in one table.
    ///
    /// A provider's id does not tell its day, so every table is asked: thirty took 163 microseconds, four take 40.
    package var generation: StateDay { StateDay(max(1, rawValue / 16 * 16)) }

    package static func < (left: StateDay, right: StateDay) -> Bool { left.rawValue < right.rawValue }
}

package import Journal
package import Platform

/// A range of the journal that lands again.
package struct Replay: Sendable, Hashable {
    package enum State: String, Sendable, CaseIterable {
        case running
        /// It cannot go on as things are; never kept in state, which has it as running: it is tried again at a start,
        /// a reload, and when its connector is resumed.
        case failed
        case finished
        case cancelled
    }

    package var id: String
    /// The connector's name.
    package var connector: String
    /// Journalled from then on.
    package var from: Timestamp
    /// Journalled before.
    package var to: Timestamp
    /// Names and globs; empty for all that the connector carries.
    package var events: [String]
    package var asked: Timestamp
    package var state: State
    /// Where it begins and ends, by partition.
    package var bounds: [Range<Offset>]
    /// As far as it has come; final once it has ended.
    package var counts = TypeCounts()
    package var ended: Timestamp?

    /// Names it in state, plans and staging.
    var stateID: String { Self.stateID(of: id) }

    static func stateID(of id: String) -> String { "replay-\(id)" }

    /// An id is part of keys.
    package static func isID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    /// Whether the other asks for the same.
    func asksLike(_ other: Replay) -> Bool {
        connector == other.connector && from == other.from && to == other.to && events == other.events
    }
}

/// How a replay is, for people.
package struct ReplayStatus: Sendable, Hashable {
    package var replay: Replay
    /// Offsets that have been read, and all there are to read.
    package var offsetsDone: Int64
    package var offsets: Int64
    /// What keeps it from going on, as of a connector, or why it has failed; nil if nothing does, or it has ended.
    package var trouble: String?
    /// The folder that it lands in, without its bucket; nil for a stream.
    package var prefix: String?
}

/// Why a replay cannot be had.
package enum ReplayRefusal: Error, Sendable, CustomStringConvertible {
    case noConnector(String)
    case noSuchReplay(String)
    case ended(Replay)
    /// Nothing was journalled then, and what the journal has.
    case nothingThere(oldest: Timestamp?)
    case noEvents
    /// As many run as may.
    case tooMany(Int)
    case another(Replay)
    case failed(DeliveryError)

    package var description: String {
        switch self {
        case .noConnector(let name): "there is no connector \(name)"
        case .noSuchReplay(let id): "there is no replay \(id)"
        case .ended(let replay): "replay \(replay.id) is \(replay.state.rawValue)"
        case .nothingThere: "nothing that was journalled in that time is still there"
        case .noEvents: "none of the connector's event types is among those events"
        case .tooMany(let most): "\(most) replays are running, which is the most: wait for one, or cancel it"
        case .another(let replay): "replay \(replay.id) is there and asks for something else"
        case .failed(let error): error.message
        }
    }
}

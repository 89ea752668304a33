internal import PlatformTesting
internal import Synchronization

/// Turns bits of segments over, where they mean something, and knows whose they were.
final class Rot: Sendable {
    private struct State {
        /// The payloads of frames of which a bit has turned over, as they were, by file and place.
        var payloads: [String: (bytes: [UInt8], records: Int)] = [:]
        var bits = 0
    }

    private enum Kind {
        case frame
        case head
        case seal
        case trailer
    }

    /// The newest segment's last frames are spared: before an unclean stop, rot there looks like a tear (a limit that
    /// docs/journal-format.md names).
    private static let framesSpared = 2
    /// Of a thousand that strike a frame: how many strike what was written last, which is most often still needed.
    private static let newest = 600
    private static let kinds: [Kind] = [.frame, .frame, .frame, .frame, .head, .seal, .seal, .trailer, .trailer]

    private let disk: FaultyFiles
    private let weather: Weather
    private let dice: Dice
    private let state = Mutex(State())

    init(_ disk: FaultyFiles, _ weather: Weather, _ dice: Dice) {
        self.disk = disk
        self.weather = weather
        self.dice = dice
    }

    /// Whether anything has rotted.
    var hasBegun: Bool { state.withLock { $0.bits > 0 } }
    /// Whether records may be lost by it.
    var hasHitRecords: Bool { records > 0 }
    /// Records that stood in frames which have rotted.
    var records: Int { state.withLock { $0.payloads.values.reduce(0) { $0 + $1.records } } }

    /// Whether the record of an event stood in a frame that has rotted.
    func hasHit(_ id: String) -> Bool {
        // As Avro has a string: its length, twice, and its bytes.
        let text = [UInt8(id.utf8.count * 2)] + id.utf8
        return state.withLock { $0.payloads.values.contains { $0.bytes.firstRange(of: text) != nil } }
    }

    /// Turns one bit over; false if there is nothing yet that could rot.
    func strike() -> Bool {
        let stem = Scenario.data + "/journal/p"
        let paths = disk.paths(under: stem).filter { $0.hasSuffix(".segment") }
        guard !paths.isEmpty else { return false }
        let kind = dice.pick(Self.kinds)
        let isNew = kind == .frame && dice.chance(Self.newest)
        let path = isNew ? paths[paths.count - 1] : dice.pick(paths)
        guard let bytes = disk.content(path) else { return false }
        // The partition's three digits stand behind the stem.
        let isNewest = !paths.contains { $0 > path && $0.prefix(stem.count + 3) == path.prefix(stem.count + 3) }
        let layout = SegmentLayout(bytes)
        let frames = isNewest ? layout.frames.dropLast(Self.framesSpared) : layout.frames[...]
        guard !frames.isEmpty else { return false }
        switch kind {
        case .frame:
            let frame = dice.pick(Array(frames))
            let part = dice.chance(200) ? frame.header : frame.bytes
            turn(path, bytes, dice.number(part.lowerBound...part.upperBound - 1), .rotInFrame)
            let place = "\(path) \(frame.header.lowerBound)"
            state.withLock { state in
                // What it was before the first bit.
                guard state.payloads[place] == nil else { return }
                state.payloads[place] = (Array(bytes[frame.payload]), frame.records)
            }
        case .head: turn(path, bytes, dice.number(0...layout.head.upperBound - 1), .rotInHead)
        case .seal:
            guard let seal = layout.seal else { return false }
            turn(path, bytes, dice.number(seal.lowerBound...seal.upperBound - 1), .rotInSeal)
        case .trailer:
            guard let trailer = layout.trailer else { return false }
            turn(path, bytes, dice.number(trailer.lowerBound...trailer.upperBound - 1), .rotInTrailer)
        }
        return true
    }

    private func turn(_ path: String, _ bytes: [UInt8], _ place: Int, _ mishap: Mishap) {
        disk.rot(path, at: place, [bytes[place] ^ 1 << UInt8(dice.number(0...7))])
        state.withLock { $0.bits += 1 }
        weather.note("it rots:", "\(path) at \(place), \(mishap.rawValue)")
        weather.mishaps.count(mishap)
    }
}

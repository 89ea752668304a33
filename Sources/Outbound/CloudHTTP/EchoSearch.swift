/// Looks for texts in an answer, however they are escaped there.
///
/// Escapes can stand for themselves too, so there may be several ways to read a place. All are followed at once, from
/// the answer's beginning to its end, and those that meet at one place of a text go on as one: however an answer is
/// made, each of its bytes costs at most one step for each place of a text and each backslash that may stand there.
struct EchoSearch {
    /// How much of a text has been found.
    private struct State: Hashable {
        let text: Int
        var matched = 0
        /// Those behind what was matched.
        var backslashes = 0
    }

    private let texts: [EchoedText]
    /// The bytes of an answer at which something may begin.
    private let beginnings: Set<UInt8>
    /// By place of the answer, what has been found up to there, and the first place where that begins.
    private var states: [[State: Int]] = []
    private var found: [Range<Int>] = []
    /// How many states were looked at, for tests.
    private(set) var steps = 0

    init(_ texts: [EchoedText]) {
        self.texts = texts
        beginnings = EchoReading.beginnings.union([UInt8(ascii: "\\")]).union(texts.compactMap(\.bytes.first))
    }

    /// What of the answer says one of the texts again, from its beginning; what overlaps is one range.
    mutating func ranges(in answer: [UInt8]) -> [Range<Int>] {
        states = [[State: Int]](repeating: [:], count: answer.count + 1)
        found = []
        for place in 0...answer.count {
            let here = states[place]
            states[place] = [:]
            let mayBegin = place < answer.count && beginnings.contains(answer[place])
            guard mayBegin || !here.isEmpty else { continue }
            let readings = place < answer.count ? EchoReading.all(at: place, of: answer) : []
            for text in mayBegin ? texts.indices : 0..<0 { follow(State(text: text), from: place, at: place, readings) }
            for (state, start) in here { follow(state, from: start, at: place, readings) }
        }
        // From the last end to the first, each takes in those that it overlaps.
        var ranges: [Range<Int>] = []
        for range in found.reversed() {
            if let last = ranges.last, range.upperBound > last.lowerBound {
                ranges[ranges.count - 1] = min(range.lowerBound, last.lowerBound)..<last.upperBound
            } else {
                ranges.append(range)
            }
        }
        return ranges.reversed()
    }

    private mutating func follow(_ state: State, from start: Int, at place: Int, _ readings: [EchoReading]) {
        steps += 1
        let text = texts[state.text]
        let gap = text.gaps[state.matched]
        let hasBackslashes = state.backslashes >= gap.lowerBound
        if hasBackslashes, state.matched == text.bytes.count { found.append(start..<place) }
        for reading in readings {
            var next = state
            if reading.isBackslash {
                guard state.backslashes < gap.upperBound else { continue }
                next.backslashes += 1
            } else {
                guard hasBackslashes, text.bytes[state.matched...].starts(with: reading.bytes) else { continue }
                next.matched += reading.bytes.count
                next.backslashes = 0
            }
            states[place + reading.count][next] = min(start, states[place + reading.count][next] ?? start)
        }
    }
}

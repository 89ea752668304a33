/// Cuts a stream of JSON bytes into its events by quotes and depth, whatever the layout: an array, values one after
/// the other, or one value over many lines.
///
/// The bytes of an event stay as they are, line ends between its tokens excepted: they become blanks, so that the
/// event is one line of NDJSON. What is no object at all is handed over too, for the server to reject by name.
struct ValueSplitter {
    private var value: [UInt8] = []
    private var depth = 0
    /// Arrays around the events that have not been closed.
    private(set) var openArrays = 0
    private var isInString = false
    private var isEscaped = false
    private let valueBytesMax: Int

    init(valueBytesMax: Int) {
        self.valueBytesMax = valueBytesMax
    }

    mutating func feed(_ bytes: [UInt8], value hand: ([UInt8]) throws -> Void) throws {
        for byte in bytes {
            if isInString {
                value.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            try step(byte, hand)
        }
        guard value.count <= valueBytesMax else {
            throw CommandFailure(.badData, "An event is longer than \(Figures.bytes(valueBytesMax)); is this JSON?")
        }
    }

    /// Hands over what was begun and never closed.
    mutating func finish(value hand: ([UInt8]) throws -> Void) throws {
        try handOver(hand)
        depth = 0
        isInString = false
    }

    private mutating func step(_ byte: UInt8, _ hand: ([UInt8]) throws -> Void) throws {
        switch byte {
        case UInt8(ascii: "\""):
            isInString = true
            value.append(byte)
        case UInt8(ascii: "{"):
            if depth == 0 { try handOver(hand) }
            depth += 1
            value.append(byte)
        case UInt8(ascii: "}"):
            value.append(byte)
            depth = max(0, depth - 1)
            if depth == 0 { try handOver(hand) }
        case UInt8(ascii: "["), UInt8(ascii: "]"):
            guard depth == 0 else {
                value.append(byte)
                return
            }
            try handOver(hand)
            openArrays = max(0, openArrays + (byte == UInt8(ascii: "[") ? 1 : -1))
        case UInt8(ascii: ","):
            if depth > 0 { value.append(byte) } else { try handOver(hand) }
        case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
            if depth > 0 { value.append(UInt8(ascii: " ")) } else { try handOver(hand) }
        default:
            value.append(byte)
        }
    }

    private mutating func handOver(_ hand: ([UInt8]) throws -> Void) throws {
        guard !value.isEmpty else { return }
        defer { value.removeAll(keepingCapacity: true) }
        try hand(value)
    }
}

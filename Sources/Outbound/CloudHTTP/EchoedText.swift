/// A text as an answer may say it again: its bytes, and where backslashes may stand between them.
///
/// Each writer of JSON doubles the backslashes that it finds and adds some, so how many stand somewhere says only
/// whether there was one.
struct EchoedText {
    /// What four writers of JSON, one in another, make of one backslash.
    static let backslashesMax = 16

    /// In UTF-8, without the backslashes.
    let bytes: [UInt8]
    /// How many backslashes may stand before each byte, and after the last.
    let gaps: [ClosedRange<Int>]

    init(_ text: String) {
        var bytes: [UInt8] = []
        var counts = [0]
        for byte in text.utf8 {
            if byte == UInt8(ascii: "\\") {
                counts[bytes.count] += 1
            } else {
                bytes.append(byte)
                counts.append(0)
            }
        }
        let ends = [0, bytes.count]
        gaps = counts.enumerated().map { place, count in
            count...(count == 0 && ends.contains(place) ? 0 : Self.backslashesMax * (count + 1))
        }
        self.bytes = bytes
    }
}

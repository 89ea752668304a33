internal import Platform

/// A text as an answer may say it again: as it is, or escaped as JSON, percent-encoding or XML escape it.
///
/// Which characters are escaped is each writer's own choice (`/` is in some JSON and some URLs), so each character may
/// be written in any of its ways. Backslashes count for nothing, on either side: JSON in JSON has several.
struct EchoedText {
    private static let backslashes = spellings(of: "\\")
    private static let named: [Unicode.Scalar: String] = [
        "&": "&amp;", "<": "&lt;", ">": "&gt;", "\"": "&quot;", "'": "&apos;", " ": "+",
    ]

    /// The text itself, in UTF-8.
    let bytes: [UInt8]
    /// Of each character but backslashes, the ways to write it, the longest first.
    private let spellings: [[[UInt8]]]
    /// What an occurrence begins with.
    private let first: Set<UInt8>

    init(_ text: String) {
        bytes = Array(text.utf8)
        spellings = text.unicodeScalars.filter { $0 != "\\" }.map(Self.spellings(of:))
        first = Set((spellings.prefix(1).joined() + Self.backslashes + [bytes]).compactMap(\.first))
    }

    private static func spellings(of scalar: Unicode.Scalar) -> [[UInt8]] {
        let units = String(scalar).utf16.map { Hex.text([UInt8($0 >> 8), UInt8($0 & 0xFF)]) }
        let percent = String(scalar).utf8.map { "%\(Hex.text([$0]))" }.joined()
        let number = String(scalar.value, radix: 16)
        // JSON's without its backslash.
        let low = ["u" + units.joined(separator: "\\u"), percent, "&#x\(number);"]
        let high = ["u" + units.map { $0.uppercased() }.joined(separator: "\\u"), percent.uppercased()]
        let rest = ["&#x\(number.uppercased());", "&#\(scalar.value);", named[scalar] ?? "", String(scalar)]
        return (low + high + rest).filter { !$0.isEmpty }.map { Array($0.utf8) }.sorted { $0.count > $1.count }
    }

    /// The end of the occurrence that begins at `start`; nil if none does.
    func end(in answer: [UInt8], from start: Int) -> Int? {
        guard first.contains(answer[start]) else { return nil }
        if answer[start...].starts(with: bytes) { return start + bytes.count }
        var end = start
        for spellings in spellings {
            while let backslash = Self.spelling(at: end, of: answer, among: Self.backslashes) { end += backslash.count }
            guard let spelling = Self.spelling(at: end, of: answer, among: spellings) else { return nil }
            end += spelling.count
        }
        return end > start ? end : nil
    }

    private static func spelling(at start: Int, of answer: [UInt8], among spellings: [[UInt8]]) -> [UInt8]? {
        spellings.first { answer[start...].starts(with: $0) }
    }
}

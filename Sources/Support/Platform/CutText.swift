extension String {
    /// Bytes of a stranger's text that a message quotes.
    package static let quotedBytesMax = 80

    /// The text, or as much of it as fits in `bytesMax` bytes of UTF-8 with `…` at its end.
    ///
    /// By bytes: one `Character` may have a million of them.
    package func cut(to bytesMax: Int = quotedBytesMax) -> String {
        guard utf8.count > bytesMax else { return self }
        let ending = "…"
        var end = utf8.index(startIndex, offsetBy: max(0, bytesMax - ending.utf8.count))
        while end.samePosition(in: unicodeScalars) == nil { utf8.formIndex(before: &end) }
        return String(unicodeScalars[..<end]) + ending
    }

    /// The text in quotation marks, cut, as messages show what a stranger wrote.
    package var quotedCut: String { "\"\(cut())\"" }
}

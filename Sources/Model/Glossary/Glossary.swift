import CGlossary

/// All editions: what an event is, which types there are and which fields each has.
///
/// The standard glossary is the text `glossary.txt`, compiled into the program and read once. A field or an
/// edition is added there, by adding lines.
public struct Glossary: Sendable {
    /// The editions, in the order of the text.
    public let editions: [Edition]

    /// The glossary that the program was built with.
    public static let standard: Glossary = {
        let text = unsafe embedded(courant_glossary_start(), length: courant_glossary_length)
        do {
            return try Glossary(parsing: text)
        } catch {
            preconditionFailure("glossary.txt, \(error)")
        }
    }()

    /// Reads a glossary from its text; the format is described at the head of `glossary.txt`.
    public init(parsing text: String) throws(GlossaryError) {
        var parser = GlossaryParser()
        editions = try parser.parse(text)
    }

    package init(_ editions: [Edition]) {
        self.editions = editions
    }

    /// The edition of that name, such as `2021`.
    public func edition(_ name: String) -> Edition? {
        editions.first { $0.name == name }
    }
}

/// The text that begins at `start`, copied out of the program's read-only data.
func embedded(_ start: UnsafePointer<UInt8>?, length: UInt) -> String {
    unsafe String(decoding: UnsafeBufferPointer(start: start, count: Int(length)), as: UTF8.self)
}

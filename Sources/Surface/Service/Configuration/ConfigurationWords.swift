import Yams

/// What a message says of what stands in the file: what kind of thing it is, and never a value.
///
/// Messages reach logs and answers, and a slip puts a secret under any key, so there is no key whose value is safe to
/// quote. File, line and key tell where to look.
enum ConfigurationWords {
    /// Longer than any key of the service or of librdkafka.
    private static let keyBytesMax = 64

    /// What stands in place of a key that may be a value.
    static let hiddenKey = "(a text)"

    /// Not how long it is: it may be a secret of the environment.
    static func kind(of text: String) -> String {
        text.isEmpty ? "nothing" : "a text"
    }

    static func kind(of node: Node) -> String {
        switch node {
        case .scalar(let scalar): kind(of: scalar.string)
        case .mapping: "keys"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }

    /// A key, unless it looks like more: who forgets a colon or a quote makes a key of a value.
    static func key(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: "._-[]".utf8.contains(byte)
            }
        }
        return isPlain && text.utf8.count <= keyBytesMax ? text : hiddenKey
    }
}

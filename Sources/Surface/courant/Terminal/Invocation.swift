/// How this program was called, for commands that people are told to copy.
enum Invocation {
    /// As a shell takes it: `courant` where that was typed, a path in quotes where it needs them.
    static let name = quoted(CommandLine.arguments.first ?? "courant")

    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"): true
            case UInt8(ascii: "-"), UInt8(ascii: "+"): true
            default: false
            }
        }
        return isPlain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}

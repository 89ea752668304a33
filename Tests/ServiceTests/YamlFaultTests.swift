import Testing

@testable import Service

/// A file that is no YAML is refused with where that shows, where it began, and nothing of what stands there.
@Suite struct YamlFaultTests {
    private static let filler = String(repeating: "# more\n", count: 20)

    @Test(
        "what nothing closes is told with the line where it begins",
        arguments: [
            (
                "data: x\nlisten: \"127.0.0.1:8080\n\(filler)log: {level: info}\n",
                "c.yaml:24: is not YAML at column 1: while scanning a quoted text that begins in line 2, column 9, "
                    + "found unexpected end of stream"
            ),
            (
                "trusted_proxies: [10.0.0.0/8\n\(filler)log: {level: info}\n",
                "c.yaml:22: is not YAML at column 1: while parsing a flow sequence that begins in line 1, column 18, "
                    + "did not find expected ',' or ']'"
            ),
            (
                "log: {level: info\n\(filler)data: x\n",
                "c.yaml:22: is not YAML at column 1: while parsing a flow mapping that begins in line 1, column 6, "
                    + "did not find expected ',' or '}'"
            ),
            (
                "log:\n  level: info\n    format: text\n",
                "c.yaml:3: is not YAML at column 11: mapping values are not allowed in this context"
            ),
            (
                "data: x\nlisten: @y\n",
                "c.yaml:2: is not YAML at column 9: while scanning for the next token, found character that cannot start "
                    + "any token"
            ),
            (
                "data: x\n---\ndata: y\n",
                "c.yaml:2: is not YAML at column 1: expected a single document in the stream that begins in line 1, "
                    + "column 1, but found another document"
            ),
            ("data: x\nlisten: é\u{7}\n", "c.yaml:2: is not YAML at column 10: control characters are not allowed"),
        ]
    )
    func begun(yaml: String, message: String) {
        #expect(ConfigurationErrorTests.message(yaml) == message)
    }

    @Test(
        "of two keys that are the same the second is told, with the line of the first",
        arguments: [
            (
                "data: x\njournal: {keep: 7d}\n\(filler)data: y\n",
                "c.yaml:23: the same key stands here and in line 1: data"
            ),
            (
                "log:\n  level: info\n  # data: z\n\(filler)\"log\" : {format: text}\n",
                "c.yaml:24: the same key stands here and in line 1: log"
            ),
            (
                "sources:\n  a:\n    strict: true\n    edition: v10\n    strict: false\n  b:\n    strict: true\n",
                "c.yaml:5: the same key stands here and in line 3: strict"
            ),
            (
                "{\n  data: x,\n  log: {},\n  data: y\n}\n", "c.yaml:4: the same key stands here and in line 2: data"
            ),
            (
                "log: {level: info, level: debug}\n     level: x\n",
                "c.yaml:1: the same key stands here twice: level"
            ),
            ("log: {level: info,\n  format: text, level: debug}\n", "c.yaml:1: the same key stands here twice: level"),
            ("data: x\r\nlog: {}\r\ndata: y\r\n", "c.yaml:3: the same key stands here and in line 1: data"),
            ("log: {HUSHhush7f3a, HUSHhush7f3a}", "c.yaml:1: the same key stands here twice: (a text)"),
            (
                "log:\n  ? HUSHhush7f3a\n  ? HUSHhush7f3a\n", "c.yaml:2: the same key stands here twice: (a text)"
            ),
        ]
    )
    func doubled(yaml: String, message: String) {
        #expect(ConfigurationErrorTests.message(yaml) == message)
    }

    private static let otherBytes: [(bytes: [UInt8], line: Int)] = [
        (Array("data: x\n# caf".utf8) + [0xE9, 0x0A], 2), ([0xFF, 0xFE, 0x64, 0x00, 0x0A, 0x00], 1),
        (Array("data: x\n".utf8) + [0xE2, 0x82], 2), (Array("é\n".utf8) + [0xC3, 0x0A, 0xA9], 2),
    ]

    @Test("bytes that are no UTF-8 are refused with their line", arguments: otherBytes)
    func notUTF8(bytes: [UInt8], line: Int) {
        let error = #expect(throws: ConfigurationError.self) { try Configuration.text(of: bytes, file: "c.yaml") }
        #expect(error?.description == "c.yaml:\(line): is not UTF-8")
    }

    @Test("what is UTF-8 is read as it stands")
    func text() throws {
        #expect(try Configuration.text(of: Array("data: \u{FFFD}é\r\n".utf8), file: "c.yaml") == "data: \u{FFFD}é\r\n")
    }
}

import Testing

@testable import Service

@Suite("when two bodies of reports mean the same")
struct TrackingBodyTests {
    private func meaning(_ text: String) throws -> String {
        String(decoding: try TrackingBody(Array(text.utf8)).meaning, as: UTF8.self)
    }

    @Test(
        "all forms of one number have one text",
        arguments: [
            ("5", ["5.0", "5.00", "5e0", "0.5e1", "50E-1", "500e-2"]), ("0", ["0.0", "-0", "-0.0", "0e7", "-0.00e-3"]),
            ("49.9", ["49.90", "4.99e1", "499e-1"]), ("-0.05", ["-0.050", "-5e-2", "-50.0e-3"]),
            ("100", ["1e2", "1.0e+2", "100.0"]), ("0.1", ["1e-1", "0.10", "1e-01"]),
            ("1e31", ["10000000000000000000000000000000", "0.1e32"]), ("1e-31", ["10e-32", "0.1e-30"]),
            ("1234567890123456789012345678901.5", ["1234567890123456789012345678901.50"]),
        ]
    )
    func numbers(plain: String, forms: [String]) throws {
        for form in [plain] + forms { #expect(try meaning("[\(form)]") == "[\(plain)]", "\(form)") }
    }

    @Test("numbers that differ have texts that differ, and a power out of all bounds stays as it is")
    func others() throws {
        let texts = ["5", "50", "0.5", "5e40", "5e41", "5e-40", "-5", "5e99999999999999999999", "5.1", "0", "0.05"]
        #expect(Set(try texts.map { try meaning("[\($0)]") }).count == texts.count)
        #expect(try meaning("[5e99999999999999999999]") == "[5e99999999999999999999]")
        #expect(try meaning(#"["5.0"]"#) == #"["5.0"]"#)
    }

    @Test("members that are null are as good as left out, items of arrays are not")
    func nulls() throws {
        let plain = #"{"a":[null,{"c":1}],"b":{}}"#
        for text in [plain, #"{"b":{"x":null},"x":null,"a":[null,{"d":null,"c":1.0}]}"#] {
            #expect(try meaning(text) == plain)
        }
        #expect(try meaning(#"{"a":[{"c":1}],"b":{}}"#) != plain)
    }
}

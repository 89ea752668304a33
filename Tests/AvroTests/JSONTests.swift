import Avro
import Testing

struct JSONTests {
    @Test("JSON keeps the order of members and the text of numbers")
    func keepsText() throws {
        let text = #"{"b":[1,-0.50e+3,1E9,true,false,null],"a":{"":"x"},"0":-0}"#
        #expect(try JSONValue(parsing: " " + text + "\r\n\t").text == text)
    }

    @Test("strings unescape and escape")
    func strings() throws {
        let value = try JSONValue(parsing: #""\"\\\/\b\f\n\r\té€😀grüße""#)
        #expect(value == .string("\"\\/\u{08}\u{0C}\n\r\té€😀grüße"))
        #expect(JSONValue.string("\"\\/\u{08}\n\u{1F}é").text == #""\"\\/\u0008\n\u001fé""#)
        #expect(try JSONValue(parsing: #""\u00e9\u20ac\ud83d\ude00""#) == .string("é€😀"))
    }

    @Test(
        "what is not JSON is refused",
        arguments: [
            "", " ", "{", "[", "[1,", "[1 2]", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "tru", "nulll",
            "01", "1.", ".5", "-", "1e", "+1", "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
            "\"\\udc00\"", "\"\n\"", "1 2", "{\"a\":1,\"a\":2}", "NaN", "'a'", "\u{FEFF}1",
        ]
    )
    func refused(text: String) {
        #expect(throws: AvroError.self) { try JSONValue(parsing: text) }
    }

    @Test("depth and size of JSON are bounded")
    func bounded() {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: AvroError.self) { try JSONValue(parsing: deep) }
        let wide = "[" + String(repeating: "0,", count: JSONValue.valuesMax) + "0]"
        #expect(throws: AvroError.self) { try JSONValue(parsing: wide) }
    }

    @Test("a key that stands twice is named, and not in full where it is long")
    func doubledKey() throws {
        let short = try #require(throws: AvroError.self) { try JSONValue(parsing: #"{"a":{"b":1,"b":2}}"#) }
        #expect(short.message == "the key 'b' stands twice")
        for letter in ["x", "😀", "\u{301}"] {
            let key = String(repeating: letter, count: 100_000)
            let error = try #require(throws: AvroError.self) { try JSONValue(parsing: "{\"\(key)\":1,\"\(key)\":2}") }
            #expect(error.message.utf8.count < 300)
        }
    }

    @Test("a value shows as JSON with its fields only, floats shortest, bytes as characters")
    func datumJSON() {
        let datum = Datum.record([
            .init("a", .union(1, .string("q\"\n"))), .init("b", .union(0, .null)), .init("c", .float(0.1)),
            .init("d", .double(1e-7)), .init("e", .double(.nan)), .init("f", .float(-.infinity)),
            .init("g", .bytes([0, 0x41, 0x22, 0x7F, 0xFF])), .init("h", .array([.int(-1), .long(.max)])),
            .init("i", .map([.init("k", .boolean(true))])), .init("j", .enumeration("S")), .init("k", .fixed([0xC3])),
            .init("l", .double(2)),
        ])
        #expect(
            datum.json == #"{"a":"q\"\n","b":null,"c":0.1,"d":1e-07,"e":"NaN","f":"-Infinity","#
                + #""g":"\u0000A\"\u007f\u00ff","h":[-1,9223372036854775807],"i":{"k":true},"j":"S","#
                + #""k":"\u00c3","l":2.0}"#
        )
    }
}

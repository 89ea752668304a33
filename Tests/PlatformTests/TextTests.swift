import Platform
import PlatformTesting
import Testing

@Suite("Hex, UUIDs and timestamps")
struct TextTests {
    @Test("a text is cut by its bytes, between scalars, and says so")
    func cut() {
        #expect("plain".cut() == "plain")
        let eighty = String(repeating: "é", count: 40)
        #expect(eighty.cut() == eighty)
        #expect((eighty + "x").cut() == String(repeating: "é", count: 38) + "…")
        #expect("0123456789".cut(to: 9) == "012345…")
        // One character, 400,001 bytes.
        let one = "e" + String(repeating: "\u{301}", count: 200_000)
        #expect(one.count == 1)
        let short = one.cut()
        #expect(short.utf8.count == 80 && short.hasSuffix("…"))
        for bytes in 3...20 {
            let cut = "a😀é€b😀é€".cut(to: bytes)
            #expect(cut.utf8.count <= bytes && !cut.contains("\u{FFFD}"))
        }
    }

    @Test("hex goes both ways and refuses what is no digit")
    func hex() {
        #expect(Hex.text([0x00, 0x0F, 0xA0, 0xFF]) == "000fa0ff")
        #expect(Hex.text(UInt64(0x0123_4567_89AB_CDEF)) == "0123456789abcdef")
        #expect(Hex.bytes("000FA0ff") == [0x00, 0x0F, 0xA0, 0xFF])
        #expect(Hex.bytes("0g") == nil)
        #expect(Hex.bytes("abc") == nil)
    }

    @Test("a version 4 UUID carries version and variant, and reads back")
    func version4() throws {
        let text = UUIDText.v4(SeededRandom(seed: 7))
        let bytes = try #require(UUIDText.bytes(text))
        #expect(bytes[6] >> 4 == 4)
        #expect(bytes[8] >> 6 == 0b10)
        #expect(UUIDText.text(bytes) == text)
    }

    @Test("the RFC's own example of version 7 begins with its milliseconds")
    func version7() throws {
        // RFC 9562, appendix A.6: 0x017F22E279B0 is Tuesday, 22 February 2022 19:22:22.000 UTC.
        let time = Timestamp(nanoseconds: 0x017F_22E2_79B0 * 1_000_000)
        let text = UUIDText.v7(at: time, SeededRandom(seed: 7))
        #expect(text.hasPrefix("017f22e2-79b0-7"))
        #expect(time.seconds == 1_645_557_742)
        let bytes = try #require(UUIDText.bytes(text))
        #expect(bytes[8] >> 6 == 0b10)
        #expect(UUIDText.text(bytes) == text)
        #expect(UUIDText.v7(at: time, SeededRandom(seed: 8)).suffix(17) != text.suffix(17))
    }

    @Test(
        "text that is no UUID is refused",
        arguments: [
            "", "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "z17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
        ]
    )
    func refused(text: String) {
        #expect(UUIDText.bytes(text) == nil)
    }

    @Test("a timestamp rounds down before 1970 too, and saturates at its ends")
    func timestamps() {
        #expect(Timestamp(nanoseconds: -1).seconds == -1)
        #expect(Timestamp(nanoseconds: 1_999_999_999).seconds == 1)
        #expect(Timestamp(seconds: 5) + .milliseconds(1_500) == Timestamp(nanoseconds: 6_500_000_000))
        #expect(Timestamp(seconds: 5) - Timestamp(nanoseconds: 4_999_999_999) == .nanoseconds(1))
        #expect(Timestamp(nanoseconds: .min) - Timestamp(nanoseconds: .max) < .seconds(-18_000_000_000))
        #expect(Timestamp(nanoseconds: .max) + .seconds(1) == Timestamp(nanoseconds: .max))
        #expect(Timestamp(nanoseconds: .min) - .seconds(1) == Timestamp(nanoseconds: .min))
    }

    @Test("a draw below a bound meets every number and nothing else")
    func draws() {
        let random = SeededRandom(seed: 3)
        let drawn = Set((0..<200).map { _ in random.next(below: 5) })
        #expect(drawn == [0, 1, 2, 3, 4])
        #expect(random.bytes(count: 13).count == 13)
    }

    @Test("paths split and join at slashes")
    func paths() {
        #expect(FilePath.folder(of: "a/b/c") == "a/b")
        #expect(FilePath.folder(of: "c") == ".")
        #expect(FilePath.folder(of: "/c") == "/")
        #expect(FilePath.name(of: "a/b/c") == "c")
        #expect(FilePath.join("a/", "b") == "a/b")
        #expect(FilePath.join("a", "b") == "a/b")
    }
}

import Avro
import Glossary
import Journal
import Testing

@testable import Intake

/// The hash by which repeats are known, on the way in and read back.
@Suite struct IdentityTests {
    @Test("the hash does not change between versions: windows on disk are kept under it")
    func golden() {
        let hash = KeyedHash(secret: Array(0..<16))
        let known = hash.hash(Array("golden".utf8))
        #expect(known.low == Self.goldenLow && known.high == Self.goldenHigh)
        let other = hash.derived(for: "users.canvas.Entry").hash(Array("golden".utf8))
        #expect(other != known)
    }

    private static let goldenLow: UInt64 = 0x4876_6FAC_6493_C8F7
    private static let goldenHigh: UInt64 = 0x2B10_18BA_FC9F_65B3

    @Test("texts of every length hash apart, and the key matters")
    func spread() {
        var seen: Set<UInt64> = []
        for secret in [[UInt8](repeating: 0, count: 16), [UInt8](repeating: 1, count: 16)] {
            let hash = KeyedHash(secret: secret)
            for length in 0..<200 {
                let value = hash.hash([UInt8](repeating: 0x61, count: length))
                #expect(seen.insert(value.low).inserted && seen.insert(value.high).inserted)
            }
        }
    }

    @Test("a record's identity is read back from its datum, in every type of both editions")
    func readBack() async throws {
        for edition in Glossary.standard.editions {
            let bench = try Bench(strict: false, edition: edition.name)
            let identify = Intake.identify(
                Glossary.standard.editions,
                schemas: bench.schemas,
                secret: bench.journal.secret
            )
            for type in edition.types {
                let answer = await bench.post(Self.event(of: type))
                #expect(answer.accepted == 1, "\(type.name): \(answer.text)")
            }
            #expect(bench.journal.kept.count == edition.types.count)
            for kept in bench.journal.kept {
                #expect(identify(kept.fingerprint, kept.datum.span) == kept.identity)
                for cut in 0..<kept.datum.count {
                    _ = identify(kept.fingerprint, Array(kept.datum[0..<cut]).span)
                }
            }
        }
    }

    @Test("the key table finds each of its texts and no other")
    func keyTable() {
        let names =
            (0..<300).map { "field_with_a_rather_long_name_\($0 * 7)_and_a_tail" } + ["a", "ab", "", "time", "time_ms"]
        let table = KeyTable(names.enumerated().map { (text: $0.element, value: Int32($0.offset)) })
        func find(_ text: String) -> Int32 {
            let padded = Array(text.utf8) + [UInt8](repeating: 0x78, count: 16)
            return unsafe padded.withUnsafeBufferPointer { bytes in
                guard let base = bytes.baseAddress else { return -2 }
                return unsafe table.find(base, text.utf8.count)
            }
        }
        for (index, name) in names.enumerated() { #expect(find(name) == Int32(index)) }
        for text in [
            "b", "tim", "field_with_a_rather_long_name_1_and_a_tail", "field_with_b_rather_long_name_7_and_a_tail",
        ] {
            #expect(find(text) == KeyTable.absent)
        }
    }

    /// An event of that type with a value in every field.
    static func event(of type: EventType) -> String {
        let fields = type.fields.map { field in
            let value =
                switch field.type {
                case .string: "\"\(field.name) é 1\""
                case .int, .long: field.name == "time" ? "1700000000" : "3"
                case .float, .double: "1.5"
                case .boolean: "true"
                case .stringArray(let isNullable): isNullable ? "[\"a\",null,\"b\"]" : "[\"a\",\"b\"]"
                }
            return "\"\(field.name)\":\(value)"
        }
        return "{\"event_type\":\"\(type.name)\",\(fields.joined(separator: ","))}"
    }
}

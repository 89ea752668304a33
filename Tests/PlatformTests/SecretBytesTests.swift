import Platform
import Testing

/// That comparing tells nothing of how far a guess was right.
@Suite struct SecretBytesTests {
    /// Counts how many bytes of it were looked at.
    private struct Watched: Collection {
        let bytes: [UInt8]
        let looks: Looks

        final class Looks { var count = 0 }

        var startIndex: Int { 0 }
        var endIndex: Int { bytes.count }
        func index(after index: Int) -> Int { index + 1 }
        subscript(index: Int) -> UInt8 {
            looks.count += 1
            return bytes[index]
        }
    }

    @Test("a comparison looks at every byte of both, wherever the first difference stands")
    func everyByte() {
        let secret = (0..<32).map { UInt8($0) }
        for wrong in [nil] + (0..<32).map(Optional.some) {
            var guess = secret
            if let wrong { guess[wrong] ^= 1 }
            let (left, right) = (Watched(bytes: secret, looks: .init()), Watched(bytes: guess, looks: .init()))
            #expect((SecretBytes(left) == SecretBytes(right)) == (wrong == nil))
            #expect((SecretBytes(left) != SecretBytes(right)) == (wrong != nil))
            #expect(left.looks.count == 64)
            #expect(right.looks.count == 64)
        }
    }

    @Test("bytes of another length are others, and nothing shows what they are")
    func others() {
        #expect(SecretBytes([1, 2]) != SecretBytes([1, 2, 0]))
        #expect(SecretBytes([]) == SecretBytes([]))
        #expect("\(SecretBytes([71, 72]))" == "(2 secret bytes)")
        #expect(SecretBytes([1, 2, 3, 4, 5, 6, 7, 8, 9]).head == 0x0102_0304_0506_0708)
    }
}

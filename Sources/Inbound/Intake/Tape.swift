/// A parsed JSON document as simdjson lays it out: 64-bit words with a tag in the top byte, and a buffer of
/// unescaped strings, each behind its 32-bit length.
///
/// The word layout is simdjson's own (doc/tape.md). A tape is valid until the parser's next parse, so it never leaves
/// the call that made it.
@unsafe
struct Tape {
    /// The kinds of value, as simdjson tags them.
    enum Tag {
        static let object = UInt8(ascii: "{")
        static let array = UInt8(ascii: "[")
        static let string = UInt8(ascii: "\"")
        static let integer = UInt8(ascii: "l")
        static let unsigned = UInt8(ascii: "u")
        static let double = UInt8(ascii: "d")
        static let yes = UInt8(ascii: "t")
        static let no = UInt8(ascii: "f")
        static let null = UInt8(ascii: "n")
    }

    /// Where the document's value stands: word 0 is the root's own.
    static let first = 1

    let words: UnsafePointer<UInt64>
    let strings: UnsafePointer<UInt8>

    @inline(__always)
    func tag(_ index: Int) -> UInt8 {
        unsafe UInt8(truncatingIfNeeded: words[index] >> 56)
    }

    /// The index just past the value at `index`.
    @inline(__always)
    func after(_ index: Int) -> Int {
        let word = unsafe words[index]
        switch UInt8(truncatingIfNeeded: word >> 56) {
        case Tag.object, Tag.array: return Int(UInt32(truncatingIfNeeded: word))
        case Tag.integer, Tag.unsigned, Tag.double: return index + 2
        default: return index + 1
        }
    }

    /// How many members or items the object or array at `index` has; 16,777,215 stands for any number from there on.
    func count(of index: Int) -> Int {
        unsafe Int(words[index] >> 32 & 0xFF_FFFF)
    }

    /// The index of the word that closes the object or array at `index`.
    @inline(__always)
    func close(of index: Int) -> Int {
        unsafe Int(UInt32(truncatingIfNeeded: words[index])) - 1
    }

    @inline(__always)
    func integer(_ index: Int) -> Int64 {
        unsafe Int64(bitPattern: words[index + 1])
    }

    @inline(__always)
    func double(_ index: Int) -> Double {
        unsafe Double(bitPattern: words[index + 1])
    }

    /// The UTF-8 bytes of the string at `index`; a zero stands behind them.
    @inline(__always)
    func text(_ index: Int) -> UnsafeBufferPointer<UInt8> {
        let start = unsafe strings + Int(words[index] & 0x00FF_FFFF_FFFF_FFFF)
        let length = unsafe UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
        return unsafe UnsafeBufferPointer(start: start + 4, count: Int(UInt32(littleEndian: length)))
    }

    func string(_ index: Int) -> String {
        unsafe String(decoding: text(index), as: UTF8.self)
    }
}

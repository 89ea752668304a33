import CDeflate

/// Files by name, and what an input does to them.
struct JournalEdits {
    private static let blockBytes = 4_096
    private static let editsMax = 24
    /// Where the parts of a file keep their own checksum and length, by the words they begin with.
    private static let parts: [(magic: String, checksum: Int, length: Int?, isSalted: Bool)] = [
        ("COURFRAM", 12, 8, true), ("COURSEGM", 16, 12, false), ("COURTAIL", 8, nil, false),
    ]

    private(set) var files: [String: [UInt8]]
    /// Names of files that got blocks of elsewhere, another file's bytes, or numbers of an input's own.
    private(set) var mixed: Set<String> = []
    /// Checksums are made right behind an edit: then nothing is to be trusted, but all is still to be survived.
    let forges: Bool
    private let salt: UInt32

    init(_ files: [String: [UInt8]], forges: Bool) {
        self.files = files
        self.forges = forges
        salt = Self.crc(Array((files["journal.meta"] ?? [])[32..<48]))
    }

    mutating func apply(_ input: FuzzInput) {
        var input = input
        var count = 0
        while !input.isEmpty, count < Self.editsMax, !files.isEmpty {
            edit(&input)
            count += 1
        }
    }

    private mutating func edit(_ input: inout FuzzInput) {
        let kind = input.byte() & 7
        let name = choose(input.byte())
        var bytes = files[name] ?? []
        switch kind {
        case 0:
            let place = input.word()
            let flipped = input.byte()
            if place < bytes.count { bytes[place] ^= max(flipped, 1) }
        case 1:
            let start = min(input.word(), bytes.count)
            let end = min(start + input.word(), bytes.count)
            bytes.replaceSubrange(start..<end, with: [UInt8](repeating: 0, count: end - start))
        case 2:
            mixed.insert(name)
            copy(&input, &bytes)
        case 3: bytes.removeSubrange(min(input.word(), bytes.count)...)
        case 4: bytes += [UInt8](repeating: input.byte(), count: input.word() & 0x3FFF)
        case 5:
            files[name] = nil
            return
        case 6:
            files[name] = nil
            let other = renamed(name, &input)
            mixed.insert(other)
            files[other] = bytes
            return
        default:
            mixed.insert(name)
            forge(&input, &bytes)
        }
        files[name] = bytes
    }

    private func choose(_ byte: UInt8) -> String {
        let names = files.keys.sorted()
        return names[Int(byte) % names.count]
    }

    /// Blocks of any file over this one's.
    private func copy(_ input: inout FuzzInput, _ bytes: inout [UInt8]) {
        let source = files[choose(input.byte())] ?? []
        let from = min(Int(input.byte()) * Self.blockBytes, source.count)
        let block = source[from...].prefix(Int(input.byte() & 7) * Self.blockBytes)
        let to = min(Int(input.byte()) * Self.blockBytes, bytes.count)
        bytes.replaceSubrange(to..<min(to + block.count, bytes.count), with: block)
    }

    private func renamed(_ name: String, _ input: inout FuzzInput) -> String {
        let endings = [".segment", ".ids", ".spare", ".recovering", ".tmp", ".broken"]
        guard let dash = name.firstIndex(of: "-") else { return "journal.other" }
        let numbers = [
            "0000000000000000", "0000000000000002", "0000000000000009", "0000000000000500", "18446744073709551615",
        ]
        let number = numbers[Int(input.byte()) % numbers.count]
        return "\(name[..<dash])-s\(number)\(endings[Int(input.byte()) % endings.count])"
    }

    /// Puts a number of eight bytes somewhere into a block, and makes the block's checksum right.
    private func forge(_ input: inout FuzzInput, _ bytes: inout [UInt8]) {
        let start = Int(input.byte()) * Self.blockBytes
        let place = start + Int(input.byte())
        for index in 0..<8 where place + index < bytes.count { bytes[place + index] = input.byte() }
        guard forges, start + 128 <= bytes.count else { return }
        for part in Self.parts where bytes[start...].starts(with: part.magic.utf8) {
            let at = part.checksum
            let length = part.length.map { Self.number(bytes, start + $0) } ?? Self.blockBytes
            let end = min(start + max(at + 4, length), bytes.count)
            let before = Self.crc(Array(bytes[start..<start + at]), after: part.isSalted ? salt : 0)
            let sum = Self.crc(Array(bytes[(start + at + 4)..<end]), after: before)
            for index in 0..<4 { bytes[start + at + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(index))) }
        }
    }

    private static func number(_ bytes: [UInt8], _ place: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }

    private static func crc(_ bytes: [UInt8], after sum: UInt32 = 0) -> UInt32 {
        unsafe bytes.withUnsafeBytes { unsafe libdeflate_crc32(sum, $0.baseAddress, $0.count) }
    }
}

import Journal

/// Where the frames of a journal's folder stand, and which of them an edited folder cannot have lost.
///
/// By docs/journal-format.md alone: nothing of the journal's own code finds them.
struct WrittenFrames {
    struct Frame {
        let partition: PartitionID
        let offsets: Range<Int64>
        fileprivate let file: String
        /// With the zeros behind it, up to the end of its last block.
        fileprivate let place: Range<Int>
    }

    private static let blockBytes = 4_096

    private let files: [String: [UInt8]]
    private let frames: [Frame]

    init(in files: [String: [UInt8]]) {
        self.files = files
        frames = files.keys.sorted().filter { $0.hasSuffix(".segment") }.flatMap { name in
            Self.frames(of: name, files[name] ?? [])
        }
    }

    /// How many records all of them hold.
    var records: Int { frames.reduce(0) { $0 + $1.offsets.count } }

    /// Those whose bytes stand where they stood, in a segment that keeps its name.
    ///
    /// Damage around them loses none of them: a bad block with a good frame behind it is passed over, a head is made
    /// again, a seal is not needed. Blocks of elsewhere may: a head of another segment, a later frame in front.
    func whole(in edited: [String: [UInt8]], except mixed: Set<String>) -> [Frame] {
        frames.filter { frame in
            guard let before = files[frame.file], let after = edited[frame.file] else { return false }
            if mixed.contains(frame.file) { return after == before }
            return frame.place.upperBound <= after.count && after[frame.place] == before[frame.place]
        }
    }

    /// Whether a journal in that folder may say that it does not open: only without the `journal.meta` that it had.
    func mayRefuse(_ edited: [String: [UInt8]]) -> Bool {
        edited["journal.meta"] != files["journal.meta"]
    }

    private static func frames(of name: String, _ bytes: [UInt8]) -> [Frame] {
        stride(from: 0, to: bytes.count, by: blockBytes).compactMap { start in
            guard bytes[start...].starts(with: "COURFRAM".utf8) else { return nil }
            let number = { (at: Int, count: Int) in
                (0..<count).reduce(0) { $0 | Int(bytes[start + at + $1]) << (8 * $1) }
            }
            let length = number(8, 4) + number(52, 4)
            let first = Int64(number(32, 8))
            let end = start + (length + blockBytes - 1) / blockBytes * blockBytes
            return Frame(
                partition: PartitionID(number(60, 2)),
                offsets: first..<first + Int64(number(48, 4)),
                file: name,
                place: start..<end
            )
        }
    }
}

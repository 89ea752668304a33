import Journal
import Testing

@testable import Delivery

@Suite("The cursor")
struct CursorTests {
    let types = ["a", "b", "c"]

    private func cursor(_ scanned: Int64, _ next: [String: Int64] = [:]) -> Cursor {
        Cursor(
            resuming: CursorSnapshot(
                scanned: Offset(scanned),
                next: next.sorted { $0.key < $1.key }.map { TypeOffset(type: $0.key, offset: Offset($0.value)) }
            ),
            types: types
        )
    }

    @Test("reading resumes at the smallest of scanned and every next")
    func resumes() {
        #expect(cursor(100).position == Offset(100))
        #expect(cursor(100, ["a": 40, "b": 70]).position == Offset(40))
    }

    @Test("a type with a next is taken from there, one without from scanned")
    func thresholds() {
        let cursor = cursor(100, ["a": 40])
        #expect(cursor.threshold(ofType: 0) == Offset(40))
        #expect(cursor.threshold(ofType: 1) == Offset(100))
    }

    @Test("a type that is carried no longer loses its next and holds nothing back")
    func dropped() {
        let cursor = cursor(100, ["gone": 5])
        #expect(cursor.position == Offset(100))
        #expect(cursor.snapshot { _ in nil } == CursorSnapshot(scanned: Offset(100)))
    }

    @Test("while reading again, scanned does not fall back and a planned type goes on at the position")
    func readingAgain() {
        var cursor = cursor(100, ["a": 40, "b": 90])
        cursor.advance(to: Offset(60))
        #expect(cursor.isReadingAgain)
        // a has been planned up to 60, b is not reached yet, c was never staged.
        #expect(
            cursor.snapshot { _ in nil }
                == CursorSnapshot(
                    scanned: Offset(100),
                    next: [
                        TypeOffset(type: "a", offset: Offset(60)), TypeOffset(type: "b", offset: Offset(90)),
                    ]
                )
        )
        // Once staged again, its first record counts.
        #expect(cursor.snapshot { $0 == 0 ? Offset(55) : nil }.next.first == TypeOffset(type: "a", offset: Offset(55)))
        cursor.advance(to: Offset(100))
        #expect(!cursor.isReadingAgain)
        #expect(cursor.snapshot { _ in nil } == CursorSnapshot(scanned: Offset(100)))
        cursor.advance(to: Offset(130))
        #expect(
            cursor.snapshot { $0 == 2 ? Offset(120) : nil }
                == CursorSnapshot(scanned: Offset(130), next: [TypeOffset(type: "c", offset: Offset(120))])
        )
    }

    /// Any order of reading, staging, planning, committing and crashing takes each record of each type exactly once.
    @Test("each record is planned exactly once, whatever the order of plans and crashes", arguments: 0..<200)
    func exactlyOnce(seed: UInt64) {
        var random = SplitMix(seed)
        let end = 120
        let typeOf = (0..<end).map { _ in Int(random.next() % 4) }
        var committed = CursorSnapshot(scanned: .zero)
        var planned: [Int: Int] = [:]
        for life in 0..<40 {
            var cursor = Cursor(resuming: committed, types: types)
            var staged: [[Int]] = [[], [], []]
            let lifetime = life == 39 ? 1_000 : Int(random.next() % 60)
            for _ in 0..<lifetime {
                let position = Int(cursor.position.rawValue)
                if position < end {
                    let type = typeOf[position]
                    if type < 3, position >= Int(cursor.threshold(ofType: type).rawValue) {
                        staged[type].append(position)
                    }
                    cursor.advance(to: Offset(Int64(position + 1)))
                }
                let chosen = Int(random.next() % 8)
                if chosen < 3 || position >= end {
                    let type = position >= end ? (0..<3).first { !staged[$0].isEmpty } ?? 0 : chosen
                    let plan = staged[type]
                    staged[type] = []
                    // The plan and the cursor are one transaction.
                    for offset in plan { planned[offset, default: 0] += 1 }
                    committed = cursor.snapshot { staged[$0].first.map { Offset(Int64($0)) } }
                } else if chosen == 3 {
                    committed = cursor.snapshot { staged[$0].first.map { Offset(Int64($0)) } }
                }
            }
        }
        for offset in 0..<end {
            #expect(planned[offset, default: 0] == (typeOf[offset] < 3 ? 1 : 0), "seed \(seed), offset \(offset)")
        }
    }
}

/// Numbers from a seed, for tests.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

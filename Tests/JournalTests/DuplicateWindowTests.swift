import Platform
import PlatformTesting
import Testing

@testable import Journal

@Suite("The duplicate window")
struct DuplicateWindowTests {
    private func identity(_ id: UInt64) -> RecordIdentity { TestRecord.identity(id) }

    @Test("it agrees with a plain table of times, at any load", arguments: [50, 400, 800, 2_000])
    func model(perStep: Int) {
        var window = DuplicateWindow(window: .seconds(100), memoryBytes: 1 << 16, now: .zero)
        let random = SeededRandom(seed: UInt64(perStep))
        var model: [UInt64: Duration] = [:]
        var now = Duration.zero
        for step in 0..<400 {
            now += .milliseconds(random.next(below: 1_000))
            // Now and then nothing comes for long.
            if step % 97 == 96 { now += .seconds(30 * random.next(below: 6)) }
            for _ in 0..<(1 + random.next(below: perStep)) {
                window.advance(to: now)
                let id = UInt64(random.next(below: 20_000))
                let isNew = window.insert(identity(id))
                if let first = model[id] {
                    let age = now - first
                    let held = window.held(at: now)
                    // A generation ends as a whole, at most a hundredth of the window after its first entry.
                    if age < held - .seconds(1) { #expect(!isNew, "\(id) is \(age) old, \(held) are held") }
                    if age > .seconds(102) { #expect(isNew, "\(id) is \(age) old") }
                } else {
                    #expect(isNew)
                }
                if isNew { model[id] = now }
                let count = window.count
                #expect(count <= 3_358)
            }
        }
    }

    @Test("a full table holds 0.82 of its slots, and says how far back that reaches")
    func full() {
        var window = DuplicateWindow(window: .seconds(3_600), memoryBytes: 1 << 20, now: .zero)
        let capacity = window.capacity
        #expect(capacity == Int(Double((1 << 20) / 16) * 0.82))
        // 1,000 a second: full after a minute of an hour.
        for id in 0..<UInt64(200_000) {
            if id % 32 == 0 { window.advance(to: .milliseconds(Int(id))) }
            let isNew = window.insert(identity(id))
            #expect(isNew)
        }
        let count = window.count
        #expect(count > capacity * 97 / 100 && count <= capacity)
        let now = Duration.milliseconds(200_000)
        let held = window.held(at: now)
        #expect(held > .seconds(50) && held < .seconds(54))
        let firstHeld = UInt64((now - held).components.seconds * 1_000 + 1_000)
        var unknown = 0
        for id in firstHeld..<200_000 where window.insert(identity(id)) { unknown += 1 }
        #expect(unknown == 0)
    }

    @Test("tags that return bring no id back to life")
    func tagReuse() {
        var window = DuplicateWindow(window: .seconds(100), memoryBytes: 1 << 14, now: .zero)
        _ = window.insert(identity(1))
        // More than 255 generations of a second each, nearly nothing inserted.
        for second in 1...600 {
            window.advance(to: .seconds(second))
            _ = window.insert(identity(1_000 + UInt64(second)))
            let count = window.count
            if second > 102 { #expect(count <= 102) }
        }
        let isNew = window.insert(identity(1))
        #expect(isNew)
    }

    @Test(
        "after silence of any length everything is forgotten and nothing else breaks",
        arguments: [99, 101, 255, 256, 10_000]
    )
    func silence(seconds: Int) {
        var window = DuplicateWindow(window: .seconds(100), memoryBytes: 1 << 14, now: .zero)
        for id in 0..<UInt64(500) { _ = window.insert(identity(id)) }
        window.advance(to: .seconds(seconds))
        var new = 0
        for id in UInt64(0)..<500 where window.insert(identity(id)) { new += 1 }
        #expect(new == (seconds > 100 ? 500 : 0))
        let count = window.count
        #expect(count == 500)
    }

    @Test("ids that differ in their last eight bits only are one, as 120 bits are kept")
    func width() {
        var window = DuplicateWindow(window: .seconds(100), memoryBytes: 1 << 14, now: .zero)
        let answers = [
            window.insert(RecordIdentity(high: 5, low: 0x100)), window.insert(RecordIdentity(high: 5, low: 0x1FF)),
            window.insert(RecordIdentity(high: 5, low: 0x200)), window.insert(RecordIdentity(high: .max, low: .max)),
            window.insert(RecordIdentity(high: .max, low: .max)),
        ]
        #expect(answers == [true, false, true, true, false])
    }
}

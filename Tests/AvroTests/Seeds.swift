import Foundation

/// Seeds for random tests.
///
/// They are the tests' arguments, so that a failure names its seed; `COURANT_SEED` in the
/// environment repeats one.
enum Seeds {
    static func fresh(_ count: Int) -> [UInt64] {
        if let text = ProcessInfo.processInfo.environment["COURANT_SEED"], let seed = UInt64(text) { return [seed] }
        var system = SystemRandomNumberGenerator()
        return (0..<count).map { _ in system.next() }
    }
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededGenerator {
    private var state: UInt64

    init(_ seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func pick<Item>(_ items: [Item]) -> Item { items[below(items.count)] }

    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}

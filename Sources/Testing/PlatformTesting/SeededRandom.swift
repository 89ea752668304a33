package import Platform
import Synchronization

/// The same numbers for the same seed (splitmix64).
package final class SeededRandom: RandomSource {
    private let state: Mutex<UInt64>

    package init(seed: UInt64) {
        state = Mutex(seed)
    }

    package func next() -> UInt64 {
        state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}

extension Platform {
    /// A world of fakes on real threads.
    package static func testing(
        clock: any WorldClock = ManualClock(),
        random: any RandomSource = SeededRandom(seed: 1),
        files: any FileSystem = FaultyFiles()
    ) -> Platform {
        Platform(
            clock: clock,
            random: random,
            files: files,
            blocking: ThreadPool(threads: 4),
            compute: ThreadPool(threads: 2)
        )
    }
}

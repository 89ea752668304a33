import CFuzzer
import Glibc
import Synchronization

/// Gives made-up inputs to one part of Courant until one of them ends the process or the time is up.
///
/// `courant-fuzz TARGET` and then what libFuzzer takes: flags such as `-max_total_time=60`, folders of inputs, or files
/// to be replayed.
@main struct CourantFuzz {
    private static let targets: [any FuzzTarget.Type] = [
        IntakeTarget.self, AvroTarget.self, JournalTarget.self, ConfigurationTarget.self, ProvidersTarget.self,
        ReportsTarget.self, TextTarget.self,
    ]

    /// The one that was named; libFuzzer's callback can hold nothing.
    private static let chosen = Mutex<(any FuzzTarget)?>(nil)

    static func main() {
        let names = targets.map { $0.name }
        guard CommandLine.arguments.count > 1,
            let target = targets.first(where: { $0.name == CommandLine.arguments[1] })
        else {
            print("courant-fuzz TARGET [flags and folders of libFuzzer]; targets: \(names.joined(separator: " "))")
            exit(2)
        }
        do {
            // It lives as long as the process. Enums keep their case in bits of a pointer that addresses leave free, so
            // the search for leaks does not see all that a target holds.
            __lsan_disable()
            defer { __lsan_enable() }
            let made = try target.init()
            chosen.withLock { $0 = made }
        } catch {
            fatalError("the target \(target.name) cannot be made: \(error)")
        }
        // The target's name gives its place to the program's: libFuzzer can start no workers (-fork, -merge).
        var count = CommandLine.argc - 1
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = unsafe CommandLine.unsafeArgv + 1
        let status = unsafe LLVMFuzzerRunDriver(&count, &arguments) { bytes, length in
            let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: length))
            guard let target = CourantFuzz.chosen.withLock({ $0 }) else { return -1 }
            target.take(FuzzInput(input))
            return 0
        }
        exit(status)
    }
}

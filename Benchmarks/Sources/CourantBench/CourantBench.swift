import Dispatch
import Foundation

/// Measures one part at a time: `courant-bench intake|journal|delivery|hang|tracking|contexts EVENTS.ndjson`.
///
/// Prints one JSON object a line, which `Benchmarks/run` sets beside the reference of the same run. `delivery` takes
/// the name of one codec too. `courant-bench count WORK EVENTS.ndjson BODIES EVENTS` does a fixed amount of work, whose
/// instructions `Benchmarks/instructions` counts.
@main struct CourantBench {
    private static let usage = """
        usage: courant-bench intake|journal|delivery|hang|tracking|contexts EVENTS.ndjson [CODEC]
               courant-bench count WORK EVENTS.ndjson BODIES EVENTS_IN_EACH

        """

    /// Not `async`: the concurrency library would end the first thread, which valgrind does not survive.
    static func main() {
        let arguments = CommandLine.arguments
        let isDone = DispatchSemaphore(value: 0)
        Task.detached {
            do {
                guard try await run(arguments) else {
                    FileHandle.standardError.write(Data(usage.utf8))
                    exit(2)
                }
            } catch {
                FileHandle.standardError.write(Data("courant-bench: \(error)\n".utf8))
                exit(1)
            }
            isDone.signal()
        }
        isDone.wait()
    }

    private static func run(_ arguments: [String]) async throws -> Bool {
        guard arguments.count >= 3 else { return false }
        if arguments[1] == "count" {
            guard arguments.count == 6, let work = CountedWork(rawValue: arguments[2]),
                let bodies = Int(arguments[4]), let events = Int(arguments[5])
            else { return false }
            let file = try EventFile(path: arguments[3], bodies: bodies, eventsPerBody: events)
            try await work.run(file)
            return true
        }
        let file = try EventFile(path: arguments[2])
        switch arguments[1] {
        case "intake": try await IntakeBenchmark(file: file).run()
        case "journal": try await JournalBenchmark(file: file).run()
        case "delivery": try await DeliveryBenchmark(file: file).run(only: arguments.dropFirst(3).first)
        case "tracking": try await TrackingBenchmark().run()
        case "contexts": try await ContextBenchmark().run()
        case "hang": try await HangBenchmark(file: file).run()
        default: return false
        }
        return true
    }
}

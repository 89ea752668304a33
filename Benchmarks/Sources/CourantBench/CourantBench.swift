import Foundation

/// Measures one part at a time: `courant-bench intake|journal|delivery|hang|tracking|contexts EVENTS.ndjson`.
///
/// Prints one JSON object a line, which `Benchmarks/run` sets beside the reference of the same run.
@main struct CourantBench {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { usage() }
        let file = try EventFile(path: arguments[2])
        // `main` keeps to the main actor; what is measured runs elsewhere.
        switch arguments[1] {
        case "intake": try await IntakeBenchmark(file: file).run()
        case "journal": try await JournalBenchmark(file: file).run()
        case "delivery": try await DeliveryBenchmark(file: file).run()
        case "tracking": try await TrackingBenchmark().run()
        case "contexts": try await ContextBenchmark().run()
        case "hang": try await HangBenchmark(file: file).run()
        default: usage()
        }
    }

    private static func usage() -> Never {
        let parts = "intake|journal|delivery|hang|tracking|contexts"
        FileHandle.standardError.write(Data("usage: courant-bench \(parts) EVENTS.ndjson\n".utf8))
        exit(2)
    }
}

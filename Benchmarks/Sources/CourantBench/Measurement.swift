import Foundation

/// One row of the report: rate, CPU time and memory of what ran between `start()` and `row(…)`.
struct Measurement {
    private let began = ContinuousClock.now
    private let cpuBefore = Measurement.cpuSeconds()

    static func start() -> Measurement { Measurement() }

    /// Prints the row.
    ///
    /// The fields are those of `Benchmarks/run`; `against` names the reference's codec to compare with.
    func row(_ what: String, events: Int, bytes: Int, against: String) {
        let elapsed = ContinuousClock.now - began
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        let cpu = Measurement.cpuSeconds() - cpuBefore
        let fields = [
            "\"what\":\"\(what)\"",
            "\"rate\":\(Double(events) / seconds)",
            "\"megabytes\":\(Double(bytes) / seconds / 1e6)",
            "\"cpu\":\(cpu / Double(events) * 1e6)",
            "\"peak\":\(Measurement.peakBytes())",
            "\"against\":\"\(against)\"",
        ]
        print("{" + fields.joined(separator: ",") + "}")
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The high-water mark of resident memory, the loaded events included.
    private static func peakBytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let kilobytes = line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
        return kilobytes * 1_024
    }
}

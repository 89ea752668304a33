import Logging
import Platform
import Synchronization
import Testing

@testable import Service

@Suite struct ServiceLogTests {
    struct StillClock: WorldClock {
        func now() -> Timestamp { Timestamp(nanoseconds: 1_795_458_307_123_000_000) }
        func uptime() -> Duration { .zero }
        func sleep(for duration: Duration) async throws {}
    }

    static func lines(_ format: Configuration.LogSettings.Format, _ log: (Logger) -> Void) -> [String] {
        final class Lines: Sendable { let all = Mutex<[String]>([]) }
        let lines = Lines()
        let settings = Configuration.LogSettings(level: .info, format: format)
        log(ServiceLog.logger(settings, clock: StillClock()) { line in lines.all.withLock { $0.append(line) } })
        return lines.all.withLock { $0 }
    }

    @Test("a text line has time, level, sentence and metadata in order")
    func text() {
        let lines = Self.lines(.text) { logger in
            logger.info("The service is ready.", metadata: ["service.listen": "127.0.0.1:8080", "a.note": "two words"])
            logger.debug("Never.")
        }
        #expect(
            lines == [
                "2026-11-23T18:25:07.123Z info     The service is ready. a.note=\"two words\" service.listen=127.0.0.1:8080\n"
            ]
        )
    }

    @Test("a line stays one line, whatever a sender wrote into it")
    func injection() {
        let lines = Self.lines(.text) { $0.info("x", metadata: ["k": "a\n2026 forged\u{1B}[0m\"="]) }
        #expect(lines == ["2026-11-23T18:25:07.123Z info     x k=\"a\\n2026 forged\\u001b[0m\\\"=\"\n"])
    }

    @Test("a JSON line is one object")
    func json() {
        let lines = Self.lines(.json) { $0.warning("Say \"hi\".", metadata: ["k": "v"]) }
        #expect(
            lines == [
                "{\"time\":\"2026-11-23T18:25:07.123Z\",\"level\":\"warning\",\"message\":\"Say \\\"hi\\\".\",\"k\":\"v\"}\n"
            ]
        )
    }

    @Test(
        "times are those of the civil calendar",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400, "2000-02-29T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
        ]
    )
    func times(_ seconds: Int64, _ text: String) {
        #expect(ISOTime.text(Timestamp(seconds: seconds)) == text)
    }
}

import ServiceLifecycle
import UnixSignals

/// Reads the configuration again at each of the signals.
struct ReloadOnSignal: Service {
    let signals: [UnixSignal]
    let reload: ConfigurationReload

    func run() async throws {
        // Only the wait is cancelled: a reload that has begun is finished.
        for await _ in await UnixSignalsSequence(trapping: signals).cancelOnGracefulShutdown() {
            // Its refusal has been logged, and nobody else asked.
            _ = try? await reload.reload()
        }
    }
}

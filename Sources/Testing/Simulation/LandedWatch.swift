internal import PlatformTesting
internal import Synchronization

/// Watches the folder that files land in: what has landed is never touched again.
final class LandedWatch: Sendable {
    private struct State {
        var complaints: [String] = []
        var known: [String: [UInt8]] = [:]
    }

    private static let touches: Set = ["write", "truncate", "remove", "rename"]

    private let state = Mutex(State())

    var complaints: [String] { state.withLock { $0.complaints } }

    /// An operation of the disk begins; what is renamed goes by its new name.
    func see(_ operation: String, _ path: String) {
        guard Self.touches.contains(operation), Self.isLanded(path) else { return }
        complain("a landed file was to be touched: \(operation) \(path)")
    }

    /// Compares what is there with what was there the last time.
    ///
    /// A power loss may take names with it that were not durable yet; what is there is what was there all the same.
    func compare(_ disk: FaultyFiles, mayBeGone: Bool) {
        var now: [String: [UInt8]] = [:]
        for path in disk.paths(under: Scenario.folder) where Self.isLanded(path) { now[path] = disk.content(path) }
        let before = state.withLock { $0.known }
        for (path, bytes) in before.sorted(by: { $0.key < $1.key }) {
            guard let there = now[path] else {
                if !mayBeGone { complain("a landed file is gone: \(path)") }
                continue
            }
            if there != bytes { complain("a landed file has changed: \(path)") }
        }
        state.withLock { [now] in $0.known = now }
    }

    private static func isLanded(_ path: String) -> Bool {
        path.hasPrefix(Scenario.folder + "/") && path.hasSuffix(".avro")
    }

    private func complain(_ what: String) {
        state.withLock { $0.complaints.append(what) }
    }
}

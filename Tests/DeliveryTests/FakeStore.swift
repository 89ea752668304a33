import Platform
import Synchronization

@testable import Delivery

/// An object store in memory that keeps the rules, and fails where a test wants it to.
final class FakeStore: ObjectDestination {
    enum Mishap: Sendable {
        /// The request does not arrive.
        case lostBefore(DestinationError)
        /// The object is kept, its answer is lost.
        case lostAfter(DestinationError)
    }

    private struct State {
        var objects: [String: [UInt8]] = [:]
        var puts = 0
        var overwrites = 0
        var mishaps: [Mishap] = []
        var outage: DestinationError?
        var keepsAll = false
    }

    let location: String
    private let state = Mutex(State())
    private let crash: CrashPoint?

    init(location: String = "fake:store", crash: CrashPoint? = nil) {
        self.location = location
        self.crash = crash
    }

    /// The same place after a restart.
    func restarted(crash: CrashPoint?) -> FakeStore {
        let store = FakeStore(location: location, crash: crash)
        let objects = objects
        store.state.withLock { $0.objects = objects }
        return store
    }

    var objects: [String: [UInt8]] { state.withLock(\.objects) }
    var puts: Int { state.withLock(\.puts) }

    func put(_ bytes: [UInt8], key: String) { state.withLock { $0.objects[key] = bytes } }
    func remove(_ key: String) { state.withLock { $0.objects[key] = nil } }
    func fail(_ mishaps: [Mishap]) { state.withLock { $0.mishaps += mishaps } }
    /// Every request fails until nil is set.
    func setOutage(_ error: DestinationError?) { state.withLock { $0.outage = error } }

    func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]? {
        if let outage = state.withLock(\.outage) { throw outage }
        return state.withLock { $0.objects[key].map { Array($0.prefix(bytesMax)) } }
    }

    func delete(_ key: String) async throws(DestinationError) {
        if state.withLock(\.keepsAll) { throw .denied }
        remove(key)
    }

    /// From now on nothing may be deleted.
    func keepAll() { state.withLock { $0.keepsAll = true } }

    func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome {
        let (mishap, outage) = state.withLock { state in
            state.puts += 1
            return (state.mishaps.isEmpty ? nil : state.mishaps.removeFirst(), state.outage)
        }
        if let outage { throw outage }
        if case .lostBefore(let error) = mishap { throw error }
        try crash?.destinationStep("put", .before)
        let content = try await object.content()
        defer { content.close() }
        let bytes = Mutex<[UInt8]>([])
        try await content.forEachPiece { (piece, _) in bytes.withLock { $0 += piece } }
        let body = bytes.withLock { $0 }
        let outcome = try state.withLock { state throws(DestinationError) -> LandingOutcome in
            guard let there = state.objects[object.key] else {
                state.objects[object.key] = body
                return .created
            }
            if there == body { return .alreadyThere(.checksum) }
            if let text = PlanTag.text(inHead: there), object.plan.isNamed(by: text) { return .alreadyThere(.plan) }
            throw .conflict(key: object.key, found: "\(there.count) bytes")
        }
        try crash?.destinationStep("put", .after)
        if case .lostAfter(let error) = mishap { throw error }
        return outcome
    }
}

extension DestinationError {
    static let unreachable = DestinationError(.unreachable, "connection refused", remedy: .retry(after: nil))
    static let denied = DestinationError(.denied, "access denied", remedy: .waitForChange)
}

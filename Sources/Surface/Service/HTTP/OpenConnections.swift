import NIOCore
import Synchronization
import Telemetry

/// The connections of one listener, up to so many.
///
/// When there is no more room, the one that has been idle longest makes some; those that have never asked for anything
/// go first. So whoever only holds connections open keeps nobody out; one whose request has begun stays until it has
/// come, or its time is up.
final class OpenConnections: Sendable {
    /// One connection's place among them.
    final class Place: Sendable {
        fileprivate let channel: any Channel
        /// Nanoseconds; 0 while something is asked.
        fileprivate let idleSince: Atomic<UInt64>
        fileprivate let hasAsked = Atomic(false)

        fileprivate init(_ channel: any Channel) {
            self.channel = channel
            idleSince = Atomic(NIODeadline.now().uptimeNanoseconds)
        }

        /// To be told when a request begins, and when every one has its answer.
        func isBusy(_ isBusy: Bool) {
            if isBusy { hasAsked.store(true, ordering: .relaxed) }
            idleSince.store(isBusy ? 0 : NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
        }
    }

    private let places = Mutex<[ObjectIdentifier: Place]>([:])
    private let most: Int
    private let closed: [ConnectionWatch.Reason: Counter]

    /// With room for `most`, at least one.
    init(most: Int, listener: String, metrics: MetricRegistry) {
        self.most = max(most, 1)
        closed = Dictionary(
            uniqueKeysWithValues: ConnectionWatch.Reason.allCases.map { reason in
                let counter = metrics.counter(
                    "courant_service_closed_connections_total",
                    help: "Connections that the service closed, by reason.",
                    labels: [("listener", listener), ("reason", reason.rawValue)]
                )
                return (reason, counter)
            }
        )
        metrics.gaugeReading(
            "courant_service_connections",
            help: "Connections that are open.",
            labels: [("listener", listener)]
        ) { [weak self] in Double(self?.count ?? 0) }
    }

    var count: Int { places.withLock { $0.count } }

    /// A place for the connection; nil: all are busy, and it is to be closed.
    func enter(_ channel: any Channel) -> Place? {
        let place = Place(channel)
        let (hasRoom, leaving) = places.withLock { places in
            var leaving: Place?
            if places.count >= most {
                leaving = Self.idlest(of: places.values)
                guard let leaving else { return (false, leaving) }
                places[ObjectIdentifier(leaving)] = nil
            }
            places[ObjectIdentifier(place)] = place
            return (true, leaving)
        }
        if leaving != nil || !hasRoom { count(.crowded) }
        leaving?.channel.close(mode: .all, promise: nil)
        return hasRoom ? place : nil
    }

    func leave(_ place: Place) {
        places.withLock { $0[ObjectIdentifier(place)] = nil }
    }

    func count(_ reason: ConnectionWatch.Reason) {
        closed[reason]?.add()
    }

    func closeAll() {
        for place in places.withLock({ Array($0.values) }) { place.channel.close(mode: .all, promise: nil) }
    }

    private static func idlest(of places: some Collection<Place>) -> Place? {
        func rank(_ place: Place) -> (Int, UInt64) {
            (place.hasAsked.load(ordering: .relaxed) ? 1 : 0, place.idleSince.load(ordering: .relaxed))
        }
        return places.lazy.filter { $0.idleSince.load(ordering: .relaxed) != 0 }.min { rank($0) < rank($1) }
    }
}

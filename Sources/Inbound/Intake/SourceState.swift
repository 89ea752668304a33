import Glossary
import Platform
import Synchronization
import Telemetry

/// How a source's events add up.
///
/// received = accepted + duplicates + rejected + set aside, each counted where it happens.
package struct SourceBalance: Sendable, Hashable {
    package let source: String
    package let received: Int
    package let accepted: Int
    package let duplicates: Int
    package let rejected: Int
    package let setAside: Int

    /// Whether the terms add up; they do whenever no request is on its way.
    package var isBalanced: Bool { received == accepted + duplicates + rejected + setAside }
}

/// A source while it runs: its compiled edition, limits and counters.
final class SourceState: Sendable {
    /// Names of unknown fields that get a counter of their own; the rest share one, since a sender chooses them.
    private static let unknownNamesMax = 500

    let settings: SourceSettings
    let edition: CompiledEdition
    /// For its bodies alone.
    let budget: ByteBudget
    private let metrics: MetricRegistry
    private let received: Counter
    private let accepted: [Counter]
    private let duplicates: Counter
    private let rejected: Counter
    private let setAside: Counter
    private let acceptedTotal = Counter()
    private let derivedUsers: Counter
    private let limit: Mutex<RateLimit>?
    private let unknownNames = Mutex<Set<String>>([])

    init(_ settings: SourceSettings, edition: CompiledEdition, metrics: MetricRegistry, now: Duration) {
        self.settings = settings
        self.edition = edition
        self.metrics = metrics
        budget = ByteBudget(bytesMax: settings.inFlightBytesMax)
        let labels = [("source", settings.name)]
        func counter(_ name: String, _ help: String) -> Counter {
            metrics.counter("courant_intake_\(name)_total", help: help, labels: labels)
        }
        received = counter("received", "Events that a source was sent.")
        duplicates = counter("duplicates", "Events recognised as repeats.")
        rejected = counter("rejected", "Events refused, for whatever reason.")
        setAside = counter("set_aside", "Events kept as dead letters with their bytes.")
        derivedUsers = counter(
            "derived_users",
            "Times that a user_id was derived from external_user_id or an address, repeats among them."
        )
        limit = settings.eventsPerSecondMax.map { Mutex(RateLimit(perSecond: $0, now: now)) }
        accepted = (0..<edition.typeCount).map { index in
            unsafe metrics.counter(
                "courant_intake_accepted_total",
                help: "Events acknowledged, without repeats.",
                labels: labels + [("event_type", edition.types[index].type.name)]
            )
        }
    }

    var balance: SourceBalance {
        SourceBalance(
            source: settings.name,
            received: received.value,
            accepted: acceptedTotal.value,
            duplicates: duplicates.value,
            rejected: rejected.value,
            setAside: setAside.value
        )
    }

    // MARK: - Limits

    /// Seconds to wait before the source may send again; 0: it may now.
    func secondsToWait(now: Duration) -> Int {
        limit?.withLock { $0.admits(now: now) ? 0 : $0.secondsToWait } ?? 0
    }

    // MARK: - Counting

    func paid(_ events: Int) { limit?.withLock { $0.pay(events) } }

    /// Counts what parsing found; what is accepted or a repeat only the journal can tell.
    func count(_ parsed: ParsedBody) {
        received.add(parsed.received)
        setAside.add(parsed.setAside)
        rejected.add(parsed.rejections.count - parsed.setAside)
        for rejection in parsed.rejections {
            metrics.counter(
                "courant_intake_rejections_total",
                help: "Events refused or set aside, by reason.",
                labels: [("source", settings.name), ("code", rejection.code)]
            ).add()
        }
        derivedUsers.add(parsed.findings.derivedUsers)
        for (rule, times) in parsed.findings.rules { countBroken(rule, times) }
        for (name, times) in parsed.findings.unknownFields {
            metrics.counter(
                "courant_intake_unknown_fields_total",
                help: "Unknown fields left out of events, repeats among them, by name.",
                labels: [("source", settings.name), ("field", shownName(name))]
            ).add(times)
        }
    }

    func countBroken(_ rule: String, _ times: Int) {
        metrics.counter(
            "courant_intake_rules_broken_total",
            help: "Events, repeats among them, that were taken although they broke a rule, by rule.",
            labels: [("source", settings.name), ("rule", rule)]
        ).add(times)
    }

    func countDerivedUser() { derivedUsers.add() }

    func countRepeats(_ events: Int) {
        received.add(events)
        duplicates.add(events)
    }

    /// Counts records that are durable.
    func count(_ durable: Durable) {
        for (index, count) in durable.acceptedByType.enumerated() where count > 0 { accepted[index].add(count) }
        acceptedTotal.add(durable.accepted)
        duplicates.add(durable.duplicates)
    }

    /// Counts a request of which only some partitions took their part, as if it had held nothing else: the sender is
    /// told to send it again, and then it counts whole.
    func count(partOf request: Durable) {
        received.add(request.events)
        setAside.add(request.letters)
        count(request)
    }

    private func shownName(_ name: String) -> String {
        unknownNames.withLock { names in
            if names.contains(name) { return name }
            guard names.count < Self.unknownNamesMax, name.utf8.count <= 100 else { return "(other)" }
            names.insert(name)
            return name
        }
    }
}

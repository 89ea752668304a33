package import Delivery
package import Platform

/// A credential and how long it is good for.
package struct CredentialLease<Value: Sendable>: Sendable {
    package var value: Value
    /// When the service stops taking it; nil: never.
    package var expires: Timestamp?
    /// When to look again although it does not expire, as for a file that somebody may change; nil: never.
    package var lookAgain: Timestamp?

    package init(_ value: Value, expires: Timestamp? = nil, lookAgain: Timestamp? = nil) {
        self.value = value
        self.expires = expires
        self.lookAgain = lookAgain
    }
}

/// Where credentials come from.
package protocol CredentialSource<Value>: Sendable {
    associatedtype Value: Sendable

    /// A new credential, fetched now.
    func fetch() async throws(DestinationError) -> CredentialLease<Value>
}

/// Holds one credential, and fetches the next well before it expires.
///
/// However many ask at once, one fetches and the others wait for it. If a renewal ahead of time fails, the old
/// credential is used on while it is good.
package actor CredentialCache<Value: Sendable> {
    /// A credential as it was given out; hand it back to `invalidate` if the service refuses it.
    package struct Held: Sendable {
        package let value: Value
        fileprivate let generation: UInt64
        fileprivate let expires: Timestamp?
        fileprivate var renews: Timestamp?
    }

    /// How long before its end a credential is renewed; a short-lived one at half of its life.
    private static var margin: Duration { .seconds(600) }
    /// After a renewal that failed ahead of time.
    private static var again: Duration { .seconds(30) }

    private let source: any CredentialSource<Value>
    private let clock: any WorldClock
    private let ended = Signal()
    private var held: Held?
    private var generation: UInt64 = 0
    private var isFetching = false
    /// How the last fetch failed, for those who waited for it.
    private var failure: DestinationError?

    package init(_ source: any CredentialSource<Value>, clock: any WorldClock) {
        self.source = source
        self.clock = clock
    }

    package func current() async throws(DestinationError) -> Held {
        while true {
            if let held, !isDue(held) { return held }
            guard isFetching else { return try await renew() }
            await ended.wait(past: ended.generation)
            guard !Task.isCancelled else { throw .cancelled }
            if held == nil, let failure { throw failure }
        }
    }

    /// The service refused it: the next to ask fetches anew.
    ///
    /// To hand back one that is no longer the current one changes nothing.
    package func invalidate(_ refused: Held) {
        if held?.generation == refused.generation { held = nil }
    }

    private func isDue(_ held: Held) -> Bool {
        held.renews.map { clock.now() >= $0 } ?? false
    }

    private func renew() async throws(DestinationError) -> Held {
        isFetching = true
        defer {
            isFetching = false
            ended.raise()
        }
        do throws(DestinationError) {
            let lease = try await source.fetch()
            let new = hold(lease)
            failure = nil
            return new
        } catch {
            // Who waited for somebody that was cancelled tries himself.
            failure = error.code == .cancelled ? nil : error
            let now = clock.now()
            guard error.code != .cancelled, var old = held, old.expires.map({ now < $0 }) ?? true else { throw error }
            old.renews = now + Self.again
            held = old
            return old
        }
    }

    private func hold(_ lease: CredentialLease<Value>) -> Held {
        let now = clock.now()
        let ahead = lease.expires.map { $0 - min(Self.margin, max(.zero, ($0 - now) / 2)) }
        generation += 1
        let new = Held(
            value: lease.value,
            generation: generation,
            expires: lease.expires,
            renews: [ahead, lease.lookAgain].compactMap { $0 }.min()
        )
        held = new
        return new
    }
}

package import Delivery
package import Platform
internal import Synchronization

/// The credential that files led to, for as long as they stay as they are.
///
/// Files are looked at often, for somebody may change them; what they lead to is asked of a service that counts.
package final class KeptLease<Value: Sendable>: Sendable {
    /// A credential nearer to its end than this is not given out again: a little more than the time ahead of its end
    /// at which a cache renews.
    private static var restMin: Duration { .seconds(660) }
    private static var lookAgain: Duration { .seconds(30) }

    private struct Given {
        var text: String
        var lease: CredentialLease<Value>
        var lookAgain: Timestamp
    }

    private let given = Mutex<Given?>(nil)

    package init() {}

    /// The last credential if this is about looking whether the files have changed, and they have not; or a new one.
    ///
    /// `text` is all that the credential follows from.
    package func lease(
        of text: String,
        now: Timestamp,
        make: () async throws(DestinationError) -> CredentialLease<Value>?
    ) async throws(DestinationError) -> CredentialLease<Value>? {
        var found = kept(text, now)
        if found == nil { found = try await make() }
        guard var lease = found else { return nil }
        lease.lookAgain = now + Self.lookAgain
        let kept = Given(text: text, lease: lease, lookAgain: now + Self.lookAgain)
        given.withLock { $0 = kept }
        return lease
    }

    /// Who asks before the time to look again has had it refused.
    private func kept(_ text: String, _ now: Timestamp) -> CredentialLease<Value>? {
        given.withLock { given in
            guard let given, given.text == text, now >= given.lookAgain, let expires = given.lease.expires,
                expires - now > Self.restMin
            else { return nil }
            return given.lease
        }
    }
}

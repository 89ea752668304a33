internal import Platform
internal import Synchronization

/// SNS's certificates by address, each fetched once, whoever asks meanwhile.
///
/// The addresses stand in messages that are not verified yet, so what is kept and how often is fetched is bounded.
final class SNSCertificates: Sendable {
    typealias Fetch = @Sendable (_ url: String) async throws -> [UInt8]
    typealias Outcome = Result<SNSCertificate, WebhookRefusal>

    private let trust: SNSTrust?
    private let fetch: Fetch
    private let shelf = Mutex(Shelf<CheckedContinuation<Outcome, Never>>())

    init(trust: SNSTrust?, fetch: @escaping Fetch) {
        self.trust = trust
        self.fetch = fetch
    }

    func certificate(at url: String, arrived: Timestamp) async throws(WebhookRefusal) -> SNSCertificate {
        switch shelf.withLock({ $0.take(url, at: arrived) }) {
        case .use(let certificate): return certificate
        case .refuse:
            throw WebhookRefusal(.unchecked, "too_many_certificates", "too many certificates to fetch in this minute")
        case .join:
            let outcome = await withCheckedContinuation { waiter in
                let outcome = shelf.withLock { $0.join(url, waiter) }
                if let outcome { waiter.resume(returning: outcome) }
            }
            return try outcome.get()
        case .fetch:
            let outcome = await fetched(url, arrived: arrived)
            for waiter in shelf.withLock({ $0.put(outcome, for: url) }) { waiter.resume(returning: outcome) }
            return try outcome.get()
        }
    }

    private func fetched(_ url: String, arrived: Timestamp) async -> Outcome {
        let pem: [UInt8]
        do {
            pem = try await fetch(url)
        } catch {
            return .failure(
                WebhookRefusal(.unchecked, "no_certificate", "the certificate cannot be fetched: \(error)")
            )
        }
        do {
            return .success(try await SNSCertificate(pem: pem, trust: trust, at: arrived))
        } catch {
            return .failure(error)
        }
    }
}

extension SNSCertificates {
    /// What is kept, what is on its way and who waits for it, and whether more may be fetched.
    struct Shelf<Waiter: Sendable>: Sendable {
        /// A region has one at a time, and a new one each year or so.
        static var keptMax: Int { 64 }
        /// Also bounds what forged messages can make this machine ask of Amazon.
        static var fetchesPerMinuteMax: Int { 30 }
        static var waitersMax: Int { 1_000 }

        enum Action: Sendable {
            case use(SNSCertificate)
            /// Then `put` what came of it.
            case fetch
            case join
            case refuse
        }

        private var certificates: [String: SNSCertificate] = [:]
        /// Addresses, those kept longest first.
        private var order: [String] = []
        private var waiters: [String: [Waiter]] = [:]
        private var minute: Int64 = 0
        private var fetches = 0

        mutating func take(_ url: String, at moment: Timestamp) -> Action {
            if let certificate = certificates[url] { return .use(certificate) }
            if let waiting = waiters[url] { return waiting.count < Self.waitersMax ? .join : .refuse }
            let now = moment.seconds / 60
            if now != minute {
                minute = now
                fetches = 0
            }
            guard fetches < Self.fetchesPerMinuteMax else { return .refuse }
            fetches += 1
            waiters[url] = []
            return .fetch
        }

        /// What came of it, if it came in between; else nil, and the waiter is among those that `put` returns.
        mutating func join(_ url: String, _ waiter: Waiter) -> Outcome? {
            if let certificate = certificates[url] { return .success(certificate) }
            guard waiters[url]?.append(waiter) == nil else { return nil }
            return .failure(WebhookRefusal(.unchecked, "no_certificate", "the certificate could not be fetched"))
        }

        /// Keeps a certificate, and returns who waited.
        mutating func put(_ outcome: Outcome, for url: String) -> [Waiter] {
            let waiting = waiters.removeValue(forKey: url) ?? []
            guard case .success(let certificate) = outcome,
                certificates.updateValue(certificate, forKey: url) == nil
            else { return waiting }
            order.append(url)
            if order.count > Self.keptMax { certificates[order.removeFirst()] = nil }
            return waiting
        }
    }
}

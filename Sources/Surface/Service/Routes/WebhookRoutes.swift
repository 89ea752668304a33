import HTTPTypes
import Hummingbird
import Intake
import Logging
import Platform
import Providers
import Telemetry
import Tracking

/// Providers' webhooks: whose signature is right needs no token.
struct WebhookRoutes: Sendable {
    let rooms: TrackingRooms
    let body: LimitedBody
    let fetch: @Sendable (_ url: String) async throws -> Void
    let publicURL: String?
    let sources: [String: SourceTrackingPart]
    let failStop: FailStop
    let platform: Platform
    let metrics: MetricRegistry
    let pace: LogPace

    /// Those of a service's rooms.
    init(of rooms: ServiceRooms, body: LimitedBody) {
        self.rooms = rooms.tracking
        self.body = body
        fetch = { [transport = rooms.providerTransport] url in _ = try await TrackingRooms.fetch(url, transport) }
        publicURL = rooms.configuration.publicURL
        sources = rooms.configuration.tracking.sources
        failStop = rooms.failStop
        platform = rooms.platform
        metrics = rooms.metrics
        pace = LogPace(clock: rooms.platform.clock)
    }

    var routes: [Route] {
        [
            Route(.post, "/v1/webhooks/{provider}/{source}", scope: nil, on: .open) { request, context in
                try await take(request, context)
            },
            Route(.post, "/v1/webhooks/{provider}/{source}/sample", scope: .admin, on: .admin) { request, context in
                try await sample(request, context)
            },
        ]
    }

    private func place(
        _ context: CourantContext
    ) throws(RouteError) -> (webhook: any ProviderWebhook, provider: String, source: String) {
        let provider = Query.decoded(Substring(context.parameters.get("provider") ?? ""))
        let source = Query.decoded(Substring(context.parameters.get("source") ?? ""))
        guard let webhook = rooms.webhooks[provider]?[source] else {
            throw RouteError(.notFound, "webhook_unknown", Self.unknown(provider, source))
        }
        return (webhook, provider, source)
    }

    /// Says nothing of the sources that there are: whoever asks has shown no token.
    private static func unknown(_ provider: String, _ source: String) -> String {
        let providers = [SendGridWebhook.name, SESWebhook.name, TwilioWebhook.name].sorted()
        guard providers.contains(provider) else {
            return "There is no provider \(provider.quotedCut); \(NameList.told(providers, near: provider))."
        }
        return "Here is no webhook of \(provider) for a source \(source.quotedCut): look at the address, or "
            + "configure sources.NAME.webhooks.\(provider)."
    }

    private func base(_ request: Request) -> String {
        publicURL ?? "http://\(request.head.authority ?? "localhost")"
    }

    private func take(_ request: Request, _ context: CourantContext) async throws -> Response {
        let (webhook, provider, source) = try place(context)
        return try await body.answer(request, upTo: WebhookRequest.bodyBytesMax) { bytes in
            let received = WebhookRequest(
                url: base(request) + (request.head.path ?? ""),
                headers: request.headers.map { ($0.name.rawName, $0.value) },
                body: bytes,
                arrived: platform.clock.now()
            )
            let answer = try await answer(received, webhook, provider, source, context.logger)
            var response = Response.text(answer.body, type: answer.contentType ?? "text/plain")
            response.status = HTTPResponse.Status(code: answer.status)
            return response
        }
    }

    /// Verifies a request that has come whole, makes what it tells durable, and says what the provider wants to hear.
    func answer(
        _ received: WebhookRequest,
        _ webhook: any ProviderWebhook,
        _ provider: String,
        _ source: String,
        _ logger: Logger
    ) async throws -> WebhookAnswer {
        try await verify(received, webhook, provider, source, logger)
        let reading = webhook.read(received)
        if let confirmation = reading.confirmation { try await confirm(confirmation) }
        try await within(limitsOf: source, bytes: received.body.count) {
            try await take(reading, provider, source, received.body).items
        }
        return webhook.answer(to: received)
    }

    /// The source's limits answer 503 here: to some providers every 4xx is final.
    private func within(
        limitsOf source: String,
        bytes: Int,
        _ work: () async throws -> Int
    ) async throws {
        do {
            try await body.within(limitsOf: source, bytes: bytes) { ((), items: try await work()) }
        } catch let error as RouteError where error.status == .tooManyRequests {
            throw RouteError(.serviceUnavailable, error.code, error.message, retryAfter: error.retryAfter)
        }
    }

    private func verify(
        _ received: WebhookRequest,
        _ webhook: any ProviderWebhook,
        _ provider: String,
        _ source: String,
        _ logger: Logger
    ) async throws(RouteError) {
        do throws(WebhookRefusal) {
            try await webhook.verify(received)
        } catch {
            metrics.counter(
                "courant_providers_refused_total",
                help: "Requests of providers, or of others in their name, that were not verified.",
                labels: [("provider", provider), ("source", source), ("code", error.code)]
            ).add()
            if let leftOut = pace.next() {
                logger.notice(
                    "A webhook was refused.",
                    metadata: [
                        "webhook.provider": "\(provider)", "webhook.source": "\(source)",
                        "webhook.code": "\(error.code)", "log.left_out": "\(leftOut)",
                    ]
                )
            }
            switch error.reason {
            case .forged: throw RouteError(.forbidden, error.code, "\(error.message).")
            case .unchecked: throw RouteError(.serviceUnavailable, error.code, "\(error.message).", retryAfter: 20)
            }
        }
    }

    /// Makes a request as the provider would send it, signed, and takes it as if it had come from outside.
    ///
    /// Where the provider alone has the signing key, one that is thrown away afterwards stands in for it.
    private func sample(_ request: Request, _ context: CourantContext) async throws -> Response {
        var query = Query(request)
        let messageID = query.text("message_id")
        let address = query.text("to")
        try query.done()
        if let unavailable = body.unavailable { return unavailable }
        try await request.refuseBody()
        let (webhook, provider, source) = try place(context)
        let sample = try WebhookSample(
            of: provider,
            webhook: webhook,
            settings: sources[source] ?? SourceTrackingPart(),
            url: "\(base(request))/v1/webhooks/\(provider)/\(source)",
            messageID: messageID,
            to: address,
            at: platform.clock.now()
        )
        try await verify(sample.request, sample.webhook, provider, source, context.logger)
        let reading = sample.webhook.read(sample.request)
        let taken = try await take(reading, provider, source, sample.request.body)
        return try .json(
            encoding: SampleAnswer(
                url: sample.request.url,
                body: String(decoding: sample.request.body, as: UTF8.self),
                key: sample.key.rawValue,
                facts: reading.reports.count,
                accepted: taken.accepted,
                duplicates: taken.duplicates,
                waiting: taken.waiting
            )
        )
    }

    private struct SampleAnswer: Encodable {
        let url: String
        let body: String
        let key: String
        let facts: Int
        let accepted: Int
        let duplicates: Int
        let waiting: Int
    }

    private func confirm(_ url: String) async throws(RouteError) {
        do {
            try await fetch(url)
        } catch {
            throw RouteError(
                .serviceUnavailable,
                "confirmation_failed",
                "The subscription could not be confirmed at the provider; it will ask again.",
                retryAfter: 20
            )
        }
    }

    private func take(
        _ reading: WebhookReading,
        _ provider: String,
        _ source: String,
        _ body: [UInt8]
    ) async throws(RouteError) -> TrackAnswer {
        guard !reading.reports.isEmpty || !reading.strange.isEmpty else { return TrackAnswer() }
        let strange = reading.strange.map { TrackReport.StrangePart(raw: $0.raw, message: $0.message) }
        do throws(TrackingError) {
            return try await rooms.tracker.take(
                .provider(name: provider, reading.reports, strange: strange),
                from: source,
                body: body
            )
        } catch {
            failStop.check(error)
            // Never a 4xx for a fault of ours: some providers take it for an answer and forget the event.
            throw .unavailable(error)
        }
    }
}

import CloudHTTP
import Delivery
import Foundation
import Glossary
import Hummingbird
import HummingbirdTesting
import Intake
import NIOCore
import Platform
import Providers
import Synchronization
import Testing
import Tracking

@testable import Service

@Suite("webhooks over HTTP")
struct WebhookServiceTests {
    private static let unverified = SourceTrackingPart(
        sendGrid: SendGridConfiguration(publicKeys: [], isUnverified: true)
    )
    private static let address = "https://events.example.com/v1/webhooks/ses/default"

    /// Opens of as many emails.
    private static func opens(_ count: Int, from first: Int = 0) -> String {
        let events = (first..<first + count).map { number in
            #"{"email":"k@example.net","timestamp":1782000000,"event":"open","sg_event_id":"e-\#(number)"}"#
        }
        return "[\(events.joined(separator: ","))]"
    }

    // MARK: - Confirmation

    @Test(
        "a subscription of a named topic is confirmed at SNS's own address, once it answers, and its events are taken"
    )
    func confirmation() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let now = SystemClock().now()
        let sample = try SESSample(from: now - .seconds(60), until: now + .seconds(3_600))
        let network = ProviderNetwork(certificate: sample.certificate)
        let settings = settings(in: folder) { configuration in
            configuration.publicURL = "https://events.example.com"
            configuration.tracking.sources["default"] = SourceTrackingPart(
                ses: SESConfiguration(topics: [SESSample.topic])
            )
        }
        try await withService(settings, providerTransport: network) { service async throws in
            let url = "\(service.url)/v1/webhooks/ses/default"
            let strange = try sample.confirmation(id: "0", url: Self.address, at: now, topic: SESSample.topic + "-2")
            #expect(try await Self.post(strange, to: url).code == "foreign_topic")
            let elsewhere = "https://sns.us-east-1.amazonaws.com.example.com/?Action=ConfirmSubscription&Token=sample"
            #expect(network.asked.isEmpty)

            let question = try sample.confirmation(id: "1", url: Self.address, at: now)
            network.fail(true)
            let refused = try await Self.post(question, to: url)
            #expect(refused.status == 503 && refused.code == "confirmation_failed")
            #expect(refused.headers["retry-after"] == "20")
            network.fail(false)
            #expect(try await Self.post(question, to: url).status == 200)
            let confirm = network.asked.filter { $0.contains("Action=ConfirmSubscription") }
            #expect(confirm.count == 2)
            #expect(network.asked.first == SESSample.certificateURL)
            #expect(network.asked.count == 3, "a certificate is fetched once")

            let lured = try sample.confirmation(id: "2", url: Self.address, at: now, subscribeURL: elsewhere)
            #expect(try await Self.post(lured, to: url).status == 200)
            #expect(network.asked.count == 3, "no other place is asked")

            let text = SESSample.delivery(at: now, tags: [("user_id", "u-1"), ("campaign_id", "c-1")])
            let delivery = try sample.notification(text, id: "3", url: Self.address, at: now)
            #expect(try await Self.post(delivery, to: url).status == 200)
            let books = try await ask("GET", "\(service.url)/v1/connectors")
            #expect(books["sources", "0", "accepted"] as? Int == 1, "\(books.body)")
            #expect(books["sources", "0", "set_aside"] as? Int == 1, "what lured is kept")
        }
    }

    private static func post(_ request: WebhookRequest, to url: String) async throws -> Answer {
        try await ask(
            "POST",
            url,
            headers: request.headers.map { "\($0.name): \($0.value)" },
            body: String(decoding: request.body, as: UTF8.self)
        )
    }

    // MARK: - Limits

    @Test("over the source's rate webhooks are answered 503, which providers repeat, and reports 429")
    func rate() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let settings = settings(in: folder) { configuration in
            configuration.sources[0].eventsPerSecondMax = 1
            configuration.tracking.sources["default"] = Self.unverified
        }
        try await withService(settings) { service async throws in
            let url = "\(service.url)/v1/webhooks/sendgrid/default"
            // It pays for all its events, and the next waits off the debt.
            #expect(try await ask("POST", url, body: Self.opens(1_000)).status == 200)
            let second = try await ask("POST", url, body: Self.opens(1, from: 1_000))
            #expect(second.status == 503 && second.code == "rate_exceeded")
            #expect(second.headers["retry-after"].flatMap(Int.init).map { $0 > 100 } == true)
            let report = try await ask(
                "POST",
                "\(service.url)/v1/track/behaviours",
                headers: ["Idempotency-Key: k"],
                body: #"{"behaviours":[{"type":"session_start","user_id":"u","app_id":"a","session_id":"s"}]}"#
            )
            #expect(report.status == 429 && report.code == "rate_exceeded")
            #expect(report.headers["retry-after"] != nil)
        }
    }

    @Test("a report pays for its items too, and events then wait")
    func ratePaidByReports() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let one = try event("a")
        try await withService(settings(in: folder) { $0.sources[0].eventsPerSecondMax = 1 }) { service async throws in
            let items = (0..<500).map { #"{"type":"session_start","user_id":"u\#($0)","app_id":"a","session_id":"s"}"# }
            let report = try await ask(
                "POST",
                "\(service.url)/v1/track/behaviours",
                headers: ["Idempotency-Key: k"],
                body: #"{"behaviours":[\#(items.joined(separator: ","))]}"#
            )
            #expect(report["accepted"] as? Int == 500, "\(report.body)")
            #expect(try await ask("POST", "\(service.url)/v1/events", body: one).status == 429)
        }
    }

    @Test("a body over the limit is answered 413, a report that does not fit into the bytes in flight 503")
    func bytes() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let settings = settings(in: folder) { configuration in
            configuration.intake.inFlightBytesMax = 64 << 10
            configuration.tracking.sources["default"] = Self.unverified
        }
        try await withService(settings) { service async throws in
            let url = "\(service.url)/v1/webhooks/sendgrid/default"
            let tooLarge = String(repeating: " ", count: WebhookRequest.bodyBytesMax + 1)
            #expect(try await ask("POST", url, body: tooLarge).code == "body_too_large")
            let chunked = try await ask("POST", url, headers: ["Transfer-Encoding: chunked"], body: tooLarge)
            #expect(chunked.status == 413 || chunked.status == 503)
            let report = try await ask(
                "POST",
                "\(service.url)/v1/track/sends",
                headers: ["Idempotency-Key: k"],
                body: String(repeating: " ", count: 100 << 10)
            )
            #expect(report.status == 503 && report.code == "busy")
            // What was refused is not held any more.
            #expect(try await ask("POST", url, body: Self.opens(1)).status == 200)
        }
    }

    @Test("over a source's own bytes in flight its webhooks are answered 503 and its reports 429")
    func bytesOfSource() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let settings = settings(in: folder) { configuration in
            configuration.sources[0].inFlightBytesMax = 16 << 10
            configuration.tracking.sources["default"] = Self.unverified
        }
        try await withRoutes(of: settings) { rooms, _, client in
            rooms.intake.become(.ready)
            // Another body of the source's is being worked on meanwhile.
            try await rooms.intake.admitting(bytes: 16 << 10, of: "default") {
                for (path, headers, body, status) in [
                    ("webhooks/sendgrid/default", [:], Self.opens(1), .serviceUnavailable),
                    ("track/subscriptions", [.idempotencyKey: "k"], #"{"subscriptions":[]}"#, .tooManyRequests),
                ] as [(String, HTTPFields, String, HTTPResponse.Status)] {
                    let uri = "/v1/\(path)"
                    let bytes = ByteBuffer(string: body)
                    try await client.execute(uri: uri, method: .post, headers: headers, body: bytes) { response in
                        let text = String(buffer: response.body)
                        #expect(response.status == status, "\(path) \(text)")
                        #expect(response.headers[.retryAfter] != nil, "\(path)")
                        #expect(text.contains("\"source_busy\""), "\(path) \(text)")
                    }
                }
                return ((), items: 0)
            }
        }
    }

    @Test("without room on the disk webhooks and reports are answered 503, never 4xx")
    func full() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let settings = settings(in: folder) { configuration in
            configuration.disk.reserveBytes = Int.max / 2
            configuration.tracking.sources["default"] = Self.unverified
        }
        try await withService(settings) { service async throws in
            for (path, headers, body) in [
                ("webhooks/sendgrid/default", [], Self.opens(1)),
                ("track/subscriptions", ["Idempotency-Key: k"], #"{"subscriptions":[]}"#),
            ] as [(String, [String], String)] {
                let answer = try await ask("POST", "\(service.url)/v1/\(path)", headers: headers, body: body)
                #expect(answer.status == 503, "\(path)")
                #expect(answer.headers["retry-after"] != nil, "\(path)")
            }
        }
    }

    @Test("while the service starts or stops webhooks and reports are answered 503 with the reason")
    func phases() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let requests: [(HTTPRequest.Method, String, HTTPFields)] = [
            (.post, "/v1/webhooks/sendgrid/default", [:]), (.post, "/v1/track/sends", [.idempotencyKey: "k"]),
            (.put, "/v1/users", [:]), (.delete, "/v1/users/u", [:]), (.post, "/v1/track/assign", [:]),
            (.put, "/v1/campaigns/c", [:]), (.delete, "/v1/campaigns/c", [:]),
        ]
        let settings = settings(in: folder) { $0.tracking.sources["default"] = Self.unverified }
        try await withRoutes(of: settings) { rooms, _, client in
            for (phase, code) in [(Intake.Availability.starting, "starting"), (.stopping, "stopping")] {
                rooms.intake.become(phase)
                for (method, path, headers) in requests {
                    let body = ByteBuffer(string: Self.opens(1))
                    try await client.execute(uri: path, method: method, headers: headers, body: body) { response in
                        #expect(response.status == .serviceUnavailable, "\(path)")
                        #expect(response.headers[.retryAfter] != nil, "\(path)")
                        #expect(String(buffer: response.body).contains("\"\(code)\""), "\(path)")
                    }
                }
            }
        }
    }

    // MARK: - Settings

    @Test("roots that an operator trusts come from a file, and what is wrong with it is named")
    func trustedRoots() throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let sample = try SESSample(from: Timestamp(seconds: 0), until: Timestamp(seconds: 1))
        let pem = String(decoding: sample.certificate, as: UTF8.self)
        try pem.write(toFile: folder.file("roots.pem"), atomically: true, encoding: .utf8)
        try "no certificate".write(toFile: folder.file("other.pem"), atomically: true, encoding: .utf8)
        func read(_ file: String) throws -> Configuration {
            let yaml = """
                sources: {a: {webhooks: {ses: {topics: ["\(SESSample.topic)"], trusted_roots: \(file)}}}}
                """
            return try Configuration.read(yaml, file: folder.file("courant.yaml"))
        }
        #expect(try read("roots.pem").tracking.sources["a"]?.ses?.trustedRoots == pem)
        for (file, message) in [
            ("missing.pem", "trusted_roots: there is no such file that can be read"),
            ("other.pem", "trusted_roots: expected certificates in PEM"),
        ] {
            #expect {
                _ = try read(file)
            } throws: { error in
                "\(error)".contains(message)
            }
        }
    }
}

/// What stands on the network where a service looks for providers' addresses.
private final class ProviderNetwork: CloudTransport {
    private struct State {
        var asked: [String] = []
        var isFailing = false
    }

    private let certificate: [UInt8]
    private let state = Mutex(State())

    init(certificate: [UInt8]) { self.certificate = certificate }

    var asked: [String] { state.withLock { $0.asked } }

    /// Whether confirmations fail from now on.
    func fail(_ isFailing: Bool) { state.withLock { $0.isFailing = isFailing } }

    func exchange(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse {
        let isFailing = state.withLock { state in
            state.asked.append(request.url)
            return state.isFailing
        }
        if request.url == SESSample.certificateURL { return CloudResponse(status: 200, headers: [], body: certificate) }
        return CloudResponse(status: isFailing ? 500 : 200, headers: [], body: [])
    }
}

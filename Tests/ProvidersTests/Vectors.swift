import Avro
import Foundation
import Platform
import Tracking

@testable import Providers

/// Signed requests that were made elsewhere, with keys to throw away; all of them in the first minute of 2026.
struct Vectors: Decodable {
    struct SendGrid: Decodable {
        let publicKey: String
        let timestamp: String
        let signature: String
        let bodyFile: String
    }

    struct Twilio: Decodable {
        let authToken: String
        let url: String
        let body: String
        let signature: String
    }

    let sendgrid: SendGrid
    let twilioForm: Twilio
    let twilioInbound: Twilio
    let twilioJson: Twilio

    static let time = Timestamp(seconds: 1_767_225_610)

    static let shared = Result {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Vectors.self, from: Data(try file("vectors.json")))
    }

    static func file(_ name: String) throws -> [UInt8] {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return Array(try Data(contentsOf: tests.appending(path: "Fixtures/vectors/\(name)")))
    }

    /// The request of SendGrid's vector.
    static func sendGrid() throws -> (key: String, request: WebhookRequest) {
        let vector = try shared.get().sendgrid
        let request = WebhookRequest(
            url: "https://ingest.example.com/v1/webhooks/sendgrid/default",
            headers: [
                ("content-type", "application/json"),
                ("x-twilio-email-event-webhook-signature", vector.signature),
                ("x-twilio-email-event-webhook-timestamp", vector.timestamp),
            ],
            body: try file(vector.bodyFile),
            arrived: time
        )
        return (vector.publicKey, request)
    }

    static func twilio(_ path: KeyPath<Vectors, Twilio>) throws -> (token: String, request: WebhookRequest) {
        let vector = try shared.get()[keyPath: path]
        let isForm = !vector.body.hasPrefix("{")
        let request = WebhookRequest(
            url: vector.url,
            headers: [
                ("content-type", isForm ? "application/x-www-form-urlencoded" : "application/json"),
                ("x-twilio-signature", vector.signature),
            ],
            body: Array(vector.body.utf8),
            arrived: time
        )
        return (vector.authToken, request)
    }

    static let topic = "arn:aws:sns:us-east-1:000000000000:own-topic"

    static func sns(_ name: String) throws -> WebhookRequest {
        WebhookRequest(
            url: "https://ingest.example.com/v1/webhooks/ses/default",
            headers: [("content-type", "text/plain; charset=UTF-8")],
            body: try file(name),
            arrived: time
        )
    }
}

extension ProviderReport {
    /// The value of a field; nil where the report has none of that name.
    func field(_ name: String) -> JSONValue? { fields.first { $0.key == name }?.value }

    var names: [String] { fields.map(\.key) }
}

extension ProviderWebhook {
    /// Why the request is not taken; nil where it is.
    func refusal(of request: WebhookRequest) async -> WebhookRefusal? {
        do {
            try await verify(request)
            return nil
        } catch {
            return error
        }
    }
}

extension WebhookRequest {
    func with(body: some Collection<UInt8>) -> WebhookRequest {
        var request = self
        request.body = Array(body)
        return request
    }

    func with(url: String) -> WebhookRequest {
        var request = self
        request.url = url
        return request
    }

    func with(_ name: String, _ value: String?) -> WebhookRequest {
        var request = self
        request.headers.removeAll { $0.name.lowercased() == name.lowercased() }
        if let value { request.headers.append((name, value)) }
        return request
    }

    func arriving(_ time: Timestamp) -> WebhookRequest {
        var request = self
        request.arrived = time
        return request
    }
}

import Avro
import Foundation
import Platform
import ProgramTesting
import Testing
import Tracking

@testable import Providers

/// The providers' own libraries, in Python, sign what we verify, and verify what we sign.
@Suite("Strangers sign and verify", .timeLimit(.minutes(2)))
struct StrangersTests {
    private struct SendGridSigned: Decodable {
        let publicKey: String
        let timestamp: String
        let signature: String
    }

    private struct TwilioSigned: Decodable {
        struct Request: Decodable {
            let name: String
            let url: String
            let body: String
            let headers: [String: String]
        }

        let token: String
        let requests: [Request]
    }

    private struct SNSSigned: Decodable {
        let root: String
        let issuer: String
        let leaf: String
        let messages: [String]
    }

    @Test("what is signed for SendGrid's own library is taken, and ours is taken by it")
    func sendGrid() async throws {
        let now = SystemClock().now()
        let body = SendGridSample.body(at: now, arguments: [("user_id", "é ✓ \"\\")])
        let signed = try await run(SendGridSigned.self, "sendgrid_webhook.py", "sign", input: Data(body))
        let webhook = try SendGridWebhook(SendGridConfiguration(publicKeys: [signed.publicKey]))
        let request = WebhookRequest(
            url: "https://a.example/",
            headers: [
                (SendGridSignature.signatureHeader, signed.signature),
                (SendGridSignature.timestampHeader, signed.timestamp),
            ],
            body: body,
            arrived: now
        )
        #expect(await webhook.refusal(of: request) == nil)
        #expect(webhook.read(request).reports.allSatisfy { $0.metadata == ["user_id": "é ✓ \"\\"] })
        #expect(await webhook.refusal(of: request.with(body: body.dropLast()))?.reason == .forged)
        let sample = SendGridSample()
        let ours = try sample.request(url: "https://a.example/", body: body, at: now)
        try await verify(
            "sendgrid_webhook.py",
            [
                "public_key": sample.publicKey, "body": String(decoding: body, as: UTF8.self),
                "signature": ours.header(SendGridSignature.signatureHeader) ?? "",
                "timestamp": ours.header(SendGridSignature.timestampHeader) ?? "",
            ]
        )
    }

    @Test("what Twilio's own library signs is taken, and ours is taken by it")
    func twilio() async throws {
        let signed = try await run(TwilioSigned.self, "twilio_webhook.py", "sign")
        let webhook = try TwilioWebhook(TwilioConfiguration(authTokens: ["another", signed.token]))
        #expect(signed.requests.count == 8)
        for signed in signed.requests {
            let request = WebhookRequest(
                url: signed.url,
                headers: signed.headers.map { (name: $0.key, value: $0.value) },
                body: Array(signed.body.utf8),
                arrived: Vectors.time
            )
            #expect(await webhook.refusal(of: request) == nil, "\(signed.name)")
            #expect(await webhook.refusal(of: request.with(url: signed.url + "x"))?.reason == .forged)
            #expect(await webhook.refusal(of: request.with(body: request.body + [0x78]))?.reason == .forged)
        }
        let sample = TwilioSample(token: "t")
        for request in [
            sample.inbound("Stop é ✓ +&=%", message: "SM1", url: "https://a.example/x?a=b", at: Vectors.time),
            sample.status("delivered", message: "SM1", url: "https://a.example:8443/x", at: Vectors.time),
        ] {
            try await verify(
                "twilio_webhook.py",
                [
                    "token": "t", "url": request.url, "body": String(decoding: request.body, as: UTF8.self),
                    "signature": request.header(TwilioSignature.header) ?? "",
                ]
            )
        }
    }

    @Test("what is signed after SNS's rules by another library is taken, and ours is taken by it")
    func sns() async throws {
        let now = SystemClock().now()
        let signed = try await run(SNSSigned.self, "sns_message.py", "sign")
        #expect(signed.messages.count == 8)
        for message in signed.messages {
            let request = WebhookRequest(url: SESSample.address, headers: [], body: Array(message.utf8), arrived: now)
            for (file, roots, isTaken) in [
                (signed.leaf, nil, true), (signed.leaf + signed.issuer, signed.root, true),
                (signed.leaf, signed.root, false), (signed.leaf, signed.issuer, true),
                (signed.issuer + signed.leaf, nil, false),
            ] as [(String, String?, Bool)] {
                let configuration = SESConfiguration(topics: [SESSample.topic], trustedRoots: roots)
                let webhook = try SESWebhook(configuration) { _ in Array(file.utf8) }
                #expect((await webhook.refusal(of: request) == nil) == isTaken, "\(message)")
            }
        }
        let sample = try SESSample(from: now - .seconds(60), until: now + .seconds(60))
        let requests = [
            try sample.notification("é ✓\n", id: "1", url: SESSample.address, at: now, version: 1),
            try sample.notification("é ✓\n", id: "1", url: SESSample.address, at: now, subject: "é"),
            try sample.confirmation(id: "1", url: SESSample.address, at: now),
        ]
        for request in requests {
            try await verify(
                "sns_message.py",
                [
                    "body": String(decoding: request.body, as: UTF8.self),
                    "certificate": String(decoding: sample.certificate, as: UTF8.self),
                ]
            )
        }
    }

    private func run<Value: Decodable>(
        _ type: Value.Type,
        _ script: String,
        _ verb: String,
        input: Data = Data()
    ) async throws -> Value {
        let outcome = try await runProgram(try testPython(), [path(script), verb], input: input)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: Data(outcome.output.utf8))
    }

    private func verify(_ script: String, _ request: [String: String]) async throws {
        let input = try JSONSerialization.data(withJSONObject: request)
        let outcome = try await runProgram(try testPython(), [path(script), "verify"], input: input)
        #expect(outcome.output == "genuine\n", "\(outcome.errors)")
    }

    private func path(_ script: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/\(script)")
            .path(percentEncoded: false)
    }
}

import CloudHTTP
import Delivery
import Foundation
import Platform
import ProgramTesting
import StoreDoubles
import Testing

@testable import DestinationGCS

/// Google's client in a process of its own, looking at a double's bucket.
private struct Stranger {
    struct Ready: Decodable, Sendable {
        let view: String
    }

    /// An object's properties as the client read them.
    struct Seen: Decodable, Equatable {
        let metadata: [String: String]
        let crc32c: String
        let type: String
        let size: Int
    }

    let view: String
    let transport: LiveTransport

    /// Runs `body` beside the client, which has ended when this returns.
    static func with(_ body: (GCSSubject, Stranger) async throws -> Void) async throws {
        try await GCSSubject.with { subject in
            let arguments = [
                subject.url, GCSDouble.bucket, try subject.double.keyFile(address: subject.url),
                subject.double.publicKey,
            ]
            try await RunningProgram.beside(script: "gcs_client.py", arguments) { (ready: Ready) in
                try await body(subject, Stranger(view: ready.view, transport: subject.transport))
            }
        }
    }

    func ask(_ method: String, _ path: String, _ body: [UInt8] = []) async throws -> CloudResponse {
        let url = "\(view)/\(PercentEncoding.encode(path, keepingSlash: true))"
        return try await transport.exchange(
            CloudRequest(method, url, body: .bytes(body), responseBytesMax: 4 << 20)
        )
    }
}

@Suite("Google Cloud Storage, seen by google-cloud-storage and google-auth")
struct StrangersTests {
    @Test("what landed is listed and read by Google's client, whose own uploads the double takes only once")
    func readsBack() async throws {
        try await Stranger.with { subject, stranger in
            let bytes = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let key = "raw/event_type=users.messages.email.Open/date=2026-01-01-00/a b+é+17.avro"
            let object = try subject.staged.object(bytes, key: key)
            #expect(try await subject.destination().land(object) == .created)
            let list = try await stranger.ask("GET", "list")
            #expect(String(decoding: list.body, as: UTF8.self) == #"["\#(key.replacing("é", with: "\\u00e9"))"]"#)
            let answer = try await stranger.ask("GET", "blob/\(key)")
            try #require(answer.status == 200, "\(answer.excerpt)")
            #expect(answer.body == bytes)
            let seen = try #require(answer.header("X-Seen").flatMap { Base64.decode($0) })
            let sum = try await GCSRequest.crc32c(object)
            #expect(
                try JSONDecoder().decode(Stranger.Seen.self, from: Data(seen))
                    == Stranger.Seen(
                        metadata: ["courant-plan": object.plan.json, "courant-crc32c": sum],
                        crc32c: sum,
                        type: "application/avro",
                        size: bytes.count
                    )
            )
            // The client is as strict as the double, and the double as the client expects.
            #expect(try await stranger.ask("PUT", "blob/\(key)", [1]).status == 412)
            let foreign = try subject.staged.object([9, 9], key: "foreign.avro")
            let put = try await stranger.ask("PUT", "blob/foreign.avro", [1, 2])
            #expect(put.status == 201, "\(put.excerpt)")
            #expect(try await subject.destination().failure(landing: foreign).code == .conflict)
            #expect(try await stranger.ask("GET", "blob/nothing").status == 404)
        }
    }

    @Test("an assertion is one that google-auth takes for signed, and one that is altered is not")
    func assertion() async throws {
        try await Stranger.with { subject, stranger in
            let text = try subject.double.keyFile(address: subject.url)
            let account = try #require(CloudJSON.decode(ServiceAccount.self, from: Array(text.utf8)))
            let made = try account.assertion(scope: GoogleSurroundings.scope, now: SystemClock().now())
            let verdict = try await stranger.ask("POST", "verify", Array(made.utf8))
            #expect(verdict.status == 200, "\(verdict.excerpt)")
            #expect(String(decoding: verdict.body, as: UTF8.self) == GCSDouble.account)
            var parts = made.split(separator: ".").map(String.init)
            parts[2] = String(parts[2].reversed())
            #expect(try await stranger.ask("POST", "verify", Array(parts.joined(separator: ".").utf8)).status == 400)
        }
    }
}

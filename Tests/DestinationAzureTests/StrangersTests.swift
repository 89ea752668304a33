import CloudHTTP
import Delivery
import Foundation
import Platform
import ProgramTesting
import StoreDoubles
import Testing

@testable import DestinationAzure

/// Microsoft's client in a process of its own, looking at a double's container.
private struct Stranger {
    struct Ready: Decodable, Sendable {
        let view: String
    }

    /// A blob's properties as the client read them.
    struct Seen: Decodable, Equatable {
        let metadata: [String: String]
        let md5: String
        let type: String
        let size: Int
    }

    let view: String
    let transport: LiveTransport

    /// Runs `body` beside the client, which has ended when this returns.
    static func with(_ body: (AzureSubject, Stranger) async throws -> Void) async throws {
        try await AzureSubject.with { subject in
            let arguments = [
                subject.url, AzureDouble.account, AzureDouble.key, AzureDouble.container,
            ]
            try await RunningProgram.beside(script: "azure_client.py", arguments) { (ready: Ready) in
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

    func text(_ method: String, _ path: String, _ body: [UInt8] = []) async throws -> String {
        let answer = try await ask(method, path, body)
        try #require(answer.status == 200, "\(method) \(path) answered \(answer.status) \(answer.excerpt)")
        return String(decoding: answer.body, as: UTF8.self)
    }
}

@Suite("Azure Blob Storage, seen by azure-storage-blob")
struct StrangersTests {
    @Test("what landed is listed and read by Microsoft's client, whose own uploads the double takes only once")
    func readsBack() async throws {
        try await Stranger.with { subject, stranger in
            let bytes = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let key = "raw/event_type=users.messages.email.Open/date=2026-01-01-00/a b+é+17.avro"
            let object = try subject.staged.object(bytes, key: key)
            #expect(try await subject.destination { $0.accessTier = .cool }.land(object) == .created)
            #expect(try await stranger.text("GET", "list") == #"["\#(key.replacing("é", with: "\\u00e9"))"]"#)
            let answer = try await stranger.ask("GET", "blob/\(key)")
            try #require(answer.status == 200, "\(answer.excerpt)")
            #expect(answer.body == bytes)
            let seen = try #require(answer.header("X-Seen").flatMap { Base64.decode($0) })
            let md5 = try #require(Base64.decode(try await AzureRequest.md5(object)))
            let known = try JSONDecoder().decode(Stranger.Seen.self, from: Data(seen))
            #expect(
                known
                    == Stranger.Seen(
                        metadata: ["courant_plan": object.plan.json, "courant_md5": Base64.encode(md5)],
                        md5: Hex.text(md5),
                        type: "application/avro",
                        size: bytes.count
                    )
            )
            // The client is as strict as the double, and the double as the client expects.
            let again = try await stranger.ask("PUT", "blob/\(key)", [1])
            #expect(again.status == 409)
            #expect(again.excerpt == "BlobAlreadyExists")
            let foreign = try subject.staged.object([9, 9], key: "foreign.avro")
            #expect(try await stranger.ask("PUT", "blob/foreign.avro", [1, 2]).status == 201)
            #expect(try await subject.destination().failure(landing: foreign).code == .conflict)
            let wrong = try await stranger.ask("GET", "stranger")
            #expect(wrong.status == 403)
            #expect(wrong.excerpt == "AuthenticationFailed")
            #expect(try await stranger.ask("GET", "blob/nothing").excerpt == "BlobNotFound")
        }
    }

    @Test("signatures that Microsoft's client made serve to land, within limits", arguments: ["container", "account"])
    func signatures(kind: String) async throws {
        try await Stranger.with { subject, stranger in
            let object = try subject.staged.object([1, 2, 3])
            let made = { (permissions: String) in
                let text = try await stranger.text("GET", "sas/\(kind)/\(permissions)")
                return AzureCredentialSettings.fixed(try #require(AzureAuthorization.signature(text: text)))
            }
            let readOnly = try await subject.destination(made("r")).failure(landing: object)
            #expect(readOnly.message.contains("AuthorizationPermissionMismatch"), "\(readOnly)")
            let destination = subject.destination(try await made("rc"))
            #expect(try await destination.land(object) == .created)
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
        }
    }

    @Test("requests are signed as Microsoft's client signs them")
    func signing() async throws {
        try await Stranger.with { subject, stranger in
            let key = try #require(AzureAuthorization.sharedKey(base64: AzureDouble.key))
            let time = CalendarTime(Timestamp(seconds: 1_435_361_952))
            let signing = AzureSigning(account: AzureDouble.account, time: time)
            var configuration = AzureConfiguration(account: AzureDouble.account, container: "events")
            configuration.accessTier = .hot
            configuration.encryptionScope = "scope-1"
            let requests = AzureRequest(configuration: configuration)
            let object = try subject.staged.object([1, 2, 3], key: "a b/c=d/é+1&2.avro")
            let query = requests.url("x") + "?timeout=20&comp=block&blockid=QUJD%3D%3D"
            let unsigned = [
                requests.put(object, md5: try await AzureRequest.md5(object)), requests.head(object.key),
                requests.get(object.key, bytesMax: 10), requests.delete(object.key), CloudRequest("GET", query),
                CloudRequest("PUT", query, headers: [("Content-Type", "text/plain")], body: .bytes([1, 2, 3, 4])),
            ]
            for request in unsigned {
                let signed = signing.signed(request, key)
                var headers = Dictionary(signed.headers.map { ($0.name, $0.value) }) { $1 }
                let ours = headers.removeValue(forKey: "Authorization")
                headers["Content-Length"] = "\(request.body.count)"
                let wanted = ["method": request.method, "url": request.url, "headers": headers] as [String: Any]
                let body = [UInt8](try JSONSerialization.data(withJSONObject: wanted))
                let theirs = try await stranger.text("POST", "sign", body)
                #expect(theirs == ours, "\(request.method) \(request.url)")
            }
        }
    }
}

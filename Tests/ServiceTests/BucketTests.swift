import Avro
import Platform
import StoreDoubles
import Testing

@testable import Service

/// The whole way into a bucket: events over HTTP, files by S3's protocol.
@Suite struct BucketTests {
    /// A service with one connector to a strict double of S3.
    private static func withLake(
        _ keys: String = "",
        _ body: @escaping @Sendable (_ url: String, S3Double) async throws -> Void
    ) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let double = S3Double(clock: SystemClock())
        try await DoubleServer(double.handler()).run { endpoint in
            let yaml = """
                connectors:
                  lake:
                    destination:
                      type: s3
                      bucket: \(S3Double.bucket)
                      region: \(S3Double.region)
                      endpoint: \(endpoint)
                      credentials: {access_key_id: \(S3Double.accessKeyID), secret_access_key: "${SECRET}"}
                      \(keys)
                    key: {prefix: raw/courant}
                """
            var configuration = try Configuration.read(yaml, file: "c.yaml", environment: ["SECRET": "hunter2"])
            configuration.data = folder.file("data")
            configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
            try await withService(configuration) { service in try await body(service.url, double) }
        }
        #expect(double.complaints == [])
    }

    private static func ids(in double: S3Double) throws -> [String] {
        var ids: [String] = []
        for object in double.objects.values {
            var reader = try ContainerReader(ArraySource(object.bytes))
            while case .record(let fields)? = try reader.next() {
                if case .string(let id)? = fields.first(where: { $0.name == "id" })?.value { ids.append(id) }
            }
        }
        return ids.sorted()
    }

    @Test("accepted events stand in the bucket once, also when an answer was lost on the way")
    func lands() async throws {
        try await Self.withLake { url, double in
            double.fail(.refuse(status: 503, code: "SlowDown"), .loseAnswer)
            for id in ["a", "b", "c"] {
                #expect(try await ask("POST", "\(url)/v1/events", body: event(id)).status == 200)
            }
            let flushed = try await ask("POST", "\(url)/v1/connectors/lake/flush")
            #expect(flushed["records"] as? Int == 3, "\(flushed.body)")
            #expect(double.objects.keys.allSatisfy { $0.hasPrefix("raw/courant/dataexport.courant.S3.integration.") })
            #expect(double.objects.count == 1)
            #expect(try Self.ids(in: double) == ["a", "b", "c"])
            let status = try await ask("GET", "\(url)/v1/connectors/lake")
            #expect(status["balance", "landed"] as? Int == 3)
            #expect((status["location"] as? String)?.hasSuffix("/lake") == true)
            #expect(status["limitation"] == nil)
            #expect(!status.body.contains("hunter2"))
        }
    }

    @Test("the status says what is wrong with the bucket, and that the promise is reduced")
    func status() async throws {
        try await Self.withLake("create_only: head_first") { url, double in
            double.setBucket("elsewhere")
            #expect(try await ask("POST", "\(url)/v1/events", body: event("a")).status == 200)
            let late = try await ask("POST", "\(url)/v1/connectors/lake/flush?timeout=300ms")
            #expect(late.status == 504)
            let broken = try await ask("GET", "\(url)/v1/connectors/lake")
            #expect(broken["state"] as? String == "waiting-for-change")
            #expect((broken["reason"] as? String)?.contains("there is no bucket") == true, "\(broken.body)")
            #expect((broken["limitation"] as? String)?.contains("looking first") == true)
            #expect(!broken.body.contains("hunter2"))
            double.setBucket(S3Double.bucket)
            #expect(try await ask("POST", "\(url)/v1/connectors/lake/flush")["records"] as? Int == 1)
            #expect(try Self.ids(in: double) == ["a"])
        }
    }
}

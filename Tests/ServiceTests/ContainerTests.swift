import Avro
import Platform
import StoreDoubles
import Testing

@testable import Service

/// The whole way into a container of Azure's: events over HTTP, files by Azure's protocol.
@Suite struct ContainerTests {
    /// A service with one connector to a strict double of Azure Blob Storage.
    private static func withLake(
        credentials: String,
        _ body: @escaping @Sendable (_ url: String, AzureDouble) async throws -> Void
    ) async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let double = AzureDouble(clock: SystemClock())
        try await DoubleServer(double.handler()).run { address in
            let yaml = """
                connectors:
                  lake:
                    destination:
                      type: azure
                      endpoint: \(address)/\(AzureDouble.account)
                      container: \(AzureDouble.container)
                      credentials: \(credentials.replacing("ADDRESS", with: address))
                    key: {prefix: raw/courant}
                """
            let environment = ["KEY": AzureDouble.key, "SECRET": AzureDouble.secret]
            var configuration = try Configuration.read(yaml, file: "c.yaml", environment: environment)
            configuration.data = folder.file("data")
            configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
            try await withService(configuration) { service in try await body(service.url, double) }
        }
        #expect(double.complaints == [])
    }

    private static func ids(in double: AzureDouble) throws -> [String] {
        var ids: [String] = []
        for object in double.objects.values {
            var reader = try ContainerReader(ArraySource(object.bytes))
            while case .record(let fields)? = try reader.next() {
                if case .string(let id)? = fields.first(where: { $0.name == "id" })?.value { ids.append(id) }
            }
        }
        return ids.sorted()
    }

    @Test("accepted events stand in the container once, also when an answer was lost on the way")
    func lands() async throws {
        try await Self.withLake(credentials: "{account_key: \"${KEY}\"}") { url, double in
            double.fail(.refuse(status: 503, code: "ServerBusy"), .loseAnswer)
            for id in ["a", "b", "c"] {
                #expect(try await ask("POST", "\(url)/v1/events", body: event(id)).status == 200)
            }
            let flushed = try await ask("POST", "\(url)/v1/connectors/lake/flush")
            #expect(flushed["records"] as? Int == 3, "\(flushed.body)")
            let prefix = "raw/courant/dataexport.courant.AzureBlob.integration."
            #expect(double.objects.keys.allSatisfy { $0.hasPrefix(prefix) })
            #expect(double.objects.count == 1)
            #expect(try Self.ids(in: double) == ["a", "b", "c"])
            let status = try await ask("GET", "\(url)/v1/connectors/lake")
            #expect(status["balance", "landed"] as? Int == 3)
            #expect((status["location"] as? String)?.hasSuffix("/lake") == true)
            #expect(!status.body.contains(AzureDouble.key))
        }
    }

    @Test("an application's token is renewed when it expires, and the status says what is wrong meanwhile")
    func application() async throws {
        let credentials =
            "{tenant_id: \(AzureDouble.tenant), client_id: \(AzureDouble.client), client_secret: \"${SECRET}\", "
            + "authority: \"ADDRESS\"}"
        try await Self.withLake(credentials: credentials) { url, double in
            double.setContainer("elsewhere")
            #expect(try await ask("POST", "\(url)/v1/events", body: event("a")).status == 200)
            #expect(try await ask("POST", "\(url)/v1/connectors/lake/flush?timeout=300ms").status == 504)
            let broken = try await ask("GET", "\(url)/v1/connectors/lake")
            #expect(broken["state"] as? String == "waiting-for-change")
            #expect((broken["reason"] as? String)?.contains("there is no container") == true, "\(broken.body)")
            #expect(!broken.body.contains(AzureDouble.secret))
            double.setContainer(AzureDouble.container)
            double.expireTokens()
            #expect(try await ask("POST", "\(url)/v1/connectors/lake/flush")["records"] as? Int == 1)
            #expect(try Self.ids(in: double) == ["a"])
            #expect(double.tokensGiven == 2)
        }
    }
}

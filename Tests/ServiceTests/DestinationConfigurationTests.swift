import CloudHTTP
import DestinationAzure
import DestinationGCS
import DestinationS3
import Foundation
import Testing

@testable import Service

/// Destinations as configured: what each key becomes, and that what the documentation shows can be used.
@Suite struct DestinationConfigurationTests {
    private static func s3(_ yaml: String, environment: [String: String] = [:]) throws -> S3Configuration {
        let text = "connectors: {lake: {destination: {type: s3, \(yaml)}}}"
        let configuration = try Configuration.read(text, file: "etc/c.yaml", environment: environment)
        let part = try #require(configuration.connectors.first?.destination as? S3DestinationPart)
        return part.configuration
    }

    @Test("a bucket of Amazon's needs two keys")
    func least() throws {
        let found = try Self.s3("bucket: lake, region: eu-central-1")
        #expect(found == S3Configuration(bucket: "lake", region: "eu-central-1"))
        #expect(found.location == "s3://lake")
        #expect(try Self.s3("bucket: lake", environment: ["AWS_REGION": "x-1"]).region == "x-1")
    }

    @Test("another store needs its endpoint")
    func endpoint() throws {
        let found = try Self.s3("bucket: Lake_1, endpoint: \"http://127.0.0.1:9000/\"")
        #expect(found.isPathStyle)
        #expect(found.region == "us-east-1")
        #expect(found.location == "s3://127.0.0.1:9000/Lake_1")
        #expect(try !Self.s3("bucket: lake, endpoint: \"http://127.0.0.1:9000\", path_style: false").isPathStyle)
    }

    @Test("every other key")
    func keys() throws {
        let found = try Self.s3(
            "bucket: lake, region: r, encryption: {type: kms, key_id: k}, storage_class: STANDARD_IA, tags: [a=b, c=],"
                + "create_only: head_first, assume_role: {role_arn: arn, external_id: x, duration: 30m}"
        )
        #expect(found.encryption == .kms(keyID: "k"))
        #expect(found.storageClass == "STANDARD_IA")
        #expect(found.tags == [.init(key: "a", value: "b"), .init(key: "c", value: "")])
        #expect(found.createOnly == .headFirst)
        #expect(found.role == AWSRole(arn: "arn", externalID: "x", duration: .seconds(1_800)))
        #expect(try Self.s3("bucket: lake, region: r, encryption: s3").encryption == .s3)
    }

    @Test("credentials, in one word or with their keys")
    func credentials() throws {
        let found = { (yaml: String) in
            try Self.s3("bucket: lake, region: r, credentials: \(yaml)", environment: ["SECRET": "hidden"]).credentials
        }
        #expect(try found("default") == .chain)
        #expect(try found("environment") == .environment)
        #expect(try found("profile") == .profile(name: nil, file: nil))
        #expect(try found("{type: profile, profile: dev, file: keys}") == .profile(name: "dev", file: "etc/keys"))
        #expect(try found("{type: web_identity, role_arn: r}") == .webIdentity(role: "r", tokenFile: nil))
        #expect(try found("container") == .container)
        #expect(try found("instance") == .instance)
        let keys = AWSCredentials(accessKeyID: "id", secretAccessKey: "hidden", sessionToken: "t")
        let yaml = "{access_key_id: id, secret_access_key: \"${SECRET}\", session_token: t}"
        #expect(try found(yaml) == .fixed(keys))
        #expect(try found("{type: static, \(yaml.dropFirst())") == .fixed(keys))
        #expect(try found("{profile: dev}") == .profile(name: "dev", file: nil))
        #expect(try found("{role_arn: r}") == .webIdentity(role: "r", tokenFile: nil))
    }

    private static func azure(_ yaml: String, environment: [String: String] = [:]) throws -> AzureConfiguration {
        let text = "connectors: {lake: {destination: {type: azure, container: events, \(yaml)}}}"
        let configuration = try Configuration.read(text, file: "etc/c.yaml", environment: environment)
        let part = try #require(configuration.connectors.first?.destination as? AzureDestinationPart)
        return part.configuration
    }

    @Test("a container of Azure's needs its account, from wherever it is told")
    func azureAccount() throws {
        let expected = AzureConfiguration(account: "mylake", container: "events")
        #expect(try Self.azure("account: mylake") == expected)
        #expect(try Self.azure("", environment: ["AZURE_STORAGE_ACCOUNT": "mylake"]) == expected)
        #expect(expected.location == "azure://mylake.blob.core.windows.net/events")
        let found = try Self.azure("endpoint: \"http://azurite:10000/devstore/\"")
        #expect(found.account == "devstore")
        #expect(found.location == "azure://azurite:10000/devstore/events")
        let string = ["AZURE_STORAGE_CONNECTION_STRING": "UseDevelopmentStorage=true"]
        let development = try Self.azure("", environment: string)
        #expect(development.location == "azure://127.0.0.1:10000/devstoreaccount1/events")
        #expect(development.credentials == .chain)
    }

    @Test(
        "an account of Azure's has 3 to 24 lower-case letters and digits, wherever it is told; an emulator's any",
        arguments: ["My-Lake", "Lake", "my-lake", "my", "a2345678901234567890123455", "lake_1", "läke"]
    )
    func azureAccountNames(name: String) throws {
        #expect(throws: ConfigurationError.self) { try Self.azure("account: \(name)") }
        #expect(throws: ConfigurationError.self) { try Self.azure("", environment: ["AZURE_STORAGE_ACCOUNT": name]) }
        #expect(throws: ConfigurationError.self) {
            try Self.azure("credentials: {connection_string: \"AccountName=\(name);AccountKey=AQI=\"}")
        }
        guard name.allSatisfy({ $0.isASCII && $0 != "_" }) else { return }
        let emulated = try Self.azure("account: \(name), endpoint: \"http://azurite:10000/\(name)\"")
        #expect(emulated.account == name)
    }

    @Test("tier, scope and credentials of Azure, in one word or with their keys")
    func azureKeys() throws {
        let keys = try Self.azure("account: mylake, access_tier: cool, encryption_scope: tenant-a")
        #expect(keys.accessTier == .cool)
        #expect(keys.encryptionScope == "tenant-a")
        let found = { (yaml: String) in
            try Self.azure("credentials: \(yaml)", environment: ["AZURE_STORAGE_ACCOUNT": "mylake", "KEY": "AQI="])
        }
        #expect(try found("environment").credentials == .environment)
        #expect(
            try found("workload_identity").credentials == .workloadIdentity(EntraApplication(), tokenFile: nil)
        )
        #expect(
            try found("{type: workload_identity, client_id: c, token_file: t}").credentials
                == .workloadIdentity(EntraApplication(client: "c"), tokenFile: "etc/t")
        )
        #expect(try found("managed_identity").credentials == .managedIdentity(client: nil))
        #expect(try found("{type: managed_identity, client_id: c}").credentials == .managedIdentity(client: "c"))
        #expect(try found("{account_key: \"${KEY}\"}").credentials == .fixed(.sharedKey([1, 2])))
        #expect(
            try found("{connection_string: \"AccountName=mylake;AccountKey=${KEY}\"}").credentials
                == .fixed(.sharedKey([1, 2]))
        )
        let application = EntraApplication(tenant: "t", client: "c", authority: CloudEndpoint("https://login.example"))
        #expect(
            try found("{tenant_id: t, client_id: c, client_secret: s, authority: \"https://login.example\"}")
                .credentials
                == .clientSecret(application, secret: "s")
        )
        #expect(try found("{sas: \"?sv=1&sig=x\"}").credentials == .fixed(.signature("sv=1&sig=x")))
    }

    @Test("a signature's URL tells account and endpoint")
    func azureSignature() throws {
        for path in ["", "/", "/events"] {
            let found = try Self.azure("credentials: {sas: \"https://mylake.blob.core.windows.net\(path)?sv=1&sig=x\"}")
            #expect(found.location == "azure://mylake.blob.core.windows.net/events")
            #expect(found.account == "mylake")
            #expect(found.credentials == .fixed(.signature("sv=1&sig=x")))
        }
    }

    private static func gcs(_ yaml: String, environment: [String: String] = [:]) throws -> GCSConfiguration {
        let text = "connectors: {lake: {destination: {type: gcs, \(yaml)}}}"
        let configuration = try Configuration.read(text, file: "etc/c.yaml", environment: environment)
        let part = try #require(configuration.connectors.first?.destination as? GCSDestinationPart)
        return part.configuration
    }

    @Test("bucket, class, key and credentials of Google's, in one word or with their keys")
    func gcsKeys() throws {
        #expect(try Self.gcs("bucket: lake") == GCSConfiguration(bucket: "lake"))
        #expect(try Self.gcs("bucket: lake").location == "gs://lake")
        let emulated = try Self.gcs("bucket: lake, endpoint: \"http://127.0.0.1:4443\"")
        #expect(emulated.location == "gs://127.0.0.1:4443/lake")
        let encryptionKey = "projects/p/locations/eu/keyRings/r/cryptoKeys/k"
        let keys = try Self.gcs("bucket: lake, storage_class: coldline, kms_key: \(encryptionKey)")
        #expect(keys.storageClass == .coldline)
        #expect(keys.kmsKey == encryptionKey)
        let key = #"{"type":"service_account","client_email":"a@b","private_key":"p","token_uri":"https://t"}"#
        let found = { (yaml: String) in
            try Self.gcs("bucket: lake, credentials: \(yaml)", environment: ["KEY": key]).credentials
        }
        #expect(try found("default") == .chain)
        #expect(try found("none") == GoogleCredentialSettings.none)
        #expect(try found("metadata") == .metadata(account: nil))
        #expect(try found("{type: metadata, account: a}") == .metadata(account: "a"))
        #expect(try found("{account: a}") == .metadata(account: "a"))
        #expect(try found("{file: key.json}") == .file("etc/key.json"))
        #expect(try found("{json: \"${KEY}\"}") == .text(key))
    }

    @Test("what cannot be a bucket, a class or a key of Google's is refused with what was expected")
    func gcsErrors() {
        for (yaml, expected) in [
            ("bucket: Lake", "expected the bucket's name"), ("storage_class: standart", "expected"),
            ("bucket: lake, kms_key: k", "projects/PROJECT/locations"), ("bucket: lake, prefix: x", "one level up"),
            ("bucket: lake, credentials: file", "expected"),
        ] {
            let error = #expect(throws: ConfigurationError.self) { try Self.gcs(yaml) }
            #expect(error?.description.contains(expected) == true, "\(yaml): \(String(describing: error))")
        }
    }

    @Test("every configuration that the pages of destinations show is valid")
    func pages() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/destinations")
        let pages = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        var count = 0
        for page in pages where page.pathExtension == "md" {
            for block in try String(contentsOf: page, encoding: .utf8).matches(of: /```yaml\n((?s:.*?))```/) {
                let environment = Dictionary(
                    block.1.matches(of: /\$\{(\w+)\}/).map { (String($0.1), "x") },
                    uniquingKeysWith: { first, _ in first }
                )
                let name = page.lastPathComponent
                _ = try Configuration.read(String(block.1), file: name, environment: environment)
                count += 1
            }
        }
        #expect(count >= 4)
    }
}

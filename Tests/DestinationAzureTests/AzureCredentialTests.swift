import CloudHTTP
import Delivery
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationAzure

/// Places where credentials are looked for, with scripted services around them.
@Suite("Azure credentials")
struct AzureCredentialTests {
    private static let now = Timestamp(seconds: 1_435_361_952)

    /// What a test is surrounded by: variables, services, files.
    private final class World: Sendable {
        let staged = StagedObjects(clock: ManualClock(AzureCredentialTests.now))
        let transport: ScriptedTransport

        init(_ script: @escaping ScriptedTransport.Script = World.nobody) {
            transport = ScriptedTransport(script)
        }

        static let nobody: ScriptedTransport.Script = { (request) async throws(DestinationError) in
            throw DestinationError(.unreachable, "nobody at \(request.url)", remedy: .retry(after: nil))
        }

        func fetch(
            _ settings: AzureCredentialSettings = .chain,
            in variables: [String: String] = [:]
        ) async throws(DestinationError) -> CredentialLease<AzureAuthorization> {
            try await AzureSurroundings(
                variables: variables,
                account: "lake",
                transport: transport,
                platform: staged.platform
            ).source(settings).fetch()
        }

        func failure(
            _ settings: AzureCredentialSettings = .chain,
            in variables: [String: String] = [:]
        ) async throws -> DestinationError {
            let lease: CredentialLease<AzureAuthorization>
            do throws(DestinationError) {
                lease = try await fetch(settings, in: variables)
            } catch {
                return error
            }
            throw Given(authorization: lease.value)
        }
    }

    private struct Given: Error {
        let authorization: AzureAuthorization
    }

    private static func answer(_ text: String, status: Int = 200) -> CloudResponse {
        CloudResponse(status: status, body: Array(text.utf8))
    }

    private static func form(_ request: CloudRequest) -> Set<String> {
        guard case .bytes(let body) = request.body else { return [] }
        return Set(String(decoding: body, as: UTF8.self).split(separator: "&").map(String.init))
    }

    private static let entra = #"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"e"}"#
    private static let machine =
        #"{"access_token":"m","expires_in":"86399","expires_on":"1435365552","resource":"x","token_type":"Bearer"}"#

    @Test("the environment comes first: connection string, key, signature, application")
    func environment() async throws {
        let world = World { (_) async throws(DestinationError) in Self.answer(Self.entra) }
        var variables = [
            "AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s",
            "AZURE_FEDERATED_TOKEN_FILE": "/nowhere",
        ]
        #expect(try await world.fetch(in: variables).value == .token("e"))
        variables["AZURE_STORAGE_SAS_TOKEN"] = "?sv=1&sig=x"
        #expect(try await world.fetch(in: variables).value == .signature("sv=1&sig=x"))
        variables["AZURE_STORAGE_KEY"] = "AQI="
        #expect(try await world.fetch(in: variables).value == .sharedKey([1, 2]))
        variables["AZURE_STORAGE_CONNECTION_STRING"] = "AccountName=lake;AccountKey=AwQ="
        #expect(try await world.fetch(in: variables).value == .sharedKey([3, 4]))
        variables["AZURE_STORAGE_CONNECTION_STRING"] = "AccountName=pond;AccountKey=AwQ="
        #expect(try await world.failure(in: variables).message.contains("of the account pond, not of lake"))
        variables["AZURE_STORAGE_CONNECTION_STRING"] = "AccountName=lake;AccountKey=hunter2!"
        let error = try await world.failure(in: variables)
        #expect(error.message.contains("AZURE_STORAGE_CONNECTION_STRING"))
        #expect(!error.message.contains("hunter2"))
    }

    @Test("without any, the message says where was looked")
    func none() async throws {
        let error = try await World().failure()
        #expect(error.code == .denied)
        for place in ["AZURE_STORAGE_KEY", "AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT", "metadata service"] {
            #expect(error.message.contains(place), "\(error)")
        }
    }

    @Test("an application asks Entra with its secret; authority, tenant and scope stand where they must")
    func clientSecret() async throws {
        let world = World { (_) async throws(DestinationError) in Self.answer(Self.entra) }
        let application = EntraApplication(tenant: "t", client: "c")
        let lease = try await world.fetch(.clientSecret(application, secret: "s+ 1"))
        #expect(lease.value == .token("e"))
        #expect(lease.expires == Self.now + .seconds(3_599))
        let request = try #require(world.transport.requests.first)
        #expect(request.method == "POST")
        #expect(request.url == "https://login.microsoftonline.com/t/oauth2/v2.0/token")
        #expect(
            Self.form(request) == [
                "grant_type=client_credentials", "client_id=c", "client_secret=s%2B%201",
                "scope=https%3A%2F%2Fstorage.azure.com%2F.default",
            ]
        )
        let variables = ["AZURE_AUTHORITY_HOST": "https://login.microsoftonline.us/"]
        _ = try await world.fetch(.clientSecret(application, secret: "s"), in: variables)
        #expect(world.transport.requests.last?.url == "https://login.microsoftonline.us/t/oauth2/v2.0/token")
    }

    @Test("workload identity reads its token anew each time")
    func workloadIdentity() async throws {
        let world = World { (_) async throws(DestinationError) in Self.answer(Self.entra) }
        let file = try world.staged.write(Array("jwt-1\n".utf8), "token")
        let variables = ["AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": file]
        #expect(try await world.fetch(in: variables).value == .token("e"))
        try world.staged.write(Array("jwt-2".utf8), "token")
        let settings = AzureCredentialSettings.workloadIdentity(EntraApplication(client: "d"), tokenFile: nil)
        #expect(try await world.fetch(settings, in: variables).value == .token("e"))
        let forms = world.transport.requests.map(Self.form)
        let assertion = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        #expect(forms.first?.isSuperset(of: ["client_assertion=jwt-1", "client_id=c", assertion]) == true)
        #expect(forms.last?.isSuperset(of: ["client_assertion=jwt-2", "client_id=d", assertion]) == true)
        let gone = ["AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "/nowhere"]
        #expect(try await world.failure(in: gone).message.contains("/nowhere"))
    }

    @Test("a machine's identity comes from its metadata service")
    func machine() async throws {
        let world = World { (_) async throws(DestinationError) in Self.answer(Self.machine) }
        let lease = try await world.fetch()
        #expect(lease.value == .token("m"))
        #expect(lease.expires == Self.now + .seconds(3_600))
        let request = try #require(world.transport.requests.first)
        #expect(request.headers.map { "\($0.name): \($0.value)" } == ["Metadata: true"])
        let query = "api-version=2018-02-01&resource=https%3A%2F%2Fstorage.azure.com%2F"
        #expect(request.url == "http://169.254.169.254/metadata/identity/oauth2/token?" + query)
        _ = try await world.fetch(.managedIdentity(client: "one of two"))
        #expect(world.transport.requests.last?.url.hasSuffix("&client_id=one%20of%20two") == true)
    }

    @Test("an app's or a container's identity comes from where IDENTITY_ENDPOINT says")
    func container() async throws {
        let world = World { (_) async throws(DestinationError) in Self.answer(Self.machine) }
        let variables = ["IDENTITY_ENDPOINT": "http://127.0.0.1:41741/msi/token/", "IDENTITY_HEADER": "h"]
        #expect(try await world.fetch(in: variables).value == .token("m"))
        let request = try #require(world.transport.requests.first)
        #expect(request.headers.map { "\($0.name): \($0.value)" } == ["X-IDENTITY-HEADER: h"])
        let query = "api-version=2019-08-01&resource=https%3A%2F%2Fstorage.azure.com%2F"
        #expect(request.url == "http://127.0.0.1:41741/msi/token/?" + query)
    }

    @Test(
        "what is said instead of a token, and whether it passes",
        arguments: [
            (401, "AADSTS7000215: Invalid client secret. Trace ID: x", "the client secret is wrong", false),
            (401, "AADSTS7000222: The provided client secret keys are expired.", "make a new one", false),
            (400, "AADSTS700016: Application not found", "check client_id", false),
            (400, "AADSTS90002: Tenant not found", "check tenant_id", false),
            (401, "AADSTS700024: Client assertion is not within its valid time range.", "clock", true),
            (400, "Identity not found", "Identity not found", false),
            (429, "Too many", "429, Too many", true),
            (503, "", "503", true),
            (410, "", "410", true),
        ]
    )
    func refusals(status: Int, description: String, words: String, isPassing: Bool) async throws {
        let world = World { (_) async throws(DestinationError) in
            Self.answer(#"{"error":"e","error_description":"\#(description)"}"#, status: status)
        }
        let application = EntraApplication(tenant: "t", client: "c")
        let askers: [AzureCredentialSettings] = [
            .clientSecret(application, secret: "hidden"), .managedIdentity(client: nil),
        ]
        for settings in askers {
            let error = try await world.failure(settings)
            #expect(error.code == .denied)
            #expect(error.message.contains(words), "\(error)")
            #expect(!error.message.contains("hidden") && !error.message.contains("Trace ID"), "\(error)")
            #expect((error.remedy == .waitForChange) != isPassing, "\(error)")
        }
    }

    @Test("a managed identity that was asked for and does not answer is an error of its own, tried again")
    func noMachine() async throws {
        let error = try await World().failure(.managedIdentity(client: nil))
        #expect(error.remedy == .retry(after: nil))
        #expect(error.message.contains("169.254.169.254"))
    }

    @Test(
        "connection strings",
        arguments: [
            (
                "DefaultEndpointsProtocol=http;AccountName=lake;AccountKey=AQI=;EndpointSuffix=core.example", "lake",
                "http://lake.blob.core.example"
            ),
            ("AccountName=lake;AccountKey=AQI=", "lake", "https://lake.blob.core.windows.net"),
            ("UseDevelopmentStorage=true", "devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1"),
            (
                "BlobEndpoint=https://lake.blob.core.windows.net/;SharedAccessSignature=sv=1&sig=x%3D", "lake",
                "https://lake.blob.core.windows.net"
            ),
            ("accountname=a; accountkey=AQI= ;BlobEndpoint=http://azurite:10000/a", "a", "http://azurite:10000/a"),
        ]
    )
    func connectionStrings(text: String, account: String, url: String) throws {
        let found = try #require(AzureConnectionString(text))
        #expect(found.account == account)
        #expect(found.endpoint.url == url)
    }

    @Test(
        "what is no connection string",
        arguments: [
            "", "AccountName=lake", "AccountKey=AQI=", "AccountName=lake;AccountKey=!",
            "AccountName=l/k;AccountKey=AQI=", "BlobEndpoint=lake;AccountKey=AQI=",
            "BlobEndpoint=https://lake.example;SharedAccessSignature=x",
        ]
    )
    func noConnectionStrings(text: String) {
        #expect(AzureConnectionString(text) == nil)
    }

    @Test("no secret shows when credentials are printed")
    func redacted() {
        let secrets: [AzureCredentialSettings] = [
            .fixed(.token("hidden")), .fixed(.signature("sig=hidden")),
            .clientSecret(EntraApplication(tenant: "t", client: "c"), secret: "hidden"),
        ]
        for secret in secrets {
            #expect(!"\(secret)".contains("hidden"))
            #expect(!String(reflecting: secret).contains("hidden"))
        }
    }
}

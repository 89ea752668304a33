import CloudHTTP
import Delivery
import DestinationConformance
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationAzure

/// Our strict double, behind a real socket.
final class AzureSubject: StoreDoubleSubject {
    let staged = StagedObjects()
    let double: AzureDouble
    let server: DoubleServer
    let transport: LiveTransport

    init(clock: any WorldClock) {
        let double = AzureDouble(clock: clock)
        self.double = double
        server = DoubleServer(double.handler())
        transport = LiveTransport(clock: SystemClock())
    }

    static func with<Value>(
        clock: any WorldClock = SystemClock(),
        _ body: (AzureSubject) async throws -> Value
    ) async throws -> Value {
        let subject = AzureSubject(clock: clock)
        let value = try await subject.run(body)
        #expect(subject.double.complaints == [])
        return value
    }

    /// The account's address, as an emulator's.
    var url: String { "\(server.address)/\(AzureDouble.account)" }

    /// An application of Entra's, with the double for Entra.
    func application(secret: String = AzureDouble.secret) -> AzureCredentialSettings {
        let authority = CloudEndpoint(server.address)
        let application = EntraApplication(
            tenant: AzureDouble.tenant,
            client: AzureDouble.client,
            authority: authority
        )
        return .clientSecret(application, secret: secret)
    }

    func signature(
        permissions: String = "rc",
        ends: Timestamp = SystemClock().now() + .seconds(600)
    ) -> AzureCredentialSettings {
        .fixed(.signature(double.containerSignature(permissions: permissions, ends: ends)))
    }

    func destination(
        _ credentials: AzureCredentialSettings? = nil,
        variables: [String: String] = [:],
        clock: (any WorldClock)? = nil,
        _ change: (inout AzureConfiguration) -> Void = { _ in }
    ) -> AzureDestination {
        var configuration = AzureConfiguration(
            account: AzureDouble.account,
            container: AzureDouble.container,
            endpoint: CloudEndpoint(url)
        )
        let key = AzureAuthorization.sharedKey(base64: AzureDouble.key) ?? .sharedKey([])
        configuration.credentials = credentials ?? .fixed(key)
        change(&configuration)
        let platform = clock.map { StagedObjects(clock: $0).platform } ?? staged.platform
        return AzureDestination(configuration, variables: variables, transport: transport, platform: platform)
    }

    func makeDestination() async throws -> any ObjectDestination { destination() }

    func objects() async throws -> [String: [UInt8]] { double.objects.mapValues(\.bytes) }

    func put(foreign bytes: [UInt8], key: String) async throws { double.put(bytes, key: key) }

    func faults() async throws -> [ConformanceFault] {
        let double = double
        let refusals: [(name: String, remedy: DestinationError.Remedy, mishap: AzureDouble.Mishap)] = [
            ("500", .retry(after: nil), .refuse(status: 500, code: "InternalError")),
            ("500 timed out", .retry(after: nil), .refuse(status: 500, code: "OperationTimedOut")),
            ("503 busy", .retry(after: .seconds(9)), .refuse(status: 503, code: "ServerBusy", retryAfter: "9")),
            ("throttled", .retry(after: .seconds(7)), .refuse(status: 429, code: "TooManyRequests", retryAfter: "7")),
            ("wrong MD5", .retry(after: nil), .refuse(status: 400, code: "Md5Mismatch")),
            ("no role", .waitForChange, .refuse(status: 403, code: "AuthorizationPermissionMismatch")),
            ("a firewall", .waitForChange, .refuse(status: 403, code: "AuthorizationFailure")),
            ("a tier that is none", .waitForChange, .refuse(status: 400, code: "InvalidBlobTier")),
            ("a reset before the answer", .retry(after: nil), .reset),
        ]
        return outages(refusals, set: double.setOutage) + connectionFaults + [
            ConformanceFault(
                name: "no such container",
                remedy: .waitForChange,
                begin: { double.setContainer("pond") },
                end: { double.setContainer(AzureDouble.container) }
            )
        ]
    }
}

import CloudHTTP
import Delivery
import DestinationConformance
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationGCS

/// Our strict double, behind a real socket.
final class GCSSubject: StoreDoubleSubject {
    let staged = StagedObjects()
    let double: GCSDouble
    let server: DoubleServer
    let transport: LiveTransport

    init(clock: any WorldClock) throws {
        let double = try GCSDouble(clock: clock)
        self.double = double
        server = DoubleServer(double.handler())
        transport = LiveTransport(clock: SystemClock())
    }

    static func with<Value>(
        clock: any WorldClock = SystemClock(),
        _ body: (GCSSubject) async throws -> Value
    ) async throws -> Value {
        let subject = try GCSSubject(clock: clock)
        let value = try await subject.run(body)
        #expect(subject.double.complaints == [])
        return value
    }

    var url: String { server.address }

    func destination(
        _ credentials: GoogleCredentialSettings? = nil,
        variables: [String: String] = [:],
        clock: (any WorldClock)? = nil,
        _ change: (inout GCSConfiguration) -> Void = { _ in }
    ) throws -> GCSDestination {
        var configuration = GCSConfiguration(bucket: GCSDouble.bucket, endpoint: CloudEndpoint(url))
        configuration.credentials = try credentials ?? .text(double.keyFile(address: url))
        change(&configuration)
        let platform = clock.map { StagedObjects(clock: $0).platform } ?? staged.platform
        return GCSDestination(configuration, variables: variables, transport: transport, platform: platform)
    }

    func makeDestination() async throws -> any ObjectDestination { try destination() }

    func objects() async throws -> [String: [UInt8]] { double.objects.mapValues(\.bytes) }

    func put(foreign bytes: [UInt8], key: String) async throws { double.put(bytes, key: key) }

    func faults() async throws -> [ConformanceFault] {
        let double = double
        let denied = "\(GCSDouble.account) does not have storage.objects.create access to the bucket."
        let unequal = "Provided CRC32C \"AAAAAA==\" doesn't match calculated CRC32C \"4waSgw==\"."
        let refusals: [(name: String, remedy: DestinationError.Remedy, mishap: GCSDouble.Mishap)] = [
            ("500", .retry(after: nil), .refuse(status: 500, reason: "backendError")),
            ("503 busy", .retry(after: .seconds(9)), .refuse(status: 503, reason: "backendError", retryAfter: "9")),
            ("throttled", .retry(after: .seconds(7)), .refuse(status: 429, reason: "dailyLimit", retryAfter: "7")),
            ("403 for haste", .retry(after: nil), .refuse(status: 403, reason: "userRateLimitExceeded")),
            ("a conflict of two", .retry(after: nil), .refuse(status: 409, reason: "conflict")),
            ("wrong CRC-32C", .retry(after: nil), .refuse(status: 400, reason: "invalid", message: unequal)),
            ("no role", .waitForChange, .refuse(status: 403, reason: "forbidden", message: denied)),
            ("no billing", .waitForChange, .refuse(status: 403, reason: "accountDisabled")),
            ("a key that is off", .waitForChange, .refuse(status: 400, reason: "invalid", message: "CryptoKey is off")),
            ("a reset before the answer", .retry(after: nil), .reset),
        ]
        return outages(refusals, set: double.setOutage) + connectionFaults + [
            ConformanceFault(
                name: "no such bucket",
                remedy: .waitForChange,
                begin: { double.setBucket("pond") },
                end: { double.setBucket(GCSDouble.bucket) }
            )
        ]
    }
}

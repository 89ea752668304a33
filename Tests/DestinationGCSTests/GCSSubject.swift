import CloudHTTP
import Delivery
import DestinationConformance
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationGCS

/// Our strict double, behind a real socket.
final class GCSSubject: ConformanceSubject {
    let staged = StagedObjects()
    let double: GCSDouble
    let server: DoubleServer
    let transport: LiveTransport
    let address = Locked("")

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
        let address = try await subject.server.start()
        subject.address.withLock { $0 = address }
        do {
            let value = try await body(subject)
            try await subject.end()
            #expect(subject.double.complaints == [])
            return value
        } catch {
            try await subject.end()
            throw error
        }
    }

    private func end() async throws {
        try await transport.shutdown()
        try await server.stop()
    }

    var url: String { address.current }

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
        let (double, server, address) = (double, server, address)
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
        let outages = refusals.map { fault in
            ConformanceFault(
                name: fault.name,
                remedy: fault.remedy,
                begin: { double.setOutage(fault.mishap) },
                end: { double.setOutage(nil) }
            )
        }
        return outages + [
            ConformanceFault(
                name: "connection refused",
                remedy: .retry(after: nil),
                begin: { try await server.stop() },
                end: {
                    let port = CloudEndpoint(address.current)?.port ?? 0
                    _ = try await server.start(port: port)
                }
            ),
            ConformanceFault(
                name: "a reset in the body",
                remedy: .retry(after: nil),
                begin: { server.reset(afterBodyBytes: 100) },
                end: { server.reset(afterBodyBytes: nil) }
            ),
            ConformanceFault(
                name: "no such bucket",
                remedy: .waitForChange,
                begin: { double.setBucket("pond") },
                end: { double.setBucket(GCSDouble.bucket) }
            ),
        ]
    }
}

import Avro
import CloudHTTP
import Delivery
import DestinationConformance
import Glossary
import Journal
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationHTTP

/// An endpoint of its own for each test.
final class EndpointSubject: StreamConformanceSubject {
    let endpoint: EndpointDouble
    let platform = Platform.live(blockingThreads: 1, computeThreads: 1)
    private let transport: any CloudTransport
    private let address: String
    private let server: DoubleServer

    static func with<Result>(_ body: (EndpointSubject, DoubleServer) async throws -> Result) async throws -> Result {
        let transport = LiveTransport(clock: SystemClock())
        do {
            let endpoint = EndpointDouble(isSigned: true, clock: SystemClock())
            let server = endpoint.makeServer()
            let result = try await server.run { address in
                try await body(EndpointSubject(address, transport, endpoint, server), server)
            }
            #expect(endpoint.complaints.isEmpty, "\(endpoint.complaints)")
            try await transport.shutdown()
            return result
        } catch {
            try await transport.shutdown()
            throw error
        }
    }

    private init(
        _ address: String,
        _ transport: any CloudTransport,
        _ endpoint: EndpointDouble,
        _ server: DoubleServer
    ) {
        self.address = address
        self.server = server
        self.transport = transport
        self.endpoint = endpoint
    }

    func makeDestination() async throws -> any StreamDestination { make() }

    func make(
        token: String = EndpointDouble.token,
        signing: WebhookSigning? = WebhookSigning(EndpointDouble.secret),
        timeout: Duration = .seconds(20)
    ) -> HTTPDestination {
        let url = "\(address)/events?account=7"
        let configuration = HTTPConfiguration(url: url, token: token, signing: signing, timeout: timeout)
        return HTTPDestination(configuration, connector: "c1", transport: transport, platform: platform)
    }

    func ids() async throws -> [String] { endpoint.ids }

    func faults() async throws -> [StreamConformanceFault] {
        func refusing(
            _ status: Int,
            _ remedy: DestinationError.Remedy,
            _ header: (name: String, value: String)? = nil
        ) -> StreamConformanceFault {
            let headers = header.map { [$0] } ?? []
            return StreamConformanceFault(
                name: "answer \(status)",
                answer: .failure(remedy),
                begin: { [endpoint] in endpoint.answer(.respond(status: status, headers: headers)) },
                end: { [endpoint] in endpoint.answer(nil) }
            )
        }
        return [
            refusing(500, .retry(after: nil)), refusing(503, .retry(after: .seconds(1)), ("Retry-After", "1")),
            refusing(429, .retry(after: .seconds(1)), ("Retry-After", "1")), refusing(401, .waitForChange),
            refusing(403, .waitForChange), refusing(404, .waitForChange), refusing(410, .waitForChange),
            refusing(301, .waitForChange, ("Location", "https://elsewhere.example/x?secret=1")),
            refusing(400, .setAside), refusing(413, .setAside), refusing(422, .setAside), refusing(418, .waitForChange),
            StreamConformanceFault(
                name: "reset",
                answer: .failure(.retry(after: nil)),
                begin: { [endpoint] in endpoint.answer(.reset) },
                end: { [endpoint] in endpoint.answer(nil) }
            ),
            StreamConformanceFault(
                name: "reset in mid-body",
                answer: .failure(.retry(after: nil)),
                begin: { [server] in server.reset(afterBodyBytes: 10) },
                end: { [server] in server.reset(afterBodyBytes: nil) }
            ),
        ]
    }

    static let open = "users.messages.email.Open"

    static func type(_ name: String) throws -> CarriedType {
        let type = try #require(Glossary.standard.edition("2021")?.type(named: name))
        return CarriedType(
            name: type.name,
            edition: type.edition,
            schema: type.avroSchema(namespace: .files(kind: "HTTP")),
            fields: type.fields
        )
    }

    /// A batch of records of one type with these texts for fields, one record for each.
    static func batch(_ name: String, _ records: [[String: String]], from first: Int64 = 0) throws -> StreamBatch {
        let type = try type(name)
        let schema = try Schema(json: type.schema)
        var batch = StreamBatch(partition: PartitionID(0), types: [type])
        for (index, record) in records.enumerated() {
            let entries = (type.fields ?? []).map { field -> Datum.Entry in
                let text = record[field.name].map(Datum.string)
                guard field.isRequired else {
                    return Datum.Entry(field.name, text.map { .union(1, $0) } ?? .union(0, .null))
                }
                switch field.type {
                case .string: return Datum.Entry(field.name, text ?? .string(field.name))
                case .float: return Datum.Entry(field.name, .float(0.5))
                default: return Datum.Entry(field.name, .int(1_782_000_000))
                }
            }
            var encoder = BinaryEncoder()
            try encoder.encode(.record(entries), as: schema)
            let start = batch.bytes.count
            batch.bytes += encoder.bytes
            batch.records.append(
                .init(offset: Offset(first + Int64(index)), type: 0, datum: start..<batch.bytes.count)
            )
        }
        return batch
    }

    static func opens(_ count: Int) throws -> StreamBatch {
        try batch(open, (0..<count).map { ["id": "record-\($0)"] })
    }
}

package import CloudHTTP
package import Delivery
package import DestinationConformance

/// One of the stores in memory, behind a real socket, as a place under test.
package protocol StoreDoubleSubject: ConformanceSubject {
    var server: DoubleServer { get }
    var transport: LiveTransport { get }
}

extension StoreDoubleSubject {
    /// Serves while `body` works with the subject.
    package func run<Value>(_ body: (Self) async throws -> Value) async throws -> Value {
        let result: Result<Value, any Error>
        do {
            result = .success(try await server.run { _ in try await body(self) })
        } catch {
            result = .failure(error)
        }
        try await transport.shutdown()
        return try result.get()
    }

    /// Outages that end when they are told to.
    ///
    /// `set` makes the store answer each request with a mishap; nil ends that.
    package func outages<Mishap: Sendable>(
        _ mishaps: [(name: String, remedy: DestinationError.Remedy, mishap: Mishap)],
        set: @escaping @Sendable (Mishap?) -> Void
    ) -> [ConformanceFault] {
        mishaps.map { fault in
            ConformanceFault(
                name: fault.name,
                remedy: fault.remedy,
                begin: { set(fault.mishap) },
                end: { set(nil) }
            )
        }
    }

    /// What can happen to every connection.
    package var connectionFaults: [ConformanceFault] {
        let server = server
        return [
            ConformanceFault(
                name: "connection refused",
                remedy: .retry(after: nil),
                begin: { try await server.stop() },
                end: { _ = try await server.start(port: CloudEndpoint(server.address)?.port ?? 0) }
            ),
            ConformanceFault(
                name: "a reset in the body",
                remedy: .retry(after: nil),
                begin: { server.reset(afterBodyBytes: 100) },
                end: { server.reset(afterBodyBytes: nil) }
            ),
        ]
    }
}

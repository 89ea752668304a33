import CloudHTTP
import Delivery
import Platform
import ProgramTesting
import StoreDoubles
import Testing

@testable import DestinationGCS

/// gcp-storage-emulator, which asks for no credentials, in a process of its own.
private struct Emulator {
    struct Ready: Decodable, Sendable {
        let url: String
        let bucket: String
    }

    let destination: GCSDestination
    let staged: StagedObjects

    static func with(_ body: (Emulator) async throws -> Void) async throws {
        try await RunningProgram.beside(script: "gcs_emulator.py") { (ready: Ready) in
            let staged = StagedObjects()
            let transport = LiveTransport(clock: staged.platform.clock)
            var configuration = GCSConfiguration(bucket: ready.bucket, endpoint: CloudEndpoint(ready.url))
            configuration.credentials = .none
            let destination = GCSDestination(
                configuration,
                variables: [:],
                transport: transport,
                platform: staged.platform
            )
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(Emulator(destination: destination, staged: staged)))
            } catch {
                result = .failure(error)
            }
            try await transport.shutdown()
            try result.get()
        }
    }
}

@Suite("Google Cloud Storage, before gcp-storage-emulator without credentials")
struct EmulatorTests {
    @Test("what landed is read back, byte for byte, and can be deleted")
    func lands() async throws {
        try await Emulator.with { emulator in
            let bytes = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
            let key = "raw/event_type=users.messages.email.Open/date=2026-01-01-00/a b+17.avro"
            let object = try emulator.staged.object(bytes, key: key)
            #expect(try await emulator.destination.land(object) == .created)
            #expect(try await emulator.destination.read(key, bytesMax: 1 << 20) == bytes)
            #expect(try await emulator.destination.read("nothing", bytesMax: 1) == nil)
            try await emulator.destination.delete(key)
            #expect(try await emulator.destination.read(key, bytesMax: 1 << 20) == nil)
        }
    }

    @Test("it lacks create-only puts, so nothing of them is shown here: a second put overwrites")
    func overwrites() async throws {
        try await Emulator.with { emulator async throws in
            for bytes in [[1], [2, 2]] as [[UInt8]] {
                #expect(try await emulator.destination.land(emulator.staged.object(bytes, key: "k")) == .created)
                #expect(try await emulator.destination.read("k", bytesMax: 9) == bytes)
            }
        }
    }
}

import CloudHTTP
import Foundation
import Platform
import ProgramTesting
import Testing

/// moto's S3 with authentication switched on, seen from outside by boto3.
struct MotoStore: Sendable {
    /// What the program says once it is ready.
    struct Ready: Decodable, Sendable {
        let url: String
        let view: String
        /// Access key id and secret of somebody who may do everything.
        let writer: [String]
        /// Of somebody who may do nothing.
        let stranger: [String]
        /// A role that may write, for whom gives the external id.
        let role: String
        let externalID: String
    }

    /// An object as boto3 read it.
    struct Seen: Decodable, Sendable {
        let metadata: [String: String]
        let checksum: String?
        let storageClass: String?
        let encryption: String?
        /// `key=value`, sorted.
        let tags: [String]
    }

    @TaskLocal static var current: MotoStore?

    let ready: Ready
    let transport: LiveTransport

    static func required() throws -> MotoStore {
        try #require(current, "the suite runs within its store")
    }

    /// Runs `body` beside a store of its own, which has ended when this returns.
    static func run(_ body: @Sendable () async throws -> Void) async throws {
        let transport = LiveTransport(clock: SystemClock())
        let result: Result<Void, any Error>
        do {
            try await RunningProgram.beside(script: "moto_store.py") { (ready: Ready) in
                try await $current.withValue(MotoStore(ready: ready, transport: transport)) { try await body() }
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await transport.shutdown()
        try result.get()
    }

    func keys(in bucket: String) async throws -> [String] {
        try JSONDecoder().decode([String].self, from: Data(try await view("GET", bucket).body))
    }

    func object(_ key: String, in bucket: String) async throws -> (bytes: [UInt8], seen: Seen) {
        let answer = try await view("GET", "\(bucket)/\(key)")
        let seen = try #require(answer.header("X-Seen").flatMap { Base64.decode($0) })
        return (answer.body, try JSONDecoder().decode(Seen.self, from: Data(seen)))
    }

    /// In the region of the store itself, unless another is named.
    func makeBucket(_ bucket: String, region: String = "") async throws {
        try await view("PUT", bucket, Array(region.utf8))
    }

    func put(_ bytes: [UInt8], key: String, in bucket: String) async throws {
        try await view("PUT", "\(bucket)/\(key)", bytes)
    }

    @discardableResult
    private func view(_ method: String, _ path: String, _ body: [UInt8] = []) async throws -> CloudResponse {
        let url = "\(ready.view)/\(PercentEncoding.encode(path, keepingSlash: true))"
        let request = CloudRequest(method, url, body: .bytes(body), responseBytesMax: 64 << 20)
        let response = try await transport.exchange(request)
        try #require(response.isSuccess, "boto3 could not \(method) \(path)")
        return response
    }
}

/// One store for all tests of a suite.
struct BesideMoto: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await MotoStore.run(function)
    }
}

import Foundation
import Testing

@testable import Service

/// What a connector may carry, from the configuration to the files.
@Suite struct EntitlementTests {
    private static let inbound = "users.messages.sms.InboundReceive"

    /// Settings whose one connector carries these types.
    private func entitled(_ events: String, in folder: TestFolder) throws -> Configuration {
        let yaml = """
            data: \(folder.file("data"))
            listen: 127.0.0.1:0
            connectors:
              lake: {destination: {type: local, path: \(folder.file("lake"))}, events: [\(events)]}
            """
        return try Configuration.read(yaml, file: "c.yaml")
    }

    /// Posts an email click and an inbound SMS, and lands what the connector carries: how many records that was.
    private func post(_ name: String, _ configuration: Configuration, inbound: String = inbound) async throws -> Int? {
        try await withService(configuration) { service async throws in
            let sms = try event("\(name)-sms", type: Self.inbound).replacing(Self.inbound, with: inbound)
            let body = "[\(try event("\(name)-email")),\(sms)]"
            let answer = try await ask("POST", "\(service.url)/v1/events", body: body)
            #expect(answer["accepted"] as? Int == 2, "\(answer.body)")
            let flushed = try await ask("POST", "\(service.url)/v1/connectors/lake/flush")
            #expect(flushed.status == 200, "\(flushed.body)")
            return flushed["records"] as? Int
        }
    }

    /// The event types that have files.
    private func landed(_ folder: TestFolder) -> [String] {
        let types = folder.avroFiles(in: "lake").compactMap { path in
            path.split(separator: "/").first { $0.hasPrefix("event_type=") }.map { String($0.dropFirst(11)) }
        }
        return Set(types).sorted()
    }

    @Test("statement 3: a connector carries the types it is entitled to, and more once the entitlement is widened")
    func widened() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        #expect(try await post("a", try entitled("\"users.messages.email.*\"", in: folder)) == 1)
        #expect(landed(folder) == ["users.messages.email.Click"])
        let wider = try entitled("\"users.messages.email.*\", \(Self.inbound)", in: folder)
        // From now on: what was journalled before the entitlement grew is not carried.
        #expect(try await post("b", wider) == 2)
        #expect(landed(folder) == ["users.messages.email.Click", Self.inbound])
    }

    @Test("statement 17: input and entitlements take InboundReceived, files carry InboundReceive")
    func alias() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let alias = Self.inbound + "d"
        #expect(try await post("a", try entitled(alias, in: folder), inbound: alias) == 1)
        #expect(landed(folder) == [Self.inbound])
    }
}

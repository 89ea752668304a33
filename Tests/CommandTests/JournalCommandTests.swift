import Foundation
import ProgramTesting
import Testing

@Suite("courant journal", .serialized)
struct JournalCommandTests {
    /// One line of `dump`.
    private struct Dumped: Decodable {
        struct Record: Decodable {
            let id: String
        }

        let partition: Int
        let offset: Int
        let time: String
        let edition: String
        let record: Record
    }

    /// Runs a server that takes some events and stops again.
    private func fill(_ folder: URL, events: Int) async throws -> (data: URL, input: [String]) {
        let options = ["--seed", "1", "--events", "\(events)", "--start", "1700000000"]
        let input = try await CourantBinary.run(["sample"] + options).output
        let data = try await LiveServer.with(in: folder) { server in
            let sent = try await server.run("send", "-", "--batch", "50", "--concurrency", "1", input: input)
            #expect(sent.status == 0, "\(sent.errors)")
            // Beside a running server, without its lock.
            let checked = try await CourantBinary.run("journal", "check", server.data.path)
            #expect(checked.status == 0, "\(checked.errors)")
            return server.data
        }
        return (data, input.split(separator: "\n").map(String.init))
    }

    @Test("check counts what was accepted, and dump prints it, in order")
    func whole() async throws {
        try await TemporaryFolder.with { folder in
            let (data, input) = try await fill(folder, events: 300)
            let checked = try await CourantBinary.run("journal", "check", data.path, "--json")
            #expect(checked.status == 0)
            let report = try ServerCommandTests.object(checked.output)
            let segments = try #require(report["segments"] as? [[String: Any]])
            #expect(segments.compactMap { $0["records"] as? Int }.reduce(0, +) == 300)
            #expect(segments.allSatisfy { $0["frames_broken"] as? Int == 0 })
            let dumped = try await CourantBinary.run("journal", "dump", data.appending(path: "journal").path)
            #expect(dumped.status == 0, "\(dumped.errors)")
            let records = try dumped.lines.map { try JSONDecoder().decode(Dumped.self, from: Data($0.utf8)) }
            let ids = try input.map { try #require(try ServerCommandTests.object($0)["id"] as? String) }
            #expect(records.map(\.record.id) == ids)
            #expect(zip(records, records.dropFirst()).allSatisfy { $0.offset < $1.offset })
            #expect(records.allSatisfy { $0.partition == 0 && $0.edition == "2021" })
            let times = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/
            #expect(records.allSatisfy { $0.time.wholeMatch(of: times) != nil })
            let limited = try await CourantBinary.run("journal", "dump", data.path, "--limit", "7")
            #expect(limited.lines == Array(dumped.lines.prefix(7)))
            let name = "users.messages.sms.InboundReceive"
            let received = try await CourantBinary.run("journal", "dump", data.path, "--type", name)
            #expect(received.lines == dumped.lines.filter { $0.contains("\"event_type\":\"\(name)\"") })
            #expect(!received.lines.isEmpty)
            let byAlias = try await CourantBinary.run("journal", "dump", data.path, "--type", name + "d")
            #expect(byAlias.lines == received.lines)
        }
    }

    @Test("one flipped byte in the middle is found, named, and ends check with 1")
    func rot() async throws {
        try await TemporaryFolder.with { folder in
            let (data, input) = try await fill(folder, events: 300)
            let id = try #require(try ServerCommandTests.object(input[120])["id"] as? String)
            let folder = data.appending(path: "journal")
            var flipped: URL?
            for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
                var bytes = try Data(contentsOf: file)
                guard let range = bytes.firstRange(of: Data(id.utf8)) else { continue }
                bytes[range.lowerBound] ^= 1
                try bytes.write(to: file)
                flipped = file
            }
            let file = try #require(flipped, "the id stands in a segment")
            let checked = try await CourantBinary.run("journal", "check", data.path)
            #expect(checked.status == 1)
            #expect(checked.errors.contains(file.lastPathComponent))
            #expect(checked.errors.contains("1 frame broken"))
            let dumped = try await CourantBinary.run("journal", "dump", data.path)
            #expect(dumped.status == 0)
            #expect((1..<300).contains(dumped.lines.count))
            #expect(!dumped.output.contains(id))
        }
    }

    @Test("a folder that is no journal ends with 66")
    func noJournal() async throws {
        let outcome = try await CourantBinary.run("journal", "check", "/usr")
        #expect(outcome.status == 66)
        #expect(outcome.errors.contains("`/usr` is no journal"))
    }
}

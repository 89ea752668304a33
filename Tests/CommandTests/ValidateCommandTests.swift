import Foundation
import ProgramTesting
import Testing

@Suite("courant validate")
struct ValidateCommandTests {
    private static let good =
        #"{"event_type":"users.messages.email.Open","id":"1","user_id":"u","time":1700000000,"email_address":"a@b.example"}"#
    /// A time zone that is none: a strict source rejects it, a lenient one counts it.
    private static let odd =
        #"{"event_type":"users.messages.email.Open","id":"2","user_id":"u","time":1700000000,"email_address":"a@b.example","timezone":"Mars/Base"}"#
    private static let unknown = #"{"event_type":"users.messages.email.Opened","id":"3"}"#
    private static let milliseconds =
        #"{"event_type":"users.messages.email.Open","id":"4","user_id":"u","time":1700000000000,"email_address":"a@b.example"}"#
    private static let cut = #"{"event_type":"users.messages.email.Open","id":"5""#

    private var input: String {
        [Self.good, Self.odd, Self.unknown, Self.milliseconds, Self.cut].joined(separator: "\n") + "\n"
    }

    @Test("each line gets its verdict: ok, lenient or rejected with code, field and a sentence")
    func lines() async throws {
        let outcome = try await CourantBinary.run(["validate", "-"], input: input)
        #expect(outcome.status == 1)
        let lines = outcome.lines
        try #require(lines.count == 5)
        #expect(lines[0] == "1 ok")
        #expect(lines[1].hasPrefix("2 lenient timezone_unknown in timezone: "))
        #expect(lines[2].hasPrefix("3 rejected event_type_unknown in event_type: "))
        #expect(lines[3].hasPrefix("4 rejected time_out_of_range in time: "))
        #expect(lines[4].hasPrefix("5 rejected malformed_json: "))
        #expect(outcome.errors == "courant: 3 of 5 events would be rejected; mend them as said above.\n")
    }

    @Test("--strict rejects what a lenient source would count")
    func strict() async throws {
        let outcome = try await CourantBinary.run(["validate", "-", "--strict"], input: input)
        #expect(
            outcome.lines.map { $0.split(separator: " ")[1] } == ["ok", "rejected", "rejected", "rejected", "rejected"]
        )
    }

    @Test("a field that the type does not have is named, be the source strict or not", arguments: [[], ["--strict"]])
    func unknownField(options: [String]) async throws {
        let input = Self.good.replacing("\"id\"", with: "\"campain_id\":\"c\",\"id\"")
        let outcome = try await CourantBinary.run(["validate", "-"] + options, input: input)
        #expect(outcome.status == 0)
        #expect(outcome.lines.first?.hasPrefix("1 lenient field_unknown in campain_id: ") == true)
        let help = try await CourantBinary.run("validate", "--help").output.replacing(/\s+/, with: " ")
        #expect(help.contains("a field that the type does not have, for which a source with `unknown_fields: reject`"))
    }

    @Test("--json gives one object for each event")
    func json() async throws {
        let outcome = try await CourantBinary.run(["validate", "-", "--json"], input: input)
        let verdicts = try outcome.lines.map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
        #expect(verdicts.compactMap { $0["event"] as? Int } == [1, 2, 3, 4, 5])
        #expect(
            verdicts.compactMap { $0["verdict"] as? String } == ["ok", "lenient", "rejected", "rejected", "rejected"]
        )
        #expect(verdicts[3]["code"] as? String == "time_out_of_range")
        #expect(verdicts[3]["id"] as? String == "4")
        #expect(outcome.lines[0] == #"{"event":1,"verdict":"ok"}"#)
    }

    @Test("a file of good events ends with 0, an array counts as well as lines")
    func good() async throws {
        let outcome = try await CourantBinary.run(["validate", "-"], input: "[\(Self.good),\n\(Self.odd)]")
        #expect(outcome.status == 0)
        #expect(outcome.lines.count == 2)
        #expect(outcome.errors == "")
    }

    @Test(
        "an array that is cut off is an error, after the verdicts on what stands before",
        arguments: ["", ",", " ,\n"]
    )
    func cutOff(end: String) async throws {
        let outcome = try await CourantBinary.run(["validate", "-"], input: "[\(Self.good),\(Self.good)\(end)")
        #expect(outcome.status == 65)
        #expect(outcome.output == "1 ok\n2 ok\n")
        #expect(outcome.errors.contains("its array of events has no end"), "\(outcome.errors)")
    }

    @Test("an Avro file of another edition is checked against that edition")
    func avro() async throws {
        try await TemporaryFolder.with { folder in
            _ = try await CourantBinary.run("sample", "--each", folder.path, "--format", "avro", "--edition", "v10")
            let file = folder.appending(path: "users.messages.whatsapp.Send.avro").path
            let newer = try await CourantBinary.run("validate", file, "--edition", "v10", "--strict")
            #expect(newer.output == "1 ok\n")
            let older = try await CourantBinary.run("validate", file)
            #expect(older.status == 1)
            #expect(older.output.hasPrefix("1 rejected event_type_unknown"))
        }
    }
}

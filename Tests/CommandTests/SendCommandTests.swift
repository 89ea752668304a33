import Foundation
import ProgramTesting
import Testing

/// How `courant send` treats answers; the server is scripted.
@Suite("courant send")
struct SendCommandTests {
    private func events(_ numbers: Range<Int>) -> String {
        numbers.map { #"{"event_type":"t","n":\#($0)}"# + "\n" }.joined()
    }

    private func send(
        _ server: ScriptedServer,
        _ arguments: String...,
        input: String
    ) async throws -> ProgramOutcome {
        try await CourantBinary.run(
            ["send", "-", "--to", server.address, "--concurrency", "1"] + arguments,
            input: input
        )
    }

    @Test("events go as NDJSON in batches, each once, in order")
    func batches() async throws {
        try await ScriptedServer.with([]) { server in
            let outcome = try await send(server, "--batch", "10", "--token", "secret", input: events(0..<25))
            #expect(outcome.status == 0)
            #expect(outcome.output.hasPrefix("accepted    25\nduplicates   0\nrejected     0\n25 events in "))
            let seen = try server.seen()
            #expect(seen.map(\.events.count) == [10, 10, 5])
            #expect(seen.map(\.body).joined() == events(0..<25))
            #expect(seen.allSatisfy { $0.path == "/v1/events" && $0.type == "application/x-ndjson" })
            #expect(seen.allSatisfy { $0.authorization == "Bearer secret" })
        }
    }

    @Test("429, 503 and 500 are tried again with the same bytes and key, not before Retry-After")
    func retry() async throws {
        try await ScriptedServer.with(["503:1", "429", "500", "200"]) { server in
            let outcome = try await send(server, input: events(0..<3))
            #expect(outcome.status == 0)
            let seen = try server.seen()
            #expect(seen.map(\.status) == [503, 429, 500, 200])
            #expect(Set(seen.map(\.body)).count == 1)
            #expect(Set(seen.map(\.key)).count == 1)
            #expect(seen[1].time - seen[0].time >= 1)
        }
    }

    @Test("the key of a batch is the same in another run, and differs between batches of equal content")
    func keys() async throws {
        var runs: [[String]] = []
        for _ in 0..<2 {
            try await ScriptedServer.with([]) { server in
                _ = try await send(server, "--batch", "2", input: String(repeating: "{\"n\":1}\n", count: 6))
                runs.append(try server.seen().map(\.key))
            }
        }
        #expect(runs[0] == runs[1])
        #expect(Set(runs[0]).count == 3)
    }

    @Test("a batch that is refused whole is halved until the cause stands alone", arguments: ["big", "bad"])
    func halving(script: String) async throws {
        try await ScriptedServer.with([script]) { server in
            let input = events(0..<5) + "{\"poison\":1}\n" + events(6..<8)
            let outcome = try await send(server, input: input)
            #expect(outcome.status == 1)
            #expect(outcome.output.hasPrefix("accepted    7\nduplicates  0\nrejected    1\n"))
            #expect(outcome.errors.contains("standard input, event 6: "))
            let singles = try server.seen().filter { $0.events.count == 1 }
            #expect(singles.map(\.body).joined() == input)
        }
    }

    @Test("rejections are printed with file, number, code and field; --json has them all in one object")
    func rejections() async throws {
        try await ScriptedServer.with([]) { server in
            let input = "{\"a\":1}\n\n  \n{\"poison\":1}\n"
            let outcome = try await send(server, "--batch", "1", "--json", input: input)
            #expect(outcome.status == 1)
            #expect(
                outcome.errors.contains(
                    "standard input, event 2: event_type_unknown in event_type: Poison.\n"
                        + "courant: 1 event of 2 rejected; mend and send again.\n"
                )
            )
            let summary = try #require(
                try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            )
            #expect(summary["accepted"] as? Int == 1)
            #expect(summary["rejected"] as? Int == 1)
            #expect((summary["rejections"] as? [[String: Any]])?.first?["event"] as? Int == 2)
        }
    }

    @Test("fields that the server left out are told at the end, and in --json")
    func leftOut() async throws {
        try await ScriptedServer.with([]) { server in
            let input = ["a", "b", "b", "a", "b", ""].map { "{\"stray\":\"\($0)\"}\n" }.joined()
            let told = try await send(server, "--batch", "2", input: input)
            #expect(told.status == 0)
            #expect(
                told.errors == """
                    Field b was left out of 3 events: an event of that type has no such field.
                    Field a was left out of 2 events: an event of that type has no such field.

                    """
            )
            let json = try await send(server, "--json", input: input)
            let summary = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
            let left = try #require(summary["left_out"] as? [[String: Any]])
            #expect(left.map { $0["field"] as? String } == ["a", "b"] && left.map { $0["events"] as? Int } == [2, 3])
            let many = (0..<23).map { "{\"stray\":\"f\($0)\"}\n" }.joined()
            #expect(try await send(server, input: many).errors.hasSuffix("\n… and 3 other fields.\n"))
        }
    }

    @Test("events in the Currents envelope go to /v1/currents, those beside them to /v1/events, in order")
    func envelopes() async throws {
        let flat = [#"{"id":"a"}"#, #"{"id":"b","properties":"{\"user\":1}"}"#]
        let envelopes = [#"{"id":"c","user":{"user_id":"u"}}"#, #"{"id":"d","properties":{}}"#]
        let input = (flat + envelopes + [flat[0]]).joined(separator: "\n")
        try await ScriptedServer.with([]) { server in
            _ = try await send(server, input: input)
            let seen = try server.seen()
            #expect(seen.map(\.path) == ["/v1/events", "/v1/currents", "/v1/events"])
            #expect(seen.map(\.type) == ["application/x-ndjson", "application/json", "application/x-ndjson"])
            #expect(seen[0].events == flat)
            #expect(seen[1].body == "{\"events\":[\(envelopes[0]),\(envelopes[1])]}")
        }
    }

    @Test("a folder stands for the event files in it, at any depth, without hidden ones")
    func folders() async throws {
        try await TemporaryFolder.with { folder in
            let deep = folder.appending(path: "a/b")
            try FileManager.default.createDirectory(at: deep, withIntermediateDirectories: true)
            try #"{"id":"2"}"#.write(to: deep.appending(path: "two.ndjson"), atomically: false, encoding: .utf8)
            try #"{"id":"1"}"#.write(to: folder.appending(path: "a/1.json"), atomically: false, encoding: .utf8)
            try "no event".write(to: deep.appending(path: "notes.txt"), atomically: false, encoding: .utf8)
            try "half".write(to: deep.appending(path: ".two.ndjson"), atomically: false, encoding: .utf8)
            try await ScriptedServer.with([]) { server in
                let arguments = ["send", folder.path, "--to", server.address, "--concurrency", "1"]
                let outcome = try await CourantBinary.run(arguments)
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(try server.seen().flatMap(\.events) == [#"{"id":"1"}"#, #"{"id":"2"}"#])
            }
            let none = try await CourantBinary.run("cat", folder.path)
            #expect(none.status == 66)
            #expect(none.errors.contains("holds no file that ends in .avro."), "\(none.errors)")
        }
    }

    @Test("a refused token ends it at once with 77", arguments: ["401", "403"])
    func refused(status: String) async throws {
        try await ScriptedServer.with([status]) { server in
            let outcome = try await send(server, input: events(0..<1))
            #expect(outcome.status == 77)
            #expect(try server.seen().count == 1)
        }
    }

    @Test(
        "arrays, values over many lines and values in a row are found and sent as lines",
        arguments: [
            "[{\"a\":[1,{\"b\":\"]}\\\"\"}]},{\"c\":2}]",
            "[\n  {\n    \"a\": [1, {\"b\": \"]}\\\"\"}]\n  },\n  {\"c\": 2}\n]\n",
            "{\n\"a\": [1, {\"b\": \"]}\\\"\"}]\n}\n{\n\"c\": 2\n}\n",
            "{\"a\":[1,{\"b\":\"]}\\\"\"}]}\r\n{\"c\":2}",
        ]
    )
    func layouts(input: String) async throws {
        try await ScriptedServer.with([]) { server in
            let outcome = try await send(server, input: input)
            #expect(outcome.status == 0)
            let sent = try server.seen().flatMap(\.events).map { $0.filter { $0 != " " } }
            #expect(sent == ["{\"a\":[1,{\"b\":\"]}\\\"\"}]}", "{\"c\":2}"])
        }
    }

    @Test("an Avro file goes as events of the type that the record's name says, whatever the folder")
    func avro() async throws {
        try await TemporaryFolder.with { folder in
            let file = folder.appending(path: "event_type=users.messages.email.click.avro")
            let written = try await CourantBinary.python(
                """
                import fastavro, sys
                schema = {"type": "record", "name": "Click", "namespace": "dataexport.S3.inner.users.messages.email", "fields": [
                  {"name": "id", "type": "string"}, {"name": "time", "type": "int"}, {"name": "url", "type": ["null", "string"]}]}
                rows = [{"id": "%d" % i, "time": i, "url": None if i % 2 else "u"} for i in range(3)]
                fastavro.writer(open(sys.argv[1], "wb"), schema, rows, codec="snappy")
                """,
                file.path
            )
            try #require(written.status == 0, "\(written.errors)")
            try await ScriptedServer.with([]) { server in
                let outcome = try await CourantBinary.run("send", file.path, "--to", server.address)
                #expect(outcome.status == 0)
                #expect(
                    try server.seen().flatMap(\.events) == [
                        #"{"event_type":"users.messages.email.Click","id":"0","time":0,"url":"u"}"#,
                        #"{"event_type":"users.messages.email.Click","id":"1","time":1}"#,
                        #"{"event_type":"users.messages.email.Click","id":"2","time":2,"url":"u"}"#,
                    ]
                )
            }
        }
    }

    @Test("standard input may be empty; a missing file ends with 66 before anything is sent")
    func nothing() async throws {
        try await ScriptedServer.with([]) { server in
            let empty = try await send(server, input: "")
            #expect(empty.status == 0)
            #expect(empty.output.hasPrefix("accepted    0\n"))
            let missing = try await CourantBinary.run("send", "-", "/nowhere.ndjson", "--to", server.address)
            #expect(missing.status == 66)
        }
    }
}

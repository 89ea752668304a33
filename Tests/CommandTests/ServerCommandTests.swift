import Foundation
import ProgramTesting
import Testing

/// Commands against a server that the test starts.
@Suite("courant serve and what talks to it", .serialized)
struct ServerCommandTests {
    private func sample(_ events: Int, seed: Int = 1) async throws -> String {
        try await CourantBinary.run(
            "sample",
            "--events",
            "\(events)",
            "--seed",
            "\(seed)",
            "--start",
            "1700000000"
        ).output
    }

    @Test("serve says where it listens, where files go and what to try, also to a pipe")
    func greeting() async throws {
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                let lines = try server.output().split(separator: "\n").map(String.init)
                #expect(lines.first == "Courant listens on \(server.address)")
                #expect(lines.contains { $0.contains(server.data.appending(path: "files").path) })
                let tried = try #require(lines.first { $0.hasPrefix("  curl \(server.address)/v1/events") })
                let shell = URL(filePath: "/bin/sh")
                for count in ["\"accepted\":1", "\"duplicates\":1"] {
                    #expect(try await runProgram(shell, ["-c", tried + " -s"]).output.contains(count))
                }
            }
        }
    }

    @Test("what is sent lands after a flush, and a repeat is all duplicates")
    func sendAndFlush() async throws {
        let input = try await sample(700)
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                let first = try await server.run("send", "-", "--batch", "100", input: input)
                #expect(first.status == 0, "\(first.errors)")
                #expect(first.output.hasPrefix("accepted    700\nduplicates    0\nrejected      0\n"))
                let flush = try await server.run("connector", "flush", "local")
                #expect(flush.status == 0, "\(flush.errors)")
                let landed = try await server.landed(withType: true)
                #expect(landed.count == 700)
                #expect(Self.ids(landed) == Self.ids(input.split(separator: "\n").map(String.init)))
                let again = try await server.run("send", "-", "--batch", "100", input: input)
                #expect(again.output.hasPrefix("accepted      0\nduplicates  700\nrejected      0\n"))
                let status = try await server.run("status")
                #expect(status.status == 0, "\(status.errors)")
                #expect(status.lines[0] == "\(server.address) is ready")
                #expect(status.lines[1].hasPrefix("running since 20"))
                #expect(Self.cells(status, "default") == ["default", "1,400", "700", "700", "0", "0"])
                #expect(Self.cells(status, "local") == ["local", "running", "0", "700", "700", "0", "0", "0"])
            }
        }
    }

    @Test("records without an id are recognised when the same input is sent again")
    func withoutID() async throws {
        let event =
            #"{"event_type":"users.messages.email.Open","external_user_id":"e","time":1700000000,"email_address":"a@b.example"}"#
        let input = String(repeating: event + "\n", count: 5)
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                let first = try await server.run("send", "-", "--batch", "2", input: input)
                #expect(first.output.hasPrefix("accepted    5\n"))
                let again = try await server.run("send", "-", "--batch", "2", input: input)
                #expect(again.output.hasPrefix("accepted    0\nduplicates  5\n"))
            }
        }
    }

    @Test("status says that events are not taken for want of disk")
    func troubles() async throws {
        let full = "disk: {reserve: 4000000TiB}\n"
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder, configuration: full) { server in
                let status = try await server.run("status")
                #expect(status.status == 1)
                #expect(status.errors.contains("The disk budget is spent: events are answered 503"))
                #expect(status.lines[0] == "\(server.address) is ready")
            }
        }
    }

    @Test("a connector pauses, refuses to flush, resumes, and says so")
    func pause() async throws {
        let input = try await sample(10)
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                #expect(try await server.run("connector", "pause", "local").status == 0)
                _ = try await server.run("send", "-", input: input)
                let refused = try await server.run("connector", "flush", "local")
                #expect(refused.status == 1)
                #expect(refused.errors.contains("paused"))
                let list = try await server.run("connector", "list")
                #expect(Self.cells(list, "local")[1] == "paused")
                #expect(try await server.run("connector", "resume", "local").status == 0)
                let flush = try await server.run("connector", "flush", "local", "--json")
                let answer = try Self.object(flush.output)
                #expect(answer["records"] as? Int == 10)
                let one = try await server.run("connector", "status", "local", "--json")
                #expect(try Self.object(one.output)["name"] as? String == "local")
                let page = try await server.run("connector", "status", "local")
                #expect(page.output.contains("\nall "))
                let unknown = try await server.run("connector", "flush", "nowhere")
                #expect(unknown.status == 1)
                #expect(unknown.errors.contains("nowhere"))
            }
        }
    }

    @Test("a server reads its configuration file again by command and by SIGHUP")
    func reload() async throws {
        func yaml(_ names: String...) -> String {
            "connectors:\n" + names.map { "  \($0): {destination: {type: local, path: \($0)}}\n" }.joined()
        }
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder, configuration: yaml("one")) { server in
                try LiveServer.rewrite(yaml("one", "two"), in: folder)
                let reload = try await server.run("config", "reload")
                #expect(reload.status == 0, "\(reload.errors)")
                #expect(reload.output.contains("started"))
                #expect(reload.output.contains("two"))
                let again = try Self.object(try await server.run("config", "reload", "--json").output)
                #expect(again["kept"] as? [String] == ["one", "two"])
                try LiveServer.rewrite("connectors: {one: {destination: {type: attic}}}", in: folder)
                let bad = try await server.run("config", "reload")
                #expect(bad.status == 1)
                #expect(bad.errors.contains("courant.yaml:1: connectors.one.destination.type"))
                try LiveServer.rewrite(yaml("two"), in: folder)
                server.hangUp()
                var list = try await server.run("connector", "list")
                for _ in 0..<200 where list.output.contains("one") {
                    try await Task.sleep(for: .milliseconds(50))
                    list = try await server.run("connector", "list")
                }
                #expect(!list.output.contains("one"))
                #expect(Self.cells(list, "two")[1] == "running")
            }
        }
    }

    @Test("a server without a configuration file goes on after SIGHUP")
    func hangUpWithoutFile() async throws {
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                server.hangUp()
                try await Task.sleep(for: .milliseconds(200))
                #expect(try await server.run("connector", "list").status == 0)
            }
        }
    }

    @Test("privacy: a preview shows what lands, and what lands is what Python's hashlib makes of it")
    func privacy() async throws {
        let yaml = """
            connectors:
              local:
                destination: {type: local, path: files}
                events: [users.messages.email.*]
                codec: "null"
                privacy: {pii: sha256, hmac_key: "${KEY}", fields: {external_user_id: hmac_sha256, user_agent: drop}}
            """
        let event =
            #"{"event_type":"users.messages.email.Open","id":"1","user_id":"u-é","external_user_id":"e","time":1700000000,"#
            + #""email_address":"ann@b.example","user_agent":"Mozilla"}"#
        let script = """
            import fastavro, glob, hashlib, hmac, sys
            [path] = glob.glob(sys.argv[1] + "/**/*.avro", recursive=True)
            [record] = fastavro.reader(open(path, "rb"))
            sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
            assert record["user_id"] == sha("u-é"), record
            assert record["email_address"] == sha("ann@b.example"), record
            assert record["external_user_id"] == hmac.new(b"0123456789abcdef", b"e", "sha256").hexdigest(), record
            assert record["user_agent"] is None and record["id"] == "1" and record["time"] == 1700000000, record
            """
        try await TemporaryFolder.with { folder in
            let environment = ["KEY": "0123456789abcdef"]
            try await LiveServer.with(in: folder, configuration: yaml, environment: environment) { server in
                let preview = try await server.run("connector", "preview", "local", "-", "--json", input: event)
                #expect(preview.status == 0, "\(preview.errors)")
                let shown = try Self.object(preview.output)
                #expect(
                    shown["changed"] as? [String] == ["user_id", "external_user_id", "email_address", "user_agent"]
                )
                let page = try await server.run("connector", "preview", "local", "--type", "users.messages.email.Open")
                #expect(page.output.contains("* changes on the way."), "\(page.errors)")
                let other = try await server.run(
                    "connector",
                    "preview",
                    "local",
                    "--type",
                    "users.messages.webhook.Send"
                )
                #expect(other.status == 1)
                #expect(other.errors.contains("do not select this event type"))
                _ = try await server.run("send", "-", input: event + "\n")
                #expect(try await server.run("connector", "flush", "local").status == 0)
                let files = folder.appending(path: "files").path(percentEncoded: false)
                let python = try await runProgram(try testPython(), ["-c", script, files])
                #expect(python.status == 0, "\(python.errors)")
                let landed = try #require(try await CourantBinary.run(["cat"] + Self.avro(in: files)).lines.first)
                let record = try Self.object(landed)
                let after = try #require(shown["after"] as? [String: Any])
                #expect(NSDictionary(dictionary: after) == NSDictionary(dictionary: record))
            }
        }
    }

    @Test("one server posts to another in the envelope, over a kill, and each event stands there once")
    func relay() async throws {
        let input = try await sample(1_500)
        try await TemporaryFolder.with { folder in
            let (near, far) = (folder.appending(path: "near"), folder.appending(path: "far"))
            for place in [near, far] {
                try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            }
            try await LiveServer.with(in: far) { receiver in
                let yaml = """
                    connectors:
                      partner:
                        destination: {type: http, url: "\(receiver.address)/v1/currents", batch: 40}
                        start: oldest
                    """
                let first = try await LiveServer.start(in: near, configuration: yaml)
                _ = try await first.run("send", "-", "--batch", "100", input: input)
                try await first.kill()
                try await LiveServer.with(in: near, configuration: yaml) { sender in
                    let test = try await sender.run("connector", "test", "partner")
                    #expect(test.output.contains("to an envelope without events"), "\(test.errors)")
                    let flush = try await sender.run("connector", "flush", "partner")
                    #expect(flush.status == 0, "\(flush.errors)")
                    #expect(try await receiver.run("connector", "flush", "local").status == 0)
                    let landed = try await receiver.landed(withType: true)
                    #expect(landed.count == 1_500)
                    #expect(Self.ids(landed) == Self.ids(input.split(separator: "\n").map(String.init)))
                }
            }
        }
    }

    @Test("replay lands a range again beside the connector's folder, and goes on after a kill")
    func replay() async throws {
        let input = try await sample(600)
        try await TemporaryFolder.with { folder in
            let server = try await LiveServer.start(in: folder)
            _ = try await server.run("send", "-", "--batch", "100", input: input)
            _ = try await server.run("connector", "flush", "local")
            try await Task.sleep(for: .milliseconds(1_100))
            let (from, to) = ("\(Int(Date().timeIntervalSince1970) - 3_600)", "\(Int(Date().timeIntervalSince1970))")
            let range = ["replay", "--connector", "local", "--from", from, "--to", to, "--id", "again"]
            let detached = try await server.run(range + ["--detach"])
            #expect(detached.status == 0, "\(detached.errors)")
            try await server.kill()
            try await LiveServer.with(in: folder) { server in
                let ended = try await server.run(range)
                #expect(ended.status == 0, "\(ended.errors)")
                #expect(ended.output == "Replay again is finished: landed 600 records, set aside 0, lost 0.\n")
                let again = folder.appending(path: "data/files/.replay/again").path(percentEncoded: false)
                let landed = try await CourantBinary.run(["cat", "--with-type"] + Self.avro(in: again)).lines
                #expect(landed.count == 600)
                #expect(Self.ids(landed) == Self.ids(input.split(separator: "\n").map(String.init)))
                let list = try await server.run("replay", "list")
                #expect(Self.cells(list, "again") == ["again", "local", "100", "%", "600", "finished"])
                let empty = try await server.run("replay", "--connector", "local", "--from", "1", "--to", "2")
                #expect(empty.status != 0)
                #expect(empty.errors.contains("The journal begins at"))
            }
        }
    }

    @Test("dead letters are listed, shown, exported, and taken once what was wrong is mended")
    func deadLetters() async throws {
        let late = #"{"event_type":"users.messages.webhook.Send","id":"late","user_id":"u","time":1700000000000}"#
        let padding = String(repeating: "x", count: 3_000)
        let large =
            #"{"event_type":"users.messages.webhook.Send","id":"large","user_id":"\#(padding)","time":1700000000}"#
        try await TemporaryFolder.with { folder in
            let small = "intake: {event_bytes_max: 2000}"
            try await LiveServer.with(in: folder, configuration: small) { server in
                let sent = try await server.run("send", "-", input: late + "\n" + large + "\n")
                #expect(sent.output.contains("rejected"))
                let list = try await server.run("dead-letters", "list", "--json")
                let found = try #require(try Self.object(list.output)["dead_letters"] as? [[String: Any]])
                #expect(found.compactMap { $0["id"] as? String } == ["intake:0:0", "intake:0:1"])
                let show = try Self.object(try await server.run("dead-letters", "show", "intake:0:0").output)
                #expect(show["event"] as? String == late)
                let again = try await server.run("dead-letters", "replay")
                #expect(again.status == 1)
                #expect(again.output.contains("0 of 2 dead letters taken."), "\(again.errors)")
                let export = try await server.run("dead-letters", "export", "--code", "size_over_limit")
                #expect(export.output == large + "\n")
            }
            try await LiveServer.with(in: folder) { server in
                let envelope = """
                    {"event_type":"users.messages.email.Open","id":"e","time":1700000000000,"user":{"user_id":"u"},\
                    "properties":{"email_address":"ann@example.com"}}
                    """
                let sent = try await server.run("send", "-", input: late + "\n" + envelope + "\n")
                let counts = "accepted    0\nduplicates  0\nrejected    1\nset aside   1\n"
                #expect(sent.output.hasPrefix(counts), "\(sent)")
                let export = try await server.run("dead-letters", "export", "--code", "time_out_of_range").output
                #expect(export.contains(envelope))
                let mended = export.replacing("1700000000000", with: "1700000000")
                let again = try await server.run("send", "-", input: mended)
                #expect(again.output.hasPrefix("accepted    2\nduplicates  1\nrejected    0\n"), "\(again)")
            }
            try await LiveServer.with(in: folder, configuration: "intake: {event_bytes_max: 9000}") { server in
                let again = try await server.run("dead-letters", "replay", "intake:0:1")
                #expect(again.status == 0, "\(again.errors)")
                let left = try await server.run("dead-letters", "list")
                #expect(left.output.contains("intake:0:0"))
                #expect(!left.output.contains("intake:0:1"))
                _ = try await server.run("connector", "flush", "local")
                #expect(Self.ids(try await server.landed(withType: true)).count == 3)
            }
        }
    }

    @Test("a connector moves once the files that wait for its old place have been forgotten")
    func forget() async throws {
        func yaml(_ path: String) -> String {
            "connectors: {a: {destination: {type: local, path: \(path)}, roll: {every: 1s}}}\n"
        }
        let input = try await sample(50)
        try await TemporaryFolder.with { folder in
            try Data().write(to: folder.appending(path: "blocked"))
            try await LiveServer.with(in: folder, configuration: yaml("blocked/files")) { server in
                _ = try await server.run("send", "-", input: input)
                #expect(try await server.run("connector", "flush", "a", "--timeout", "1").status == 1)
                try LiveServer.rewrite(yaml("open"), in: folder)
                let status = try await server.run("status")
                #expect(Self.cells(status, "a")[1] != "running")
                #expect(status.lines.contains { $0.hasPrefix("a is ") && $0.contains("blocked") }, "\(status.output)")
                let refused = try await server.run("config", "reload")
                #expect(refused.status == 1)
                #expect(refused.errors.contains("courant connector forget a"), "\(refused.errors)")
                #expect(try await server.run("connector", "forget", "a").status == 64)
                let forgotten = try await server.run("connector", "forget", "a", "--yes")
                #expect(forgotten.output.hasSuffix("with 50 records.\n"), "\(forgotten.output)\(forgotten.errors)")
                let moved = try await server.run("config", "reload")
                #expect(moved.status == 0, "\(moved.errors)")
                let list = try await server.run("connector", "list")
                #expect(Self.cells(list, "a").last == "50", "they are lost")
                _ = try await server.run("send", "-", input: try await sample(20, seed: 9))
                #expect(try await server.run("connector", "flush", "a").status == 0)
                #expect(try !LiveServer.avroFiles(in: folder.appending(path: "open")).isEmpty)
            }
        }
    }

    @Test("connector test says what works and what does not, and sends events of each type")
    func connectorTest() async throws {
        let yaml = """
            connectors:
              good: {destination: {type: local, path: good}, events: [users.messages.email.*]}
              bad: {destination: {type: local, path: courant.yaml/files}}
            """
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder, configuration: yaml) { server in
                let good = try await server.run("connector", "test", "good")
                #expect(good.status == 0, "\(good.errors)")
                #expect(Self.cells(good, "write")[1] == "ok")
                #expect(Self.cells(good, "read")[1] == "ok")
                #expect(Self.cells(good, "delete")[1] == "ok")
                let events = try await server.run("connector", "test", "good", "--events")
                #expect(events.status == 0, "\(events.errors)")
                #expect(events.lines.filter { $0.contains("users.messages.email.") }.count == 8)
                let files = try LiveServer.avroFiles(in: folder.appending(path: "good"))
                #expect(files.count == 8)
                #expect(files.allSatisfy { $0.path.contains("/good/.test/") })
                let bad = try await server.run("connector", "test", "bad")
                #expect(bad.status == 1)
                #expect(Self.cells(bad, "write")[1] == "FAILED")
                #expect(bad.output.contains("a file stands where a folder is needed"))
            }
        }
    }

    private static func avro(in folder: String) throws -> [String] {
        try LiveServer.avroFiles(in: URL(filePath: folder)).map { $0.path(percentEncoded: false) }
    }

    @Test("tail shows what is accepted, of the types that were asked for")
    func tail() async throws {
        let open = { (id: String) in
            #"{"event_type":"users.messages.email.Open","id":"\#(id)","user_id":"u","time":1700000000,"email_address":"a@b.example"}"#
                + "\n"
        }
        let other = #"{"event_type":"users.messages.webhook.Send","id":"w","user_id":"u","time":1700000000}"# + "\n"
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                let environment = ["COURANT_URL": server.address]
                async let following = CourantBinary.run(
                    ["tail", "--events", "users.messages.email.*", "--limit", "2"],
                    environment: environment
                )
                // The stream shows only what comes after it was opened, so send until it has seen enough.
                var isOver = false
                for number in 0..<100 where !isOver {
                    _ = try await server.run("send", "-", input: other + open("\(number)"))
                    try await Task.sleep(for: .milliseconds(50))
                    isOver = number >= 10
                }
                let outcome = try await following
                #expect(outcome.status == 0, "\(outcome.errors)")
                #expect(outcome.lines.count == 2)
                #expect(outcome.lines.allSatisfy { $0.contains("users.messages.email.Open") })
            }
        }
    }

    @Test("a second process on the same data folder is refused with 78")
    func secondProcess() async throws {
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                let second = try await CourantBinary.run("serve", "--data", server.data.path, "--listen", "127.0.0.1:0")
                #expect(second.status == 78)
                #expect(second.errors.contains(server.data.path))
                #expect(second.errors.contains("in use"))
            }
        }
    }

    @Test("an address in use, or one that is none, ends with 78 or 64 and says which")
    func address() async throws {
        try await TemporaryFolder.with { folder in
            try await LiveServer.with(in: folder) { server in
                let port = server.address.split(separator: ":").last.map(String.init) ?? ""
                let data = folder.appending(path: "other").path
                let taken = try await CourantBinary.run("serve", "--data", data, "--listen", "127.0.0.1:\(port)")
                #expect(taken.status == 78)
                #expect(taken.errors.contains(port))
                let nonsense = try await CourantBinary.run("serve", "--data", data, "--listen", "here")
                #expect(nonsense.status == 64)
            }
        }
    }

    static func ids(_ lines: [String]) -> [String] {
        lines.compactMap { try? object($0)["id"] as? String }.sorted()
    }

    static func object(_ json: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    }

    /// The cells of the table row that begins with a name.
    static func cells(_ outcome: ProgramOutcome, _ name: String) -> [String] {
        let row = outcome.lines.first { $0.hasPrefix("\(name) ") } ?? ""
        return row.split(separator: " ").map(String.init)
    }
}

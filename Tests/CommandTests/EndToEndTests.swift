import Foundation
import ProgramTesting
import Testing

/// What was posted, as readers that nobody here wrote find it in the files.
@Suite("End to end", .serialized)
struct EndToEndTests {
    /// Compares a folder of Avro files (argument 1) with the NDJSON that was posted (argument 2), field by field.
    private static let comparer = """
        import fastavro, glob, json, math, polars, re, sys
        posted = {}
        for line in open(sys.argv[2], encoding="utf-8"):
            event = json.loads(line)
            posted[event["event_type"], event["id"]] = event
        files = sorted(glob.glob(sys.argv[1] + "/**/*.avro", recursive=True))
        key = re.compile(r"^dataexport\\.courant\\.Local\\.integration\\.([0-9a-f]{24})/event_type=([\\w.]+)/"
                         r"date=\\d{4}-\\d\\d-\\d\\d-\\d\\d/version=2021/default/"
                         r"dataexport\\.courant\\.Local\\.integration\\.\\1\\+(\\d+)\\+(\\d+)\\.avro$")
        found = 0
        for file in files:
            name = file[len(sys.argv[1]) + 1:]
            parts = key.match(name)
            assert parts, name
            kind = parts[2]
            reader = fastavro.reader(open(file, "rb"))
            assert reader.writer_schema["name"] == "dataexport.Local.inner." + kind, reader.writer_schema["name"]
            plan = json.loads(reader.metadata["courant.plan"])
            records = list(reader)
            assert plan["count"] == len(records) > 0, plan
            if reader.metadata["avro.codec"] != "zstandard":
                assert polars.read_avro(file).height == len(records)
            for record in records:
                event = posted.pop((kind, record["id"]))
                found += 1
                for field, value in record.items():
                    want = event.get(field)
                    if isinstance(value, float): assert math.isclose(value, want, rel_tol=1e-6), (kind, field, value, want)
                    else: assert value == want, (kind, field, value, want)
                assert set(event) - {"event_type"} <= set(record), set(event) - set(record)
        assert not posted, len(posted)
        print(found, "records in", len(files), "files, all as posted")
        """

    private func compare(_ server: LiveServer, _ input: String, _ folder: URL) async throws -> ProgramOutcome {
        let posted = folder.appending(path: "posted.ndjson")
        try Data(input.utf8).write(to: posted)
        return try await CourantBinary.python(Self.comparer, server.data.appending(path: "files").path, posted.path)
    }

    @Test(
        "fastavro finds every posted event once, field by field, under the public names",
        arguments: [
            "zstandard", "deflate", "snappy", "null",
        ]
    )
    func fastavro(codec: String) async throws {
        let input = try await CourantBinary.run("sample", "--events", "1500", "--seed", "3", "--start", "1700000000")
            .output
        try await TemporaryFolder.with { folder in
            let configuration = """
                connectors:
                  local:
                    destination: {type: local, path: \(folder.path)/data/files}
                    codec: {name: \(codec)}

                """
            try await LiveServer.with(in: folder, configuration: configuration) { server in
                let sent = try await server.run("send", "-", "--batch", "100", input: input)
                #expect(sent.status == 0, "\(sent.errors)")
                let flushed = try await server.run("connector", "flush", "local")
                #expect(flushed.status == 0, "\(flushed.errors)")
                let compared = try await compare(server, input, folder)
                #expect(compared.output.hasPrefix("1500 records in "), "\(compared.errors)")
            }
        }
    }

    @Test("an existing bucket is brought in: files of one server sent to another give the same records")
    func bucket() async throws {
        let input = try await CourantBinary.run("sample", "--events", "400", "--seed", "4", "--start", "1700000000")
            .output
        try await TemporaryFolder.with { folder in
            let one = folder.appending(path: "one")
            let two = folder.appending(path: "two")
            for folder in [one, two] {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            }
            try await LiveServer.with(in: one) { first in
                _ = try await first.run("send", "-", input: input)
                _ = try await first.run("connector", "flush", "local")
                let files = try LiveServer.avroFiles(in: first.data.appending(path: "files")).map(\.path)
                try await LiveServer.with(in: two) { second in
                    for _ in 0..<2 {
                        let sent = try await CourantBinary.run(
                            ["send"] + files,
                            environment: ["COURANT_URL": second.address]
                        )
                        #expect(sent.status == 0, "\(sent.errors)")
                    }
                    _ = try await second.run("connector", "flush", "local")
                    let compared = try await compare(second, input, folder)
                    #expect(compared.output.hasPrefix("400 records in "), "\(compared.errors)")
                }
            }
        }
    }

    @Test("what was acknowledged survives a kill and lands once")
    func kill() async throws {
        let input = try await CourantBinary.run("sample", "--events", "600", "--seed", "5", "--start", "1700000000")
            .output
        try await TemporaryFolder.with { folder in
            let server = try await LiveServer.start(in: folder)
            let sent = try await server.run("send", "-", "--batch", "50", input: input)
            #expect(sent.status == 0)
            try await server.kill()
            try await LiveServer.with(in: folder) { second in
                _ = try await second.run("connector", "flush", "local")
                let compared = try await compare(second, input, folder)
                #expect(compared.output.hasPrefix("600 records in "), "\(compared.errors)")
            }
        }
    }
}

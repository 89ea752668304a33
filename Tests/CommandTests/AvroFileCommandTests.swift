import Foundation
import ProgramTesting
import Testing

/// Files here are written by fastavro, never by us.
@Suite("courant cat and inspect")
struct AvroFileCommandTests {
    /// Writes a file with every kind of value in it; argument 1 is the path, 2 the codec.
    private static let writer = """
        import fastavro, sys
        schema = {"type": "record", "name": "Odd", "namespace": "strange.place", "fields": [
          {"name": "text", "type": "string"}, {"name": "maybe", "type": ["null", "long"]},
          {"name": "either", "type": ["int", "string"]}, {"name": "list", "type": {"type": "array", "items": "double"}},
          {"name": "named", "type": {"type": "map", "values": "boolean"}},
          {"name": "suit", "type": {"type": "enum", "name": "Suit", "symbols": ["SPADES", "HEARTS"]}},
          {"name": "raw", "type": "bytes"}, {"name": "two", "type": {"type": "fixed", "name": "Two", "size": 2}},
          {"name": "inner", "type": {"type": "record", "name": "Inner", "fields": [{"name": "x", "type": "float"}]}}]}
        def record(i):
            return {"text": "q\\"\\\\\\n\\u00e9\\U0001F600 %d" % i, "maybe": None if i % 2 else i * 2**33, "either": i if i % 3 else "s",
                    "list": [i / 7, 1e300], "named": {"k": bool(i % 2)}, "suit": "HEARTS", "raw": bytes([0, 65, 255]),
                    "two": b"\\x01\\x02", "inner": {"x": i + 0.5}}
        with open(sys.argv[1], "wb") as out:
            fastavro.writer(out, schema, (record(i) for i in range(1000)), codec=sys.argv[2], sync_interval=4000,
                            metadata={"courant.plan": '{"first": 3}', "who": "somebody"})
        """

    /// Compares what `cat` printed (argument 2) with what fastavro reads (argument 1), record by record.
    private static let comparer = """
        import fastavro, json, sys
        def plain(v):
            if isinstance(v, bytes): return v.decode("latin-1")
            if isinstance(v, dict): return {k: plain(x) for k, x in v.items()}
            if isinstance(v, list): return [plain(x) for x in v]
            return v
        theirs = [plain(r) for r in fastavro.reader(open(sys.argv[1], "rb"))]
        lines = open(sys.argv[2], encoding="utf-8").read().split("\\n")[:-1]
        ours = [json.loads(l) for l in lines]
        assert len(theirs) == len(ours), (len(theirs), len(ours))
        for a, b in zip(theirs, ours):
            assert a == b, (a, b)
            assert list(a) == list(b), "order of the fields"
        print("equal", len(ours))
        """

    private func write(_ folder: URL, codec: String = "deflate") async throws -> URL {
        let file = folder.appending(path: "odd.avro")
        let outcome = try await CourantBinary.python(Self.writer, file.path, codec)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return file
    }

    @Test("cat prints what fastavro reads, whatever the codec", arguments: ["null", "deflate", "snappy", "zstandard"])
    func cat(codec: String) async throws {
        try await TemporaryFolder.with { folder in
            let file = try await write(folder, codec: codec)
            let outcome = try await CourantBinary.run("cat", file.path)
            #expect(outcome.status == 0)
            #expect(outcome.errors == "")
            let printed = folder.appending(path: "printed")
            try Data(outcome.output.utf8).write(to: printed)
            let compared = try await CourantBinary.python(Self.comparer, file.path, printed.path)
            #expect(compared.output == "equal 1000\n", "\(compared.errors)")
        }
    }

    @Test("cat stops at its limit, adds the type, and reads standard input")
    func options() async throws {
        try await TemporaryFolder.with { folder in
            let file = try await write(folder)
            let limited = try await CourantBinary.run("cat", file.path, file.path, "--limit", "1001")
            #expect(limited.lines.count == 1001)
            #expect(limited.lines[1000] == limited.lines[0])
            let typed = try await CourantBinary.run("cat", file.path, "--with-type", "--limit", "1")
            #expect(typed.output.hasPrefix(#"{"event_type":"strange.place.Odd","text":"#))
            let piped = try await runProgram(
                CourantBinary.executable,
                ["cat", "-", "--limit", "1"],
                input: try Data(contentsOf: file)
            )
            #expect(piped.output == limited.lines[0] + "\n")
        }
    }

    @Test("inspect agrees with fastavro on blocks, records and metadata")
    func inspect() async throws {
        try await TemporaryFolder.with { folder in
            let file = try await write(folder, codec: "zstandard")
            let outcome = try await CourantBinary.run("inspect", file.path, "--json")
            #expect(outcome.status == 0)
            let report = folder.appending(path: "report")
            try Data(outcome.output.utf8).write(to: report)
            let compared = try await CourantBinary.python(
                """
                import fastavro, json, os, sys
                ours = json.load(open(sys.argv[2]))
                blocks = list(fastavro.block_reader(open(sys.argv[1], "rb")))
                reader = fastavro.reader(open(sys.argv[1], "rb"))
                fingerprint = fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(reader.writer_schema), "CRC-64-AVRO")
                assert ours["blocks"] == len(blocks), (ours["blocks"], len(blocks))
                assert ours["records"] == sum(b.num_records for b in blocks) == 1000
                assert ours["data_bytes"] == sum(len(b.bytes_.getvalue()) for b in blocks)
                assert ours["codec"] == reader.metadata["avro.codec"] == "zstandard"
                assert ours["file_bytes"] == os.path.getsize(sys.argv[1])
                assert ours["plan"] == {"first": 3} and ours["metadata"] == {"who": "somebody"}
                assert ours["sync"] == open(sys.argv[1], "rb").read()[-16:].hex()
                assert bytes.fromhex(ours["fingerprint"])[::-1].hex() == fingerprint or ours["fingerprint"] == fingerprint, fingerprint
                assert ours["schema"]["fields"][0] == {"name": "text", "type": "string"}
                print("agreed")
                """,
                file.path,
                report.path
            )
            #expect(compared.output == "agreed\n", "\(compared.errors)")
            let page = try await CourantBinary.run("inspect", file.path)
            #expect(page.lines[1] == "record        strange.place.Odd")
            #expect(page.lines[2] == "codec         zstandard")
            #expect(page.lines[3] == "records       1,000")
            #expect(page.output.contains("courant.plan  {\"first\": 3}\n"))
        }
    }

    @Test("one block of more than 64 MiB, as polars writes a frame, is read", arguments: ["uncompressed", "deflate"])
    func largeBlock(compression: String) async throws {
        try await TemporaryFolder.with { folder in
            let file = folder.appending(path: "large.avro")
            let written = try await CourantBinary.python(
                """
                import polars, sys
                frame = polars.DataFrame({"n": range(1100), "s": [("%09d" % i) * 7000 for i in range(1100)]})
                frame.write_avro(sys.argv[1], compression=sys.argv[2], name="R")
                """,
                file.path,
                compression
            )
            try #require(written.status == 0, "\(written.errors)")
            let inspected = try await CourantBinary.run("inspect", file.path)
            #expect(inspected.status == 0, "\(inspected.errors)")
            #expect(inspected.lines.contains { $0.wholeMatch(of: /blocks +1/) != nil })
            let first = try await CourantBinary.run("cat", file.path, "--limit", "1")
            #expect(first.output.hasPrefix(#"{"n":0,"s":"000000000"#), "\(first.errors)")
        }
    }

    @Test("what cat reads and what not stands in its help, and a codec that it does not read is named")
    func codecs() async throws {
        let help = try await CourantBinary.run("cat", "--help").output.replacing(/\s+/, with: " ")
        for word in ["null, deflate, snappy or zstandard", "bzip2 and xz are not read", "512 MiB"] {
            #expect(help.contains(word), "\(word)")
        }
        try await TemporaryFolder.with { folder in
            let file = try await write(folder, codec: "bzip2")
            let outcome = try await CourantBinary.run("cat", file.path)
            #expect(outcome.status == 65)
            #expect(outcome.errors.contains("the codec 'bzip2' is not known"))
        }
    }

    @Test("a cut file prints what is whole, then ends with 65 and the place")
    func cut() async throws {
        try await TemporaryFolder.with { folder in
            let file = try await write(folder)
            let whole = try Data(contentsOf: file)
            try whole.prefix(whole.count * 2 / 3).write(to: file)
            let outcome = try await CourantBinary.run("cat", file.path)
            #expect(outcome.status == 65)
            #expect((100..<1000).contains(outcome.lines.count))
            #expect(outcome.errors.contains("odd.avro"))
            #expect(outcome.errors.contains("at byte"))
            let inspected = try await CourantBinary.run("inspect", file.path)
            #expect(inspected.status == 65)
        }
    }

    @Test("a file that is not there ends with 66, one that is no Avro with 65")
    func wrongFiles() async throws {
        let missing = try await CourantBinary.run("cat", "/nowhere/at/all.avro")
        #expect(missing.status == 66)
        #expect(missing.errors == "courant: There is no file `/nowhere/at/all.avro`.\n")
        let folder = try await CourantBinary.run("inspect", "/tmp")
        #expect(folder.status == 66)
        let text = try await CourantBinary.run(["cat", "-"], input: "plain text\n")
        #expect(text.status == 65)
        #expect(text.errors.contains("not an Avro object container file"))
    }
}

import Foundation
import ProgramTesting
import Testing

@Suite("courant sample")
struct SampleCommandTests {
    @Test("the same seed and start give the same events, another seed others")
    func seeds() async throws {
        let one = try await CourantBinary.run("sample", "--events", "50", "--seed", "7", "--start", "1700000000")
        let two = try await CourantBinary.run(
            "sample",
            "--events",
            "50",
            "--seed",
            "7",
            "--start",
            "2023-11-14T22:13:20Z"
        )
        let other = try await CourantBinary.run("sample", "--events", "50", "--seed", "8", "--start", "1700000000")
        #expect(one.status == 0)
        #expect(one.lines.count == 50)
        #expect(one.output == two.output)
        #expect(one.output != other.output)
    }

    /// A change of these bytes is a change that users see: say so in the change log.
    @Test("the first event of seed 1 is what it always was")
    func golden() async throws {
        let outcome = try await CourantBinary.run("sample", "--seed", "1", "--events", "1", "--start", "1700000000")
        #expect(outcome.output == Self.firstEvent)
    }

    private static let firstEvent = #"""
        {"event_type":"users.messages.email.Send","id":"b19892fd-50ff-4222-bd7d-e8f23cff78de","user_id":"b71e9b1ea7297404638ebe3a","dispatch_id":"19a3c59084763a13fd0d1f90df4a692f","external_user_id":"cust-0000105222","time":1700000000,"timezone":"Europe/London","campaign_id":"d82bde49-b809-4b88-b271-64879c25101b","campaign_name":"Reward Winter Welcome 87","message_variation_id":"d9196224-d5f0-4198-a180-bcfc3150676b","email_address":"chiara.4675a4@example.com","ip_pool":"marketing-us"}

        """#

    @Test("2,000 events are of all 32 message-engagement types, and every one passes a strict check")
    func types() async throws {
        let outcome = try await CourantBinary.run("sample", "--seed", "1", "--events", "2000", "--start", "1700000000")
        var types: Set<String> = []
        for line in outcome.lines {
            let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            types.insert(try #require(event["event_type"] as? String))
        }
        #expect(types.count == 32)
        let verdicts = try await CourantBinary.run(["validate", "-", "--strict"], input: outcome.output)
        #expect(verdicts.status == 0, "\(verdicts.errors)")
        #expect(verdicts.lines.count == 2000)
    }

    @Test(
        "--each writes one file of each type, which fastavro reads as the JSON files say",
        arguments: ["2021", "v10"]
    )
    func each(edition: String) async throws {
        try await TemporaryFolder.with { folder in
            for format in ["avro", "json"] {
                let outcome = try await CourantBinary.run(
                    "sample",
                    "--each",
                    folder.path,
                    "--format",
                    format,
                    "--edition",
                    edition
                )
                #expect(outcome.status == 0)
            }
            let compared = try await CourantBinary.python(
                """
                import fastavro, glob, json, math, sys
                files = sorted(glob.glob(sys.argv[1] + "/*.avro"))
                for file in files:
                    (record,) = fastavro.reader(open(file, "rb"))
                    event = json.load(open(file[:-5] + ".json"))
                    kind = event.pop("event_type")
                    assert file.endswith("/" + kind + ".avro"), (file, kind)
                    for name, value in record.items():
                        if isinstance(value, float): assert math.isclose(value, event[name], rel_tol=1e-6), (kind, name)
                        else: assert event.get(name) == value, (kind, name, value)
                    assert set(event) <= set(record)
                print(len(files))
                """,
                folder.path
            )
            #expect(compared.output == (edition == "2021" ? "42\n" : "94\n"), "\(compared.errors)")
        }
    }

    @Test(
        "--each without a folder writes into `samples`, wherever it stands in the call",
        arguments: [["--each"], ["--each", "--format", "avro"], ["--format", "avro", "--each"]]
    )
    func eachWithoutFolder(options: [String]) async throws {
        try await TemporaryFolder.with { folder in
            let outcome = try await CourantBinary.run(["sample"] + options, folder: folder)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.output == "Wrote 42 files to samples.\n")
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "samples").path)
            let ending = options.count > 1 ? ".avro" : ".json"
            #expect(files.count == 42 && files.allSatisfy { $0.hasSuffix(ending) })
        }
    }

    @Test("the form of files goes with --each: alone it is a wrong call")
    func formatWithoutEach() async throws {
        let outcome = try await CourantBinary.run("sample", "--format", "avro")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("goes with --each"))
        #expect(outcome.output.isEmpty)
    }

    @Test("a start that is no time ends with 64")
    func wrongStart() async throws {
        let outcome = try await CourantBinary.run("sample", "--start", "yesterday")
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("`yesterday` is no time"))
    }
}

import Foundation
import Testing

@Suite("courant demo", .serialized)
struct DemoCommandTests {
    @Test("500 events go in and come out, and the temporary folder goes away")
    func temporary() async throws {
        let outcome = try await CourantBinary.run("demo", "--events", "500")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.output.contains("├── event_type=users.messages.email.Send/date="))
        #expect(outcome.output.contains("The first record of users.messages."))
        #expect(outcome.output.contains("\n  \"user_id\": \""))
        #expect(outcome.output.contains("500 events of "))
        #expect(outcome.output.contains("What to try next:"))
        #expect(ServerCommandTests.cells(outcome, "default") == ["default", "500", "500", "0", "0", "0"])
        #expect(ServerCommandTests.cells(outcome, "local") == ["local", "500", "500", "0", "0", "0"])
        #expect(outcome.errors.contains("Posting: 100 %, 500 events"))
        #expect(outcome.errors.hasSuffix("Each of the 500 events stands exactly once in the files.\n"))
        let folder = try #require(outcome.output.split(separator: "\n").first).description
        #expect(folder.hasSuffix("/files"))
        #expect(!FileManager.default.fileExists(atPath: folder))
    }

    @Test("a given folder is kept, takes a second demonstration, and others read what lies in it")
    func given() async throws {
        try await TemporaryFolder.with { folder in
            let data = folder.appending(path: "data")
            for _ in 0..<2 {
                let outcome = try await CourantBinary.run("demo", "--events", "3000", "--data", data.path)
                #expect(outcome.status == 0, "\(outcome.errors)")
            }
            let counted = try await CourantBinary.python(
                """
                import fastavro, glob, sys
                ids, types = [], set()
                for file in glob.glob(sys.argv[1] + "/**/*.avro", recursive=True):
                    reader = fastavro.reader(open(file, "rb"))
                    types.add(reader.writer_schema["name"])
                    ids += [record["id"] for record in reader]
                print(len(ids), len(set(ids)), len(types))
                """,
                data.appending(path: "files").path
            )
            #expect(counted.output == "6000 6000 32\n", "\(counted.errors)")
        }
    }

    @Test("an interrupted demonstration stops its server and leaves nothing behind")
    func interrupted() async throws {
        try await TemporaryFolder.with { folder in
            let process = try CourantBinary.prepared(
                CourantBinary.executable,
                ["demo", "--events", "100000000"],
                environment: ["TMPDIR": folder.path],
                scratch: folder
            )
            try process.run()
            let left = { try FileManager.default.contentsOfDirectory(atPath: folder.path) }
            var data: String?
            for _ in 0..<500 where data == nil {
                try await Task.sleep(for: .milliseconds(20))
                let made = try left().first { $0.hasPrefix("courant-demo-") }
                data = made.flatMap { name in
                    let journal = folder.appending(path: "\(name)/data/journal").path
                    return FileManager.default.fileExists(atPath: journal) ? name : nil
                }
            }
            #expect(data != nil, "the demonstration began in the folder for temporary files")
            process.interrupt()
            for _ in 0..<1_500 where process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
            #expect(!process.isRunning)
            #expect(process.terminationStatus == 1)
            #expect(try left().sorted() == ["stderr", "stdout"])
            let errors = String(decoding: try Data(contentsOf: folder.appending(path: "stderr")), as: UTF8.self)
            #expect(errors.hasSuffix("courant: Interrupted.\n"))
        }
    }
}

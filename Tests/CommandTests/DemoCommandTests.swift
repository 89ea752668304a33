import Foundation
import ProgramTesting
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
        #expect(ServerCommandTests.cells(outcome, "local") == ["local", "running", "0", "500", "500", "0", "0", "0"])
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

    @Test("a folder with access tokens is refused in words that say why")
    func tokens() async throws {
        try await TemporaryFolder.with { folder in
            let data = folder.appending(path: "data").path
            let made = try await CourantBinary.run("token", "create", "ops", "--scope", "admin", "--data", data)
            #expect(made.status == 0, "\(made.errors)")
            let outcome = try await CourantBinary.run("demo", "--events", "10", "--data", data)
            #expect(outcome.status == 77)
            #expect(outcome.errors.contains("`\(data)` has access tokens"))
        }
    }

    @Test(
        "an interrupted demonstration stops its server and leaves nothing behind, however early it is interrupted",
        arguments: ["server.log", "data/lock", "data/journal"]
    )
    func interrupted(sign: String) async throws {
        try await TemporaryFolder.with { folder in
            let program = try await RunningProgram.start(
                CourantBinary.executable,
                ["demo", "--events", "100000000"],
                environment: CourantBinary.environment(with: ["TMPDIR": folder.path])
            )
            let left = { try FileManager.default.contentsOfDirectory(atPath: folder.path) }
            let hasBegun = {
                try left().contains { FileManager.default.fileExists(atPath: "\(folder.path)/\($0)/\(sign)") }
            }
            for _ in 0..<1_000 where try !hasBegun() { try await Task.sleep(for: .milliseconds(10)) }
            #expect(try hasBegun(), "the demonstration began in the folder for temporary files")
            program.send(SIGINT)
            #expect(try await program.end() == 1)
            #expect(try left().isEmpty)
            #expect(try Self.processes(that: folder.lastPathComponent).isEmpty)
            #expect(try program.errors().hasSuffix("courant: Interrupted.\n"))
        }
    }

    /// The processes whose command line has `text` in it.
    private static func processes(that text: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }.compactMap { process in
            // One that ends meanwhile has no command line any more.
            guard let line = try? Data(contentsOf: URL(filePath: "/proc/\(process)/cmdline")) else { return nil }
            let command = String(decoding: line, as: UTF8.self)
            return command.contains(text) ? command : nil
        }
    }
}

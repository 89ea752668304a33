import Foundation
import ProgramTesting
import Testing

@Suite("courant config")
struct ConfigCommandTests {
    private func check(_ yaml: String, environment: [String: String] = [:]) async throws -> ProgramOutcome {
        try await TemporaryFolder.with { folder in
            let file = folder.appending(path: "courant.yaml")
            try Data(yaml.utf8).write(to: file)
            let command = ["config", "check", "courant.yaml"]
            return try await CourantBinary.run(command, environment: environment, folder: folder)
        }
    }

    @Test("the example is good, and says so")
    func example() async throws {
        let example = try await CourantBinary.run("config", "example")
        #expect(example.status == 0)
        let checked = try await check(example.output)
        #expect(checked.status == 0, "\(checked.errors)")
        #expect(checked.lines[0] == "courant.yaml is good.")
        #expect(checked.output.contains("127.0.0.1:8080"))
        #expect(checked.output.contains("connectors  local\n"))
    }

    @Test("every problem is named with file, line, key and what was expected")
    func problems() async throws {
        let outcome = try await check(
            """
            listen: 127.0.0.1:8080
            journl: {keep: 7d}
            sources:
              default: {strict: maybe}
            """
        )
        #expect(outcome.status == 78)
        #expect(outcome.output == "")
        #expect(outcome.errors.contains("courant.yaml:2: journl: "))
        #expect(outcome.errors.contains("did you mean journal?"))
        #expect(outcome.errors.contains("courant.yaml:4: sources.default.strict: expected true or false"))
    }

    @Test("the folder of definitions is checked too: every file that cannot be taken, and whatever is not read")
    func definitions() async throws {
        try await TemporaryFolder.with { folder in
            let campaigns = folder.appending(path: "definitions/campaigns")
            try FileManager.default.createDirectory(at: campaigns, withIntermediateDirectories: true)
            try Data("tracking: {definitions: definitions}\n".utf8).write(to: folder.appending(path: "courant.yaml"))
            let command = ["config", "check", "courant.yaml"]
            try Data("name: Spring\n".utf8).write(to: campaigns.appending(path: "spring.yaml"))
            try Data("{}".utf8).write(to: campaigns.appending(path: "z.json"))
            let good = try await CourantBinary.run(command, environment: [:], folder: folder)
            #expect(good.status == 0, "\(good.errors)")
            #expect(
                good.output.contains("definitions  1 campaign, 0 canvases, 0 subscription groups\n"),
                "\(good.output)"
            )
            #expect(good.output.contains("campaigns/z.json: it is no .yaml file\n"), "\(good.output)")
            try Data("nam: Autumn\n".utf8).write(to: campaigns.appending(path: "autumn.yaml"))
            try Data("name: B\nsend_id: +5\n".utf8).write(to: campaigns.appending(path: "b.yaml"))
            let bad = try await CourantBinary.run(command, environment: [:], folder: folder)
            #expect(bad.status == 78 && bad.output == "")
            #expect(
                bad.errors.contains("campaigns/autumn.yaml:1: nam is not a member of a campaign; did you mean name?")
            )
            #expect(bad.errors.contains("campaigns/b.yaml:2: send_id is a number to YAML in a form"), "\(bad.errors)")
        }
    }

    @Test("a secret comes from the environment, and its absence is named without a value")
    func environment() async throws {
        let yaml = "publicURL: ${PUBLIC_URL}\n"
        let missing = try await check(yaml)
        #expect(missing.status == 78)
        #expect(missing.errors.contains("PUBLIC_URL"))
        let there = try await check(yaml, environment: ["PUBLIC_URL": "https://events.example.com"])
        #expect(there.status == 0, "\(there.errors)")
    }

    @Test("a file that is no UTF-8 is refused with its line, not read with other letters")
    func notUTF8() async throws {
        try await TemporaryFolder.with { folder in
            let bytes = Data("log: {level: info}\ndata: ./caf".utf8) + [0xE9, 0x0A]
            try bytes.write(to: folder.appending(path: "courant.yaml"))
            let command = ["config", "check", "courant.yaml"]
            let outcome = try await CourantBinary.run(command, environment: [:], folder: folder)
            #expect(outcome.status == 78 && outcome.output == "")
            #expect(outcome.errors == "courant: courant.yaml:2: is not UTF-8\n")
        }
    }

    @Test("a file that is not there ends with 78")
    func missing() async throws {
        let outcome = try await CourantBinary.run("config", "check", "/nowhere/courant.yaml")
        #expect(outcome.status == 78)
        #expect(outcome.errors == "courant: There is no configuration file `/nowhere/courant.yaml` that can be read.\n")
        let serve = try await CourantBinary.run("serve", "--config", "/nowhere/courant.yaml")
        #expect(serve.status == 78)
    }
}

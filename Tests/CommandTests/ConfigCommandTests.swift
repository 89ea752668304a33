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

    @Test("a secret comes from the environment, and its absence is named without a value")
    func environment() async throws {
        let yaml = "publicURL: ${PUBLIC_URL}\n"
        let missing = try await check(yaml)
        #expect(missing.status == 78)
        #expect(missing.errors.contains("PUBLIC_URL"))
        let there = try await check(yaml, environment: ["PUBLIC_URL": "https://events.example.com"])
        #expect(there.status == 0, "\(there.errors)")
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

import Foundation
import ProgramTesting
import Testing

@Suite("Help")
struct HelpTests {
    /// A command as `--experimental-dump-help` describes it.
    private struct Command: Decodable {
        let commandName: String
        let superCommands: [String]?
        let abstract: String?
        let discussion: String?
        let subcommands: [Command]?
        let arguments: [Argument]?

        struct Argument: Decodable {
            let valueName: String?
            let abstract: String?
            let shouldDisplay: Bool
        }

        var path: [String] { (superCommands ?? []) + [commandName] }

        /// This command and all below it, but for the parser's own `help`.
        var all: [Command] {
            [self] + (subcommands ?? []).filter { $0.commandName != "help" }.flatMap(\.all)
        }
    }

    private struct Dump: Decodable {
        let command: Command
    }

    private func commands() async throws -> [Command] {
        let outcome = try await CourantBinary.run("--experimental-dump-help")
        return try JSONDecoder().decode(Dump.self, from: Data(outcome.output.utf8)).command.all
    }

    @Test("every command says what it does and shows an example of itself")
    func examples() async throws {
        let commands = try await commands()
        #expect(commands.count >= 30)
        for command in commands.dropFirst() {
            let name = command.path.joined(separator: " ")
            #expect(command.abstract?.hasSuffix(".") == true, "\(name)")
            #expect(command.discussion?.contains("Example") == true, "\(name)")
            #expect(command.discussion?.contains("\n  \(name)") == true, "\(name) shows no call of itself")
        }
    }

    @Test("every argument and option has a description")
    func arguments() async throws {
        for command in try await commands() {
            for argument in command.arguments ?? [] where argument.shouldDisplay {
                let place = "\(command.path.joined(separator: " ")): \(argument.valueName ?? "?")"
                #expect(argument.abstract?.isEmpty == false, "\(place)")
            }
        }
    }

    @Test("the commands of the overview are all there")
    func overview() async throws {
        let names = try await commands().map { $0.path.dropFirst().joined(separator: " ") }
        for name in [
            "serve", "demo", "sample", "send", "validate", "cat", "inspect", "tail", "status", "glossary list",
            "glossary search", "glossary show", "glossary schema", "glossary document", "token create", "token list",
            "token revoke", "connector list", "connector status", "connector flush", "connector pause",
            "connector resume", "config check", "config example", "config reload", "journal check", "journal dump",
            "definitions list", "definitions show", "definitions put", "definitions delete", "webhooks sample",
        ] {
            #expect(names.contains(name))
        }
    }

    @Test("the exit codes stand in the help")
    func exitCodes() async throws {
        let help = try await CourantBinary.run("--help")
        #expect(help.status == 0)
        for code in ["0 ", "1 ", "64", "65", "66", "69", "70", "77", "78"] {
            #expect(help.output.contains("\n  \(code)  "), "exit code \(code)")
        }
    }

    @Test(
        "a wrong call ends with 64 and a usage line",
        arguments: [["--bogus"], ["cat"], ["glossary", "show"], ["nonsense"]]
    )
    func usage(arguments: [String]) async throws {
        let outcome = try await CourantBinary.run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.errors.contains("Usage: courant"))
        #expect(outcome.output.isEmpty)
    }

    @Test(
        "what talks to a server ends with 69 when none answers",
        arguments: [
            ["status"], ["connector", "list"], ["connector", "flush", "local"], ["token", "list"], ["tail"],
        ]
    )
    func unreachable(arguments: [String]) async throws {
        let outcome = try await CourantBinary.run(arguments + ["--url", "http://127.0.0.1:9"])
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("No server answers at http://127.0.0.1:9"))
        #expect(outcome.errors.contains("courant serve"))
    }
}

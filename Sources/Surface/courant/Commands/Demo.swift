import ArgumentParser
import Avro
import Foundation
import Glossary
import Platform
import Samples

/// `courant demo`: the whole path once, before the eyes of whoever calls it.
struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Start a server, post made-up events, and show the files that come out.",
        discussion: """
            Everything goes over HTTP, as from any sender. The events are
            message-engagement events: of all 32 types from some 1,000 events up, of
            fewer below. A folder named by --data is kept, a temporary one is removed
            unless --keep is given.

            Example:
              courant demo --events 100000 --keep

            Exits with 1 if what the files hold is not exactly what was posted.
            """
    )

    @Option(name: .long, help: ArgumentHelp("How many events.", valueName: "events"))
    var events: Int = 100_000

    @Option(name: .long, help: ArgumentHelp("Data folder to use and keep.", valueName: "folder"))
    var data: String?

    @Flag(name: .long, help: "Keep the temporary folder.")
    var keep = false

    func validate() throws {
        guard (1...1_000_000_000).contains(events) else { throw ValidationError("--events is a number from 1 up.") }
    }

    func run() async throws {
        let scratch = FileManager.default.temporaryDirectory
            .appending(path: "courant-demo-\(UUIDText.v4(SystemRandom()).prefix(8))").path
        try FileManager.default.createDirectory(atPath: scratch, withIntermediateDirectories: true)
        let folder = data ?? "\(scratch)/data"
        let keepsFolder = data != nil || keep
        let run = DemoRun(events: events, data: folder, keepsFolder: keepsFolder, log: "\(scratch)/server.log")
        do {
            try await Interruption.watched { try await run.run() }
        } catch is Interruption {
            if !keep || data != nil { try? FileManager.default.removeItem(atPath: scratch) }
            throw CommandFailure(.rejected, "Interrupted.")
        } catch {
            StandardError.line("What the server wrote stays in \(scratch).")
            throw error
        }
        if !keep || data != nil { try? FileManager.default.removeItem(atPath: scratch) }
    }
}

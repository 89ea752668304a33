import ArgumentParser
import Glossary

/// `courant glossary document`: the whole glossary as a page.
struct GlossaryDocumentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "document",
        abstract: "Print the whole glossary, every edition, as Markdown.",
        discussion: """
            Example:
              courant glossary document > docs/glossary.md
            """
    )

    func run() throws {
        var output = StandardOutput()
        try output.write(GlossaryDocument.markdown(.standard))
        try output.flush()
    }
}

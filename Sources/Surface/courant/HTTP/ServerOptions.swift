import ArgumentParser
import Foundation

/// Which server a command talks to, and with which token.
struct ServerOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Address of the server (default: $COURANT_URL, then http://127.0.0.1:8080).",
            valueName: "url"
        )
    )
    var url: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Token with the scope that is needed (default: $COURANT_TOKEN).", valueName: "token")
    )
    var token: String?

    static let fallback = "http://127.0.0.1:8080"

    func client() throws -> ServerClient {
        try Self.client(url: url, token: token)
    }

    static func client(url: String?, token: String?) throws -> ServerClient {
        let environment = ProcessInfo.processInfo.environment
        return try ServerClient(
            address: url ?? environment["COURANT_URL"] ?? fallback,
            token: token ?? environment["COURANT_TOKEN"]
        )
    }
}

import ArgumentParser
import Avro

/// `courant status`: the whole server on one page.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show a running server: readiness, sources, and connectors with state and balance.",
        discussion: """
            Example:
              courant status --url http://127.0.0.1:8080

            Exits with 1 if the server is not ready, takes no events for want of disk, or a balance does not hold.
            """
    )

    @OptionGroup var server: ServerOptions

    @Flag(name: .long, help: "Write JSON.")
    var json = false

    func run() async throws {
        let client = try server.client()
        let ready = try await client.exchange(.get("/readyz"))
        let report = try await ServerReport.fetch(client, "/v1/status")
        let holds = report.sources.allSatisfy(\.balances) && report.connectors.allSatisfy(\.balance.balances)
        var output = StandardOutput()
        if json {
            try output.line(report.json.pretty)
        } else {
            try output.line("\(client.address) \(ready.status == 200 ? "is ready" : "is not ready: \(ready.reason)")")
            if let started = report.started {
                let begin = "sources count from then on, connectors from their first start"
                try output.line("running since \(started): \(begin)")
            }
            try output.line("")
            for line in BalanceTables.lines(report) + report.retiredLines { try output.line(line) }
        }
        try output.flush()
        guard ready.status == 200 else { throw CommandFailure(.rejected, "The server is not ready: \(ready.reason)") }
        guard report.hasRoom else {
            throw CommandFailure(.rejected, "The disk budget is spent: events are answered 503 until there is room.")
        }
        guard holds else { throw CommandFailure(.rejected, "A balance does not hold; please report this.") }
    }
}

/// Both balances as tables.
enum BalanceTables {
    static func lines(_ report: ServerReport) -> [String] { sources(report) + [""] + connectors(report) }

    private static func sources(_ report: ServerReport) -> [String] {
        var table = Table(rightAligned: [1, 2, 3, 4, 5])
        table.row("SOURCE", "RECEIVED", "ACCEPTED", "DUPLICATES", "REJECTED", "SET ASIDE")
        for source in report.sources {
            let figures = [source.received, source.accepted, source.duplicates, source.rejected, source.setAside]
            table.row(cells: [source.name] + figures.map { Figures.count($0) })
        }
        return table.lines
    }

    /// A line for each connector, and one more for each that cannot deliver.
    static func connectors(_ report: ServerReport) -> [String] {
        var table = Table(rightAligned: [2, 3, 4, 5, 6, 7])
        table.row("CONNECTOR", "STATE", "LAG", "CARRIED", "LANDED", "PENDING", "SET ASIDE", "LOST")
        for connector in report.connectors {
            table.row(cells: [connector.name, connector.state, connector.lagText] + connector.balance.cells)
        }
        return table.lines + report.connectors.compactMap(\.trouble)
    }
}

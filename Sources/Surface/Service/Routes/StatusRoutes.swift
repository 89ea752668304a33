import Delivery
import HTTPTypes
import Hummingbird
import Intake
import Journal
import Platform

/// The service on one page.
struct StatusRoutes: Sendable {
    let rooms: ServiceRooms
    let board: PhaseBoard
    let proxies: TrustedProxies
    let started: Timestamp

    var routes: [Route] {
        [
            Route(.get, "/v1/status", scope: .read, on: .admin) { request, context in
                try Query(request).done()
                return try await .json(encoding: page(request, context))
            }
        ]
    }

    private struct Page: Encodable {
        let phase: String
        let started: String
        /// How the service is reached from outside.
        let url: String
        let journal: JournalPage
        let disk: DiskPage
        let report: ServiceReport

        enum CodingKeys: CodingKey {
            case phase, started, url, journal, disk, sources, connectors, retired
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(phase, forKey: .phase)
            try container.encode(started, forKey: .started)
            try container.encode(url, forKey: .url)
            try container.encode(journal, forKey: .journal)
            try container.encode(disk, forKey: .disk)
            try container.encode(report.sources, forKey: .sources)
            try container.encode(report.connectors, forKey: .connectors)
            try container.encode(report.retired, forKey: .retired)
        }
    }

    private struct JournalPage: Encodable {
        let id: String
        let bytes: Int64
        let partitions: [PartitionPage]
    }

    private struct PartitionPage: Encodable {
        let partition: Int
        let oldest: Int64
        let end: Int64
    }

    private struct DiskPage: Encodable {
        let hasRoom: Bool
        let budgetBytes: Int64?
        let stagingBytes: Int64?
        let stateBytes: Int64?
        let freeBytes: Int64?
    }

    private func page(_ request: Request, _ context: CourantContext) async throws -> Page {
        let journal = rooms.journal
        let measured = rooms.disk.measurement
        return Page(
            phase: "\(board.phase)",
            started: ISOTime.text(started),
            url: rooms.configuration.publicURL ?? url(request, context),
            journal: JournalPage(
                id: "\(journal.id)",
                bytes: journal.bytesOnDisk,
                partitions: (0..<journal.partitions).map { index in
                    let partition = PartitionID(index)
                    return PartitionPage(
                        partition: index,
                        oldest: journal.oldest(of: partition).rawValue,
                        end: journal.end(of: partition).rawValue
                    )
                }
            ),
            disk: DiskPage(
                hasRoom: rooms.disk.admits(journal: journal.bytesOnDisk),
                budgetBytes: rooms.disk.budget,
                stagingBytes: measured?.staging,
                stateBytes: measured?.state,
                freeBytes: measured?.free
            ),
            report: ServiceReport(
                intake: rooms.intake,
                delivery: rooms.delivery,
                retired: try await rooms.delivery.retired()
            )
        )
    }

    private func url(_ request: Request, _ context: CourantContext) -> String {
        let scheme = proxies.scheme(request, context) ?? (rooms.configuration.tls == nil ? "http" : "https")
        return "\(scheme)://\(request.head.authority ?? rooms.configuration.listen.description)"
    }
}

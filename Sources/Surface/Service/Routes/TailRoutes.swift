import Avro
import Glossary
import HTTPTypes
import Hummingbird
import Intake
import Journal
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// What is accepted, as it is accepted: records are read back from the journal, so that following costs intake nothing
/// and shows only what is durable.
///
/// A slow follower falls behind; it never holds anybody up.
struct TailRoutes: Sendable {
    /// Each follower reads the journal for itself.
    static let followersMax = 32

    private let followers = FollowerCount()
    private let journal: any Journal
    private let glossary: Glossary
    private let types: [UInt64: TailedType]

    /// A type of record and how its data are read.
    struct TailedType: Sendable {
        let name: String
        let edition: String
        let resolution: Resolution
    }

    init(journal: any Journal, glossary: Glossary, schemas: [JournalSchema]) throws(AvroError) {
        self.journal = journal
        self.glossary = glossary
        var types: [UInt64: TailedType] = [:]
        for schema in schemas {
            let resolution = try Resolution(writer: try Schema(json: schema.json))
            types[schema.fingerprint] = TailedType(name: schema.name, edition: schema.edition, resolution: resolution)
        }
        self.types = types
    }

    var routes: [Route] {
        [Route(.get, "/v1/tail", scope: .read, on: .admin) { request, context in try tail(request, context) }]
    }

    private func tail(_ request: Request, _ context: CourantContext) throws(RouteError) -> Response {
        var query = Query(request)
        let events = query.list("events")
        try query.done()
        let wanted = types.filter { isWanted($0.value, events) }
        guard !wanted.isEmpty else {
            throw .bad("parameter_invalid", "events names no event type; GET /v1/glossary lists them.")
        }
        guard let following = followers.enter(most: Self.followersMax) else {
            let message = "\(Self.followersMax) follow already, which is the most; try again when one has gone."
            throw RouteError(.serviceUnavailable, "tail_busy", message, retryAfter: 5)
        }
        let follower = TailFollower(journal: journal, wanted: wanted)
        let (logger, channel) = (context.logger, context.channel)
        var headers = HTTPFields()
        headers[.contentType] = "application/x-ndjson"
        headers[.cacheControl] = "no-store"
        let body = ResponseBody { writer in
            defer { following.end() }
            // The answer begins at once, so that whoever follows knows that it is heard.
            try await writer.write(ByteBuffer(string: "\n"))
            // One task at a time writes: the follower's, then, once it has returned, this one.
            nonisolated(unsafe) var lines = writer
            // Ends with the client's connection, which nothing else would notice while nothing is written.
            do {
                try await request.body.consumeWithCancellationOnInboundClose { _ in
                    try await follower.run { bytes in
                        try await unsafe lines.write(inPieces: ByteBuffer(bytes: bytes), on: channel)
                    }
                }
            } catch let error where !(error is CancellationError) {
                logger.info("Following the journal ended early.", metadata: ["tail.error": "\(error)"])
            } catch {
                // The client has gone.
            }
            try await unsafe lines.finish(nil)
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    /// System types are shown only when they are named in full.
    private func isWanted(_ type: TailedType, _ events: [String]) -> Bool {
        guard let edition = glossary.edition(type.edition) else { return events.contains(type.name) }
        let names = events.filter { $0 != DeadLetter.typeName }
        guard !names.isEmpty || events.isEmpty else { return false }
        return edition.type(named: type.name).map { Filter(events: names).matches($0) } ?? false
    }
}

/// How many follow the journal.
final class FollowerCount: Sendable {
    /// One follower's place among them, until it ends or its answer is given up.
    final class Following: Sendable {
        private let count: FollowerCount
        private let isOver = Atomic(false)

        fileprivate init(_ count: FollowerCount) {
            self.count = count
        }

        deinit { end() }

        func end() {
            if !isOver.exchange(true, ordering: .relaxed) { count.following.subtract(1, ordering: .relaxed) }
        }
    }

    private let following = Atomic(0)

    /// Nil where as many follow as may.
    func enter(most: Int) -> Following? {
        guard following.add(1, ordering: .relaxed).newValue <= most else {
            following.subtract(1, ordering: .relaxed)
            return nil
        }
        return Following(self)
    }
}

/// Follows all partitions of the journal from their ends.
struct TailFollower: Sendable {
    /// What is read of the journal at once.
    private static let readAheadBytes = 1 << 20

    let journal: any Journal
    let wanted: [UInt64: TailRoutes.TailedType]

    /// Hands over lines until the task is cancelled, the service stops, or `write` throws.
    func run(_ write: ([UInt8]) async throws -> Void) async throws {
        let partitions = (0..<journal.partitions).map { PartitionID($0) }
        var positions = partitions.map { journal.end(of: $0) }
        let readers = zip(partitions, positions).map { journal.makeReader($0, from: $1) }
        let wanted = wanted
        while !Task.isCancelled, !Task.isShuttingDownGracefully {
            var isAtEnd = true
            for (index, reader) in readers.enumerated() {
                let read = try await reader.next(
                    wanting: { counts in counts.contains { wanted[$0.fingerprint] != nil } },
                    bytesMax: Self.readAheadBytes
                )
                switch read {
                case .end: continue
                case .lost(let loss): positions[index] = loss.to
                case .frame(let frame):
                    positions[index] = frame.nextOffset
                    try await follow(frame, write)
                }
                isAtEnd = false
            }
            if isAtEnd { await waitForMore(Array(zip(partitions, positions))) }
        }
    }

    /// Returns when any partition has grown, or the service stops.
    private func waitForMore(_ places: [(PartitionID, Offset)]) async {
        let journal = journal
        await withTaskGroup(of: Void.self) { group in
            for (partition, position) in places {
                group.addTask { try? await journal.waitForEnd(past: position, of: partition) }
            }
            group.addTask { try? await gracefulShutdown() }
            await group.next()
            group.cancelAll()
        }
    }

    /// Writes the records that are wanted, each as one line: its type, then its fields that are not null.
    ///
    /// As many at once as make a piece, and the record that goes beyond it.
    private func follow(_ frame: JournalFrame, _ write: ([UInt8]) async throws -> Void) async throws {
        var lines: [UInt8] = []
        for record in frame.records {
            guard let type = wanted[record.fingerprint] else { continue }
            let datum = try type.resolution.decode(frame.payload.span.extracting(record.datum))
            guard case .record(let entries) = datum else { continue }
            let filled = entries.filter { $0.value.unwrapped != .null }
            Datum.record([Datum.Entry("event_type", .string(type.name))] + filled).appendJSON(to: &lines)
            lines.append(UInt8(ascii: "\n"))
            guard lines.count >= AnswerPiece.bytes else { continue }
            try await write(lines)
            lines.removeAll(keepingCapacity: true)
        }
        if !lines.isEmpty { try await write(lines) }
    }
}

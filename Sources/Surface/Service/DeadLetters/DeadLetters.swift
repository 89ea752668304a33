import Avro
import Delivery
import Foundation
import GRDB
import Intake
import Journal
import Platform

/// Events and records that were set aside, and what may be done with them.
///
/// Intake's stand in the journal for as long as it keeps them, and go through intake again; those that a connector's
/// destination or format refused are rows of state, and go to that connector alone.
struct DeadLetters: Sendable {
    /// Where a dead letter stands; its text is its id.
    enum Place: Sendable, Hashable, CustomStringConvertible {
        case intake(PartitionID, Offset)
        case refused(connector: String, PartitionID, Offset)

        init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard
                parts.count >= 3, let partition = UInt16(parts[parts.count - 2]).map(Int.init),
                let offset = Int64(parts[parts.count - 1]), (0..<Int64.max).contains(offset)
            else { return nil }
            switch (parts[0], parts.count) {
            case ("intake", 3): self = .intake(PartitionID(partition), Offset(offset))
            case ("refused", 4):
                self = .refused(connector: String(parts[1]), PartitionID(partition), Offset(offset))
            default: return nil
            }
        }

        var description: String {
            switch self {
            case .intake(let partition, let offset): "intake:\(partition.rawValue):\(offset.rawValue)"
            case .refused(let connector, let partition, let offset):
                "refused:\(connector):\(partition.rawValue):\(offset.rawValue)"
            }
        }
    }

    struct Letter: Sendable {
        let place: Place
        /// The source, or the connector.
        let from: String
        let time: Timestamp?
        let eventType: String?
        let code: String
        let field: String?
        let message: String
        /// As it came, or the record as JSON.
        let bytes: [UInt8]

        /// The way in that it came by, which takes it in the shape that it has.
        ///
        /// Told from the bytes: an event of the Currents envelope has its fields in two objects, a flat record in none.
        var format: SourceSettings.Format {
            let event = try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self))
            let parts = [event?["user"], event?["properties"]]
            return parts.contains { if case .object? = $0 { true } else { false } } ? .currents : .events
        }
    }

    /// What is wanted of all there are.
    struct Selection: Sendable {
        var source: String?
        var connector: String?
        var code: String?
        /// Behind this one in the order of the list.
        var after: Place?
        var limit = 100
    }

    /// Letters up to the number that is wanted, or to so many bytes of events.
    ///
    /// A page is held in memory, and in an answer each byte may take six.
    struct Page: Sendable {
        static let bytesMax = 2 << 20

        let limit: Int
        private(set) var letters: [Letter] = []
        private var bytes = 0

        init(limit: Int) {
            self.limit = limit
        }

        /// Whether there may be more than it has.
        var isFull: Bool { letters.count >= limit || bytes >= Self.bytesMax }

        mutating func add(_ letter: Letter) {
            letters.append(letter)
            bytes += letter.bytes.count
        }
    }

    /// How one was tried again.
    enum Outcome: String, Encodable {
        /// Intake has taken the event, or had it already; or the record is on its way to its connector.
        case delivered
        /// It is refused for the same or another reason, and stays.
        case refused
        case unknown
    }

    private static let readAheadBytes = 1 << 20
    /// Refused records read at once.
    private static let rowsAtOnce = 16

    let journal: any Journal
    let delivery: Delivery
    let intake: Intake
    let settled: SettledLetters
    let webhooks: WebhookLetters
    /// How records of each schema are read.
    let schemas: [UInt64: (name: String, resolution: Resolution)]
    private let letterFingerprint: UInt64

    /// Those of a service's rooms.
    init(of rooms: ServiceRooms) throws(AvroError) {
        journal = rooms.journal
        delivery = rooms.delivery
        intake = rooms.intake
        settled = rooms.settledLetters
        webhooks = WebhookLetters(rooms: rooms.tracking, platform: rooms.platform)
        var known: [UInt64: (name: String, resolution: Resolution)] = [:]
        for schema in rooms.schemas {
            known[schema.fingerprint] = (schema.name, try Resolution(writer: try Schema(json: schema.json)))
        }
        schemas = known
        guard let letter = rooms.schemas.first(where: { $0.name == DeadLetter.typeName }) else {
            preconditionFailure("the journal has the schema of dead letters")
        }
        letterFingerprint = letter.fingerprint
    }

    /// Letters in order: intake's by partition and offset, then those of each connector.
    func letters(_ selection: Selection) async throws -> Page {
        let page = selection.connector == nil ? try await ofIntake(selection) : Page(limit: selection.limit)
        guard selection.source == nil, !page.isFull else { return page }
        return try await ofConnectors(selection, behind: page)
    }

    func letter(_ place: Place) async throws -> Letter? {
        switch place {
        case .intake(let partition, let offset):
            var selection = Selection(limit: 1)
            if offset > .zero { selection.after = .intake(partition, Offset(offset.rawValue - 1)) }
            let first = try await ofIntake(selection, from: partition).letters.first
            return first?.place == place ? first : nil
        case .refused(let name, let partition, let offset):
            guard let connector = delivery.connector(named: name), partition.rawValue < journal.partitions else {
                return nil
            }
            let row = try await connector.refused(in: partition, from: offset, limit: 1).first
            return try row.flatMap { $0.offset == offset ? try letter($0, of: name, partition) : nil }
        }
    }

    /// Tries one again.
    func replay(_ place: Place) async throws -> (outcome: Outcome, message: String?) {
        guard let letter = try await letter(place) else { return (.unknown, "there is no dead letter \(place)") }
        switch place {
        case .intake(let partition, let offset):
            if let reason = await intakeAgain(letter) { return (.refused, reason) }
            try await settled.add(partition, offset)
            return (.delivered, nil)
        case .refused(let name, let partition, let offset):
            guard let connector = delivery.connector(named: name) else { return (.unknown, "there is no \(name)") }
            switch try await connector.deliverRefused(at: offset, in: partition) {
            case .delivered: return (.delivered, nil)
            case .refused(let reason): return (.refused, reason)
            case .unknown: return (.unknown, "there is no dead letter \(place)")
            }
        }
    }

    /// Why intake does not take it; nil if it has.
    ///
    /// It is looked at first, so that what is refused again is not set aside once more.
    private func intakeAgain(_ letter: Letter) async -> String? {
        if letter.code == WebhookLetters.code { return await webhooks.again(letter) }
        do throws(EncodingRefusal) {
            _ = try intake.encode(letter.bytes, of: letter.from, as: letter.format)
        } catch {
            return error.message
        }
        let body = Intake.body(of: letter.bytes, as: letter.format)
        let request = IntakeRequest(source: letter.from, format: letter.format, body: Body(body))
        let answer = await intake.answer(request)
        guard answer.status != 200 else { return nil }
        let text = String(decoding: answer.body, as: UTF8.self)
        return (try? JSONValue(parsing: text))?["error"]?["message"]?.string ?? "intake answered \(answer.status)"
    }

    private func ofIntake(_ selection: Selection, from first: PartitionID? = nil) async throws -> Page {
        var (start, offset) = (first?.rawValue ?? 0, Offset.zero)
        switch selection.after {
        case .intake(let partition, let after)?: (start, offset) = (partition.rawValue, Offset(after.rawValue + 1))
        case .refused?: return Page(limit: selection.limit)
        case nil: break
        }
        var page = Page(limit: selection.limit)
        let settled = try await settled.all()
        for number in start..<max(start, first.map { $0.rawValue + 1 } ?? journal.partitions) {
            let partition = PartitionID(number)
            guard number < journal.partitions else { break }
            let from = max(journal.oldest(of: partition), number == start ? offset : .zero)
            let (reader, fingerprint, end) = (
                journal.makeReader(partition, from: from), letterFingerprint, journal.end(of: partition)
            )
            var position = from
            while position < end, !page.isFull {
                let read = try await reader.next(
                    wanting: { counts in counts.contains { $0.fingerprint == fingerprint } },
                    bytesMax: Self.readAheadBytes
                )
                switch read {
                case .end: position = end
                case .lost(let loss): position = loss.to
                case .frame(let frame):
                    position = frame.nextOffset
                    for record in frame.records where record.fingerprint == fingerprint && record.offset >= from {
                        let place = Place.intake(partition, record.offset)
                        let letter = try letter(frame.payload.span.extracting(record.datum), at: place)
                        guard !settled.contains(place), selection.takes(letter), !page.isFull else { continue }
                        page.add(letter)
                    }
                }
            }
        }
        return page
    }

    private func letter(_ datum: Span<UInt8>, at place: Place) throws -> Letter {
        guard let resolution = schemas[letterFingerprint]?.resolution else {
            preconditionFailure("the schema of dead letters is known")
        }
        let record = try resolution.decode(datum)
        func text(_ name: String) -> String? {
            guard case .string(let text)? = record[name]?.unwrapped else { return nil }
            return text
        }
        var (raw, time) = ([UInt8](), Timestamp?.none)
        if case .bytes(let bytes)? = record["raw"]?.unwrapped { raw = bytes }
        if case .long(let micros)? = record["time"]?.unwrapped { time = Timestamp(nanoseconds: micros * 1_000) }
        let event = try? JSONValue(parsing: String(decoding: raw, as: UTF8.self))
        return Letter(
            place: place,
            from: text("source") ?? "",
            time: time,
            eventType: event?["event_type"]?.string,
            code: text("code") ?? "",
            field: text("field"),
            message: text("message") ?? "",
            bytes: raw
        )
    }

    private func ofConnectors(_ selection: Selection, behind page: Page) async throws -> Page {
        var page = page
        for connector in delivery.connectors.sorted(by: { $0.settings.name < $1.settings.name }) {
            let name = connector.settings.name
            guard selection.connector ?? name == name else { continue }
            for number in 0..<journal.partitions {
                var offset = Offset.zero
                if case .refused(let last, let partition, let behind)? = selection.after {
                    if (name, number) < (last, partition.rawValue) { continue }
                    if name == last, number == partition.rawValue { offset = behind + 1 }
                }
                let partition = PartitionID(number)
                while !page.isFull {
                    let rows = try await connector.refused(in: partition, from: offset, limit: Self.rowsAtOnce)
                    for row in rows where !page.isFull {
                        let letter = try letter(row, of: name, partition)
                        if selection.takes(letter) { page.add(letter) }
                    }
                    guard let last = rows.last, rows.count == Self.rowsAtOnce else { break }
                    offset = last.offset + 1
                }
            }
        }
        return page
    }

    private func letter(_ row: RefusedRecord, of connector: String, _ partition: PartitionID) throws -> Letter {
        let datum = try schemas[row.fingerprint]?.resolution.decode(row.datum.span)
        var bytes: [UInt8] = []
        if case .record(let entries)? = datum {
            Datum.record([Datum.Entry("event_type", .string(row.type))] + entries).appendJSON(to: &bytes)
        }
        return Letter(
            place: .refused(connector: connector, partition, row.offset),
            from: connector,
            time: nil,
            eventType: row.type,
            code: "refused",
            field: nil,
            message: row.reason,
            bytes: bytes
        )
    }
}

extension DeadLetters.Selection {
    fileprivate func takes(_ letter: DeadLetters.Letter) -> Bool {
        (source == nil || source == letter.from) && (code == nil || code == letter.code)
    }
}

/// Intake's dead letters that were taken after all: they are not offered again.
struct SettledLetters: Sendable {
    private let state: StateStore

    /// Makes the table if it is missing.
    init(_ state: StateStore) async throws {
        self.state = state
        try await state.write { database in
            try database.execute(
                sql: """
                    CREATE TABLE IF NOT EXISTS settled_letters (
                      partition INTEGER NOT NULL, offset INTEGER NOT NULL, PRIMARY KEY (partition, offset)
                    ) STRICT, WITHOUT ROWID
                    """
            )
        }
    }

    func all() async throws -> Set<DeadLetters.Place> {
        try await state.read { database in
            let rows = try Row.fetchAll(database, sql: "SELECT partition, offset FROM settled_letters")
            return Set(rows.map { .intake(PartitionID($0["partition"]), Offset($0["offset"])) })
        }
    }

    func add(_ partition: PartitionID, _ offset: Offset) async throws {
        try await state.write { database in
            try database.execute(
                sql: "INSERT OR IGNORE INTO settled_letters VALUES (?, ?)",
                arguments: [partition.rawValue, offset.rawValue]
            )
        }
    }
}

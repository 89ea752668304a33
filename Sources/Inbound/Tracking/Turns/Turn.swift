import Avro
import Glossary
import Intake
import Journal
import Platform

/// An event that a report makes, before it is checked.
struct Draft: Sendable {
    let id: String
    let event: JSONValue
    /// The item of the report that it is made for.
    let index: Int
}

/// Something that happened to or with a message, from an app or a provider, which its message's context completes.
struct Happening: Sendable, Hashable {
    var type: String
    var id: String
    var time: Int64
    /// What is known of it, without its message.
    var fields: Fields
    var messageID: String?
    var providerMessageID: String?
}

/// One report being handled: what it reads and changes, and the events it makes.
///
/// First the report's own events are drafted and judged, so that what is rejected changes nothing; then the state is
/// changed, and what that sets free, events that had waited and conversions, is drafted too.
struct Turn {
    var source: TrackingSource
    let settings: TrackingSettings
    let ids: TrackingIDs
    let intake: Intake
    let metrics: TrackingMetrics
    /// Seconds since 1970.
    let now: Int64
    /// When the report first arrived: now, or earlier if it is a repeat.
    var arrived: Int64
    /// The sender's Idempotency-Key.
    var key: String
    var view: StateView
    var book: DefinitionBook
    /// What follows from the report: a rejection there cannot be told to anybody, and makes a dead letter.
    var consequences: [Draft] = []
    var repeats = 0

    func type(_ name: String) -> EventType? { source.edition.type(named: name) }

    /// Completes an event's fields and puts them into its type's shape; nil where the edition has no such type.
    func draft(_ typeName: String, id: String, time: Int64, _ fields: Fields, index: Int = 0) -> Draft? {
        guard let type = type(typeName) else { return nil }
        var fields = fields
        fields["id"] = .string(id)
        fields["time"] = .number("\(time)")
        fields.fill(from: Fields(names(in: fields, at: time)))
        if type.dispatchNeedsCampaign, fields["campaign_id"] == nil { fields["dispatch_id"] = nil }
        return Draft(id: id, event: fields.event(type), index: index)
    }

    /// The names of the event's campaign and canvas as they were at its time.
    private func names(in fields: Fields, at time: Int64) -> [JSONValue.Member] {
        guard fields["campaign_id"] != nil || fields["canvas_id"] != nil else { return [] }
        return book.names(
            campaign: fields.string("campaign_id"),
            variation: fields.string("message_variation_id"),
            canvas: fields.string("canvas_id"),
            canvasVariation: fields.string("canvas_variation_id"),
            step: fields.string("canvas_step_id"),
            at: time
        )
    }

    // MARK: - What has been before

    /// Whether an event was made before; it counts as made from now on.
    mutating func isRepeat(_ id: String) throws(TrackingError) -> Bool {
        let head = ids.head("event", id)
        if try seen(head) != nil {
            repeats += 1
            return true
        }
        view.put(.seen, day: StateDay(seconds: now), head, "", "\(now)")
        return false
    }

    /// What was noted with something seen, if it was seen within the time that repeats are recognised.
    func seen(_ head: RowHead) throws(TrackingError) -> String? {
        let oldest = StateDay(seconds: now - settings.seen.components.seconds)
        for day in view.days(of: .seen) where day >= oldest {
            if let value = try view.value(.seen, day: day, head) { return value }
        }
        return nil
    }

    // MARK: - Judging

    /// Checks and encodes drafts; answers also which of their items were rejected.
    func made(_ drafts: [Draft]) throws(TrackingError) -> MadeEvents? {
        guard !drafts.isEmpty else { return nil }
        do throws(EncodingRefusal) {
            return try intake.make(Self.bytes(of: drafts[...]), for: source.name, keepsRejected: false)
        } catch {
            throw TrackingError(error.isOurs ? .journal : .report, error.message)
        }
    }

    /// Checks and encodes what follows from the report, which is taken out of the turn.
    mutating func takeConsequences() throws(TrackingError) -> [MadeEvents] {
        defer { consequences = [] }
        return try settled(consequences[...])
    }

    /// What cannot be an event becomes a dead letter, since nobody is there to be told.
    ///
    /// Drafts that cannot be encoded together are judged in halves, so that one does not take the others with it.
    private func settled(_ drafts: ArraySlice<Draft>) throws(TrackingError) -> [MadeEvents] {
        guard let first = drafts.first else { return [] }
        do throws(EncodingRefusal) {
            return [try intake.make(Self.bytes(of: drafts), for: source.name, keepsRejected: true)]
        } catch {
            guard !error.isOurs else { throw TrackingError(.journal, error.message) }
            guard drafts.count == 1 else {
                let middle = drafts.startIndex + drafts.count / 2
                return try settled(drafts[..<middle]) + settled(drafts[middle...])
            }
            let raw = Self.bytes(of: [first][...]).dropFirst().dropLast()
            return [intake.setAside(Array(raw), for: source.name, code: error.code, message: error.message)]
        }
    }

    /// As a JSON array.
    private static func bytes(of drafts: ArraySlice<Draft>) -> [UInt8] {
        var bytes: [UInt8] = []
        JSONValue.array(drafts.map(\.event)).append(to: &bytes)
        return bytes
    }
}

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
/// changed, and what that sets free, events that had waited and conversions, is drafted and judged one by one: of those
/// too, what is rejected sets nothing off.
struct Turn {
    var source: TrackingSource
    /// All that there are, by name.
    let sources: [String: TrackingSource]
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
    /// Where the journal ends: what is taken in later has a greater one.
    let sequence: Int64
    var view: StateView
    var book: DefinitionBook
    var memory: TurnMemory
    /// The bytes that earlier reports of the same read have changed.
    let startBytes: Int
    /// The bytes of changes and of what follows up to which further consequences are drawn in this turn.
    let roomBytes: Int
    /// What follows from the report: a rejection there cannot be told to anybody, and makes a dead letter.
    private(set) var consequences: [MadeEvents] = []
    private(set) var consequencesBytes = 0
    var repeats = 0
    /// Events that wait for their message from now on.
    var parked = 0

    func type(_ name: String) -> EventType? { source.edition.type(named: name) }

    /// Completes an event's fields and puts them into its type's shape; nil where the edition has no such type.
    func draft(_ typeName: String, id: String, time: Int64, _ fields: Fields, index: Int = 0) -> Draft? {
        guard let type = type(typeName) else { return nil }
        var fields = fields
        fields["id"] = .string(id)
        fields["time"] = .number("\(time)")
        // A definition's name outweighs what anybody else calls it.
        for name in names(in: fields, at: time) { fields[name.key] = name.value }
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

    /// Whether an event was made before, under any of its ids; it counts as made from now on, under all of them.
    mutating func isRepeat(_ names: [String]) throws(TrackingError) -> Bool {
        var isKnown = false
        for name in names {
            if try seen(ids.head("event", name)) != nil { isKnown = true } else { noteMade(name) }
        }
        if isKnown { repeats += 1 }
        return isKnown
    }

    /// From now on an event of that id counts as made.
    mutating func noteMade(_ id: String) {
        view.put(.seen, day: StateDay(seconds: now), ids.head("event", id), "", "\(now)")
    }

    /// What was noted with something seen, if it was seen within the time that repeats are recognised.
    func seen(_ head: RowHead) throws(TrackingError) -> String? {
        let oldest = StateDay(seconds: now.clampedSubtract(settings.seen.components.seconds))
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
            return try intake.make(Self.bytes(of: drafts), for: source.name, keepsRejected: false)
        } catch {
            throw TrackingError(error.isOurs ? .journal : .report, error.message)
        }
    }

    /// What follows from the report, which is taken out of the turn.
    mutating func takeConsequences() -> [MadeEvents] {
        defer { (consequences, consequencesBytes) = ([], 0) }
        return consequences
    }

    mutating func add(_ made: MadeEvents) {
        consequences.append(made)
        consequencesBytes += made.bytes
    }

    /// Whether more may be done here of what can be left for later turns.
    var hasRoom: Bool { usedBytes < roomBytes }

    /// The bytes of what has been changed here, and of what follows and has not been taken out.
    var usedBytes: Int { view.changes.bytes - startBytes + consequencesBytes }

    /// Checks and encodes what follows from the report; answers whether it is an event.
    ///
    /// What cannot be one becomes a dead letter, since nobody is there to be told.
    mutating func settle(_ draft: Draft) throws(TrackingError) -> Bool {
        do throws(EncodingRefusal) {
            let made = try intake.make(Self.bytes(of: [draft]), for: source.name, keepsRejected: true)
            add(made)
            return made.rejections.isEmpty
        } catch {
            guard !error.isOurs else { throw TrackingError(.journal, error.message) }
            setAside(draft.event, code: error.code, message: error.message)
            return false
        }
    }

    /// Why an event that is to wait could never go out, whatever its message brings; nil: it may.
    ///
    /// What its type needs and it has not got yet is made up for the test, and nothing is held against that.
    func complaint(_ happening: Happening) throws(TrackingError) -> Rejection? {
        guard let type = type(happening.type) else { return nil }
        var fields = happening.fields
        var madeUp: Set<String> = []
        let drafted = ["id", "time"]
        for field in type.fields where field.isRequired && fields[field.name] == nil && !drafted.contains(field.name) {
            madeUp.insert(field.name)
            fields[field.name] = field.type.madeUp
        }
        guard let draft = draft(happening.type, id: happening.id, time: happening.time, fields) else { return nil }
        do throws(EncodingRefusal) {
            let made = try intake.make(Self.bytes(of: [draft]), for: source.name, keepsRejected: false)
            return made.rejections.first.flatMap { $0.field.map(madeUp.contains) == true ? nil : $0 }
        } catch {
            guard !error.isOurs else { throw TrackingError(.journal, error.message) }
            // Too large for a record: it becomes a letter when it goes out.
            return nil
        }
    }

    mutating func setAside(_ event: JSONValue, code: String, message: String) {
        add(intake.setAside(Array(event.text.utf8), for: source.name, code: code, message: message))
    }

    /// As a JSON array.
    private static func bytes(of drafts: [Draft]) -> [UInt8] {
        var bytes: [UInt8] = []
        JSONValue.array(drafts.map(\.event)).append(to: &bytes)
        return bytes
    }
}

extension FieldType {
    /// Some value of the type.
    fileprivate var madeUp: JSONValue {
        switch self {
        case .string: .string("x")
        case .int, .long, .float, .double: .number("1")
        case .boolean: .boolean(false)
        case .stringArray: .array([])
        }
    }
}

import Glossary
import Journal
import Platform

/// Walks events on simdjson's tape and writes them as records.
///
/// One pass gathers each field's value, a second checks and writes them in record order. An event that is taken costs
/// no allocation; docs/performance.md names the few that do all the same.
@safe
struct EventEncoder: ~Copyable {
    /// Slot values that stand for something other than the tape's own words.
    enum Special {
        static let madeID = UInt32.max
        static let derivedUser = UInt32.max - 1
        static let objectAsText = UInt32.max - 2
        static let lowest = UInt32.max - 2
    }

    let lane: Lane
    let edition: CompiledEdition
    let source: SourceSettings
    let identities: IdentityMaker
    let partitions: Int
    var tape: Tape
    /// What stands on the tape for numbers that it cannot hold.
    var oversized = OversizedNumbers()
    /// Of the request, so that an id can be made from it.
    let idempotencyKey: String?

    private var noticed = Findings()
    /// The bytes of all strings of the event at hand.
    private var stringBytes = 0
    private var brokenRules: UInt64 = 0
    private var hasDerivedUser = false
    private var unknown = UnknownNames()
    /// Unknown event types for which a known one is still to be sought: each time costs as much as hundreds of events.
    private var hintsLeft = 5
    private var madeID: [UInt8] = []
    private var derivedUser: [UInt8] = []
    var objectText: [UInt8] = []

    init(
        lane: Lane,
        edition: CompiledEdition,
        source: SourceSettings,
        identities: IdentityMaker,
        partitions: Int,
        idempotencyKey: String?,
        tape: Tape
    ) {
        self.lane = lane
        self.edition = edition
        self.source = source
        self.identities = identities
        self.partitions = partitions
        self.idempotencyKey = idempotencyKey
        unsafe self.tape = unsafe tape
    }

    /// Encodes the event whose object stands at `object` on the tape; `index` is its place in the request.
    mutating func encode(_ object: Int, index: Int, format: SourceSettings.Format) throws(Rejection) {
        guard unsafe tape.tag(object) == Tape.Tag.object else {
            throw Rejection(Rejection.Code.notAnObject, "an event is a JSON object: {\"event_type\": …, …}")
        }
        let type = unsafe try typeOfEvent(object)
        do throws(Rejection) {
            unsafe try encode(object, as: type, index: index, format: format)
        } catch {
            // Whatever else is wrong, in whatever order: an event whose time cannot be stored is set aside.
            throw error.isSetAside ? error : unstorableTime(of: object) ?? error
        }
    }

    private mutating func encode(
        _ object: Int,
        as type: UnsafePointer<CompiledType>,
        index: Int,
        format: SourceSettings.Format
    ) throws(Rejection) {
        unsafe lane.slots.update(repeating: 0, count: type.pointee.fieldCount)
        stringBytes = 0
        brokenRules = 0
        hasDerivedUser = false
        unknown.begin()
        switch format {
        case .events: unsafe try collect(object, type)
        case .currents: unsafe try collectEnvelope(object, type)
        }
        unsafe try write(type, index: index)
    }

    private func unstorableTime(of object: Int) -> Rejection? {
        var at = object + 1
        let close = unsafe tape.close(of: object)
        while at < close {
            if unsafe tape.string(at) == "time", let rejection = unstorableTime(at: at + 1) { return rejection }
            at = unsafe tape.after(at + 1)
        }
        return nil
    }

    /// The id of the event at `object`, for a rejection; nil if none can be read.
    func id(of object: Int) -> String? {
        guard unsafe tape.tag(object) == Tape.Tag.object else { return nil }
        var at = object + 1
        let close = unsafe tape.close(of: object)
        while at < close {
            if unsafe tape.string(at) == "id", unsafe tape.tag(at + 1) == Tape.Tag.string {
                return unsafe tape.string(at + 1)
            }
            at = unsafe tape.after(at + 1)
        }
        return nil
    }

    // MARK: - First pass

    private mutating func typeOfEvent(_ object: Int) throws(Rejection) -> UnsafePointer<CompiledType> {
        var at = object + 1
        let close = unsafe tape.close(of: object)
        while at < close {
            let key = unsafe tape.text(at)
            at += 1
            if unsafe key.isEventType {
                guard unsafe tape.tag(at) == Tape.Tag.string else {
                    throw Rejection(
                        Rejection.Code.fieldWrongType,
                        field: "event_type",
                        "event_type is the event type's name, a string"
                    )
                }
                let name = unsafe tape.text(at)
                guard let start = name.baseAddress else { break }
                let found = unsafe edition.byName.find(start, name.count)
                if found >= 0 { return unsafe UnsafePointer(edition.types + Int(found)) }
                throw unsafe unknownType(tape.string(at))
            }
            at = unsafe tape.after(at)
        }
        throw Rejection(
            Rejection.Code.typeMissing,
            field: "event_type",
            """
            event_type is missing; it names the event type, such as users.messages.email.Open. \
            Several events are an array, or an object a line; the {"events": […]} envelope goes to /v1/currents
            """
        )
    }

    private mutating func unknownType(_ name: String) -> Rejection {
        var near: [String] = []
        if hintsLeft > 0, name.utf8.count <= String.quotedBytesMax {
            hintsLeft -= 1
            near = NearMiss.suggestions(for: name, among: edition.typeNames)
        }
        let hint = near.isEmpty ? "GET /v1/glossary lists them" : "did you mean \(near.joined(separator: " or "))?"
        return Rejection(
            Rejection.Code.typeUnknown,
            field: "event_type",
            "edition \(edition.name) has no event type \(name.quotedCut); \(hint)"
        )
    }

    /// Notes where each field's value stands.
    private mutating func collect(_ object: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        var at = object + 1
        let close = unsafe tape.close(of: object)
        var hasEventType = false
        while at < close {
            let key = unsafe tape.text(at)
            at += 1
            let slot = unsafe type.pointee.slot(of: key)
            if slot >= 0 && slot < CompiledType.eventTypeKey {
                unsafe try take(at, Int(slot), type)
            } else if slot == CompiledType.eventTypeKey {
                guard !hasEventType else { throw Self.doubled("event_type") }
                hasEventType = true
            } else {
                unsafe try noteUnknown(key)
            }
            at = unsafe tape.after(at)
        }
    }

    @inline(__always)
    mutating func take(_ at: Int, _ slot: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        guard unsafe lane.slots[slot] == 0 else { throw unsafe Self.doubled(type.pointee.type.fields[slot].name) }
        unsafe lane.slots[slot] = UInt32(truncatingIfNeeded: at)
        if unsafe tape.tag(at) == Tape.Tag.string {
            stringBytes += unsafe tape.text(at).count
        } else if unsafe tape.tag(at) == Tape.Tag.array {
            // Each item's text and length, and the array's own counts.
            stringBytes += arrayBytes(at)
        }
    }

    private func arrayBytes(_ array: Int) -> Int {
        var bytes = 16
        var at = array + 1
        let close = unsafe tape.close(of: array)
        while at < close {
            bytes += 11
            if unsafe tape.tag(at) == Tape.Tag.string { bytes += unsafe tape.text(at).count }
            at = unsafe tape.after(at)
        }
        return bytes
    }

    /// `earlier` is how many unknown names were noted before the object at hand, which may repeat them.
    mutating func noteUnknown(_ key: UnsafeBufferPointer<UInt8>, earlier: Int = 0) throws(Rejection) {
        if source.unknownFields == .reject {
            let name = unsafe String(decoding: key, as: UTF8.self)
            throw Rejection(
                Rejection.Code.fieldUnknown,
                field: name,
                """
                this event type has no field \(name.quotedCut); \
                a source with `unknown_fields: reject` rejects it, others leave it out
                """
            )
        }
        guard unsafe unknown.note(key, earlier: earlier) else {
            throw unsafe Self.doubled(String(decoding: key, as: UTF8.self))
        }
    }

    /// How many unknown names have been noted.
    var unknownCount: Int { unknown.count }

    mutating func setObjectText(slot: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        guard unsafe lane.slots[slot] == 0 else { throw unsafe Self.doubled(type.pointee.type.fields[slot].name) }
        unsafe lane.slots[slot] = Special.objectAsText
        stringBytes += objectText.count
    }

    static func doubled(_ name: String) -> Rejection {
        Rejection(Rejection.Code.fieldDoubled, field: name, "\(name.quotedCut) is given twice; give it once")
    }

    // MARK: - Second pass

    private mutating func write(_ type: UnsafePointer<CompiledType>, index: Int) throws(Rejection) {
        let identity = unsafe try identify(type, index: index)
        unsafe try fillUserID(type)
        let partition = PartitionID.of(identity, partitions: partitions).rawValue
        let fieldCount = unsafe type.pointee.fieldCount
        let fields = unsafe type.pointee.fields
        let slots = unsafe lane.slots
        var out = unsafe lane.writers[partition].begin(
            fingerprint: type.pointee.fingerprint,
            room: stringBytes + fieldCount * 12
        )
        for slot in 0..<fieldCount {
            let field = unsafe fields[slot]
            let at = unsafe slots[slot]
            if at == 0 || at >= Special.lowest {
                unsafe out = try writeSpecial(at, field, slot, type, out)
                continue
            }
            let tag = unsafe tape.tag(Int(at))
            if field.kind == .string && tag == Tape.Tag.string {
                if field.isNullable {
                    unsafe out.pointee = 2
                    unsafe out += 1
                }
                let text = unsafe tape.text(Int(at))
                if let rule = field.rule { unsafe try check(text, rule, slot, type) }
                unsafe out = Put.string(text, out)
            } else {
                unsafe out = try writeOther(Int(at), tag, field, slot, type, out)
            }
        }
        if unsafe type.pointee.dispatchSlot >= 0 { unsafe try checkDispatch(type) }
        unsafe lane.writers[partition].commit(out, schema: type.pointee.schema, identity: identity)
        keepFindings()
    }

    /// Everything but a string in a string's place.
    private mutating func writeOther(
        _ at: Int,
        _ tag: UInt8,
        _ field: CompiledField,
        _ slot: Int,
        _ type: UnsafePointer<CompiledType>,
        _ start: UnsafeMutablePointer<UInt8>
    ) throws(Rejection) -> UnsafeMutablePointer<UInt8> {
        if tag == Tape.Tag.null { return unsafe try writeSpecial(0, field, slot, type, start) }
        var out = unsafe start
        if field.isNullable {
            unsafe out.pointee = 2
            unsafe out += 1
        }
        switch (field.kind, tag) {
        case (.int, Tape.Tag.integer), (.long, Tape.Tag.integer):
            let value = unsafe tape.integer(at)
            if let rule = field.rule { unsafe try check(value, rule, slot, type) }
            guard field.kind == .long || Int64(Int32(truncatingIfNeeded: value)) == value else {
                throw unsafe Self.outOfRange("\(value)", type.pointee.type.fields[slot])
            }
            return unsafe Put.long(value, out)
        case (.int, Tape.Tag.unsigned), (.long, Tape.Tag.unsigned), (.int, Tape.Tag.double), (.long, Tape.Tag.double):
            return unsafe Put.long(try wholeNumber(at, tag, field, slot, type), out)
        case (.boolean, Tape.Tag.yes), (.boolean, Tape.Tag.no):
            unsafe out.pointee = tag == Tape.Tag.yes ? 1 : 0
            return unsafe out + 1
        case (.float, _), (.double, _):
            return unsafe try writeFloating(at, tag, field.kind, slot, type, out)
        case (.stringArray, Tape.Tag.array):
            return unsafe try writeArray(at, field, slot, type, out)
        default:
            throw unsafe Self.wrongType(tag, type.pointee.type.fields[slot])
        }
    }

    /// An integer field's number that is written with a fraction or exponent, as 1700000000.0 or 1.7e9, or does not fit
    /// into 64 bits.
    ///
    /// JSON has one kind of number, so a whole one is an integer however it is written. Past 2^53 a double no longer
    /// tells which integer was meant.
    private mutating func wholeNumber(
        _ at: Int,
        _ tag: UInt8,
        _ field: CompiledField,
        _ slot: Int,
        _ type: UnsafePointer<CompiledType>
    ) throws(Rejection) -> Int64 {
        let isDouble = tag == Tape.Tag.double
        let value = unsafe isDouble ? tape.double(at) : Double(UInt64(bitPattern: tape.integer(at)))
        let bits = field.kind == .int ? Double(1 << 31) : 0x1p63
        if isDouble && value.magnitude <= 0x1p53 && value.rounded() == value && -bits <= value && value < bits {
            if let rule = field.rule { unsafe try check(Int64(value), rule, slot, type) }
            return Int64(value)
        }
        let text = unsafe isDouble ? numberText(value) : "\(UInt64(bitPattern: tape.integer(at)))"
        if field.rule == .tenDigitTime, let rejection = unstorableTime(at: at) { throw rejection }
        if -bits <= value && value < bits { throw unsafe Self.wrongType(tag, type.pointee.type.fields[slot]) }
        throw unsafe Self.outOfRange(text, type.pointee.type.fields[slot])
    }

    /// Why the number at `at` is no time that fits into 32 bits; nil where it is one, or no number at all.
    private func unstorableTime(at: Int) -> Rejection? {
        let value: Double
        switch unsafe tape.tag(at) {
        case Tape.Tag.integer: value = unsafe Double(tape.integer(at))
        case Tape.Tag.unsigned: value = unsafe Double(UInt64(bitPattern: tape.integer(at)))
        case Tape.Tag.double: value = unsafe tape.double(at)
        default: return nil
        }
        guard !(-0x1p31 <= value && value <= 0x1p31 - 1) else { return nil }
        let text =
            switch unsafe tape.tag(at) {
            case Tape.Tag.integer: unsafe "\(tape.integer(at))"
            case Tape.Tag.unsigned: unsafe "\(UInt64(bitPattern: tape.integer(at)))"
            default: numberText(value)
            }
        return EventRules.timeOutOfRange(text, value)
    }

    private func numberText(_ value: Double) -> String {
        oversized.text(for: value)?.cut() ?? "\(value)"
    }

    private func writeFloating(
        _ at: Int,
        _ tag: UInt8,
        _ kind: CompiledField.Kind,
        _ slot: Int,
        _ type: UnsafePointer<CompiledType>,
        _ out: UnsafeMutablePointer<UInt8>
    ) throws(Rejection) -> UnsafeMutablePointer<UInt8> {
        let value: Double
        switch tag {
        case Tape.Tag.double:
            let read = unsafe tape.double(at)
            value = oversized.isEmpty ? read : oversized.text(for: read).flatMap(Double.init) ?? read
        case Tape.Tag.integer: value = unsafe Double(tape.integer(at))
        case Tape.Tag.unsigned: value = unsafe Double(UInt64(bitPattern: tape.integer(at)))
        default: throw unsafe Self.wrongType(tag, type.pointee.type.fields[slot])
        }
        guard kind == .double ? value.isFinite : Float(value).isFinite else {
            let text = unsafe tag == Tape.Tag.double ? numberText(tape.double(at)) : "\(value)"
            throw unsafe Self.outOfRange(text, type.pointee.type.fields[slot])
        }
        if kind == .double {
            unsafe UnsafeMutableRawPointer(out).storeBytes(of: value.bitPattern.littleEndian, as: UInt64.self)
            return unsafe out + 8
        }
        unsafe UnsafeMutableRawPointer(out).storeBytes(of: Float(value).bitPattern.littleEndian, as: UInt32.self)
        return unsafe out + 4
    }

    /// One Avro block with all the items, then the empty block that ends an array.
    private func writeArray(
        _ array: Int,
        _ field: CompiledField,
        _ slot: Int,
        _ type: UnsafePointer<CompiledType>,
        _ start: UnsafeMutablePointer<UInt8>
    ) throws(Rejection) -> UnsafeMutablePointer<UInt8> {
        var items = 0
        var at = array + 1
        let close = unsafe tape.close(of: array)
        while at < close {
            items += 1
            at = unsafe tape.after(at)
        }
        var out = unsafe start
        if items > 0 { unsafe out = Put.long(Int64(items), out) }
        at = array + 1
        while at < close {
            let tag = unsafe tape.tag(at)
            guard tag == Tape.Tag.string || (tag == Tape.Tag.null && field.hasNullableItems) else {
                throw unsafe Self.wrongType(tag, type.pointee.type.fields[slot], item: true)
            }
            if field.hasNullableItems {
                unsafe out.pointee = tag == Tape.Tag.null ? 0 : 2
                unsafe out += 1
            }
            if tag == Tape.Tag.string { unsafe out = Put.string(tape.text(at), out) }
            at = unsafe tape.after(at)
        }
        unsafe out.pointee = 0
        return unsafe out + 1
    }

    /// A field that was not given, is null, or is made here.
    private mutating func writeSpecial(
        _ mark: UInt32,
        _ field: CompiledField,
        _ slot: Int,
        _ type: UnsafePointer<CompiledType>,
        _ start: UnsafeMutablePointer<UInt8>
    ) throws(Rejection) -> UnsafeMutablePointer<UInt8> {
        var out = unsafe start
        if mark == 0 {
            guard field.isNullable else { throw unsafe Self.missing(type.pointee.type, slot) }
            unsafe out.pointee = 0
            return unsafe out + 1
        }
        guard field.kind == .string else {
            throw unsafe Self.wrongType(Tape.Tag.object, type.pointee.type.fields[slot])
        }
        if field.isNullable {
            unsafe out.pointee = 2
            unsafe out += 1
        }
        let text =
            switch mark {
            case Special.madeID: madeID
            case Special.derivedUser: derivedUser
            default: objectText
            }
        return unsafe text.withUnsafeBufferPointer { text in
            let from = unsafe Put.long(Int64(text.count), out)
            if let base = text.baseAddress { unsafe from.update(from: base, count: text.count) }
            return unsafe from + text.count
        }
    }

    // MARK: - Ids

    private mutating func identify(
        _ type: UnsafePointer<CompiledType>,
        index: Int
    ) throws(Rejection) -> RecordIdentity {
        let slot = unsafe type.pointee.idSlot
        let at = unsafe Int(lane.slots[slot])
        let tag = at == 0 ? Tape.Tag.null : unsafe tape.tag(at)
        if tag == Tape.Tag.string {
            let text = unsafe tape.text(at)
            if text.count > 0 { return unsafe RecordIdentity(type.pointee.identity.hash(text)) }
        } else if tag != Tape.Tag.null {
            throw unsafe Self.wrongType(tag, type.pointee.type.fields[slot])
        }
        guard !source.isStrict else {
            throw Rejection(
                Rejection.Code.idMissing,
                field: "id",
                "id is missing; a strict source needs one, unique for the event: it removes repeats"
            )
        }
        identities.makeEventID(source: source.name, idempotencyKey: idempotencyKey, index: index, into: &madeID)
        unsafe lane.slots[slot] = Special.madeID
        stringBytes += madeID.count
        return unsafe RecordIdentity(type.pointee.identity.hash(madeID))
    }

    /// Where the type needs a `user_id` and only `external_user_id` is there, a stable id is derived from it.
    private mutating func fillUserID(_ type: UnsafePointer<CompiledType>) throws(Rejection) {
        let user = unsafe type.pointee.userIDSlot
        guard user >= 0, unsafe !type.pointee.fields[user].isNullable else { return }
        let at = unsafe Int(lane.slots[user])
        guard at == 0 || isBlank(at) else { return }
        guard !source.isStrict else { throw unsafe Self.missing(type.pointee.type, user) }
        let external = unsafe type.pointee.externalUserIDSlot
        guard external >= 0 else { return }
        let from = unsafe Int(lane.slots[external])
        guard from != 0, unsafe tape.tag(from) == Tape.Tag.string, unsafe tape.text(from).count > 0 else { return }
        unsafe identities.makeUserID(external: tape.text(from), into: &derivedUser)
        unsafe lane.slots[user] = Special.derivedUser
        stringBytes += derivedUser.count
        hasDerivedUser = true
    }

    // MARK: - Rules

    @inline(__always)
    private mutating func check(
        _ text: UnsafeBufferPointer<UInt8>,
        _ rule: FieldRule,
        _ slot: Int,
        _ type: UnsafePointer<CompiledType>
    ) throws(Rejection) {
        guard unsafe !rule.holds(for: Span(_unsafeElements: text)) else { return }
        let field = unsafe type.pointee.type.fields[slot].name
        try broken(rule, field, unsafe String(decoding: text, as: UTF8.self))
    }

    private mutating func check(
        _ value: Int64,
        _ rule: FieldRule,
        _ slot: Int,
        _ type: UnsafePointer<CompiledType>
    ) throws(Rejection) {
        if rule == .tenDigitTime, !Rule.timeIsInRange(value) {
            throw EventRules.timeOutOfRange("\(value)", Double(value))
        }
        guard !rule.holds(forInteger: value) else { return }
        try broken(rule, unsafe type.pointee.type.fields[slot].name, "\(value)")
    }

    private mutating func checkDispatch(_ type: UnsafePointer<CompiledType>) throws(Rejection) {
        guard unsafe isGiven(type.pointee.dispatchSlot), unsafe !isGiven(type.pointee.campaignSlot) else { return }
        if source.isStrict {
            throw Rejection(
                Rule.dispatchWithoutCampaign.code,
                field: "dispatch_id",
                Rule.dispatchWithoutCampaign.sentence
            )
        }
        brokenRules |= Findings.dispatchBit
    }

    private func isGiven(_ slot: Int) -> Bool {
        guard slot >= 0 else { return false }
        let at = unsafe lane.slots[slot]
        return at >= Special.lowest || (at != 0 && !isBlank(Int(at)))
    }

    /// Whether null or the empty string stands there: neither names anything.
    private func isBlank(_ at: Int) -> Bool {
        switch unsafe tape.tag(at) {
        case Tape.Tag.null: true
        case Tape.Tag.string: unsafe tape.text(at).count == 0
        default: false
        }
    }

    /// `value` is made for a rejection only.
    private mutating func broken(
        _ rule: FieldRule,
        _ field: String,
        _ value: @autoclosure () -> String
    ) throws(Rejection) {
        if source.isStrict && rule.rule.enforcement == .strict {
            throw Rejection(
                rule.rule.code,
                field: field,
                "\(field) is \(value().quotedCut). \(rule.rule.sentence)"
            )
        }
        brokenRules |= 1 << UInt64(rule.rawValue)
    }

    /// The event is in: what was noticed on the way counts.
    @inline(__always)
    private mutating func keepFindings() {
        if hasDerivedUser { noticed.derivedUsers += 1 }
        if brokenRules != 0 { noticed.count(rules: brokenRules) }
        unknown.countEvent()
    }

    /// Of all events so far.
    var findings: Findings {
        var findings = noticed
        findings.unknownFields = unknown.counted
        return findings
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// Whether these bytes spell `event_type`; reads whole words, which the string buffer has room for.
    @inline(__always)
    var isEventType: Bool {
        guard count == 10, let base = baseAddress else { return false }
        let raw = unsafe UnsafeRawPointer(base)
        return unsafe UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self)) == 0x7974_5F74_6E65_7665
            && UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt16.self)) == 0x6570
    }
}

package import Avro
package import Glossary
package import Journal

/// A field as the encoder sees it: a few bytes, no references.
struct CompiledField {
    enum Kind: UInt8 {
        case string, int, long, float, double, boolean, stringArray
    }

    let kind: Kind
    let isNullable: Bool
    /// Whether an array's items may be null.
    let hasNullableItems: Bool
    let rule: FieldRule?
}

/// An event type of one edition, made ready for the encoder.
@safe
struct CompiledType: ~Copyable {
    /// What the key table answers for `event_type`, which is no field.
    static let eventTypeKey: Int32 = 1 << 16

    let type: EventType
    /// The place of its schema among the journal's.
    let schema: UInt16
    let fingerprint: UInt64
    let keys: KeyTable
    let fields: UnsafeMutablePointer<CompiledField>
    let fieldCount: Int
    /// Hashes ids of this type, the same in every edition.
    let identity: KeyedHash
    let idSlot: Int
    let userIDSlot: Int
    let externalUserIDSlot: Int
    let propertiesSlot: Int
    /// Under which key the envelope has what a flat record has in `properties`; nil: the type has no such field.
    let ownPropertiesKey: StaticString?
    /// The slots of `dispatch_id` and `campaign_id` where the first needs the second, else -1.
    let dispatchSlot: Int
    let campaignSlot: Int

    init(_ type: EventType, schema: UInt16, fingerprint: UInt64, hash: KeyedHash) {
        self.type = type
        self.schema = schema
        self.fingerprint = fingerprint
        var pairs = type.fields.enumerated().map { (text: $0.element.name, value: Int32($0.offset)) }
        pairs.append(("event_type", Self.eventTypeKey))
        keys = KeyTable(pairs)
        fieldCount = type.fields.count
        unsafe fields = .allocate(capacity: max(fieldCount, 1))
        for (index, field) in type.fields.enumerated() {
            unsafe (fields + index).initialize(to: CompiledField(field, of: type))
        }
        identity = hash.derived(for: type.name)
        func slot(_ name: String) -> Int { type.fields.firstIndex { $0.name == name } ?? -1 }
        idSlot = slot("id")
        userIDSlot = slot("user_id")
        externalUserIDSlot = slot("external_user_id")
        propertiesSlot = slot("properties")
        let isPurchase = type.name.hasSuffix(".Purchase")
        ownPropertiesKey = propertiesSlot < 0 ? nil : isPurchase ? "purchase_properties" : "custom_properties"
        dispatchSlot = type.dispatchNeedsCampaign ? slot("dispatch_id") : -1
        campaignSlot = slot("campaign_id")
    }

    deinit { unsafe fields.deallocate() }

    /// The slot of a key on the tape; `eventTypeKey` for `event_type`, `KeyTable.absent` for what is no field.
    @inline(__always)
    func slot(of key: UnsafeBufferPointer<UInt8>) -> Int32 {
        unsafe key.baseAddress.map { unsafe keys.find($0, key.count) } ?? KeyTable.absent
    }
}

extension CompiledField {
    init(_ field: Field, of type: EventType) {
        isNullable = !field.isRequired
        rule = FieldRule.rule(forField: field.name, type: type)
        var nullableItems = false
        switch field.type {
        case .string: kind = .string
        case .int: kind = .int
        case .long: kind = .long
        case .float: kind = .float
        case .double: kind = .double
        case .boolean: kind = .boolean
        case .stringArray(let nullable):
            kind = .stringArray
            nullableItems = nullable
        }
        hasNullableItems = nullableItems
    }
}

/// The types of one edition, by name.
///
/// Unchecked because of its pointers: what they lead to is written by the initialiser only, so no lock is needed.
@safe
final class CompiledEdition: @unchecked Sendable {
    let name: String
    let types: UnsafeMutablePointer<CompiledType>
    let typeCount: Int
    let byName: KeyTable

    /// `firstSchema` is the place of the edition's first type among the journal's schemas.
    init(_ edition: Edition, firstSchema: Int, schemas: [JournalSchema], hash: KeyedHash) {
        name = edition.name
        typeCount = edition.types.count
        unsafe types = .allocate(capacity: typeCount)
        var names: [(text: String, value: Int32)] = []
        for (index, type) in edition.types.enumerated() {
            let place = firstSchema + index
            unsafe (types + index).initialize(
                to: CompiledType(type, schema: UInt16(place), fingerprint: schemas[place].fingerprint, hash: hash)
            )
            for name in [type.name] + type.aliases { names.append((name, Int32(index))) }
        }
        byName = KeyTable(names)
    }

    var typeNames: [String] { (0..<typeCount).map { unsafe types[$0].type.name } }

    deinit {
        unsafe types.deinitialize(count: typeCount)
        unsafe types.deallocate()
    }
}

extension Intake {
    /// The schemas of the system types, which stand before those of the editions.
    static let systemSchemas = [DeadLetter.journalSchema, ChangeRecord.journalSchema]

    /// The schemas a journal needs for these editions: system types first, then each edition's types in order.
    package static func journalSchemas(_ editions: [Edition]) throws(AvroError) -> [JournalSchema] {
        var schemas = systemSchemas
        for edition in editions {
            for type in edition.types {
                let json = type.journalSchema
                schemas.append(
                    JournalSchema(
                        name: type.name,
                        edition: edition.name,
                        json: json,
                        fingerprint: try Schema(json: json).fingerprint.rawValue
                    )
                )
            }
        }
        return schemas
    }
}

/// The editions that the journal was opened for, compiled.
struct CompiledGlossary: Sendable {
    let editions: [String: CompiledEdition]
    /// The place of each edition's first type among the journal's schemas.
    let firstSchemas: [String: Int]

    init(_ editions: [Edition], schemas: [JournalSchema], secret: [UInt8]) {
        let hash = KeyedHash(secret: secret)
        var compiled: [String: CompiledEdition] = [:]
        var firsts: [String: Int] = [:]
        var next = Intake.systemSchemas.count
        for edition in editions {
            compiled[edition.name] = CompiledEdition(edition, firstSchema: next, schemas: schemas, hash: hash)
            firsts[edition.name] = next
            next += edition.types.count
        }
        self.editions = compiled
        firstSchemas = firsts
    }
}

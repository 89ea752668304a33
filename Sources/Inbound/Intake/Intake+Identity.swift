package import Glossary
package import Journal

extension Intake {
    /// How a record's identity is read back from its datum, for the journal to rebuild its duplicate window.
    ///
    /// The same hash as on the way in: of the id, under a key made of the journal's secret and the type's name.
    package static func identify(
        _ editions: [Edition],
        schemas: [JournalSchema],
        secret: [UInt8]
    ) -> @Sendable (_ fingerprint: UInt64, _ datum: Span<UInt8>) -> RecordIdentity {
        let compiled = CompiledGlossary(editions, schemas: schemas, secret: secret)
        var places: [UInt64: (edition: CompiledEdition, index: Int)] = [:]
        for edition in compiled.editions.values {
            for index in 0..<edition.typeCount {
                unsafe places[edition.types[index].fingerprint] = (edition, index)
            }
        }
        let known = places
        return { fingerprint, datum in
            guard let place = known[fingerprint] else { return .none }
            return unsafe datum.withUnsafeBufferPointer { bytes in
                unsafe identity(of: place.edition.types + place.index, in: bytes)
            }
        }
    }

    /// Steps over the fields before `id`; a datum that ends early has none.
    private static func identity(
        of type: UnsafeMutablePointer<CompiledType>,
        in bytes: UnsafeBufferPointer<UInt8>
    ) -> RecordIdentity {
        var reader = unsafe DatumReader(bytes)
        for slot in unsafe 0..<type.pointee.fieldCount {
            let field = unsafe type.pointee.fields[slot]
            if field.isNullable {
                guard let branch = reader.long() else { return .none }
                if branch == 0 { continue }
            }
            if unsafe slot == type.pointee.idSlot {
                guard let length = reader.long(), let id = unsafe reader.take(Int(length)) else { return .none }
                return unsafe RecordIdentity(type.pointee.identity.hash(id))
            }
            guard reader.skip(field) else { return .none }
        }
        return .none
    }
}

/// Reads a datum of an event type forward; nil where it ends early or is not what it should be.
@safe
private struct DatumReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var at = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) { unsafe self.bytes = unsafe bytes }

    mutating func long() -> Int64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while unsafe at < bytes.count, shift < 64 {
            let byte = unsafe bytes[at]
            at += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }
            shift += 7
        }
        return nil
    }

    mutating func take(_ count: Int) -> UnsafeBufferPointer<UInt8>? {
        guard count >= 0, unsafe bytes.count - at >= count else { return nil }
        defer { at += count }
        return unsafe UnsafeBufferPointer(rebasing: bytes[at..<at + count])
    }

    mutating func skip(_ field: CompiledField) -> Bool {
        switch field.kind {
        case .int, .long: return long() != nil
        case .float: return unsafe take(4) != nil
        case .double: return unsafe take(8) != nil
        case .boolean: return unsafe take(1) != nil
        case .string: return skipString()
        case .stringArray:
            while let count = long(), count >= 0 {
                if count == 0 { return true }
                for _ in 0..<count {
                    if field.hasNullableItems {
                        guard let branch = long() else { return false }
                        if branch == 0 { continue }
                    }
                    guard skipString() else { return false }
                }
            }
            return false
        }
    }

    private mutating func skipString() -> Bool {
        guard let length = long() else { return false }
        return unsafe take(Int(length)) != nil
    }
}

import Glossary

extension EventEncoder {
    /// Notes where the fields of an event in the Currents envelope stand.
    ///
    /// They are beside `user` and `properties` at the top, and flattened out of those two. `custom_properties` and
    /// `purchase_properties` are objects there and one JSON string, `properties`, in a flat file.
    mutating func collectEnvelope(_ object: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        var at = object + 1
        let close = unsafe tape.close(of: object)
        var hasEventType = false
        var hasUser = false
        var hasProperties = false
        while at < close {
            let key = unsafe tape.text(at)
            at += 1
            if unsafe key.spells("user") {
                guard !hasUser else { throw Self.doubled("user") }
                hasUser = true
                if try isObject(at, named: "user") { unsafe try collect(at, type, countsEventType: false) }
            } else if unsafe key.spells("properties") {
                guard !hasProperties else { throw Self.doubled("properties") }
                hasProperties = true
                if try isObject(at, named: "properties") { unsafe try collectProperties(at, type) }
            } else if unsafe key.isEventType {
                guard !hasEventType else { throw Self.doubled("event_type") }
                hasEventType = true
            } else {
                unsafe try takeOrNote(key, at, type)
            }
            at = unsafe tape.after(at)
        }
        unsafe try fillOwnProperties(type)
    }

    /// Whether there is an object, or null in its place.
    private func isObject(_ at: Int, named name: String) throws(Rejection) -> Bool {
        let tag = unsafe tape.tag(at)
        guard tag == Tape.Tag.object || tag == Tape.Tag.null else {
            throw Rejection(
                Rejection.Code.fieldWrongType,
                field: name,
                "\(name) is an object in the envelope of an event"
            )
        }
        return tag == Tape.Tag.object
    }

    private mutating func collectProperties(_ object: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        var at = object + 1
        let close = unsafe tape.close(of: object)
        while at < close {
            let key = unsafe tape.text(at)
            at += 1
            if let own = unsafe type.pointee.ownPropertiesKey, unsafe key.spells(own) {
                unsafe try collectOwnProperties(at, type)
            } else {
                unsafe try takeOrNote(key, at, type)
            }
            at = unsafe tape.after(at)
        }
    }

    private mutating func collectOwnProperties(_ at: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        switch unsafe tape.tag(at) {
        case Tape.Tag.object:
            objectText.removeAll(keepingCapacity: true)
            unsafe TapeText.append(at, of: tape, oversized, to: &objectText)
            unsafe try setObjectText(slot: type.pointee.propertiesSlot, type)
        case Tape.Tag.null: break
        default: unsafe try take(at, type.pointee.propertiesSlot, type)
        }
    }

    /// A sender leaves out properties that an event has none of; the record has an object all the same.
    private mutating func fillOwnProperties(_ type: UnsafePointer<CompiledType>) throws(Rejection) {
        let slot = unsafe type.pointee.propertiesSlot
        guard unsafe type.pointee.ownPropertiesKey != nil, unsafe lane.slots[slot] == 0 else { return }
        objectText.removeAll(keepingCapacity: true)
        objectText.append(UInt8(ascii: "{"))
        objectText.append(UInt8(ascii: "}"))
        unsafe try setObjectText(slot: slot, type)
    }

    private mutating func takeOrNote(
        _ key: UnsafeBufferPointer<UInt8>,
        _ at: Int,
        _ type: UnsafePointer<CompiledType>
    ) throws(Rejection) {
        let slot = unsafe type.pointee.slot(of: key)
        if slot >= 0 && slot < CompiledType.eventTypeKey {
            unsafe try take(at, Int(slot), type)
        } else {
            unsafe try noteUnknown(String(decoding: key, as: UTF8.self))
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    fileprivate func spells(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        return unsafe elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: count))
    }
}

import Glossary

extension EventEncoder {
    /// Notes where the fields of an event in the Currents envelope stand.
    ///
    /// They are beside `user` and `properties` at the top, and flattened out of those two. A name that stands in more
    /// than one of the three is no key given twice: the top's value counts before that of `user`, and that before the
    /// one of `properties`. `custom_properties` and `purchase_properties` are objects there and one JSON string,
    /// `properties`, in a flat file.
    mutating func collectEnvelope(_ object: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        var at = object + 1
        let close = unsafe tape.close(of: object)
        var hasEventType = false
        var user: Int?
        var properties: Int?
        while at < close {
            let key = unsafe tape.text(at)
            at += 1
            if unsafe key.spells("user") {
                guard user == nil else { throw Self.doubled("user") }
                user = at
            } else if unsafe key.spells("properties") {
                guard properties == nil else { throw Self.doubled("properties") }
                properties = at
            } else if unsafe key.isEventType {
                guard !hasEventType else { throw Self.doubled("event_type") }
                hasEventType = true
            } else {
                unsafe try takeOrNote(key, at, type, of: object, earlier: 0)
            }
            at = unsafe tape.after(at)
        }
        if let user, try isObject(user, named: "user") { unsafe try collectPart(user, type, ownKey: nil) }
        if let properties, try isObject(properties, named: "properties") {
            unsafe try collectPart(properties, type, ownKey: type.pointee.ownPropertiesKey)
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

    /// Notes where the fields of `user` or `properties` stand; under `ownKey` is an object that becomes one string.
    private mutating func collectPart(
        _ object: Int,
        _ type: UnsafePointer<CompiledType>,
        ownKey: StaticString?
    ) throws(Rejection) {
        let earlier = unknownCount
        var at = object + 1
        let close = unsafe tape.close(of: object)
        while at < close {
            let key = unsafe tape.text(at)
            at += 1
            if let ownKey, unsafe key.spells(ownKey) {
                if unsafe claim(type.pointee.propertiesSlot, for: object) {
                    unsafe try collectOwnProperties(at, type)
                }
            } else {
                unsafe try takeOrNote(key, at, type, of: object, earlier: earlier)
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
        _ type: UnsafePointer<CompiledType>,
        of object: Int,
        earlier: Int
    ) throws(Rejection) {
        let slot = unsafe type.pointee.slot(of: key)
        guard slot >= 0 && slot < CompiledType.eventTypeKey else {
            return unsafe try noteUnknown(key, earlier: earlier)
        }
        if claim(Int(slot), for: object) { unsafe try take(at, Int(slot), type) }
    }

    /// Whether the object gives the field's value: what a part before it gave stands, unless that is null.
    private func claim(_ slot: Int, for object: Int) -> Bool {
        let earlier = unsafe lane.slots[slot]
        guard earlier != 0, earlier < Special.lowest else { return true }
        let isOfThis = unsafe object < Int(earlier) && Int(earlier) < tape.close(of: object)
        guard !isOfThis else { return true }
        guard unsafe tape.tag(Int(earlier)) == Tape.Tag.null else { return false }
        unsafe lane.slots[slot] = 0
        return true
    }
}

extension UnsafeBufferPointer<UInt8> {
    fileprivate func spells(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        return unsafe elementsEqual(UnsafeBufferPointer(start: word.utf8Start, count: count))
    }
}

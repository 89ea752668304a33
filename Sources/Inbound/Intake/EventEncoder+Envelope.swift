import Glossary

extension EventEncoder {
    /// Notes where the fields of an event in the Currents envelope stand.
    ///
    /// They are beside `user` and `properties` at the top, and flattened out of those two. `custom_properties` and
    /// `purchase_properties` are objects there and one JSON string, `properties`, in a flat file.
    mutating func collectEnvelope(_ object: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        var at = object + 1
        let close = unsafe tape.close(of: object)
        var seen: Set<String> = []
        while at < close {
            let key = unsafe tape.string(at)
            at += 1
            guard seen.insert(key).inserted else { throw Self.doubled(key) }
            switch key {
            case "event_type": break
            case "user":
                try expectObject(at, named: key)
                if unsafe tape.tag(at) == Tape.Tag.object {
                    unsafe try collect(at, type, countsEventType: false)
                }
            case "properties":
                try expectObject(at, named: key)
                if unsafe tape.tag(at) == Tape.Tag.object { unsafe try collectProperties(at, type) }
            default: unsafe try takeOrNote(key, at, type)
            }
            at = unsafe tape.after(at)
        }
        unsafe try fillOwnProperties(type)
    }

    private func expectObject(_ at: Int, named name: String) throws(Rejection) {
        let tag = unsafe tape.tag(at)
        guard tag == Tape.Tag.object || tag == Tape.Tag.null else {
            throw Rejection(
                Rejection.Code.fieldWrongType,
                field: name,
                "\(name) is an object in the envelope of an event"
            )
        }
    }

    private mutating func collectProperties(_ object: Int, _ type: UnsafePointer<CompiledType>) throws(Rejection) {
        var at = object + 1
        let close = unsafe tape.close(of: object)
        while at < close {
            let key = unsafe tape.string(at)
            at += 1
            if unsafe key == type.pointee.ownPropertiesKey {
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
            unsafe TapeText.append(at, of: tape, to: &objectText)
            unsafe try setObjectText(slot: type.pointee.propertiesSlot, type)
        case Tape.Tag.null: break
        default: unsafe try take(at, type.pointee.propertiesSlot, type)
        }
    }

    /// A sender leaves out properties that an event has none of; the record has an object all the same.
    private mutating func fillOwnProperties(_ type: UnsafePointer<CompiledType>) throws(Rejection) {
        let slot = unsafe type.pointee.propertiesSlot
        guard unsafe type.pointee.ownPropertiesKey != nil, unsafe lane.slots[slot] == 0 else { return }
        objectText = Array("{}".utf8)
        unsafe try setObjectText(slot: slot, type)
    }

    private mutating func takeOrNote(
        _ key: String,
        _ at: Int,
        _ type: UnsafePointer<CompiledType>
    ) throws(Rejection) {
        if let slot = unsafe type.pointee.type.fields.firstIndex(where: { $0.name == key }) {
            unsafe try take(at, slot, type)
        } else {
            try noteUnknown(key)
        }
    }
}

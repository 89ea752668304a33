extension BinaryEncoder {
    /// Writes a value as its schema says.
    ///
    /// A record's fields are taken by name, missing ones from their defaults. Where the schema is a union, a value
    /// that is not one itself goes to the first branch of its kind. When this throws, nothing has been written.
    public mutating func encode(_ datum: Datum, as schema: Schema) throws(AvroError) {
        try encode(datum, as: schema, named: NamedSchemas(of: schema))
    }

    mutating func encode(_ datum: Datum, as schema: Schema, named: NamedSchemas) throws(AvroError) {
        let start = count
        do {
            try write(datum, as: schema, named: named, depth: ReaderLimits().depthMax)
        } catch {
            truncate(to: start)
            throw error
        }
    }

    /// Recurses once for each level, as the reader does: a union is none.
    private mutating func write(
        _ datum: Datum,
        as schema: Schema,
        named: NamedSchemas,
        depth: Int
    ) throws(AvroError) {
        var datum = datum
        var schema = try named.resolve(schema)
        if case .union(let branches) = schema {
            let (branch, value) = try choose(datum, from: branches, named: named)
            writeLong(Int64(branch))
            datum = value
            schema = try named.resolve(branches[branch])
        }
        guard depth > 0 else { throw AvroError(.limit, "a value is nested too deeply to be read back") }
        switch (schema, datum) {
        case (.array(let inner), .array(let items)):
            if !items.isEmpty { writeLong(Int64(items.count)) }
            for item in items { try write(item, as: inner, named: named, depth: depth - 1) }
            writeByte(0)
        case (.map(let inner), .map(let entries)):
            if !entries.isEmpty { writeLong(Int64(entries.count)) }
            for entry in entries {
                writeString(entry.name)
                try write(entry.value, as: inner, named: named, depth: depth - 1)
            }
            writeByte(0)
        case (.record(let record), .record(let entries)):
            try write(entries, as: record, named: named, depth: depth)
        default: try writePlain(datum, as: schema)
        }
    }

    /// Writes a value that holds no others.
    private mutating func writePlain(_ datum: Datum, as schema: Schema) throws(AvroError) {
        switch (schema, datum) {
        case (.null, .null): break
        case (.boolean, .boolean(let value)): writeBoolean(value)
        case (.int, .int(let value)): writeInt(value)
        case (.long, .long(let value)): writeLong(value)
        case (.float, .float(let value)): writeFloat(value)
        case (.double, .double(let value)): writeDouble(value)
        case (.bytes, .bytes(let bytes)): writeBytes(bytes.span)
        case (.string, .string(let text)): writeString(text)
        case (.fixed(let fixed), .fixed(let bytes)) where bytes.count == fixed.size: writeRaw(bytes.span)
        case (.enumeration(let enumeration), .enumeration(let symbol)):
            guard let number = enumeration.symbols.firstIndex(of: symbol) else {
                throw AvroError(.datum, "'\(symbol)' is no symbol of '\(enumeration.name)'")
            }
            writeLong(Int64(number))
        default: throw AvroError(.datum, "a value of kind \(datum.kind) does not fit '\(schema.kind)'")
        }
    }

    private mutating func write(
        _ entries: [Datum.Entry],
        as record: RecordSchema,
        named: NamedSchemas,
        depth: Int
    ) throws(AvroError) {
        var used = 0
        for (index, field) in record.fields.enumerated() {
            // Values mostly come in the schema's order: look in place first.
            let inPlace = index < entries.count && entries[index].name == field.name
            if let entry = inPlace ? entries[index] : entries.first(where: { $0.name == field.name }) {
                used += 1
                try write(entry.value, as: field.schema, named: named, depth: depth - 1)
            } else if let json = field.defaultValue {
                let value = try Datum(default: json, as: field.schema, named: named)
                try write(value, as: field.schema, named: named, depth: depth - 1)
            } else {
                throw AvroError(.datum, "'\(record.name)' needs a value for '\(field.name)'")
            }
        }
        guard used == entries.count else {
            throw AvroError(.datum, "a value for '\(record.name)' has a field that the schema lacks, or one twice")
        }
    }

    private func choose(
        _ datum: Datum,
        from branches: [Schema],
        named: NamedSchemas
    ) throws(AvroError) -> (Int, Datum) {
        if case .union(let branch, let value) = datum {
            guard branches.indices.contains(branch) else {
                throw AvroError(.datum, "a union of \(branches.count) has no branch \(branch)")
            }
            return (branch, value)
        }
        for (index, branch) in branches.enumerated() where try named.resolve(branch).kind == datum.kind {
            return (index, datum)
        }
        throw AvroError(.datum, "no branch of the union takes a value of kind \(datum.kind)")
    }
}

extension Datum {
    /// The value as JSON text; see ``appendJSON(to:)``.
    public var json: String {
        var output: [UInt8] = []
        appendJSON(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Appends the value as compact JSON: a record has exactly its fields, a union shows the value it holds.
    ///
    /// Floats have the fewest digits that read back the same, and `"NaN"`, `"Infinity"`, `"-Infinity"` as strings,
    /// since JSON has no number for them. Bytes are a string of one character U+0000 to U+00FF each, as in Avro's
    /// own JSON encoding.
    public func appendJSON(to output: inout [UInt8]) {
        switch self {
        case .null: output.append(contentsOf: "null".utf8)
        case .boolean(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .int(let value): output.append(contentsOf: value.description.utf8)
        case .long(let value): output.append(contentsOf: value.description.utf8)
        case .float(let value): Datum.append(value, to: &output)
        case .double(let value): Datum.append(value, to: &output)
        case .bytes(let bytes), .fixed(let bytes): JSONValue.appendBytes(bytes, to: &output)
        case .string(let text), .enumeration(let text): JSONValue.appendString(text, to: &output)
        case .array(let items):
            output.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                item.appendJSON(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .map(let entries), .record(let entries):
            output.append(UInt8(ascii: "{"))
            for (index, entry) in entries.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                JSONValue.appendString(entry.name, to: &output)
                output.append(UInt8(ascii: ":"))
                entry.value.appendJSON(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        case .union(_, let inner): inner.appendJSON(to: &output)
        }
    }

    private static func append(_ value: some BinaryFloatingPoint & CustomStringConvertible, to output: inout [UInt8]) {
        if value.isFinite {
            output.append(contentsOf: value.description.utf8)
        } else {
            output.append(contentsOf: (value.isNaN ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"").utf8)
        }
    }
}

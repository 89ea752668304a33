/// The CRC-64-AVRO fingerprint of a schema's canonical form: what single-object encoding carries.
public struct SchemaFingerprint: Hashable, Sendable, CustomStringConvertible {
    /// The fingerprint as a number.
    public let rawValue: UInt64

    /// Takes a known fingerprint.
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// The CRC-64-AVRO of some bytes.
    public init(of bytes: some Sequence<UInt8>) {
        let table = SchemaFingerprint.table
        rawValue = bytes.reduce(SchemaFingerprint.empty) { sum, byte in
            (sum >> 8) ^ table[Int((sum ^ UInt64(byte)) & 0xFF)]
        }
    }

    /// The eight bytes as they stand after the marker C3 01.
    public var littleEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: rawValue >> (8 * $0)) } }

    /// Sixteen hexadecimal digits.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The fingerprint of no bytes, and the polynomial, by the specification.
    private static let empty: UInt64 = 0xC15D_213A_A4D7_A795

    private static let table: [UInt64] = (0..<256).map { byte in
        (0..<8).reduce(UInt64(byte)) { sum, _ in (sum >> 1) ^ (empty & (0 &- (sum & 1))) }
    }
}

extension Schema {
    /// The fingerprint of the schema's canonical form.
    public var fingerprint: SchemaFingerprint { SchemaFingerprint(of: canonicalForm.utf8) }

    /// The Parsing Canonical Form: what a reader needs of the schema, in one spelling.
    public var canonicalForm: String {
        var output: [UInt8] = []
        appendCanonical(to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    private func appendCanonical(to output: inout [UInt8]) {
        switch self {
        case .annotated(let inner, _): inner.appendCanonical(to: &output)
        case .array(let inner), .map(let inner):
            output.append(contentsOf: "{\"type\":\"\(kind)\",\"\(kind == "array" ? "items" : "values")\":".utf8)
            inner.appendCanonical(to: &output)
            output.append(UInt8(ascii: "}"))
        case .union(let branches):
            Schema.appendList(branches, to: &output) { branch, output in branch.appendCanonical(to: &output) }
        case .record(let record):
            appendHead(record.name, "fields", to: &output)
            Schema.appendList(record.fields, to: &output) { field, output in
                output.append(contentsOf: "{\"name\":".utf8)
                JSONValue.appendString(field.name, to: &output)
                output.append(contentsOf: ",\"type\":".utf8)
                field.schema.appendCanonical(to: &output)
                output.append(UInt8(ascii: "}"))
            }
            output.append(UInt8(ascii: "}"))
        case .enumeration(let enumeration):
            appendHead(enumeration.name, "symbols", to: &output)
            Schema.appendList(enumeration.symbols, to: &output) { JSONValue.appendString($0, to: &$1) }
            output.append(UInt8(ascii: "}"))
        case .fixed(let fixed):
            appendHead(fixed.name, "size", to: &output)
            output.append(contentsOf: "\(fixed.size)}".utf8)
        default: JSONValue.appendString(kind, to: &output)
        }
    }

    private func appendHead(_ name: SchemaName, _ last: String, to output: inout [UInt8]) {
        output.append(contentsOf: "{\"name\":".utf8)
        JSONValue.appendString(name.full, to: &output)
        output.append(contentsOf: ",\"type\":\"\(kind)\",\"\(last)\":".utf8)
    }

    private static func appendList<Item>(
        _ items: [Item],
        to output: inout [UInt8],
        _ append: (Item, inout [UInt8]) -> Void
    ) {
        output.append(UInt8(ascii: "["))
        for (index, item) in items.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            append(item, &output)
        }
        output.append(UInt8(ascii: "]"))
    }
}

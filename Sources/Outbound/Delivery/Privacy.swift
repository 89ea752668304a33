internal import Crypto
package import Glossary

/// What a connector does with personal data, by field name over all its event types.
package struct PrivacySettings: Sendable, Hashable {
    package enum Action: String, Sendable, Hashable, CaseIterable {
        case keep
        /// Null, or `[REDACTED]` where a text is required.
        case drop
        /// `[REDACTED]`.
        case redact
        /// The lower-case hexadecimal SHA-256 of the text's UTF-8 bytes.
        case sha256
        /// The lower-case hexadecimal HMAC-SHA-256 of the text's UTF-8 bytes.
        case hmacSHA256 = "hmac_sha256"
    }

    /// What takes the place of a text.
    package static let redacted = "[REDACTED]"
    /// The fewest bytes of a key that make guessing it harder than guessing what it hides.
    package static let keyBytesMin = 16

    /// For every field that holds personal data and is not named in `fields`.
    package var personal: Action
    /// By name; wins over `personal`.
    package var fields: [String: Action]
    /// For `.hmacSHA256`.
    package var key: [UInt8]

    package init(personal: Action = .keep, fields: [String: Action] = [:], key: [UInt8] = []) {
        self.personal = personal
        self.fields = fields
        self.key = key
    }

    /// Personal by the glossary's mark, or by what a careful operator would mark too.
    package static func isPersonal(_ field: Field) -> Bool {
        field.isPersonal || alsoPersonal.contains(field.name)
    }

    private static let alsoPersonal: Set = ["message_body", "user_agent", "sending_ip", "device_id", "push_token"]

    /// What becomes of one field of an event type.
    ///
    /// Under `personal` a nullable field that is no text, and so has nothing to hash, becomes null: what was to be
    /// hidden is not shown.
    func treatment(of field: Field) throws(PrivacyProblem) -> PrivacyTreatment {
        let named = fields[field.name]
        let action = named ?? (Self.isPersonal(field) ? personal : .keep)
        switch (action, field.type) {
        case (.keep, _): return .keep
        case (.drop, .string): return field.isRequired ? .redact : .null
        case (.redact, .string): return .redact
        case (.sha256, .string): return .hash(nil)
        case (.hmacSHA256, .string): return .hash(SymmetricKey(data: key))
        default:
            guard !field.isRequired, action == .drop || named == nil else {
                throw PrivacyProblem(field: field, action: action)
            }
            return .null
        }
    }

    /// What cannot be done in an event type, in words; empty if all can.
    package func problems(in type: EventType) -> [String] {
        type.fields.compactMap { field in
            do throws(PrivacyProblem) {
                _ = try treatment(of: field)
                return nil
            } catch {
                return "\(type.name): \(error.sentence)"
            }
        }
    }

    /// The treatments of an event type's fields; nil if all are kept.
    ///
    /// A type whose settings are impossible was refused before.
    func treatments(of fields: [Field]) throws(PrivacyProblem) -> [PrivacyTreatment]? {
        var treatments: [PrivacyTreatment] = []
        for field in fields { treatments.append(try treatment(of: field)) }
        return treatments.allSatisfy { $0 == .keep } ? nil : treatments
    }
}

/// What is written for a field; null stays null.
enum PrivacyTreatment: Sendable, Equatable {
    case keep
    case null
    case redact
    /// With a key it is an HMAC.
    case hash(SymmetricKey?)

    /// Appends the Avro text that stands for `text`.
    func append(replacing text: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        switch self {
        case .keep, .null: preconditionFailure("what is kept or dropped is not replaced")
        case .redact: output.append(contentsOf: Self.redacted)
        case .hash(nil): Self.append(digits: unsafe SHA256.hash(data: text), to: &output)
        case .hash(let key?):
            Self.append(digits: unsafe HMAC<SHA256>.authenticationCode(for: text, using: key), to: &output)
        }
    }

    static let redacted = [UInt8(PrivacySettings.redacted.utf8.count * 2)] + Array(PrivacySettings.redacted.utf8)

    private static func append(digits bytes: some Sequence<UInt8>, to output: inout [UInt8]) {
        // 64 digits: the length 64 as a zigzag variable-length integer.
        output.append(0x80)
        output.append(0x01)
        for byte in bytes {
            output.append(Self.digit(byte >> 4))
            output.append(Self.digit(byte & 15))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }
}

/// A field that cannot be treated as wanted.
struct PrivacyProblem: Error {
    let field: Field
    let action: PrivacySettings.Action

    var sentence: String {
        let what = "\(field.name) is a \(field.isRequired ? "required" : "nullable") \(field.type.name)"
        guard field.isRequired else { return "\(what) and has no text for \(action.rawValue); drop or keep it" }
        return "\(what), which cannot be left out or replaced; keep it, or do not carry the event type"
    }
}

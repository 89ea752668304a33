import Platform

/// Why an event was not taken.
package struct Rejection: Error, Sendable, Hashable {
    /// The codes that are not a rule's own.
    package enum Code {
        package static let malformed = "malformed_json"
        package static let notAnObject = "not_an_object"
        package static let typeMissing = "event_type_missing"
        package static let typeUnknown = "event_type_unknown"
        package static let fieldMissing = "field_missing"
        package static let fieldWrongType = "field_wrong_type"
        package static let fieldDoubled = "field_doubled"
        package static let fieldUnknown = "field_unknown"
        package static let idMissing = "id_missing"
        package static let numberOutOfRange = "number_out_of_range"
    }

    /// The event's place in its request, from 0.
    package internal(set) var index: Int
    /// The event's id, where one could be read; a long one is cut.
    package internal(set) var id: String?
    package let code: String
    package let field: String?
    /// What was wrong and what would be right, in a sentence.
    package let message: String
    /// Whether the event is kept as a dead letter, whatever the source.
    package let isSetAside: Bool

    init(_ code: String, field: String? = nil, _ message: String, isSetAside: Bool = false) {
        index = 0
        self.code = code
        self.field = field?.cut()
        self.message = message
        self.isSetAside = isSetAside
    }
}

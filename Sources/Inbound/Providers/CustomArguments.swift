internal import Tracking

/// What a sender gave to the provider with a message, as far as it says which message that is.
struct CustomArguments: Sendable {
    private(set) var messageID: String?
    private(set) var metadata: [String: String] = [:]

    /// Takes one argument; the first of a name counts, and an empty one does not.
    mutating func take(_ name: String, _ value: String) {
        guard !value.isEmpty else { return }
        if name == ProviderReport.messageIDKey {
            messageID = messageID ?? value
        } else if ProviderReport.metadataKeys.contains(name), metadata[name] == nil {
            metadata[name] = value
        }
    }
}

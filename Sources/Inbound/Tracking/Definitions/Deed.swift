package import Avro

/// What a user did, as far as it can fulfil a conversion.
package enum Deed: Sendable, Hashable {
    case customEvent(name: String, properties: JSONValue)
    case purchase(product: String, price: Double)
    /// A session started.
    case session
    /// A message was opened.
    case opened(MessageOwner)
    /// A message was clicked.
    case clicked(MessageOwner)
}

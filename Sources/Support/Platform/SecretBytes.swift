/// Bytes that a stranger may guess at and must not find out, such as the hash of a token or a signature.
///
/// Two of them are compared in the same time wherever their first difference stands, and there is no other way to
/// compare them: they have no bytes that the language's own `==`, which stops at that difference, would take. Their
/// lengths are no secret.
package struct SecretBytes<Bytes: Collection<UInt8>>: Equatable {
    private let bytes: Bytes

    package init(_ bytes: Bytes) {
        self.bytes = bytes
    }

    package static func == (left: Self, right: Self) -> Bool {
        guard left.bytes.count == right.bytes.count else { return false }
        var difference: UInt8 = 0
        for (one, other) in zip(left.bytes, right.bytes) { difference |= one ^ other }
        return difference == 0
    }

    /// The first eight bytes, for a look-up, whose time may tell of them; whoever looks up compares the whole.
    package var head: UInt64 {
        bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// For a store, and nothing else.
    package var exposed: Bytes { bytes }
}

extension SecretBytes: Sendable where Bytes: Sendable {}

extension SecretBytes: CustomStringConvertible {
    package var description: String { "(\(bytes.count) secret bytes)" }
}

import Crypto
import Journal
package import Platform

/// Makes the ids that a sender left out.
struct IdentityMaker: Sendable {
    private let users: KeyedHash
    private let clock: any WorldClock
    private let random: any RandomSource

    init(secret: [UInt8], clock: any WorldClock, random: any RandomSource) {
        users = KeyedHash(secret: secret).derived(for: "courant.user_id")
        self.clock = clock
        self.random = random
    }

    /// Makes `id` one for an event without: the same again when the request is repeated with its Idempotency-Key
    /// (UUID version 5 of source, key and place), otherwise a new one (version 7).
    ///
    /// Only the former allocates, as its SHA-1 does.
    func makeEventID(source: String, idempotencyKey: String?, index: Int, into id: inout [UInt8]) {
        id.removeAll(keepingCapacity: true)
        guard let idempotencyKey else { return UUIDText.appendV7(at: clock.now(), random, to: &id) }
        // A length before each part keeps ("a", "bc") apart from ("ab", "c").
        let name = "\(source.utf8.count):\(source)\(idempotencyKey.utf8.count):\(idempotencyKey)\(index)"
        id.append(contentsOf: UUIDText.text(UUIDText.version5(Self.namespace, Array(name.utf8))).utf8)
    }

    /// Makes `id` a stable stand-in for `user_id`: 24 hex digits, as the ids of users in the public format have.
    func makeUserID(external: UnsafeBufferPointer<UInt8>, into id: inout [UInt8]) {
        let (low, high) = unsafe users.hash(external)
        id.removeAll(keepingCapacity: true)
        Hex.append(low, to: &id)
        Hex.append(high, digits: 8, to: &id)
    }

    /// The namespace of event ids: a UUID drawn once, for this use only.
    private static let namespace: [UInt8] = [
        0x6F, 0x1C, 0x6E, 0x0B, 0x5D, 0x0E, 0x4B, 0x53, 0x9A, 0x5E, 0x0C, 0x4A, 0x1F, 0x5A, 0x7D, 0x21,
    ]
}

extension UUIDText {
    /// The 16 bytes of a UUID made from a name within a namespace: the same each time.
    package static func version5(_ namespace: [UInt8], _ name: [UInt8]) -> [UInt8] {
        stamped(Array(Insecure.SHA1.hash(data: namespace + name)), version: 5)
    }
}

extension RecordIdentity {
    /// An identity is never `.none`, which stands for records that repeat freely.
    init(_ hash: (low: UInt64, high: UInt64)) {
        let isNone = hash.low == 0 && hash.high == 0
        self.init(high: hash.high, low: isNone ? 1 : hash.low)
    }
}

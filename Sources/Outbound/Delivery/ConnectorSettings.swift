package import Avro
package import Glossary

/// What the operator wants of one connector.
package struct ConnectorSettings: Sendable, Hashable {
    /// Where a connector without a cursor begins.
    package enum Start: String, Sendable, Hashable {
        /// At the journal's end as it is when the connector is first prepared.
        case now
        case oldest
    }

    /// What happens when the disk budget is spent and this connector still needs the journal.
    package enum WhenFull: String, Sendable, Hashable {
        /// Intake answers 503 until there is room.
        case wait
        /// The connector's oldest records are counted as lost.
        case giveUp = "give_up"
    }

    package var name: String
    /// Names the connector in keys, plans and state; by default 24 hex digits that the Service computes.
    package var id: String
    package var kind: DestinationKind
    /// The entitlement.
    package var filter: Filter
    package var edition: String
    package var codec: Codec
    package var roll: RollSettings
    package var key: KeySettings
    package var start: Start
    package var whenFull: WhenFull
    package var privacy: PrivacySettings
    /// Raw bytes of an Avro block.
    package var blockBytes: Int
    /// Plans that are being landed at the same time.
    package var landingsMax: Int
    package var retry: RetryPolicy

    package init(
        name: String,
        id: String,
        kind: DestinationKind,
        filter: Filter = Filter(),
        edition: String = "2021",
        codec: Codec = .zstandard(level: 1),
        roll: RollSettings = RollSettings(every: .seconds(60)),
        key: KeySettings = KeySettings(),
        start: Start = .now,
        whenFull: WhenFull = .wait,
        privacy: PrivacySettings = PrivacySettings(),
        blockBytes: Int = 1 << 20,
        landingsMax: Int = 4,
        retry: RetryPolicy = RetryPolicy()
    ) {
        self.name = name
        self.id = id
        self.kind = kind
        self.filter = filter
        self.edition = edition
        self.codec = codec
        self.roll = roll
        self.key = key
        self.start = start
        self.whenFull = whenFull
        self.privacy = privacy
        self.blockBytes = blockBytes
        self.landingsMax = landingsMax
        self.retry = retry
    }

    package func validate() throws(DeliveryError) {
        try KeySettings.validate(segment: id, named: "id")
        try roll.validate()
        try key.validate()
        guard (1_024...(4 << 20)).contains(blockBytes) else {
            throw DeliveryError(.settings, "an Avro block has 1 KiB to 4 MiB of raw bytes")
        }
        guard (1...64).contains(landingsMax) else {
            throw DeliveryError(.settings, "1 to 64 files can be on their way at the same time")
        }
    }
}

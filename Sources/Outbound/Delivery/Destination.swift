package import Journal

/// Where a connector delivers to.
package enum Destination: Sendable {
    case objects(any ObjectDestination)
    case stream(any StreamDestination)

    /// The identity of where it writes; a plan is landed only where it was made for.
    package var location: String {
        switch self {
        case .objects(let destination): destination.location
        case .stream(let destination): destination.location
        }
    }

    package var limitation: String? {
        switch self {
        case .objects(let destination): destination.limitation
        case .stream: nil
        }
    }
}

/// Storage that keeps whole objects under keys.
///
/// `land` must be create-only, must return only when the object is durable, must be cancellable at every wait, and
/// may be called again for the same object at any time, also while an earlier call's outcome is unknown.
package protocol ObjectDestination: Sendable {
    /// The same text for the same place, such as `s3://bucket` or a folder's path.
    var location: String { get }

    /// What of the promises does not hold here, in a sentence for the status; nil where all do.
    var limitation: String? { get }

    /// Called when the connector starts: takes away what an earlier process left half done. Cancellable like `land`.
    func prepare() async throws(DestinationError)

    func land(_ object: LandingObject) async throws(DestinationError) -> LandingOutcome

    /// The bytes under a key, up to `bytesMax` of them; nil if nothing stands there.
    func read(_ key: String, bytesMax: Int) async throws(DestinationError) -> [UInt8]?

    /// Removes the object under a key; nothing there is no error. Only tests remove something.
    func delete(_ key: String) async throws(DestinationError)
}

extension ObjectDestination {
    package var limitation: String? { nil }

    package func prepare() async throws(DestinationError) {}
}

/// How an object came to stand at its key.
package enum LandingOutcome: Sendable, Hashable {
    case created
    /// An earlier attempt had landed it, of which nobody knew.
    case alreadyThere(Match)

    package enum Match: Sendable, Hashable {
        /// The object has these bytes.
        case checksum
        /// The object names this plan; its bytes are those of an earlier making.
        case plan
    }
}

/// A stream of messages: records are acknowledged, a record stands there at least once.
package protocol StreamDestination: Sendable {
    var location: String { get }
    var limits: StreamLimits { get }

    /// Called when the connector starts, before records are delivered; what it throws is shown, and delivery begins
    /// all the same.
    ///
    /// It must be cancellable at every wait. While it shows trouble it is called again now and then, beside deliveries.
    func prepare() async throws(DestinationError)

    /// Whether it never carries a field, whatever the connector's settings say of privacy.
    func leavesOut(_ field: String) -> Bool

    /// Returns when each record of the batch is either acknowledged or named as refused.
    func deliver(_ batch: StreamBatch) async throws(DestinationError) -> StreamOutcome

    /// Asks the service whether records could be delivered, without sending one; returns what it found in a sentence.
    func probe() async throws(DestinationError) -> String
}

extension StreamDestination {
    package func prepare() async throws(DestinationError) {}
    package func leavesOut(_ field: String) -> Bool { false }
}

/// How much one batch may hold; a single record may be larger than `bytesMax`.
package struct StreamLimits: Sendable, Hashable {
    package var recordsMax: Int
    package var bytesMax: Int

    package init(recordsMax: Int, bytesMax: Int) {
        precondition(recordsMax > 0 && bytesMax > 0, "a batch has room for something")
        self.recordsMax = recordsMax
        self.bytesMax = bytesMax
    }
}

/// Records of one partition in the order of their offsets.
package struct StreamBatch: Sendable {
    package struct Record: Sendable, Hashable {
        package var offset: Offset
        /// Index into `types`.
        package var type: Int
        /// Where its datum lies in `bytes`.
        package var datum: Range<Int>

        package init(offset: Offset, type: Int, datum: Range<Int>) {
            self.offset = offset
            self.type = type
            self.datum = datum
        }
    }

    package var partition: PartitionID
    package var types: [CarriedType]
    package var records: [Record] = []
    package var bytes: [UInt8] = []

    package init(partition: PartitionID, types: [CarriedType]) {
        self.partition = partition
        self.types = types
    }
}

/// What became of a batch.
package struct StreamOutcome: Sendable {
    package struct Refusal: Sendable {
        /// Index into the batch's records.
        package var record: Int
        package var reason: String

        package init(record: Int, reason: String) {
            self.record = record
            self.reason = reason
        }
    }

    package var refused: [Refusal]

    package init(refused: [Refusal] = []) {
        self.refused = refused
    }
}

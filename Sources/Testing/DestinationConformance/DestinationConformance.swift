internal import Avro
internal import Delivery
internal import Journal
package import Platform

/// What every object destination must do, one check at a time.
///
/// Run each check on a fresh, empty place.
package enum ConformanceCheck: String, Sendable, CaseIterable {
    /// An object lands whole under its key, and nothing else appears.
    case landsWhole
    /// Landing again, from a new process too, answers “already there” and changes nothing.
    case landsOnce
    /// The same plan with other bytes (another codec, a later version) is recognised by its name.
    case recognisesPlan
    /// Something foreign under the key is a conflict and stays as it is.
    case neverOverwrites
    /// Another plan's object under the key is a conflict too.
    case tellsPlansApart
    /// A staged file that ends early or has rotted never appears under the key.
    case refusesDamage
    /// A cancelled landing leaves nothing half done, and the next one succeeds.
    case survivesCancellation
    /// A file of many pieces is streamed.
    case streamsLargeFiles
    /// Two landings of one object at the same time make one object, and neither fails.
    case landsOnceUnderRace
    /// Keys with several folders land where they say.
    case keepsPrefixes
    /// What has landed can be read, up to a bound, and deleted; what is not there is nothing, not an error.
    case readsAndDeletes
    /// Refusals carry their remedy, leave nothing, and pass when the cause does.
    case errorsCarryRemedies
}

/// Runs the checks against one subject.
package struct DestinationConformance: Sendable {
    let subject: any ConformanceSubject
    let platform: Platform
    /// A folder of the platform's file system for staged files.
    let folder: String

    package init(_ subject: any ConformanceSubject, platform: Platform, stagingFolder folder: String) {
        self.subject = subject
        self.platform = platform
        self.folder = folder
    }

    package func run(_ check: ConformanceCheck) async throws {
        _ = try platform.files.makeFolder(folder)
        switch check {
        case .landsWhole: try await landsWhole()
        case .landsOnce: try await landsOnce()
        case .recognisesPlan: try await recognisesPlan()
        case .neverOverwrites: try await neverOverwrites()
        case .tellsPlansApart: try await tellsPlansApart()
        case .refusesDamage: try await refusesDamage()
        case .survivesCancellation: try await survivesCancellation()
        case .streamsLargeFiles: try await streamsLargeFiles()
        case .landsOnceUnderRace: try await landsOnceUnderRace()
        case .keepsPrefixes: try await keepsPrefixes()
        case .readsAndDeletes: try await readsAndDeletes()
        case .errorsCarryRemedies: try await errorsCarryRemedies()
        }
    }

    static let key = "dataexport/event_type=users.messages.email.Open/date=2026-01-01-00/a+0+17.avro"

    /// An object whose staged file is a small Avro file.
    func makeObject(
        key: String = DestinationConformance.key,
        first: Int64 = 17,
        body: [UInt8] = [2, 2, 0],
        codec: Codec = .null
    ) async throws -> (object: LandingObject, bytes: [UInt8]) {
        let tag = PlanTag(
            journal: JournalID([UInt8](repeating: 7, count: 16)),
            connector: "0123456789abcdef01234567",
            partition: PartitionID(0),
            type: "users.messages.email.Open",
            first: Offset(first),
            last: Offset(first + 2),
            count: 3
        )
        let header = ContainerHeader(
            schema: #"{"type":"record","name":"Open","fields":[]}"#,
            codec: codec,
            metadata: [(key: PlanTag.metadataKey, value: tag.padded)],
            sync: [UInt8](repeating: 9, count: 16)
        )
        let bytes = header.encoded() + body
        var sum = ChecksumStream()
        sum.add(bytes)
        let path = FilePath.join(folder, "staged-\(platform.random.next())")
        let file = try platform.files.open(path, .create)
        defer { file.close() }
        try file.write(at: 0, bytes)
        let object = LandingObject(
            key: key,
            size: sum.size,
            checksum: sum.checksum,
            plan: tag,
            path: path,
            platform: platform
        )
        return (object, bytes)
    }

    func expect(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
        guard condition else { throw ConformanceFailure(sentence()) }
    }

    func expectObjects(_ wanted: [String: [UInt8]], _ when: String) async throws {
        let found = try await subject.objects()
        try expect(
            found.keys.sorted() == wanted.keys.sorted(),
            "\(when) the place holds \(found.keys.sorted()) instead of \(wanted.keys.sorted())"
        )
        for (key, bytes) in wanted {
            try expect(found[key] == bytes, "\(when) \(key) does not have the bytes that it must have")
        }
    }

    /// The error of a landing that must fail.
    func failure(
        of destination: any ObjectDestination,
        _ object: LandingObject,
        _ when: String
    ) async throws -> DestinationError {
        let outcome: LandingOutcome
        do throws(DestinationError) {
            outcome = try await destination.land(object)
        } catch {
            return error
        }
        throw ConformanceFailure("\(when) landing answered \(outcome) instead of failing")
    }
}

import CloudHTTP
import Delivery
import Foundation
import Journal
import Platform

@testable import DestinationS3

/// A folder of its own for staged files, gone with the value.
final class StagedObjects: Sendable {
    let folder = NSTemporaryDirectory() + "courant-s3-" + UUID().uuidString
    let platform: Platform

    init(clock: any WorldClock = SystemClock()) {
        let live = Platform.live(blockingThreads: 2, computeThreads: 1)
        platform = Platform(
            clock: clock,
            random: live.random,
            files: live.files,
            blocking: live.blocking,
            compute: live.compute
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// An object with these bytes; objects of the same `first` are of one plan.
    func object(_ bytes: [UInt8], key: String = "a/b=c/d+1.avro", first: Int64 = 1) throws -> LandingObject {
        _ = try platform.files.makeFolder(folder)
        let path = FilePath.join(folder, UUID().uuidString)
        let file = try platform.files.open(path, .create)
        defer { file.close() }
        try file.write(at: 0, bytes)
        var sum = ChecksumStream()
        sum.add(bytes)
        let tag = PlanTag(
            journal: JournalID([UInt8](repeating: 1, count: 16)),
            connector: "0123456789abcdef01234567",
            partition: PartitionID(0),
            type: "users.messages.email.Open",
            first: Offset(first),
            last: Offset(first + 2),
            count: 3
        )
        return LandingObject(
            key: key,
            size: sum.size,
            checksum: sum.checksum,
            plan: tag,
            path: path,
            platform: platform
        )
    }
}

extension ObjectDestination {
    /// The error of a landing that has to fail.
    func failure(landing object: LandingObject) async throws -> DestinationError {
        let outcome: LandingOutcome
        do throws(DestinationError) {
            outcome = try await land(object)
        } catch {
            return error
        }
        throw Landed(outcome: outcome)
    }
}

/// A landing that had to fail did not.
struct Landed: Error {
    let outcome: LandingOutcome
}

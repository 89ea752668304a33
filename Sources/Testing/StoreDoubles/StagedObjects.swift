package import Delivery
internal import Foundation
internal import Journal
package import Platform

/// A folder of its own for staged files, gone with the value.
package final class StagedObjects: Sendable {
    package let folder: String
    package let platform: Platform

    package init(clock: any WorldClock = SystemClock()) {
        let live = Platform.live(blockingThreads: 2, computeThreads: 1)
        folder = NSTemporaryDirectory() + "courant-staged-" + Hex.text(live.random.next())
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
    package func object(_ bytes: [UInt8], key: String = "a/b=c/d+1.avro", first: Int64 = 1) throws -> LandingObject {
        let path = try write(bytes, Hex.text(platform.random.next()))
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

    /// Writes a file of the folder in one step, over one that is there, and answers with its path.
    @discardableResult
    package func write(_ bytes: [UInt8], _ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = FilePath.join(folder, name)
        try Data(bytes).write(to: URL(filePath: path), options: .atomic)
        return path
    }
}

extension ObjectDestination {
    /// The error of a landing that has to fail.
    package func failure(landing object: LandingObject) async throws -> DestinationError {
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
package struct Landed: Error {
    package let outcome: LandingOutcome
}

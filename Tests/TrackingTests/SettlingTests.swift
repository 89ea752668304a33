import Avro
import Intake
import Journal
import Platform
import Synchronization
import Testing

@testable import Tracking

@Suite("how far tracking's state is on the disk")
struct SettlingTests {
    private static let partition = PartitionID(0)

    @Test("while nothing of tracking changes, retention needs not wait, and nothing is written for it")
    func plainTraffic() async throws {
        try await TrackingWorld().run { running in
            let (tracker, journal) = (running.tracker, running.journal)
            let before = try await tracker.store.applied()
            for number in 1...3 { try await running.plain("e-\(number)") }
            #expect(tracker.neededFrom(Self.partition) == journal.end(of: Self.partition))
            try await running.pass(.seconds(60))
            #expect(try await tracker.store.applied() == before)
        }
    }

    @Test("a change makes retention wait until what has been taken is on the disk, which it may ask for")
    func change() async throws {
        try await TrackingWorld().run { running in
            let (tracker, journal) = (running.tracker, running.journal)
            try await running.plain("e-1")
            let end = journal.end(of: Self.partition)
            _ = try await running.report(.sends, Stories.sends(["u1"]), key: "k1")
            try await running.plain("e-2")
            #expect(tracker.neededFrom(Self.partition) < end)
            await tracker.settleNow()
            #expect(tracker.neededFrom(Self.partition) == journal.end(of: Self.partition))
            try await running.plain("e-3")
            #expect(tracker.neededFrom(Self.partition) == journal.end(of: Self.partition))
        }
    }

    @Test("a start looks for changes behind what was asked to be settled only, also where there were none")
    func noted() async throws {
        try await TrackingWorld().run { running in
            try await running.plain("e-1")
            await running.tracker.settleNow()
            #expect(try await running.tracker.store.applied() == running.journal.end(of: Self.partition))
        }
    }

    @Test("who asks a tracker that does not run is answered at once")
    func stopped() async throws {
        let tracker = try await TrackingWorld().run { $0.tracker }
        await tracker.settleNow()
        #expect(tracker.settling.withLock { !$0.isAnswering && $0.waiters.isEmpty })
    }
}

extension TrackingWorld.Running {
    /// An event that has nothing to do with tracking.
    func plain(_ id: String) async throws {
        let event = """
            [{"event_type":"users.behaviors.app.SessionEnd","id":"\(id)","user_id":"u","time":1767225600,"app_id":"a",
            "session_id":"s","duration":1}]
            """
        let made = try intake.make(Array(event.utf8), for: "default", keepsRejected: false)
        #expect(made.rejections.isEmpty)
        _ = try await intake.append([made], change: nil)
    }
}

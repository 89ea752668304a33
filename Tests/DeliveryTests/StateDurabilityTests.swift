import GRDB
import Platform
import Testing

@testable import Delivery

@Suite("State on the disk")
struct StateDurabilityTests {
    @Test("a commit of state is synced before it returns: write-ahead log, synchronous FULL")
    func synchronousFull() async throws {
        let world = try DeliveryWorld()
        let state = try await world.openState()
        let (mode, level) = try await world.platform.onBlocking {
            try state.database.writeWithoutTransaction { database in
                (
                    try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                    try Int.fetchOne(database, sql: "PRAGMA synchronous")
                )
            }
        }
        #expect(mode == "wal")
        #expect(level == 2)
        try await state.close()
    }
}

import Avro
import Delivery
import Foundation
import Intake
import Platform
import Testing

@testable import Service

@Suite(.serialized) struct DiskTests {
    static func budget(_ bytes: Int?, reserve: Int = 0) -> DiskBudget {
        DiskBudget(.init(budgetBytes: bytes, reserveBytes: reserve))
    }

    @Test("journal, staging and state share the budget, and the journal's growth counts at once")
    func shared() {
        let budget = Self.budget(1000)
        budget.record(.init(journal: 300, staging: 200, state: 100, free: 1_000_000))
        #expect(budget.room(journal: 300) == 400)
        #expect(budget.admits(journal: 699))
        #expect(!budget.admits(journal: 700))
    }

    @Test("what must stay free on the disk stays free, with or without a budget")
    func reserve() {
        for bytes in [nil, 1_000_000] {
            let budget = Self.budget(bytes, reserve: 500)
            budget.record(.init(journal: 100, staging: 0, state: 0, free: 600))
            #expect(budget.room(journal: 100) == 100)
            #expect(budget.admits(journal: 199))
            #expect(!budget.admits(journal: 200))
        }
    }

    @Test("room is made before the budget is spent, again at once while some goes, and later where none does")
    func pace() {
        var pace = UpkeepPace(headroom: 100)
        #expect(pace.next(room: 500, now: .zero) == .measure)
        #expect(pace.next(room: 500, now: .milliseconds(100)) == .rest)
        #expect(pace.next(room: 99, now: .milliseconds(200)) == .makeRoom)
        pace.made(removed: 1, now: .milliseconds(250))
        #expect(pace.next(room: 99, now: .milliseconds(350)) == .makeRoom)
        pace.made(removed: 0, now: .milliseconds(400))
        #expect(pace.next(room: 0, now: .milliseconds(500)) == .rest)
        #expect(pace.next(room: 0, now: .milliseconds(900)) == .makeRoom)
        pace.made(removed: 2, now: .milliseconds(950))
        #expect(pace.next(room: 100, now: .milliseconds(1_050)) == .rest)
        #expect(pace.next(room: 100, now: .milliseconds(2_950)) == .measure)
    }

    @Test("the room kept ahead is two turns of the journal's files, or an eighth of a middling budget")
    func headroom() {
        var journal = Configuration.JournalPart()
        journal.segmentBytes = 16 << 20
        func headroom(_ budget: Int?) -> Int64 {
            DiskBudget.headroom(.init(budgetBytes: budget, reserveBytes: 0), journal)
        }
        #expect(headroom(nil) == 32 << 20)
        #expect(headroom(256 << 20) == 32 << 20)
        #expect(headroom(1 << 30) == 128 << 20)
        #expect(headroom(50 << 30) == 1 << 30)
    }

    @Test("before the first measurement nobody is refused")
    func unmeasured() {
        #expect(Self.budget(1).admits(journal: 1 << 40))
    }

    @Test("without room intake answers 503, never 4xx, and everything else goes on")
    func full() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let one = try event("a")
        let configuration = settings(in: folder) { $0.disk.reserveBytes = Int.max / 2 }
        let log = LogLines()
        try await withService(configuration, log: log) { service async throws in
            let answer = try await ask("POST", "\(service.url)/v1/events", body: one)
            #expect(answer.status == 503)
            #expect(answer.code == "storage_full")
            #expect(answer.headers["retry-after"] == "5")
            let users = #"{"users":[{"user_id":"u-1"}]}"#
            let report = try await ask("PUT", "\(service.url)/v1/users", body: users)
            #expect(report.status == 503 && report.code == "storage_full" && report.headers["retry-after"] == "5")
            #expect(try await ask("GET", "\(service.url)/v1/status")["disk", "has_room"] as? Bool == false)
            #expect(try await ask("GET", "\(service.url)/readyz").status == 200)
            #expect(try await ask("GET", "\(service.url)/metrics").body.contains("courant_service_disk_has_room 0\n"))
        }
        #expect(log.all.contains { $0.contains("The disk budget is spent") })
    }

    /// Sends events of 100 kB, each until it is taken; answers how many were, and whether a 503 came between.
    static func send(_ count: Int, to url: String, tries: Int = 60) async throws -> (taken: Int, waited: Bool) {
        let agent = String(repeating: "x", count: 100_000)
        var (taken, waited) = (0, false)
        for first in stride(from: 0, to: count, by: 20) {
            let events = try (first..<min(first + 20, count)).map { index in
                try event("id-\(index)").dropLast() + ",\"user_agent\":\"\(agent)\"}"
            }
            for _ in 0..<tries {
                let answer = try await ask("POST", "\(url)/v1/events", body: "[\(events.joined(separator: ","))]")
                if answer.status == 200 {
                    taken += (answer["accepted"] as? Int ?? 0) + (answer["duplicates"] as? Int ?? 0)
                    break
                }
                #expect(answer.status == 503)
                waited = true
                try await SystemClock().sleep(for: .milliseconds(250))
            }
        }
        return (taken, waited)
    }

    static func tight(_ folder: TestFolder, _ change: (inout Configuration) -> Void = { _ in }) -> Configuration {
        settings(in: folder) {
            $0.journal.segmentBytes = 8 << 20
            $0.disk.budgetBytes = 48 << 20
            $0.disk.reserveBytes = 0
            change(&$0)
        }
    }

    /// Puts a file where the connector's folder should be: it cannot land anything.
    static func block(_ configuration: inout Configuration, _ folder: TestFolder) {
        let wall = folder.file("wall")
        _ = FileManager.default.createFile(atPath: wall, contents: nil)
        configuration.connectors[0].destination = LocalDestinationPart(path: "\(wall)/files")
        configuration.connectors[0].codec = .null
    }

    @Test("what has landed makes room before its time, and nothing is lost", .timeLimit(.minutes(2)))
    func landed() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = Self.tight(folder) { $0.connectors[0].roll.every = .seconds(1) }
        try await withService(configuration) { service async throws in
            let sent = try await Self.send(500, to: service.url)
            #expect(sent.taken == 500)
            #expect(try await ask("POST", "\(service.url)/v1/connectors/local/flush").status == 200)
            let report = try await ask("GET", "\(service.url)/v1/connectors/local")
            #expect(report["balance", "landed"] as? Int == 500)
            #expect(report["balance", "lost"] as? Int == 0)
        }
    }

    @Test("a dead destination holds intake up once the budget is spent", .timeLimit(.minutes(2)))
    func waits() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = Self.tight(folder) { Self.block(&$0, folder) }
        try await withService(configuration) { service async throws in
            let sent = try await Self.send(500, to: service.url, tries: 1)
            #expect(sent.waited)
            #expect(sent.taken < 500)
            let report = try await ask("GET", "\(service.url)/v1/connectors/local")
            #expect(report["balance", "lost"] as? Int == 0)
        }
    }

    @Test(
        "a connector that gives up when full loses its oldest records, counted, and intake goes on",
        .timeLimit(.minutes(3))
    )
    func givesUp() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let log = LogLines()
        let configuration = Self.tight(folder) {
            Self.block(&$0, folder)
            $0.connectors[0].whenFull = .giveUp
        }
        try await withService(configuration, log: log) { service async throws in
            let sent = try await Self.send(500, to: service.url)
            #expect(sent.taken == 500)
            let report = try await ask("GET", "\(service.url)/v1/connectors/local")
            let lost = report["balance", "lost"] as? Int ?? 0
            #expect(lost > 0)
            #expect(lost < 500)
        }
        #expect(log.all.contains { $0.contains("gave up records") })
    }

    @Test("a failed state ends the process with 70 and a sentence; other errors do not")
    func failStop() async {
        let log = LogLines()
        FailStop(logger: log.logger()) {}.check(DeliveryError(.timeout, "late"))
        #expect(log.all.isEmpty)
        FailStop(logger: log.logger()) {}.check(DeliveryError(.state, "the disk is gone"))
        #expect(log.all.count == 1)
        #expect(log.all.first?.contains("the disk is gone") == true)
        await #expect(processExitsWith: .exitCode(70)) {
            FailStop(logger: LogLines().logger()).check(DeliveryError(.state, "the disk is gone"))
        }
    }
}

import Delivery
import Foundation
import Platform
import Testing

@testable import Service

@Suite struct LifecycleTests {
    @Test("events come in over HTTP and come out as files, and both balances hold")
    func wholePath() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        try await withService(settings(in: folder)) { service async throws in
            let body = try (1...5).map { try event("id-\($0)") }.joined(separator: "\n")
            let ndjson = ["Content-Type: application/x-ndjson"]
            let first = try await ask("POST", "\(service.url)/v1/events", headers: ndjson, body: body)
            #expect(first.status == 200)
            #expect(first["accepted"] as? Int == 5)
            let second = try await ask("POST", "\(service.url)/v1/events", headers: ndjson, body: body)
            #expect(second["duplicates"] as? Int == 5)
            let flushed = try await ask("POST", "\(service.url)/v1/connectors/local/flush")
            #expect(flushed.status == 200)
            #expect(flushed["records"] as? Int == 5)
            let report = try await ask("GET", "\(service.url)/v1/connectors")
            #expect(report["sources", "0", "received"] as? Int == 10)
            #expect(report["sources", "0", "accepted"] as? Int == 5)
            #expect(report["sources", "0", "duplicates"] as? Int == 5)
            #expect(report["connectors", "0", "balance", "carried"] as? Int == 5)
            #expect(report["connectors", "0", "balance", "landed"] as? Int == 5)
            #expect(report["connectors", "0", "balance", "pending"] as? Int == 0)
        }
        #expect(folder.avroFiles().count == 1)
    }

    @Test("what was accepted before a stop lands after the next start, once, and stays known as a duplicate")
    func restart() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder)
        let one = try event("one")
        try await withService(configuration) { service async throws in
            #expect(try await ask("POST", "\(service.url)/v1/events", body: one).status == 200)
        }
        try await withService(configuration) { service async throws in
            let again = try await ask("POST", "\(service.url)/v1/events", body: one)
            #expect(again["duplicates"] as? Int == 1)
            let flushed = try await ask("POST", "\(service.url)/v1/connectors/local/flush")
            #expect(flushed["records"] as? Int == 1, "\(flushed)")
        }
        #expect(folder.avroFiles().count == 1)
    }

    @Test("records that rot has taken are an error in the log, counted in the books, and the rest lands")
    func rot() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder)
        try await withService(configuration) { service async throws in
            #expect(try await ask("POST", "\(service.url)/v1/connectors/local/pause").status == 200)
            for id in ["first", "second-to-rot", "third"] {
                #expect(try await ask("POST", "\(service.url)/v1/events", body: try event(id)).status == 200)
            }
        }
        let name = try #require(folder.names(in: "data/journal").first { $0.hasSuffix(".segment") })
        let segment = URL(filePath: folder.file("data/journal/\(name)"))
        var bytes = try Data(contentsOf: segment)
        let place = try #require(bytes.firstRange(of: Data("second-to-rot".utf8)))
        bytes[place.lowerBound] ^= 0xFF
        try bytes.write(to: segment)
        let log = LogLines()
        try await withService(configuration, log: log) { service async throws in
            #expect(try await ask("POST", "\(service.url)/v1/connectors/local/resume").status == 200)
            let flushed = try await ask("POST", "\(service.url)/v1/connectors/local/flush")
            #expect(flushed["records"] as? Int == 2, "\(flushed)")
            let report = try await ask("GET", "\(service.url)/v1/connectors")
            #expect(report["connectors", "0", "balance", "lost"] as? Int == 1)
        }
        let errors = log.all.filter { $0.contains(" error ") }
        #expect(errors.count == 1 && errors[0].contains("records are lost"), "\(log.all)")
        #expect(errors[0].contains("journal.from=1") && errors[0].contains("journal.records=1"), "\(errors)")
    }

    @Test("an event whose id came from the Idempotency-Key stays known as a duplicate over a restart")
    func restartWithKey() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder)
        let nameless = try event("x").replacing(#""id":"x","#, with: "")
        let body = "[\(nameless),\(nameless)]"
        try await withService(configuration) { service async throws in
            let first = try await ask("POST", "\(service.url)/v1/events", headers: ["Idempotency-Key: k"], body: body)
            #expect(first["accepted"] as? Int == 2, "\(first)")
        }
        try await withService(configuration) { service async throws in
            let again = try await ask("POST", "\(service.url)/v1/events", headers: ["Idempotency-Key: k"], body: body)
            #expect(again["duplicates"] as? Int == 2, "\(again)")
            let other = try await ask("POST", "\(service.url)/v1/events", headers: ["Idempotency-Key: l"], body: body)
            #expect(other["accepted"] as? Int == 2, "\(other)")
            let flushed = try await ask("POST", "\(service.url)/v1/connectors/local/flush")
            #expect(flushed["records"] as? Int == 4, "\(flushed)")
        }
    }

    @Test("a second process on the same folder is refused with the pid of the first")
    func secondProcess() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder)
        try await withService(configuration, processID: 1234) { _ in
            let refusal = await #expect(throws: ServiceError.self) {
                try await withService(configuration) { _ in }
            }
            #expect(refusal?.code == .inUse)
            #expect(refusal?.message.contains("in use by process 1234") == true)
        }
    }

    @Test("a journal without its state is refused, and state without its journal")
    func torn() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder)
        try await withService(configuration) { _ in }
        let files = FileManager.default
        try files.moveItem(atPath: folder.file("data/journal"), toPath: folder.file("journal"))
        let withoutJournal = await #expect(throws: ServiceError.self) { try await withService(configuration) { _ in } }
        #expect(withoutJournal?.code == .inconsistent)
        #expect(withoutJournal?.message.contains("not the journal") == true)
        try files.moveItem(atPath: folder.file("journal"), toPath: folder.file("data/journal"))
        try files.moveItem(atPath: folder.file("data/state.db"), toPath: folder.file("state.db"))
        let withoutState = await #expect(throws: ServiceError.self) { try await withService(configuration) { _ in } }
        #expect(withoutState?.code == .inconsistent)
        #expect(withoutState?.message.contains("not the state") == true)
        #expect(!files.fileExists(atPath: folder.file("data/state.db")))
        try files.moveItem(atPath: folder.file("state.db"), toPath: folder.file("data/state.db"))
        try await withService(configuration) { _ in }
    }

    @Test("state of another journal is refused")
    func otherJournal() async throws {
        let (one, other) = (try TestFolder(), try TestFolder())
        defer { for folder in [one, other] { folder.remove() } }
        try await withService(settings(in: one)) { _ in }
        try await withService(settings(in: other)) { _ in }
        let files = FileManager.default
        try files.removeItem(atPath: one.file("data/journal"))
        try files.moveItem(atPath: other.file("data/journal"), toPath: one.file("data/journal"))
        await #expect(throws: (any Error).self) { try await withService(settings(in: one)) { _ in } }
    }

    @Test("a crash between making the journal and noting it in state is no lost state")
    func crashAtFirstStart() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder)
        let platform = Platform.live(blockingThreads: 1, computeThreads: 1)
        let data = try await DataFolder.hold(configuration.data, processID: 1, platform: platform)
        let state = try await data.openState()
        try await state.close()
        // The journal's first act.
        try FileManager.default.createDirectory(atPath: data.journal, withIntermediateDirectories: true)
        data.release()
        try await withService(configuration) { _ in }
        try await withService(configuration) { _ in }
    }

    @Test("a stop is told to senders at once, and readiness with it")
    func stopping() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let log = LogLines()
        try await withService(settings(in: folder), log: log) { service async throws in
            #expect(try await ask("GET", "\(service.url)/readyz").status == 200)
            #expect(try await ask("GET", "\(service.url)/healthz").status == 200)
        }
        let sentences = log.all.joined()
        #expect(sentences.contains("The service is ready."))
        #expect(sentences.contains("The service is stopping."))
        #expect(sentences.contains("The service has stopped."))
        #expect(!sentences.contains(" error "))
    }

    @Test("a request that is under way when the stop comes is finished")
    func inFlight() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let one = try event("slow")
        let answer = try await withService(settings(in: folder)) { service async throws in
            async let slow = ask(
                "POST",
                "\(service.url)/v1/events",
                body: one + String(repeating: " ", count: 40_000),
                options: ["--limit-rate", "40k", "-H", "Expect:"]
            )
            try await SystemClock().sleep(for: .milliseconds(300))
            await service.stop()
            return try await slow
        }
        // Taken before the stop or refused by it: both are answers, neither is silence.
        #expect(answer.status == 200 || answer.status == 503)
        if answer.status == 503 { #expect(answer.code == "stopping") }
    }

    @Test("without a token nothing listens beyond loopback; a token made offline opens the way")
    func loopback() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) { $0.listen = ListenAddress(host: "0.0.0.0", port: 0) }
        let refusal = await #expect(throws: ServiceError.self) { try await withService(configuration) { _ in } }
        #expect(refusal?.code == .tokenNeeded)
        #expect(refusal?.message.contains("0.0.0.0:0") == true)
        let platform = Platform.live(blockingThreads: 1, computeThreads: 1)
        let text = try await OfflineTokens(configuration, processID: 1, platform: platform).with { tokens in
            try await tokens.create(name: "ops", source: nil, scopes: [.admin, .ingest]).text
        }
        try await withService(configuration) { service async throws in
            #expect(!service.isOpen)
            #expect(service.url.hasPrefix("http://127.0.0.1:"))
            #expect(try await ask("GET", "\(service.url)/v1/connectors").status == 401)
            #expect(try await ask("GET", "\(service.url)/v1/connectors", token: text).status == 200)
        }
    }

    @Test("tokens cannot be worked on offline while a service runs")
    func offlineInUse() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder)
        try await withService(configuration) { _ in
            let refusal = await #expect(throws: ServiceError.self) {
                let platform = Platform.live(blockingThreads: 1, computeThreads: 1)
                try await OfflineTokens(configuration, processID: 1, platform: platform).with { _ in }
            }
            #expect(refusal?.code == .inUse)
        }
    }

    @Test("behind a trusted proxy the service counts as reachable from outside")
    func behindProxy() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let range = try #require(AddressRange("127.0.0.1"))
        let configuration = settings(in: folder) { $0.trustedProxies = [range] }
        let refusal = await #expect(throws: ServiceError.self) { try await withService(configuration) { _ in } }
        #expect(refusal?.code == .tokenNeeded)
    }

    @Test("admin routes with a listener of their own answer there and nowhere else")
    func adminListener() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let configuration = settings(in: folder) { $0.adminListen = ListenAddress(host: "127.0.0.1", port: 0) }
        let one = try event("a")
        try await withService(configuration) { service async throws in
            #expect(service.url != service.adminURL)
            #expect(try await ask("GET", "\(service.adminURL)/v1/connectors").status == 200)
            #expect(try await ask("GET", "\(service.url)/v1/connectors").status == 404)
            #expect(try await ask("GET", "\(service.url)/metrics").status == 404)
            #expect(try await ask("POST", "\(service.adminURL)/v1/events", body: one).status == 404)
            #expect(try await ask("POST", "\(service.url)/v1/events", body: one).status == 200)
            for url in [service.url, service.adminURL] {
                #expect(try await ask("GET", "\(url)/readyz").status == 200)
                #expect(try await ask("GET", "\(url)/v1/glossary").status == 200)
            }
        }
    }

    @Test("an address in use is refused, and everything is closed again")
    func addressInUse() async throws {
        let (one, other) = (try TestFolder(), try TestFolder())
        defer { for folder in [one, other] { folder.remove() } }
        let elsewhere = settings(in: other)
        try await withService(settings(in: one)) { service async throws in
            var configuration = elsewhere
            configuration.listen = service.listen
            let taken = configuration
            let refusal = await #expect(throws: ServiceError.self) { try await withService(taken) { _ in } }
            #expect(refusal?.code == .listen)
            #expect(refusal?.message.contains("\(service.listen)") == true)
        }
        try await withService(elsewhere) { _ in }
    }
}

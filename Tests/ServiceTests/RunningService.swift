import CloudHTTP
import Foundation
import Glossary
import Hummingbird
import HummingbirdTesting
import Logging
import Platform
import ProgramTesting
import Synchronization
import Testing

@testable import Service

/// A folder for one test, which removes it at its end: a service may outlive the last mention of the folder.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        let random = SystemRandom().next()
        path = FileManager.default.temporaryDirectory.appendingPathComponent("courant-\(random)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func names(in name: String) -> [String] {
        (FileManager.default.enumerator(atPath: file(name))?.compactMap { $0 as? String } ?? []).sorted()
    }

    /// Paths of all Avro files below, sorted.
    func avroFiles(in name: String = "data/files") -> [String] {
        names(in: name).filter { $0.hasSuffix(".avro") }
    }
}

/// What a service logged, line by line.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])

    var all: [String] { lines.withLock { $0 } }

    func logger(level: Logger.Level = .info) -> Logger {
        ServiceLog.logger(.init(level: level, format: .text), clock: SystemClock()) { line in
            self.lines.withLock { $0.append(line) }
        }
    }
}

/// Asks the routes of a service of which nothing runs yet.
func withRoutes(
    of configuration: Configuration,
    _ setup: TestingSetup = .router,
    _ body: @escaping @Sendable (ServiceRooms, PhaseBoard, any TestClientProtocol) async throws -> Void
) async throws {
    let logger = LogLines().logger()
    let board = PhaseBoard()
    let rooms = try await ServiceRooms.open(
        configuration,
        glossary: .standard,
        platform: .live(blockingThreads: 2, computeThreads: 1),
        processID: 1,
        logger: logger,
        failStop: FailStop(logger: logger) {}
    )
    let reload = ConfigurationReload(rooms, reread: nil)
    let listeners = try ServiceListeners(rooms: rooms, board: board, reload: reload).listeners { _, _ in }
    let application = try #require(listeners.first).makeApplication { _ in }
    try await application.test(setup) { client in try await body(rooms, board, client) }
    await rooms.close()
}

/// Runs a whole service on a free port while `body` works with it, then stops it in order.
func withService<Value: Sendable>(
    _ configuration: Configuration,
    log: LogLines = LogLines(),
    processID: Int32 = 4711,
    reread: Configuration.Reread? = nil,
    providerTransport: (any CloudTransport)? = nil,
    _ body: @escaping @Sendable (CourantService.Started) async throws -> Value
) async throws -> Value {
    let platform = Platform.live(blockingThreads: 4, computeThreads: 2)
    let service = CourantService(
        configuration,
        reread: reread,
        processID: processID,
        platform: platform,
        logger: log.logger(),
        failStop: FailStop(logger: log.logger()) {},
        providerTransport: providerTransport
    )
    let (starts, start) = AsyncStream.makeStream(of: CourantService.Started.self)
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
            defer { start.finish() }
            try await service.run(signals: [], reloadSignals: []) { start.yield($0) }
            return nil
        }
        group.addTask {
            for await started in starts {
                let result: Result<Value, any Error>
                do { result = .success(try await body(started)) } catch { result = .failure(error) }
                await started.stop()
                return try result.get()
            }
            return nil
        }
        var value: Value?
        for try await result in group { value = value ?? result }
        return try #require(value)
    }
}

extension CourantService.Started {
    /// The value of one series of metrics, as it is told.
    func metric(_ series: String) async throws -> Substring? {
        let lines = try await ask("GET", "\(url)/metrics").body.split(separator: "\n")
        return lines.first { $0.hasPrefix("\(series) ") }?.dropFirst(series.count + 1)
    }
}

/// Asks until it is so; half a minute at most.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    for _ in 0..<600 {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(50))
    }
    return false
}

/// The standard settings over a test's folder, on a free port of the loopback address.
func settings(in folder: TestFolder, _ change: (inout Configuration) -> Void = { _ in }) -> Configuration {
    var configuration = Configuration.standard(data: folder.file("data"))
    configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
    change(&configuration)
    return configuration
}

/// What a service over a test's folder reads at a reload.
func rereading(_ file: String, in folder: TestFolder) -> Configuration.Reread {
    { () throws(ConfigurationError) in
        let text = String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
        var configuration = try Configuration.read(text, file: file).with(data: folder.file("data"))
        configuration.listen = ListenAddress(host: "127.0.0.1", port: 0)
        return configuration
    }
}

/// One answer of a service.
struct Answer: Sendable {
    let status: Int
    let headers: [String: String]
    let body: String

    subscript(path: String...) -> Any? {
        var value: Any? = try? JSONSerialization.jsonObject(with: Data(body.utf8))
        for key in path {
            if let index = Int(key) {
                value = (value as? [Any]).flatMap { $0.indices.contains(index) ? $0[index] : nil }
            } else {
                value = (value as? [String: Any])?[key]
            }
        }
        return value
    }

    var code: String? { self["error", "code"] as? String }
}

/// Asks a service by a client that nobody here wrote: curl.
func ask(
    _ method: String,
    _ url: String,
    token: String? = nil,
    headers: [String] = [],
    body: String? = nil,
    options: [String] = []
) async throws -> Answer {
    var arguments = ["-s", "-S", "-i", "-X", method, "--max-time", "30"] + options
    if let token { arguments += ["-H", "Authorization: Bearer \(token)"] }
    for header in headers { arguments += ["-H", header] }
    if body != nil {
        arguments += ["--data-binary", "@-"]
        if !headers.contains(where: { $0.hasPrefix("Content-Type:") }) {
            arguments += ["-H", "Content-Type: application/json"]
        }
    }
    if method == "HEAD" { arguments = arguments.filter { $0 != "-i" } + ["-I"] }
    let output = try await run("/usr/bin/curl", arguments + [url], input: body)
    var text = output.replacingOccurrences(of: "\r\n", with: "\n")
    var head = ""
    // Interim answers (100 Continue) stand before the real one.
    repeat {
        let end = text.range(of: "\n\n") ?? text.endIndex..<text.endIndex
        head = String(text[..<end.lowerBound])
        text = String(text[end.upperBound...])
    } while head.contains(" 100 ")
    let lines = head.split(separator: "\n")
    let status = Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        fields[parts[0].lowercased()] = parts.count == 2 ? parts[1].trimmingCharacters(in: .whitespaces) : ""
    }
    return Answer(status: status, headers: fields, body: text)
}

/// Runs a program and answers what it wrote, on both streams.
func run(_ program: String, _ arguments: [String], input: String? = nil) async throws -> String {
    let outcome = try await runProgram(URL(filePath: program), arguments, input: Data((input ?? "").utf8))
    return outcome.output + outcome.errors
}

/// A valid event of edition 2021.
func event(_ id: String, type: String = "users.messages.email.Click") throws -> String {
    let type = try #require(Glossary.standard.edition("2021")?.type(named: type))
    var fields = ["\"event_type\":\"\(type.name)\""]
    for field in type.fields where field.isRequired {
        let value: String
        switch (field.name, field.type) {
        case ("id", _): value = "\"\(id)\""
        case ("time", _): value = "1700000000"
        case (_, .string): value = "\"x\""
        case (_, .boolean): value = "true"
        default: value = "1"
        }
        fields.append("\"\(field.name)\":\(value)")
    }
    return "{\(fields.joined(separator: ","))}"
}

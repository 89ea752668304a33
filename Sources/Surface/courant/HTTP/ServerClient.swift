import AsyncHTTPClient
import CloudHTTP
import Foundation
import NIOCore
import NIOHTTP1
import Platform
import Synchronization

/// Whether an answer without end is read any further.
enum Following: Sendable {
    case goOn
    case stop
}

/// A running server, as the commands talk to it.
///
/// Every failure comes out as a ``CommandFailure`` that says what to do.
struct ServerClient: Sendable {
    /// Whether it was said that the server does not answer.
    private final class Outage: Sendable {
        let isTold = Atomic(false)
    }

    let address: String
    private let token: String?
    private let clock: any WorldClock = SystemClock()
    private let random: any RandomSource = SystemRandom()

    private let outage = Outage()

    private static let answerBytesMax = 64 * 1024 * 1024

    /// Lives as long as the process.
    ///
    /// A refused connection is an answer for ``RetryPolicy``; the client's own habit is to
    /// knock until the request's time is up.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .seconds(10)
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    init(address: String, token: String?) throws {
        var trimmed = Substring(address)
        while trimmed.last == "/" { trimmed.removeLast() }
        guard let url = URL(string: String(trimmed)), let scheme = url.scheme, ["http", "https"].contains(scheme),
            url.host != nil
        else {
            throw CommandFailure(.usage, "`\(address)` is no address of a server; write it like http://127.0.0.1:8080.")
        }
        self.address = String(trimmed)
        self.token = token
    }

    /// Sends one request and reads the whole answer, whatever its status.
    func exchange(_ call: ServerCall) async throws -> ServerAnswer {
        do {
            return try await attempt(call)
        } catch let failure as CommandFailure {
            throw failure
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw unreachable(error)
        }
    }

    /// Sends one request and tries again on 429, 5xx and network faults.
    ///
    /// The same bytes go each time.
    func persist(_ call: ServerCall, triesMax: Int) async throws -> ServerAnswer {
        var policy = RetryPolicy(triesMax: triesMax)
        while true {
            var answer: ServerAnswer?
            var fault: (any Error)?
            do {
                answer = try await attempt(call)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                fault = error
            }
            let outcome = answer.map { RetryPolicy.Outcome.answered(status: $0.status, retryAfter: $0.retryAfter) }
            switch policy.next(after: outcome ?? .failed, random: random.next()) {
            case .accept:
                if let answer {
                    outage.isTold.store(false, ordering: .relaxed)
                    return answer
                }
            case .wait(let pause):
                tell(answer, fault)
                try await clock.sleep(for: pause)
            case .giveUp:
                if let answer {
                    throw CommandFailure(
                        .unreachable,
                        "\(address) answered \(answer.status) \(triesMax) times (\(answer.reason)); try again later."
                    )
                }
                if let fault { throw unreachable(fault) }
            }
        }
    }

    /// Opens an answer that does not end, and hands over its lines as they come.
    func follow(_ call: ServerCall, line: ([UInt8]) throws -> Following) async throws {
        let response: HTTPClientResponse
        do {
            response = try await Self.http.execute(request(call), deadline: .distantFuture)
        } catch {
            throw unreachable(error)
        }
        guard response.status == .ok else {
            let body = try await response.body.collect(upTo: Self.answerBytesMax)
            let answer = ServerAnswer(
                status: Int(response.status.code),
                retryAfter: nil,
                body: [UInt8](body.readableBytesView)
            )
            throw answer.failure(asking: address)
        }
        var splitter = LineSplitter(lineBytesMax: Self.answerBytesMax)
        var following = Following.goOn
        do {
            for try await chunk in response.body {
                try splitter.feed(chunk.readableBytesView) { if following == .goOn { following = try line($0) } }
                if following == .stop { return }
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw CommandFailure(.unreachable, "The server at \(address) ended the stream; start the command again.")
        }
    }

    private func attempt(_ call: ServerCall) async throws -> ServerAnswer {
        let response = try await Self.http.execute(request(call), timeout: TimeAmount(call.timeout))
        let body = try await response.body.collect(upTo: Self.answerBytesMax)
        let retryAfter = response.headers.first(name: "retry-after").flatMap(Int.init).map { Duration.seconds($0) }
        return ServerAnswer(
            status: Int(response.status.code),
            retryAfter: retryAfter,
            body: [UInt8](body.readableBytesView)
        )
    }

    /// Says once in each outage that it goes on trying, and why.
    private func tell(_ answer: ServerAnswer?, _ fault: (any Error)?) {
        guard !outage.isTold.exchange(true, ordering: .relaxed) else { return }
        let what =
            answer.map { "\(address) answered \($0.status) (\($0.reason))" }
            ?? fault.map { TransportFault.words(for: $0, place: address) }
        StandardError.line("\(what ?? "\(address) gives no answer"); trying again.")
    }

    private func request(_ call: ServerCall) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: address + call.target)
        request.method = HTTPMethod(rawValue: call.method)
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        for header in call.headers { request.headers.add(name: header.name, value: header.value) }
        if let body = call.body { request.body = .bytes(ByteBuffer(bytes: body)) }
        return request
    }

    private func unreachable(_ error: any Error) -> CommandFailure {
        CommandFailure(
            .unreachable,
            "No server answers at \(address) (\(TransportFault.words(for: error, place: "it"))); "
                + "start one with `courant serve`, or name another address."
        )
    }
}

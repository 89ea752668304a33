import Avro
import CloudHTTP
import Delivery
import DestinationConformance
import Foundation
import Journal
import Platform
import PlatformTesting
import ProgramTesting
import StoreDoubles
import Testing

@testable import DestinationHTTP

@Suite("An HTTP endpoint as a destination", .timeLimit(.minutes(2)))
struct HTTPDestinationTests {
    @Test("passes the suite of all streams", arguments: StreamConformanceCheck.allCases)
    func conforms(check: StreamConformanceCheck) async throws {
        try await EndpointSubject.with { subject, _ in
            let type = try EndpointSubject.type(EndpointSubject.open)
            try await StreamConformance(subject, type: type, platform: subject.platform).run(check)
        }
    }

    @Test("an answer that was lost is retried: at least once, with the id to tell")
    func lostAnswer() async throws {
        try await EndpointSubject.with { subject, _ in
            let destination = subject.make()
            subject.endpoint.fail(.loseAnswer)
            let batch = try EndpointSubject.opens(3)
            let error = await #expect(throws: DestinationError.self) { try await destination.deliver(batch) }
            #expect(error?.remedy == .retry(after: nil))
            _ = try await destination.deliver(batch)
            #expect(subject.endpoint.ids == ["record-0", "record-1", "record-2", "record-0", "record-1", "record-2"])
        }
    }

    @Test("an endpoint that does not answer, and one that has gone, are tried again")
    func noAnswer() async throws {
        try await EndpointSubject.with { subject, server in
            let batch = try EndpointSubject.opens(1)
            subject.endpoint.answer(.hang)
            let hanging = subject.make(timeout: .seconds(1))
            let slow = await #expect(throws: DestinationError.self) { try await hanging.deliver(batch) }
            #expect(slow?.code == .unreachable)
            #expect(slow?.remedy == .retry(after: nil))
            try await server.stop()
            let gone = await #expect(throws: DestinationError.self) { try await subject.make().deliver(batch) }
            #expect(gone?.code == .unreachable)
        }
    }

    @Test("at the start an empty envelope shows whether the token is taken")
    func credentials() async throws {
        try await EndpointSubject.with { subject, _ in
            try await subject.make().prepare()
            #expect(try await subject.make().probe().hasSuffix("/events answered 202 to an envelope without events"))
            let error = await #expect(throws: DestinationError.self) {
                try await subject.make(token: "wrong").prepare()
            }
            #expect(error?.code == .denied)
            #expect(error?.message.contains("correct the token") == true)
            #expect(subject.endpoint.requests == 0)
        }
    }

    @Test("a query may hold a secret: no location, no error shows it")
    func secrets() async throws {
        let transport = ScriptedTransport { _ in CloudResponse(status: 404) }
        let configuration = HTTPConfiguration(url: "https://p.example/in?key=s3cret", token: "t0ken")
        let destination = HTTPDestination(configuration, connector: "c", transport: transport, platform: .live())
        #expect(destination.location == "https://p.example/in")
        let error = await #expect(throws: DestinationError.self) { try await destination.probe() }
        #expect(error?.message.contains("s3cret") == false)
        #expect(transport.requests.map(\.url) == ["https://p.example/in?key=s3cret"])
        #expect(transport.requests[0].headers.contains { $0 == ("Authorization", "Bearer t0ken") })
    }

    @Test("Retry-After is honoured as a date too")
    func retryDate() throws {
        let now = Timestamp(seconds: 1_782_000_000)
        let headers = [(name: "Retry-After", value: CalendarTime(now + .seconds(90)).http)]
        let error = HTTPFault.error(CloudResponse(status: 503, headers: headers), at: "p", now: now)
        #expect(error?.remedy == .retry(after: .seconds(90)))
    }

    @Test("signatures are those of Standard Webhooks, by its example and by its own library")
    func signatures() async throws {
        // The example that the specification's own libraries are tested with.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        let signing = try #require(WebhookSigning(secret))
        let headers = signing.headers(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            time: Timestamp(seconds: 1_614_265_330),
            body: Array(#"{"test": 2432232314}"#.utf8)
        )
        #expect(headers.map(\.name) == ["webhook-id", "webhook-timestamp", "webhook-signature"])
        #expect(headers.map(\.value).last == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        let transport = ScriptedTransport { _ in CloudResponse(status: 200) }
        // While a secret is exchanged for another, a receiver may know either.
        let both = try #require(WebhookSigning("\(EndpointDouble.secret) \(secret)"))
        let configuration = HTTPConfiguration(url: "https://p.example/in", signing: both)
        let destination = HTTPDestination(configuration, connector: "c1", transport: transport, platform: .live())
        for _ in 0..<2 { _ = try await destination.deliver(try EndpointSubject.opens(3)) }
        let ids = transport.requests.map { $0.headers.first { $0.name == "webhook-id" }?.value }
        #expect(ids == ["c1-0-0-2", "c1-0-0-2"], "the same events have the same id")
        guard case .bytes(let body) = transport.requests[0].body else { preconditionFailure("a body is bytes") }
        let signed = Dictionary(uniqueKeysWithValues: transport.requests[0].headers.map { ($0.name, $0.value) })
        let input = try JSONSerialization.data(
            withJSONObject: ["headers": signed, "body": String(decoding: body, as: UTF8.self)]
        )
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/verify.py")
        for secret in [secret, EndpointDouble.secret] {
            let arguments = [script.path(percentEncoded: false), secret]
            let outcome = try await runProgram(try testPython(), arguments, input: input)
            #expect(outcome.output == "genuine\n", "\(outcome.errors)")
        }
        for bad in ["", "whsec_AAEC", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "whsec_?", "\(secret) whsec_?"] {
            #expect(WebhookSigning(bad) == nil)
        }
    }

    @Test("a receiver that nobody here wrote takes each event, verifies each request, and sees repeats by their id")
    func stranger() async throws {
        try await Receiver.with(secret: EndpointDouble.secret, token: EndpointDouble.token) { receiver in
            let destination = HTTPDestination(
                HTTPConfiguration(
                    url: receiver.url,
                    token: EndpointDouble.token,
                    signing: WebhookSigning(EndpointDouble.secret)
                ),
                connector: "c1",
                transport: receiver.transport,
                platform: .live()
            )
            _ = try await destination.probe()
            for first in [0, 100, 200] {
                let records = (first..<min(first + 100, 230)).map { ["id": "record-\($0)"] }
                let batch = try EndpointSubject.batch(EndpointSubject.open, records, from: Int64(first))
                // The receiver answers 503 to each message that it has not seen before.
                await #expect(throws: DestinationError.self) { try await destination.deliver(batch) }
                _ = try await destination.deliver(batch)
            }
            let seen = try await receiver.seen()
            #expect(seen.ids == (0..<230).map { "record-\($0)" })
            #expect(seen.messages == ["c1-0-0-99", "c1-0-100-199", "c1-0-200-229"])
            #expect(seen.faults == [])
        }
    }

    @Test("the envelope has user, properties, and a sender's own properties as an object")
    func envelope() throws {
        let envelope = Envelope()
        func event(_ type: String, _ fields: [String: String]) throws -> String {
            let body = try envelope.body(of: try EndpointSubject.batch(type, [fields]))
            let text = String(decoding: body, as: UTF8.self)
            return String(text.dropFirst("{\"events\":[".count).dropLast(2))
        }
        #expect(
            try event(EndpointSubject.open, ["id": "1", "user_id": "u", "email_address": "é@b", "timezone": "UTC"])
                == #"{"event_type":"users.messages.email.Open","id":"1","time":1782000000,"#
                + #""user":{"user_id":"u","timezone":"UTC"},"properties":{"email_address":"é@b"}}"#
        )
        let custom = "users.behaviors.CustomEvent"
        #expect(
            try event(custom, ["id": "1", "user_id": "u", "name": "n", "properties": #"{"a":[1,{"b":"c"}]}"#])
                == #"{"event_type":"users.behaviors.CustomEvent","id":"1","time":1782000000,"user":{"user_id":"u"},"#
                + #""properties":{"name":"n","custom_properties":{"a":[1,{"b":"c"}]}}}"#
        )
        #expect(
            try event(custom, ["id": "1", "user_id": "u", "name": "n", "properties": "no \"object\""])
                .hasSuffix(#""custom_properties":"no \"object\""}}"#)
        )
        #expect(try event("users.behaviors.Purchase", ["properties": "{}"]).hasSuffix(#""purchase_properties":{}}}"#))
    }
}

@Suite("The gate before an endpoint")
struct RequestGateTests {
    @Test("lets as many through as it is wide, and the next when one leaves")
    func width() async {
        let gate = RequestGate(width: 2)
        #expect(await gate.enter())
        #expect(await gate.enter())
        let entered = Locked(false)
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                _ = await gate.enter()
                entered.withLock { $0 = true }
            }
            for _ in 0..<100 { await Task.yield() }
            #expect(entered.withLock { !$0 })
            gate.leave(succeeded: true)
        }
        #expect(entered.withLock { $0 })
    }

    @Test("while the endpoint fails one request at a time goes through, until one succeeds")
    func probes() async {
        let gate = RequestGate(width: 4)
        for _ in 0..<RequestGate.failuresMax {
            _ = await gate.enter()
            gate.leave(succeeded: false)
        }
        #expect(gate.isFailing)
        let counts = Locked((running: 0, most: 0))
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    _ = await gate.enter()
                    counts.withLock { counts in
                        counts.running += 1
                        counts.most = max(counts.most, counts.running)
                    }
                    for _ in 0..<20 { await Task.yield() }
                    counts.withLock { $0.running -= 1 }
                    gate.leave(succeeded: false)
                }
            }
        }
        #expect(counts.withLock { $0.most } == 1)
        _ = await gate.enter()
        gate.leave(succeeded: nil)
        #expect(gate.isFailing)
        _ = await gate.enter()
        gate.leave(succeeded: true)
        #expect(!gate.isFailing)
    }

    @Test("a cancelled wait ends, and takes nobody's place")
    func cancelled() async {
        let gate = RequestGate(width: 1)
        _ = await gate.enter()
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await gate.enter() }
            for _ in 0..<100 { await Task.yield() }
            group.cancelAll()
            #expect(await group.next() == false)
        }
        gate.leave(succeeded: true)
        #expect(await gate.enter())
    }
}

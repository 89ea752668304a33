internal import Avro
internal import CloudHTTP
internal import Crypto
package import Platform
internal import Synchronization

/// A partner's endpoint in memory: keeps of the events that it took what they are, in their order.
///
/// It looks at each request as a strict partner would: the envelope's members and their types, the header of the
/// envelope's version, the content type, the token, at most 100 events. Signatures are checked after Standard Webhooks:
/// the code, the time, and that the same events come under the same id and others under another. What is amiss is a
/// complaint.
package final class EndpointDouble: Sendable {
    package static let token = "partner-token"
    package static let secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    /// What becomes of a request with events that is right.
    package enum Mishap: Sendable {
        /// Answered so, and nothing kept.
        case answer(DoubleServer.Answer)
        /// The events are kept, and the connection is reset instead of an answer.
        case loseAnswer
        /// The events are kept, and the answer comes after a while.
        case keepSlowly(Duration)
    }

    /// One that was taken.
    package struct Event: Sendable, Hashable {
        package let id: String
        package let type: String
        /// Empty where it has none.
        package let user: String
        /// All its fields by their names in flat files, but for the type; what is no string, as JSON.
        package let fields: [String: String]
    }

    private struct State {
        var events: [Event] = []
        var requests = 0
        var complaints: [String] = []
        var poison: Set<String> = []
        var answer: DoubleServer.Answer?
        var mishaps: [Mishap] = []
        var messages: [String: [UInt8]] = [:]
        var bodyBytesMax = Int.max
    }

    private let isSigned: Bool
    private let clock: any WorldClock
    private let state = Mutex(State())

    package init(isSigned: Bool, clock: any WorldClock) {
        self.isSigned = isSigned
        self.clock = clock
    }

    package var events: [Event] { state.withLock(\.events) }
    package var ids: [String] { events.map(\.id) }
    /// Requests that carried events.
    package var requests: Int { state.withLock(\.requests) }
    package var complaints: [String] { state.withLock(\.complaints) }

    /// Every request is answered so until nil is set; nothing of it is kept.
    package func answer(_ answer: DoubleServer.Answer?) { state.withLock { $0.answer = answer } }

    /// Requests with one of these events are answered with 400.
    package func refuse(_ ids: Set<String>) { state.withLock { $0.poison = ids } }

    /// The next requests with events go wrong, one after the other.
    package func fail(_ mishaps: Mishap...) { state.withLock { $0.mishaps += mishaps } }

    /// Larger bodies are answered with 413.
    package func limit(bodyBytes count: Int) { state.withLock { $0.bodyBytesMax = count } }

    /// Serves requests.
    package func makeServer() -> DoubleServer { DoubleServer(handler()) }

    /// Answers requests of a server.
    package func handler() -> DoubleServer.Handler {
        { request in self.answer(to: request) }
    }

    private func answer(to request: DoubleServer.Request) -> DoubleServer.Answer {
        state.withLock { state in
            if let answer = state.answer { return answer }
            state.complaints += Self.complaints(about: request)
            state.complaints += signatureComplaints(about: request, &state)
            guard request.header("Authorization") == "Bearer \(Self.token)" else { return .respond(status: 401) }
            guard request.body.count <= state.bodyBytesMax else { return .respond(status: 413) }
            let events: [Event]
            do throws(AvroError) {
                events = try Self.events(of: request.body, &state.complaints)
            } catch {
                state.complaints.append("the body is not JSON: \(error)")
                return .respond(status: 400)
            }
            if !events.isEmpty { state.requests += 1 }
            guard state.poison.isDisjoint(with: events.map(\.id)) else {
                return .respond(status: 400, body: Array("bad".utf8))
            }
            let mishap = events.isEmpty || state.mishaps.isEmpty ? nil : state.mishaps.removeFirst()
            if case .answer(let answer) = mishap { return answer }
            state.events += events
            return switch mishap {
            case .loseAnswer: .reset
            case .keepSlowly(let pause): .late(pause, status: 202)
            default: .respond(status: 202)
            }
        }
    }

    private static func complaints(about request: DoubleServer.Request) -> [String] {
        var complaints: [String] = []
        if request.method != "POST" { complaints.append("it came by \(request.method)") }
        for (name, value) in [("Content-Type", "application/json"), ("Braze-Currents-Version", "1")]
        where request.header(name) != value {
            complaints.append("\(name) is \(request.header(name) ?? "missing")")
        }
        return complaints
    }

    private func signatureComplaints(about request: DoubleServer.Request, _ state: inout State) -> [String] {
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        let values = names.compactMap(request.header)
        guard isSigned else { return values.isEmpty ? [] : ["it is signed"] }
        guard values.count == names.count, let seconds = Int64(values[1]) else { return ["it is not signed"] }
        var complaints: [String] = []
        if abs(clock.now().seconds - seconds) > 300 { complaints.append("it was signed at \(seconds)") }
        let key = SymmetricKey(data: Base64.decode(Self.secret.dropFirst("whsec_".count)) ?? [])
        let message = Array("\(values[0]).\(values[1]).".utf8) + request.body
        let code = Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
        if values[2] != "v1,\(Base64.encode(code))" { complaints.append("the signature is wrong") }
        if let known = state.messages[values[0]], known != request.body {
            complaints.append("two messages have the id \(values[0])")
        }
        let hasOther = state.messages.contains { $0.value == request.body && $0.key != values[0] }
        let isProbe = request.body == Array("{\"events\":[]}".utf8)
        if hasOther, !isProbe { complaints.append("\(values[0]) came under another id before") }
        state.messages[values[0]] = request.body
        return complaints
    }

    private static func events(of body: [UInt8], _ complaints: inout [String]) throws(AvroError) -> [Event] {
        let json = try JSONValue(parsing: String(decoding: body, as: UTF8.self))
        guard case .object(let members) = json, members.map(\.key) == ["events"], let events = json["events"]?.array
        else {
            complaints.append("the body is not {\"events\":[…]}")
            return []
        }
        if events.count > 100 { complaints.append("\(events.count) events came at once") }
        return events.compactMap { event in
            guard
                case .object(let members) = event, let type = event["event_type"]?.string,
                let id = event["id"]?.string,
                event["time"]?.integer != nil, case .object(let user)? = event["user"],
                case .object(let properties)? = event["properties"]
            else {
                complaints.append("an event has not the envelope's members: \(event.text)")
                return nil
            }
            let names: Set = ["event_type", "id", "time", "user", "properties"]
            if Set(members.map(\.key)) != names { complaints.append("an event has others: \(event.text)") }
            let ofUser: Set = ["user_id", "external_user_id", "device_id", "timezone"]
            for member in user where !ofUser.contains(member.key) { complaints.append("user has \(member.key)") }
            for member in user + properties where member.value == .null { complaints.append("\(member.key) is null") }
            var fields = ["id": id, "time": event["time"]?.text ?? ""]
            for member in user + properties {
                let isOwn = member.key == "custom_properties" || member.key == "purchase_properties"
                fields[isOwn ? "properties" : member.key] = member.value.string ?? member.value.text
            }
            return Event(id: id, type: type, user: event["user"]?["user_id"]?.string ?? "", fields: fields)
        }
    }
}

internal import Avro
internal import CloudHTTP
internal import Delivery
internal import Platform

/// Asks a Confluent schema registry for the numbers of schemas.
struct SchemaRegistry: Sendable {
    private static let mediaType = "application/vnd.schemaregistry.v1+json"
    private static let deadline = Duration.seconds(15)
    private static let answerBytesMax = 1 << 20
    private static let checkAddress = "check its address"

    let settings: RegistrySettings
    let transport: any CloudTransport
    let clock: any WorldClock

    func subject(topic: String, record: SchemaName) -> String {
        switch settings.subject {
        case .topic: "\(topic)-value"
        case .record: record.full
        case .topicRecord: "\(topic)-\(record.full)"
        }
    }

    /// The number of a schema, which is registered first if it may be.
    ///
    /// It never changes afterwards.
    func id(of schema: String, subject: String) async throws(DestinationError) -> Int32 {
        let path = "/subjects/\(PercentEncoding.encode(subject))\(settings.registers ? "/versions" : "")"
        let place = "subject \(subject)"
        let hint = settings.registers ? Self.checkAddress : "register the schema, or set register: true"
        let body = JSONValue.object([.init("schema", .string(schema))]).text
        let answer = try await ask("POST", path, body: Array(body.utf8), at: place, ifMissing: hint)
        guard let id = answer["id"]?.integer, let id = Int32(exactly: id), id >= 0 else {
            throw unreadable(at: place)
        }
        return id
    }

    /// Asks whether a registry is there that takes Avro and these credentials, without changing anything.
    func probe() async throws(DestinationError) {
        let place = "kinds of schemas"
        guard case .array(let kinds) = try await ask("GET", "/schemas/types", at: place, ifMissing: Self.checkAddress)
        else { throw unreadable(at: place) }
        guard kinds.contains(.string("AVRO")) else {
            throw DestinationError(.refused, "\(name(place)): it takes no Avro", remedy: .waitForChange)
        }
    }

    private func ask(
        _ method: String,
        _ path: String,
        body: [UInt8] = [],
        at place: String,
        ifMissing hint: String
    ) async throws(DestinationError) -> JSONValue {
        var headers = [(name: "Accept", value: "\(Self.mediaType), application/json")]
        if !body.isEmpty { headers.append(("Content-Type", Self.mediaType)) }
        switch settings.credentials {
        case .basic(let user, let password):
            headers.append(("Authorization", "Basic \(Base64.encode(Array("\(user):\(password)".utf8)))"))
        case .bearer(let token): headers.append(("Authorization", "Bearer \(token)"))
        case nil: break
        }
        let answer = try await transport.exchange(
            CloudRequest(
                method,
                settings.url + path,
                headers: headers,
                body: .bytes(body),
                deadline: Self.deadline,
                responseBytesMax: Self.answerBytesMax
            )
        )
        let value = try? JSONValue(parsing: String(decoding: answer.body, as: UTF8.self))
        guard answer.status == 200 else {
            throw refusal(answer, saying: value?["message"]?.string, at: place, ifMissing: hint)
        }
        guard let value else { throw unreadable(at: place) }
        return value
    }

    private func name(_ place: String) -> String {
        "schema registry \(CloudEndpoint.place(of: settings.url)), \(place)"
    }

    private func unreadable(at place: String) -> DestinationError {
        DestinationError(
            .unreachable,
            "\(name(place)): the answer is not that of a schema registry; check its address",
            remedy: .waitForChange
        )
    }

    private func refusal(
        _ answer: CloudResponse,
        saying message: String?,
        at place: String,
        ifMissing hint: String
    ) -> DestinationError {
        let sentence = "\(name(place)) answered \(answer.status)\(message.map { ": \($0.cut(to: 300))" } ?? "")"
        switch answer.status {
        case 401, 403:
            return DestinationError(
                .denied,
                "\(sentence); check the credentials and what they may do",
                remedy: .waitForChange
            )
        case 404: return DestinationError(.missing, "\(sentence); \(hint)", remedy: .waitForChange)
        case 409:
            return DestinationError(
                .conflict,
                "\(sentence); the subject holds an incompatible schema: choose another subject strategy or topic",
                remedy: .waitForChange
            )
        case 429, 500...:
            let after = answer.retryAfter(now: clock.now())
            return DestinationError(.unreachable, sentence, remedy: .retry(after: after))
        default: return DestinationError(.refused, sentence, remedy: .waitForChange)
        }
    }
}

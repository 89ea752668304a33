import Avro
import Foundation

/// One request to the server.
struct ServerCall: Sendable {
    var method: String
    var target: String
    var headers: [(name: String, value: String)] = []
    var body: [UInt8]?
    var timeout: Duration = .seconds(30)

    static func get(_ path: String, query: [(String, String)] = []) -> ServerCall {
        ServerCall(method: "GET", target: path + Self.encoded(query))
    }

    static func post(_ path: String, query: [(String, String)] = [], json: [UInt8]? = nil) -> ServerCall {
        var call = ServerCall(method: "POST", target: path + Self.encoded(query))
        if let json {
            call.headers.append((name: "content-type", value: "application/json"))
            call.body = json
        }
        return call
    }

    static func delete(_ path: String) -> ServerCall {
        ServerCall(method: "DELETE", target: path)
    }

    /// One part of a path, with everything encoded that would end it.
    static func part(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }

    private static func encoded(_ query: [(String, String)]) -> String {
        guard !query.isEmpty else { return "" }
        return "?" + query.map { "\(part($0.0))=\(part($0.1))" }.joined(separator: "&")
    }

    private static let unreserved = CharacterSet(
        charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~*"
    )
}

/// One whole answer of the server.
struct ServerAnswer: Sendable {
    let status: Int
    let retryAfter: Duration?
    let body: [UInt8]

    /// The server's own sentence about a failure, or the bare bytes where it is none.
    var reason: String {
        let text = String(decoding: body.prefix(Self.reasonBytesMax), as: UTF8.self)
        if let sentence = (try? JSONValue(parsing: text))?["error"]?["message"]?.string { return sentence }
        return text.isEmpty ? "no reason given" : text
    }

    private static let reasonBytesMax = 4096

    func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(body))
        } catch {
            throw Self.unexpected("\(error)")
        }
    }

    func json() throws -> JSONValue {
        do {
            return try JSONValue(parsing: String(decoding: body, as: UTF8.self))
        } catch {
            throw Self.unexpected(error.message)
        }
    }

    private static func unexpected(_ cause: String) -> CommandFailure {
        CommandFailure(
            .internal,
            "The server's answer is not what this version of courant expects (\(cause)); use the server's own version."
        )
    }

    /// The answer itself, if its status is 2xx; else a failure that says what to do.
    func expectingSuccess(asking address: String) throws -> ServerAnswer {
        guard (200..<300).contains(status) else { throw failure(asking: address) }
        return self
    }

    func failure(asking address: String) -> CommandFailure {
        switch status {
        case 401:
            CommandFailure(
                .refused,
                "\(address) refuses the call (\(reason)): pass a valid token by --token or COURANT_TOKEN; "
                    + "`courant token create` makes one."
            )
        case 403:
            CommandFailure(.refused, "The token lacks the scope for this (\(reason)); use one that carries it.")
        case 429, 503:
            CommandFailure(.unreachable, "\(address) cannot do this now: \(reason)")
        default:
            CommandFailure(.rejected, reason)
        }
    }
}

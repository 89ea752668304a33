import HTTPTypes
import Hummingbird
import NIOCore
import Platform

/// A refusal in the one shape that all routes share: `{"error":{"code":…,"message":…}}`.
struct RouteError: Error, HTTPResponseError {
    /// Of a message: so a refusal is small, whatever was sent.
    private static let messageBytesMax = 1 << 10

    let status: HTTPResponse.Status
    let code: String
    let message: String
    /// Seconds after which trying again makes sense.
    var retryAfter: Int?
    var headers: HTTPFields = [:]

    init(
        _ status: HTTPResponse.Status,
        _ code: String,
        _ message: String,
        retryAfter: Int? = nil,
        headers: HTTPFields = [:]
    ) {
        self.status = status
        self.code = code
        self.message = message.cut(to: Self.messageBytesMax)
        self.retryAfter = retryAfter
        self.headers = headers
    }

    func response(from request: Request, context: some RequestContext) throws -> Response {
        response
    }

    var response: Response {
        var response = Response.json(Self.body(code: code, message: message), status: status)
        if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        response.headers.append(contentsOf: headers)
        return response
    }

    static func body(code: String, message: String) -> [UInt8] {
        Array("{\"error\":{\"code\":\(JSONText.quoted(code)),\"message\":\(JSONText.quoted(message))}}".utf8)
    }

    static let busy = RouteError(
        .serviceUnavailable,
        "busy",
        "Too many bytes are being worked on; try again.",
        retryAfter: 1
    )

    static let answersBusy = RouteError(
        .serviceUnavailable,
        "answers_busy",
        "Too many large answers are waiting for their clients to take them; try again.",
        retryAfter: 1
    )

    static let incomplete = bad("body_incomplete", "The body ended before its end.")

    static func notFound(near address: String?) -> RouteError {
        let hint = address.map { "; did you mean \($0)?" } ?? "."
        return RouteError(.notFound, "not_found", "There is nothing at this address\(hint)")
    }

    /// A fault of ours: never a 4xx, and worth another try.
    static func fault(_ message: String) -> RouteError {
        RouteError(.serviceUnavailable, "unavailable", message, retryAfter: 1)
    }

    static func bad(_ code: String, _ message: String) -> RouteError {
        RouteError(.badRequest, code, message)
    }
}

extension Response {
    static func json(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        text(bytes, type: "application/json", status: status)
    }

    static func text(_ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) -> Response {
        var headers = HTTPFields()
        headers[.contentType] = type
        headers[.contentLength] = String(bytes.count)
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

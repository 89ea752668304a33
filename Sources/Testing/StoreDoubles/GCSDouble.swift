internal import CloudHTTP
package import Platform
internal import Synchronization
internal import _CryptoExtras

/// A bucket of Google Cloud Storage that takes nothing on trust, with the services around it that give out tokens.
///
/// Checked: the token, the content against its CRC-32C, `ifGenerationMatch`, the parts of an upload, and that no path,
/// query or header comes that nobody here knows. Of a service account's assertion the RSA signature, algorithm, key,
/// issuer, audience, scope and times; see `GCSDouble+Tokens.swift`.
package final class GCSDouble: Sendable {
    package static let bucket = "lake"
    package static let account = "courant@double.iam.gserviceaccount.com"

    package struct Object: Sendable {
        package var bytes: [UInt8]
        package var contentType = "application/octet-stream"
        package var metadata: [String: String] = [:]
        package var storageClass = "STANDARD"
        package var kmsKey: String?
        package var crc32c: String

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            var sum = CRC32C()
            sum.add(bytes)
            crc32c = sum.base64
        }
    }

    /// What becomes of an upload that is right.
    package enum Mishap: Sendable {
        /// Refused, with that status, reason and message, and `Retry-After` where there is one.
        case refuse(status: Int, reason: String, message: String = "made to fail", retryAfter: String? = nil)
        /// The connection is reset and nothing kept.
        case reset
        /// It is kept, and the connection reset before the answer.
        case loseAnswer
        /// It is kept, but the answer and later looks tell another checksum.
        case keepOther
    }

    struct State {
        var objects: [String: Object] = [:]
        var mishaps: [Mishap] = []
        var outage: Mishap?
        var bucket = GCSDouble.bucket
        var wantsToken = true
        var mayOverwrite = true
        var tokens: Set<String> = []
        var tokensGiven = 0
        var tokenLifetime = 3_600
        var tokenOutage: Mishap?
        var complaints: [String] = []
    }

    let key: _RSA.Signing.PrivateKey
    let clock: any WorldClock
    let state = Mutex(State())

    /// Made once for the process: to find two large primes takes a moment.
    private static let key = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    package init(clock: any WorldClock) throws {
        self.clock = clock
        key = try Self.key.get()
    }

    package func handler() -> DoubleServer.Handler {
        { request in self.answer(request) }
    }

    package var objects: [String: Object] { state.withLock { $0.objects } }
    /// What came that must never come.
    package var complaints: [String] { state.withLock { $0.complaints } }
    package var tokensGiven: Int { state.withLock { $0.tokensGiven } }

    package func put(_ bytes: [UInt8], key: String) { state.withLock { $0.objects[key] = Object(bytes) } }
    /// The next uploads go wrong, one after the other.
    package func fail(_ mishaps: Mishap...) { state.withLock { $0.mishaps += mishaps } }
    /// Every upload goes wrong until nil is set.
    package func setOutage(_ mishap: Mishap?) { state.withLock { $0.outage = mishap } }
    /// Every request for a token goes wrong until nil is set.
    package func setTokenOutage(_ mishap: Mishap?) { state.withLock { $0.tokenOutage = mishap } }
    package func setBucket(_ name: String) { state.withLock { $0.bucket = name } }
    /// Without a wish for tokens it is as an emulator: a request with one is a complaint.
    package func setWantsToken(_ isOn: Bool) { state.withLock { $0.wantsToken = isOn } }
    /// Who may not overwrite is refused with 403 where something stands, whatever was asked.
    package func setMayOverwrite(_ isOn: Bool) { state.withLock { $0.mayOverwrite = isOn } }
    /// No token given so far is taken any more.
    package func expireTokens() { state.withLock { $0.tokens = [] } }

    private static let known: Set = ["host", "content-length", "content-type", "authorization", "metadata-flavor"]

    private func answer(_ request: DoubleServer.Request) -> DoubleServer.Answer {
        state.withLock { state in
            // Google's own client sends more, and says who it is.
            if request.header("x-goog-api-client") == nil {
                for header in request.headers where !Self.known.contains(header.name.lowercased()) {
                    state.complaints.append("\(request.method) came with \(header.name)")
                }
            }
            let parts = request.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            guard let query = Self.fields(parts.count > 1 ? parts[1] : "") else {
                return unknown(request, &state)
            }
            if let answer = tokenAnswer(request, path: String(parts[0]), query, &state) { return answer }
            if request.method == "GET", parts[0] == "/storage/v1/b/\(state.bucket)" {
                // Google's own client looks at the bucket now and then.
                return Self.refusal(request, &state)
                    ?? .respond(status: 200, headers: Self.json, body: CloudJSON.encode(Bucket()))
            }
            guard let match = parts[0].wholeMatch(of: /(\/upload|\/download|)\/storage\/v1\/b\/([^\/]+)\/o(?:\/(.+))?/)
            else { return unknown(request, &state) }
            if let refusal = Self.refusal(request, &state) { return refusal }
            guard match.2 == state.bucket else {
                return Self.error(404, "notFound", "The specified bucket does not exist.")
            }
            let key = match.3.flatMap { $0.contains("/") ? nil : PercentEncoding.decode($0) }
            switch (request.method, String(match.1), key) {
            case ("POST", "/upload", nil): return Self.upload(request, query, &state)
            case ("GET", "", nil): return Self.list(state)
            case ("GET", "", let key?): return Self.get(key, isMedia: query["alt"] == "media", state)
            case ("GET", "/download", let key?): return Self.get(key, isMedia: true, state)
            case ("DELETE", "", let key?):
                guard state.objects.removeValue(forKey: key) != nil else { return Self.missing(key) }
                return .respond(status: 204)
            default: return unknown(request, &state)
            }
        }
    }

    private func unknown(_ request: DoubleServer.Request, _ state: inout State) -> DoubleServer.Answer {
        state.complaints.append("\(request.method) \(request.uri) is nothing that is known")
        return Self.error(404, "notFound", "Not Found")
    }

    private static func refusal(_ request: DoubleServer.Request, _ state: inout State) -> DoubleServer.Answer? {
        let authorization = request.header("Authorization")
        guard state.wantsToken else {
            if authorization != nil { state.complaints.append("an emulator was sent a token") }
            return nil
        }
        guard let authorization else {
            return error(401, "required", "Anonymous caller does not have storage.objects.create access.")
        }
        guard authorization.hasPrefix("Bearer "), state.tokens.contains(String(authorization.dropFirst(7))) else {
            return error(401, "authError", "Invalid Credentials")
        }
        return nil
    }

    private struct Upload: Decodable {
        let name: String?
        let contentType: String?
        let crc32c: String?
        let metadata: [String: String]?
        let storageClass: String?
    }

    private static func upload(
        _ request: DoubleServer.Request,
        _ query: [String: String],
        _ state: inout State
    ) -> DoubleServer.Answer {
        guard query["uploadType"] == "multipart", let parts = Multipart.parts(request), parts.count == 2,
            let upload = CloudJSON.decode(Upload.self, from: parts[0]), let key = query["name"] ?? upload.name
        else {
            state.complaints.append("an upload is not of two parts, or names no object")
            return error(400, "invalid", "malformed upload")
        }
        for name in query.keys where !["uploadType", "name", "ifGenerationMatch", "kmsKeyName"].contains(name) {
            state.complaints.append("an upload came with \(name)")
        }
        guard query["ifGenerationMatch"] == "0" else {
            state.complaints.append("an upload of \(key) may overwrite")
            return error(400, "invalid", "only create-only uploads are expected here")
        }
        var object = Object(parts[1])
        if let sent = upload.crc32c, sent != object.crc32c {
            let message = "Provided CRC32C \"\(sent)\" doesn't match calculated CRC32C \"\(object.crc32c)\"."
            return error(400, "invalid", message)
        }
        if state.objects[key] != nil {
            guard state.mayOverwrite else {
                let message = "\(account) does not have storage.objects.delete access to the object."
                return error(403, "forbidden", message)
            }
            return error(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
        }
        object.contentType = upload.contentType ?? object.contentType
        object.metadata = upload.metadata ?? [:]
        object.storageClass = upload.storageClass ?? object.storageClass
        object.kmsKey = query["kmsKeyName"]
        let mishap = state.outage ?? (state.mishaps.isEmpty ? nil : state.mishaps.removeFirst())
        switch mishap {
        case .refuse(let status, let reason, let message, let retryAfter):
            return error(status, reason, message, retryAfter: retryAfter)
        case .reset: return .reset
        case .keepOther: object.crc32c = "AAAAAA=="
        case .loseAnswer, nil: break
        }
        state.objects[key] = object
        if case .loseAnswer = mishap { return .reset }
        return .respond(status: 200, headers: json, body: CloudJSON.encode(Resource(key, object)))
    }

    private struct Resource: Encodable {
        let kind = "storage#object"
        let name: String
        let bucket = GCSDouble.bucket
        let generation = "1"
        let contentType: String
        let size: String
        let crc32c: String
        let metadata: [String: String]
        let storageClass: String
        let kmsKeyName: String?

        init(_ name: String, _ object: Object) {
            self.name = name
            contentType = object.contentType
            size = "\(object.bytes.count)"
            crc32c = object.crc32c
            metadata = object.metadata
            storageClass = object.storageClass
            kmsKeyName = object.kmsKey
        }
    }

    private static func get(_ key: String, isMedia: Bool, _ state: State) -> DoubleServer.Answer {
        guard let object = state.objects[key] else { return missing(key) }
        guard isMedia else {
            return .respond(status: 200, headers: json, body: CloudJSON.encode(Resource(key, object)))
        }
        let headers = [("Content-Type", object.contentType), ("X-Goog-Hash", "crc32c=\(object.crc32c)")]
        return .respond(status: 200, headers: headers.map { (name: $0.0, value: $0.1) }, body: object.bytes)
    }

    private struct Bucket: Encodable {
        let kind = "storage#bucket"
        let name = GCSDouble.bucket
        let location = "EU"
    }

    private struct Listing: Encodable {
        let kind = "storage#objects"
        let items: [Resource]
    }

    private static func list(_ state: State) -> DoubleServer.Answer {
        let items = state.objects.sorted { $0.key < $1.key }.map { Resource($0.key, $0.value) }
        return .respond(status: 200, headers: json, body: CloudJSON.encode(Listing(items: items)))
    }

    private static func missing(_ key: String) -> DoubleServer.Answer {
        error(404, "notFound", "No such object: \(bucket)/\(key)")
    }

    static let json = [(name: "Content-Type", value: "application/json; charset=UTF-8")]

    private struct Refusal: Encodable {
        struct Failure: Encodable {
            struct Item: Encodable {
                let message: String
                let domain = "global"
                let reason: String
            }
            let code: Int
            let message: String
            let errors: [Item]
        }
        let error: Failure
    }

    static func error(
        _ status: Int,
        _ reason: String,
        _ message: String,
        retryAfter: String? = nil
    ) -> DoubleServer.Answer {
        let item = Refusal.Failure.Item(message: message, reason: reason)
        let body = Refusal(error: Refusal.Failure(code: status, message: message, errors: [item]))
        let headers = json + (retryAfter.map { [(name: "Retry-After", value: $0)] } ?? [])
        return .respond(status: status, headers: headers, body: CloudJSON.encode(body))
    }

    /// The fields of a query or a form; nil if one comes twice or is not encoded as it should be.
    static func fields(_ text: some StringProtocol) -> [String: String]? {
        var fields: [String: String] = [:]
        for part in text.split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2, let name = PercentEncoding.decode(pair[0]), fields[name] == nil,
                let value = PercentEncoding.decode(String(pair[1]).replacing("+", with: "%20"))
            else { return nil }
            fields[name] = value
        }
        return fields
    }
}

/// The parts of a `multipart/related` body.
private enum Multipart {
    /// The contents without their headers; nil if the body is not made as RFC 2046 says.
    static func parts(_ request: DoubleServer.Request) -> [[UInt8]]? {
        guard let type = request.header("Content-Type"),
            let match = type.wholeMatch(of: /multipart\/related; boundary="?([^"]+)"?/)
        else { return nil }
        let delimiter = Array("--\(match.1)".utf8)
        var parts: [[UInt8]] = []
        var rest = request.body[...]
        guard rest.starts(with: delimiter) else { return nil }
        rest = rest.dropFirst(delimiter.count)
        while !rest.starts(with: "--".utf8) {
            guard rest.starts(with: "\r\n".utf8), let head = first(Array("\r\n\r\n".utf8), in: rest),
                let end = first(Array("\r\n".utf8) + delimiter, in: rest[head.upperBound...])
            else { return nil }
            parts.append(Array(rest[head.upperBound..<end.lowerBound]))
            rest = rest[end.upperBound...]
        }
        return parts
    }

    private static func first(_ pattern: [UInt8], in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        var position = bytes.startIndex
        while let start = bytes[position...].firstIndex(of: pattern[0]) {
            if bytes[start...].starts(with: pattern) { return start..<start + pattern.count }
            position = start + 1
        }
        return nil
    }
}

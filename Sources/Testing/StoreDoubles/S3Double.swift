internal import CloudHTTP
internal import Crypto
internal import Delivery
package import Platform
internal import Synchronization

/// A bucket that takes nothing on trust: what S3 checks and emulators let pass, and the faults that tests ask for.
///
/// Checked: the body against its CRC-32 and its SHA-256, the clock, the access key's id, session token, region and the
/// list of signed headers (the signature itself is moto's to verify), `If-None-Match`, and that no header comes that
/// nobody here knows.
package final class S3Double: Sendable {
    package static let bucket = "lake"
    package static let region = "eu-central-1"
    package static let accessKeyID = "AKIADOUBLE"

    package struct Object: Sendable {
        package var bytes: [UInt8]
        /// With names in lower case.
        package var headers: [String: String]
    }

    /// What becomes of a put that is right.
    package enum Mishap: Sendable {
        /// Refused, with that status and code, and `Retry-After` where there is one.
        case refuse(status: Int, code: String, retryAfter: String? = nil)
        /// The connection is reset and nothing kept.
        case reset
        /// It is kept, and the connection reset before the answer.
        case loseAnswer
        /// It is kept, but the answer and later looks tell another checksum.
        case keepOther
    }

    private struct State {
        var objects: [String: Object] = [:]
        var mishaps: [Mishap] = []
        var outage: Mishap?
        var hasConditionalPuts = true
        var region = S3Double.region
        var bucket = S3Double.bucket
        var sessionToken: String?
        var complaints: [String] = []
        var methods: [String] = []
    }

    private let clock: any WorldClock
    private let state = Mutex(State())

    package init(clock: any WorldClock) {
        self.clock = clock
    }

    /// Answers requests of a server.
    package func handler() -> DoubleServer.Handler {
        { request in self.answer(request) }
    }

    package var objects: [String: Object] { state.withLock { $0.objects } }
    /// What came that must never come.
    package var complaints: [String] { state.withLock { $0.complaints } }
    /// The methods asked for so far, in order.
    package var methods: [String] { state.withLock { $0.methods } }

    package func put(_ bytes: [UInt8], key: String) {
        state.withLock { $0.objects[key] = Object(bytes: bytes, headers: [:]) }
    }

    package func remove(_ key: String) {
        state.withLock { $0.objects[key] = nil }
    }

    /// The next puts go wrong, one after the other.
    package func fail(_ mishaps: Mishap...) { state.withLock { $0.mishaps += mishaps } }
    /// Every put goes wrong until nil is set.
    package func setOutage(_ mishap: Mishap?) { state.withLock { $0.outage = mishap } }
    /// Without them the store answers 501 to `If-None-Match`.
    package func setConditionalPuts(_ isOn: Bool) { state.withLock { $0.hasConditionalPuts = isOn } }
    /// Where the bucket is.
    package func setRegion(_ region: String) { state.withLock { $0.region = region } }
    package func setBucket(_ name: String) { state.withLock { $0.bucket = name } }
    /// The only session token that has not expired; nil: none is wanted.
    package func setSessionToken(_ token: String?) { state.withLock { $0.sessionToken = token } }

    private static let known: Set = [
        "host", "content-length", "content-type", "range", "if-none-match", "authorization", "x-amz-date",
        "x-amz-content-sha256", "x-amz-security-token", "x-amz-checksum-crc32", "x-amz-checksum-mode",
        "x-amz-sdk-checksum-algorithm", "x-amz-meta-courant-plan", "x-amz-meta-courant-crc32",
        "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id", "x-amz-storage-class",
        "x-amz-tagging",
    ]

    private func answer(_ request: DoubleServer.Request) -> DoubleServer.Answer {
        state.withLock { state in
            state.methods.append(request.method)
            for header in request.headers where !Self.known.contains(header.name.lowercased()) {
                state.complaints.append("\(request.method) came with \(header.name)")
            }
            if let refusal = refusal(request, state) { return refusal }
            let path = request.uri.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: true)
            guard path.first.map(String.init) == state.bucket else {
                return Self.error(404, "NoSuchBucket", "The specified bucket does not exist")
            }
            guard path.count == 2, let key = PercentEncoding.decode(path[1]) else {
                state.complaints.append("\(request.method) \(request.uri) names no key")
                return Self.error(400, "InvalidURI", "no key")
            }
            switch request.method {
            case "PUT": return Self.put(request, key, &state)
            case "HEAD": return Self.head(request, state.objects[key])
            case "GET":
                guard let object = state.objects[key] else { return Self.error(404, "NoSuchKey", "no such key") }
                guard request.header("Range") != nil else { return .respond(status: 200, body: object.bytes) }
                return .respond(status: 206, body: Array(object.bytes.prefix(1)))
            case "DELETE":
                state.objects[key] = nil
                return .respond(status: 204, body: [])
            default:
                state.complaints.append("\(request.method) came")
                return Self.error(405, "MethodNotAllowed", "no")
            }
        }
    }

    /// What the store finds wrong with who asks, before it looks at what is asked.
    private func refusal(_ request: DoubleServer.Request, _ state: State) -> DoubleServer.Answer? {
        let pattern =
            /AWS4-HMAC-SHA256 Credential=(.+)\/(\d{8})\/(.+)\/s3\/aws4_request, SignedHeaders=(.+), Signature=[0-9a-f]{64}/
        guard let text = request.header("Authorization"), let match = text.wholeMatch(of: pattern) else {
            return Self.error(400, "AuthorizationHeaderMalformed", "no signature of version 4")
        }
        guard match.1 == Self.accessKeyID else {
            return Self.error(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist")
        }
        guard match.3 == state.region else {
            let message = "the region '\(match.3)' is wrong; expecting '\(state.region)'"
            return Self.error(400, "AuthorizationHeaderMalformed", message, more: "<Region>\(state.region)</Region>")
        }
        let signed = Set(match.4.split(separator: ";").map(String.init))
        let names = request.headers.map { $0.name.lowercased() }
        let mustBeSigned = names.filter { $0 == "host" || $0.hasPrefix("x-amz-") }
        guard signed.isSuperset(of: mustBeSigned) else {
            return Self.error(403, "AccessDenied", "There were headers present in the request which were not signed")
        }
        let now = clock.now()
        let asked = request.header("x-amz-date").flatMap(Self.moment)
        guard let asked, abs((now - asked).inSeconds) <= 900 else {
            let server = "<ServerTime>\(CalendarTime(now).extended)</ServerTime>"
            return Self.error(403, "RequestTimeTooSkewed", "The difference is too large.", more: server)
        }
        if let token = state.sessionToken, request.header("x-amz-security-token") != token {
            return Self.error(400, "ExpiredToken", "The provided token has expired.")
        }
        let payload = request.header("x-amz-content-sha256") ?? ""
        guard payload == Hex.text(Array(SHA256.hash(data: request.body))) || payload == "UNSIGNED-PAYLOAD" else {
            return Self.error(400, "XAmzContentSHA256Mismatch", "does not match what was computed")
        }
        return nil
    }

    private static func put(
        _ request: DoubleServer.Request,
        _ key: String,
        _ state: inout State
    ) -> DoubleServer.Answer {
        var sum = ChecksumStream()
        sum.add(request.body)
        let checksum = text(sum.checksum)
        guard request.header("x-amz-checksum-crc32") == checksum else {
            return error(400, "BadDigest", "The CRC32 you specified did not match the calculated checksum.")
        }
        switch request.header("If-None-Match") {
        case nil: break
        case "*" where !state.hasConditionalPuts:
            let message = "A header you provided implies functionality that is not implemented."
            return error(501, "NotImplemented", message, more: "<Header>If-None-Match</Header>")
        case "*":
            if state.objects[key] != nil { return error(412, "PreconditionFailed", "At least one did not hold") }
        default: return error(501, "NotImplemented", "only *")
        }
        let mishap = state.outage ?? (state.mishaps.isEmpty ? nil : state.mishaps.removeFirst())
        var headers: [String: String] = [:]
        for header in request.headers where header.name.lowercased().hasPrefix("x-amz-") {
            headers[header.name.lowercased()] = header.value
        }
        switch mishap {
        case .refuse(let status, let code, let retryAfter):
            return error(status, code, "made to fail", headers: retryAfter.map { [("Retry-After", $0)] } ?? [])
        case .reset: return .reset
        case .keepOther: headers["x-amz-checksum-crc32"] = "AAAAAA=="
        case .loseAnswer, nil: break
        }
        if state.objects[key] != nil { state.complaints.append("\(key) was overwritten") }
        state.objects[key] = Object(bytes: request.body, headers: headers)
        if case .loseAnswer = mishap { return .reset }
        return .respond(status: 200, headers: [("x-amz-checksum-crc32", headers["x-amz-checksum-crc32"] ?? checksum)])
    }

    private static func head(_ request: DoubleServer.Request, _ object: Object?) -> DoubleServer.Answer {
        guard let object else { return .respond(status: 404) }
        var headers = [(name: "Content-Length", value: "\(object.bytes.count)")]
        for name in ["x-amz-meta-courant-plan", "x-amz-meta-courant-crc32"] {
            if let value = object.headers[name] { headers.append((name, value)) }
        }
        if request.header("x-amz-checksum-mode") == "ENABLED", let sum = object.headers["x-amz-checksum-crc32"] {
            headers.append(("x-amz-checksum-crc32", sum))
        }
        return .respond(status: 200, headers: headers)
    }

    private static func error(
        _ status: Int,
        _ code: String,
        _ message: String,
        more: String = "",
        headers: [(name: String, value: String)] = []
    ) -> DoubleServer.Answer {
        let body = "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>\(message)</Message>\(more)</Error>"
        return .respond(
            status: status,
            headers: headers + [("x-amz-request-id", "DOUBLE1"), ("Content-Type", "application/xml")],
            body: Array(body.utf8)
        )
    }

    /// Big-endian, in Base64.
    private static func text(_ checksum: ObjectChecksum) -> String {
        Base64.encode([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: checksum.crc32 >> UInt32($0)) })
    }

    private static func moment(_ basic: String) -> Timestamp? {
        guard let match = basic.wholeMatch(of: /(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/) else { return nil }
        return CalendarTime.parse(extended: "\(match.1)-\(match.2)-\(match.3)T\(match.4):\(match.5):\(match.6)Z")
    }
}

internal import CloudHTTP
internal import Crypto
package import Platform
internal import Synchronization

/// A container of Azure Blob Storage that takes nothing on trust, addressed as emulators are:
/// `/ACCOUNT/CONTAINER/BLOB`.
///
/// Checked, each by the published rule and by code that shares nothing with the destination's: the signature of the
/// account's key over the whole request, shared access signatures with their times and permissions, tokens that it
/// gave out itself, date and version, the body against its MD5, the blob's type, names of metadata, conditions, and
/// that no header comes from us that nobody here knows. Microsoft's own client is let list and upload too: it is how
/// the double is checked.
package final class AzureDouble: Sendable {
    package static let account = "courantdouble"
    package static let container = "lake"
    /// 64 bytes in Base64, as the portal shows a key.
    package static let key = Base64.encode((0..<64).map { UInt8($0) &* 37 &+ 11 })
    package static let tenant = "11111111-2222-3333-4444-555555555555"
    package static let client = "66666666-7777-8888-9999-000000000000"
    package static let secret = "double~secret"

    package struct Object: Sendable {
        package var bytes: [UInt8]
        /// As the put had them, with names in lower case.
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

    struct State {
        var objects: [String: Object] = [:]
        var mishaps: [Mishap] = []
        var outage: Mishap?
        var container = AzureDouble.container
        var complaints: [String] = []
        var methods: [String] = []
        var tokensGiven = 0
        /// Tokens up to this number have expired.
        var tokensExpired = 0
    }

    let clock: any WorldClock
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
    /// The methods asked for so far, in order; those for tokens are not among them.
    package var methods: [String] { state.withLock { $0.methods } }
    package var tokensGiven: Int { state.withLock { $0.tokensGiven } }

    package func put(_ bytes: [UInt8], key: String) {
        state.withLock { $0.objects[key] = Object(bytes: bytes, headers: ["content-md5": Self.md5(bytes)]) }
    }

    /// The next puts go wrong, one after the other.
    package func fail(_ mishaps: Mishap...) { state.withLock { $0.mishaps += mishaps } }
    /// Every put goes wrong until nil is set.
    package func setOutage(_ mishap: Mishap?) { state.withLock { $0.outage = mishap } }
    package func setContainer(_ name: String) { state.withLock { $0.container = name } }
    /// Every token given so far is refused from now on.
    package func expireTokens() { state.withLock { $0.tokensExpired = $0.tokensGiven } }

    private static let known: Set = [
        "host", "content-length", "content-type", "content-md5", "if-none-match", "authorization", "x-ms-date",
        "x-ms-version", "x-ms-blob-type", "x-ms-access-tier", "x-ms-encryption-scope", "x-ms-meta-courant_plan",
        "x-ms-meta-courant_md5",
    ]
    /// The oldest version whose Put Blob takes 5,000 MiB.
    private static let versionMin = "2019-12-12"

    private func answer(_ request: DoubleServer.Request) -> DoubleServer.Answer {
        state.withLock { state in
            let target = AzureTarget(request)
            if request.method == "POST" { return giveToken(request, target, &state) }
            state.methods.append(request.method)
            let isOurs = request.header("User-Agent")?.hasPrefix("azsdk-python") != true
            for header in request.headers where isOurs && !Self.known.contains(header.name.lowercased()) {
                state.complaints.append("\(request.method) came with \(header.name)")
            }
            guard let version = request.header("x-ms-version"), version >= Self.versionMin else {
                return Self.error(400, "MissingRequiredHeader", "x-ms-version is missing or too old")
            }
            if let refusal = refusal(request, target, state) { return refusal }
            guard target.account == Self.account, target.container == state.container else {
                return Self.error(404, "ContainerNotFound", "The specified container does not exist.")
            }
            guard let key = target.blob else {
                guard !isOurs, request.method == "GET", target.value("comp") == "list" else {
                    state.complaints.append("\(request.method) \(request.uri) names no blob")
                    return Self.error(400, "InvalidUri", "no blob")
                }
                return Self.list(state.objects)
            }
            switch request.method {
            case "PUT": return Self.put(request, target, key, &state)
            case "HEAD", "GET": return Self.read(request, state.objects[key])
            case "DELETE":
                guard state.objects.removeValue(forKey: key) != nil else { return Self.noBlob }
                return .respond(status: 202)
            default:
                state.complaints.append("\(request.method) came")
                return Self.error(405, "UnsupportedHttpVerb", "no")
            }
        }
    }

    private static func put(
        _ request: DoubleServer.Request,
        _ target: AzureTarget,
        _ key: String,
        _ state: inout State
    ) -> DoubleServer.Answer {
        let sum = md5(request.body)
        guard request.header("x-ms-blob-type") == "BlockBlob" else {
            return error(400, "InvalidHeaderValue", "x-ms-blob-type")
        }
        guard request.body.count <= 5_000 << 20 else { return error(413, "RequestBodyTooLarge", "too large") }
        if let sent = request.header("Content-MD5"), sent != sum {
            return error(400, "Md5Mismatch", "The MD5 value specified did not match the MD5 value calculated.")
        }
        if let tier = request.header("x-ms-access-tier"), !["Hot", "Cool", "Cold"].contains(tier) {
            return error(400, "InvalidHeaderValue", "x-ms-access-tier")
        }
        var headers: [String: String] = [:]
        for (name, value) in request.headers.map({ ($0.name.lowercased(), $0.value) }) {
            if name.hasPrefix("x-ms-meta-") {
                guard name.dropFirst(10).wholeMatch(of: /[a-z_][a-z0-9_]*/) != nil else {
                    return error(400, "InvalidMetadata", "The metadata specified is invalid.")
                }
            }
            if name.hasPrefix("x-ms-") || name == "content-type" { headers[name] = value }
        }
        headers["content-md5"] = sum
        // A signature may allow to create, but not to write.
        if state.objects[key] != nil, target.value("sp")?.contains("w") == false {
            return error(403, "UnauthorizedBlobOverwrite", "This request is not authorized to perform blob overwrites.")
        }
        switch request.header("If-None-Match") {
        case "*":
            guard state.objects[key] == nil else {
                return error(409, "BlobAlreadyExists", "The specified blob already exists.")
            }
        case nil: state.complaints.append("\(key) was put without a condition")
        default: return error(400, "InvalidHeaderValue", "If-None-Match")
        }
        let mishap = state.outage ?? (state.mishaps.isEmpty ? nil : state.mishaps.removeFirst())
        switch mishap {
        case .refuse(let status, let code, let retryAfter):
            return error(status, code, "made to fail", headers: retryAfter.map { [("Retry-After", $0)] } ?? [])
        case .reset: return .reset
        case .keepOther: headers["content-md5"] = "AAAAAAAAAAAAAAAAAAAAAA=="
        case .loseAnswer, nil: break
        }
        state.objects[key] = Object(bytes: request.body, headers: headers)
        if case .loseAnswer = mishap { return .reset }
        return .respond(
            status: 201,
            headers: stamps + [("Content-MD5", headers["content-md5"] ?? sum)]
        )
    }

    private static func read(_ request: DoubleServer.Request, _ object: Object?) -> DoubleServer.Answer {
        guard let object else { return noBlob }
        var headers = stamps + [("x-ms-blob-type", "BlockBlob"), ("Accept-Ranges", "bytes")]
        for (name, value) in object.headers.sorted(by: { $0.key < $1.key }) {
            if name.hasPrefix("x-ms-meta-") || ["content-type", "x-ms-access-tier"].contains(name) {
                headers.append((name, value))
            }
        }
        let sum = object.headers["content-md5"] ?? ""
        if request.method == "GET", let range = request.header("x-ms-range") {
            guard !object.bytes.isEmpty else { return error(416, "InvalidRange", "The range is invalid.") }
            guard let match = range.wholeMatch(of: /bytes=0-(\d+)/), let end = Int(match.1) else {
                return error(400, "InvalidHeaderValue", "x-ms-range")
            }
            let part = Array(object.bytes.prefix(end + 1))
            headers.append(("Content-Range", "bytes 0-\(part.count - 1)/\(object.bytes.count)"))
            headers.append(("x-ms-blob-content-md5", sum))
            return .respond(status: 206, headers: headers, body: part)
        }
        headers += [("Content-MD5", sum), ("Content-Length", "\(object.bytes.count)")]
        return .respond(status: 200, headers: headers, body: object.bytes)
    }

    private static func list(_ objects: [String: Object]) -> DoubleServer.Answer {
        let blobs = objects.sorted { $0.key < $1.key }.map { key, object in
            "<Blob><Name>\(key)</Name><Properties><Last-Modified>\(modified)</Last-Modified><Etag>0x1</Etag>"
                + "<Content-Length>\(object.bytes.count)</Content-Length>"
                + "<Content-MD5>\(object.headers["content-md5"] ?? "")</Content-MD5>"
                + "<BlobType>BlockBlob</BlobType></Properties></Blob>"
        }
        let body =
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ContainerName=\"\(container)\">"
            + "<Blobs>\(blobs.joined())</Blobs><NextMarker/></EnumerationResults>"
        return .respond(status: 200, headers: [("Content-Type", "application/xml")], body: Array(body.utf8))
    }

    private static let modified = "Wed, 01 Jan 2025 00:00:00 GMT"
    private static let stamps: [(name: String, value: String)] = [("ETag", "\"0x1\""), ("Last-Modified", modified)]
    private static let noBlob = error(404, "BlobNotFound", "The specified blob does not exist.")

    static func error(
        _ status: Int,
        _ code: String,
        _ message: String,
        detail: String = "",
        headers: [(name: String, value: String)] = []
    ) -> DoubleServer.Answer {
        let more = detail.isEmpty ? "" : "<AuthenticationErrorDetail>\(detail)</AuthenticationErrorDetail>"
        let body =
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>\(code)</Code>"
            + "<Message>\(message)\nRequestId:DOUBLE1\nTime:now</Message>\(more)</Error>"
        return .respond(
            status: status,
            headers: headers + [
                ("x-ms-error-code", code), ("x-ms-request-id", "DOUBLE1"), ("Content-Type", "application/xml"),
            ],
            body: Array(body.utf8)
        )
    }

    private static func md5(_ bytes: [UInt8]) -> String {
        Base64.encode(Array(Insecure.MD5.hash(data: bytes)))
    }
}

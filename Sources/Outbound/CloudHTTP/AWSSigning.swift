internal import Crypto
package import Platform

/// AWS Signature Version 4 over the headers of one request.
package struct AWSSigning: Sendable {
    static let algorithm = "AWS4-HMAC-SHA256"
    /// Stands for the body's hash where the body is not part of what is signed.
    package static let unsignedPayload = "UNSIGNED-PAYLOAD"
    package static let emptyPayload = payload([])

    let credentials: AWSCredentials
    let region: String
    let service: String
    let time: CalendarTime

    /// Signs for a service such as `s3` or `sts`.
    package init(credentials: AWSCredentials, region: String, service: String, time: CalendarTime) {
        self.credentials = credentials
        self.region = region
        self.service = service
        self.time = time
    }

    /// A request as the signature sees it.
    struct Subject: Sendable {
        var method: String
        /// Encoded, as it is sent; `/` if there is none.
        var path: String
        /// Encoded parts such as `a=1`, as they are sent.
        var query: [String] = []
        /// All of them are signed; `Host` and `X-Amz-Date` must be among them.
        var headers: [(name: String, value: String)]
        /// SHA-256 of the body in hexadecimal, or `unsignedPayload`.
        var payload: String
    }

    package static func payload(_ body: [UInt8]) -> String {
        Hex.text(Array(SHA256.hash(data: body)))
    }

    /// The value of the `Authorization` header.
    func authorization(_ subject: Subject) -> String {
        let (names, _) = Self.canonicalHeaders(subject.headers)
        let signature = Hex.text(sign(stringToSign(subject)))
        return "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope), SignedHeaders=\(names), "
            + "Signature=\(signature)"
    }

    static func canonicalRequest(_ subject: Subject) -> String {
        let (names, lines) = canonicalHeaders(subject.headers)
        // Sorted by name, then value: `=` must not take part, it sorts behind `-` and `.`.
        let query = subject.query.map { part in
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: pair[0], value: pair.count > 1 ? pair[1] : "")
        }.sorted { ($0.name, $0.value) < ($1.name, $1.value) }.map { "\($0.name)=\($0.value)" }
        return [subject.method, subject.path, query.joined(separator: "&"), lines, names, subject.payload]
            .joined(separator: "\n")
    }

    func stringToSign(_ subject: Subject) -> String {
        let hash = Self.payload(Array(Self.canonicalRequest(subject).utf8))
        return [Self.algorithm, time.basic, scope, hash].joined(separator: "\n")
    }

    private var scope: String { "\(time.basicDate)/\(region)/\(service)/aws4_request" }

    /// Names in lower case, values without outer and doubled blanks, sorted by name; each line ends.
    private static func canonicalHeaders(
        _ headers: [(name: String, value: String)]
    ) -> (names: String, lines: String) {
        var merged: [(name: String, value: String)] = []
        for header in headers {
            let name = header.name.lowercased()
            let value = header.value.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
            if let index = merged.firstIndex(where: { $0.name == name }) {
                merged[index].value += "," + value
            } else {
                merged.append((name, value))
            }
        }
        merged.sort { $0.name < $1.name }
        return (
            merged.map(\.name).joined(separator: ";"), merged.map { "\($0.name):\($0.value)\n" }.joined()
        )
    }

    private func sign(_ text: String) -> [UInt8] {
        let parts = [time.basicDate, region, service, "aws4_request", text]
        return parts.reduce(Array("AWS4\(credentials.secretAccessKey)".utf8)) { key, part in
            Array(HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: SymmetricKey(data: key)))
        }
    }
}

extension AWSSigning {
    /// Adds date, session token and signature to a request.
    ///
    /// Host, path and query are taken from its URL, which must be encoded already.
    package func signed(_ request: CloudRequest, payload: String) -> CloudRequest {
        guard let endpoint = CloudEndpoint(request.url) else {
            preconditionFailure("requests are made from endpoints that were read")
        }
        var signed = request
        signed.headers.append(("Host", endpoint.authority))
        signed.headers.append(("X-Amz-Date", time.basic))
        if service == "s3" { signed.headers.append(("X-Amz-Content-Sha256", payload)) }
        if let token = credentials.sessionToken { signed.headers.append(("X-Amz-Security-Token", token)) }
        let query = request.url.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
        let subject = Subject(
            method: request.method,
            path: Self.path(of: request.url),
            query: query.split(separator: "&").map(String.init),
            headers: signed.headers,
            payload: payload
        )
        signed.headers.append(("Authorization", authorization(subject)))
        return signed
    }

    /// As it is sent: a slash at its end is part of it.
    private static func path(of url: String) -> String {
        let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
        let path = rest.drop { !"/?#".contains($0) }.prefix { $0 != "?" && $0 != "#" }
        return path.isEmpty ? "/" : String(path)
    }
}

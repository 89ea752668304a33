internal import CloudHTTP
internal import Crypto
internal import Platform

/// Adds date, version and authorization to a request.
///
/// The account's key signs verb, standard headers, `x-ms-` headers and resource: what Azure calls Shared Key.
struct AzureSigning: Sendable {
    /// The oldest that knows every header sent here (the cold tier's is the youngest), so that the most stores know it.
    ///
    /// One put may have 5,000 MiB since 2019-12-12 (256 MiB since 2016-05-31, 64 MiB before); files have 256 MiB.
    static let version = "2021-12-02"

    /// The standard headers that are signed, in this order and without their names; the date is in `x-ms-date`.
    private static let standard = [
        "Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
        "If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
    ]

    var account: String
    var time: CalendarTime

    func signed(_ request: CloudRequest, _ authorization: AzureAuthorization) -> CloudRequest {
        var signed = request
        signed.headers.append(("x-ms-date", time.http))
        signed.headers.append(("x-ms-version", Self.version))
        switch authorization {
        case .signature(let query): signed.url += "?" + query
        case .token(let token): signed.headers.append(("Authorization", "Bearer \(token)"))
        case .sharedKey(let key):
            let text = Array(stringToSign(signed).utf8)
            let code = HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: key))
            signed.headers.append(("Authorization", "SharedKey \(account):\(Base64.encode(Array(code)))"))
        }
        return signed
    }

    func stringToSign(_ request: CloudRequest) -> String {
        var values: [String: String] = [:]
        for (name, value) in request.headers { values[name.lowercased()] = value }
        // A length of nothing is left out, since version 2015-02-21.
        values["content-length"] = request.body.count > 0 ? "\(request.body.count)" : ""
        let standard = Self.standard.map { values[$0.lowercased()] ?? "" }
        let own = values.filter { $0.key.hasPrefix("x-ms-") }.sorted { $0.key < $1.key }
        let lines = own.map { "\($0.key):\($0.value.split { $0 == " " || $0 == "\t" }.joined(separator: " "))\n" }
        return ([request.method] + standard).joined(separator: "\n") + "\n" + lines.joined() + resource(request.url)
    }

    /// Account and encoded path, then the query's names in order, each with its values in order, decoded.
    private func resource(_ url: String) -> String {
        guard let endpoint = CloudEndpoint(url) else {
            preconditionFailure("requests are made from endpoints that were read")
        }
        var values: [String: [String]] = [:]
        for part in (url.split(separator: "?", maxSplits: 1).dropFirst().first ?? "").split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = PercentEncoding.decode(pair[0]) ?? String(pair[0])
            let value = pair.count > 1 ? PercentEncoding.decode(pair[1]) ?? String(pair[1]) : ""
            values[name.lowercased(), default: []].append(value)
        }
        let query = values.sorted { $0.key < $1.key }.map { "\n\($0.key):\($0.value.sorted().joined(separator: ","))" }
        return "/\(account)\(endpoint.path.isEmpty ? "/" : endpoint.path)\(query.joined())"
    }
}

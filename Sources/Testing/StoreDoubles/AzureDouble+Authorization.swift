internal import CloudHTTP
internal import Crypto
package import Platform

/// What a request's address names.
struct AzureTarget {
    /// As sent, without the query.
    let path: String
    /// Names in lower case, values decoded.
    let query: [(name: String, value: String)]
    let account: String
    let container: String
    let blob: String?

    init(_ request: DoubleServer.Request) {
        let halves = request.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(halves[0])
        query = (halves.count > 1 ? halves[1] : "").split(separator: "&").map { part in
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (pair[0].lowercased(), pair.count > 1 ? PercentEncoding.decode(pair[1]) ?? "" : "")
        }
        let names = path.split(separator: "/", maxSplits: 2).map { PercentEncoding.decode($0) ?? "" }
        account = names.first ?? ""
        container = names.count > 1 ? names[1] : ""
        blob = names.count > 2 ? names[2] : nil
    }

    func value(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }
}

extension AzureDouble {
    /// A shared access signature for the container, signed with the account's key.
    package func containerSignature(permissions: String, ends: Timestamp, version: String = "2021-12-02") -> String {
        var fields = [("sv", version), ("sr", "c"), ("sp", permissions), ("se", CalendarTime(ends).extended)]
        let query = fields.map { (name: $0.0, value: $0.1) }
        fields.append(("sig", Self.code(Self.containerText(query, container: Self.container))))
        return PercentEncoding.form(fields.map { ($0.0, $0.1) })
    }

    /// What the store finds wrong with who asks, before it looks at what is asked.
    func refusal(_ request: DoubleServer.Request, _ target: AzureTarget, _ state: State) -> DoubleServer.Answer? {
        let names = request.headers.map { $0.name.lowercased() }
        guard Set(names).count == names.count else {
            return Self.error(400, "InvalidHeaderValue", "a header came twice")
        }
        let now = clock.now()
        let asked = request.header("x-ms-date").flatMap(CalendarTime.parse(http:))
        guard let asked, abs((now - asked).inSeconds) <= 900 else {
            return unauthenticated("Request date header too old: '\(request.header("x-ms-date") ?? "")'")
        }
        switch request.header("Authorization") {
        case nil:
            guard let signature = target.value("sig") else {
                return Self.error(401, "NoAuthenticationInformation", "Server failed to authenticate the request.")
            }
            return signatureRefusal(signature, request, target, now)
        case let text? where text.hasPrefix("Bearer "):
            guard let number = Int(text.dropFirst("Bearer token-".count)), number <= state.tokensGiven else {
                return tokenRefusal("Signature validation failed")
            }
            let isExpired = number <= state.tokensExpired
            return isExpired ? tokenRefusal("Lifetime validation failed. The token is expired.") : nil
        case let text?:
            guard text == "SharedKey \(Self.account):\(Self.code(Self.keyText(request, target)))" else {
                return unauthenticated("The MAC signature found in the HTTP request is not the same as computed")
            }
            return nil
        }
    }

    /// Entra's part: a token for who knows the secret, as a form.
    func giveToken(
        _ request: DoubleServer.Request,
        _ target: AzureTarget,
        _ state: inout State
    ) -> DoubleServer.Answer {
        let wanted = PercentEncoding.form([
            ("grant_type", "client_credentials"), ("client_id", Self.client),
            ("scope", "https://storage.azure.com/.default"), ("client_secret", Self.secret),
        ])
        guard target.path == "/\(Self.tenant)/oauth2/v2.0/token", request.body == Array(wanted.utf8) else {
            let body = """
                {"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: 1"}
                """
            return .respond(status: 401, body: Array(body.utf8))
        }
        state.tokensGiven += 1
        let body = """
            {"token_type":"Bearer","expires_in":3599,"access_token":"token-\(state.tokensGiven)"}
            """
        return .respond(status: 200, headers: [("Content-Type", "application/json")], body: Array(body.utf8))
    }

    private func unauthenticated(_ detail: String) -> DoubleServer.Answer {
        Self.error(
            403,
            "AuthenticationFailed",
            "Server failed to authenticate the request.",
            detail: detail,
            headers: [("Date", CalendarTime(clock.now()).http)]
        )
    }

    private func tokenRefusal(_ detail: String) -> DoubleServer.Answer {
        Self.error(401, "InvalidAuthenticationInfo", "Server failed to authenticate the request.", detail: detail)
    }

    private func signatureRefusal(
        _ signature: String,
        _ request: DoubleServer.Request,
        _ target: AzureTarget,
        _ now: Timestamp
    ) -> DoubleServer.Answer? {
        let isOfAccount = target.value("ss") != nil
        let text =
            isOfAccount ? Self.accountText(target.query) : Self.containerText(target.query, container: target.container)
        guard signature == Self.code(text) else { return unauthenticated("Signature did not match.") }
        let limits = ["st", "se"].map { target.value($0).map { CalendarTime.parse(extended: $0) ?? now } }
        guard limits[0].map({ $0 <= now }) ?? true, limits[1].map({ now < $0 }) ?? false else {
            return unauthenticated("Signature not valid in the specified time frame")
        }
        if isOfAccount {
            guard target.value("ss")?.contains("b") == true, target.value("srt")?.contains("o") == true else {
                return Self.error(403, "AuthorizationResourceTypeMismatch", "Not authorized using this resource type.")
            }
        } else if target.value("sr") != "c" {
            return unauthenticated("sr must be c")
        }
        let needed = ["PUT": "cw", "GET": target.blob == nil ? "l" : "r", "HEAD": "r", "DELETE": "d"]
        let granted = target.value("sp") ?? ""
        guard needed[request.method]?.contains(where: granted.contains) == true else {
            return Self.error(403, "AuthorizationPermissionMismatch", "Not authorized using this permission.")
        }
        return nil
    }

    // MARK: What is signed

    /// Shared Key: verb, standard headers, `x-ms-` headers, resource.
    private static func keyText(_ request: DoubleServer.Request, _ target: AzureTarget) -> String {
        let standard = [
            "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
            "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
        ]
        var text = request.method + "\n"
        for name in standard {
            let value = request.header(name) ?? ""
            text += (name == "content-length" && value == "0" ? "" : value) + "\n"
        }
        let own = request.headers.map { ($0.name.lowercased(), $0.value) }.filter { $0.0.hasPrefix("x-ms-") }
        for (name, value) in own.sorted(by: { $0.0 < $1.0 }) { text += "\(name):\(value)\n" }
        text += "/\(account)\(target.path)"
        for name in Set(target.query.map(\.name)).sorted() {
            let values = target.query.filter { $0.name == name }.map(\.value).sorted()
            text += "\n\(name):\(values.joined(separator: ","))"
        }
        return text
    }

    /// A service's signature for a container, since version 2020-12-06.
    private static func containerText(_ query: [(name: String, value: String)], container: String) -> String {
        let value = { (name: String) in query.first { $0.name == name }?.value ?? "" }
        let resource = "/blob/\(account)/\(container)"
        return
            (["sp", "st", "se"].map(value) + [resource]
            + ["si", "sip", "spr", "sv", "sr", "snapshot", "ses", "rscc", "rscd", "rsce", "rscl", "rsct"].map(value))
            .joined(separator: "\n")
    }

    /// An account's signature, since version 2020-12-06.
    private static func accountText(_ query: [(name: String, value: String)]) -> String {
        let value = { (name: String) in query.first { $0.name == name }?.value ?? "" }
        return account + "\n"
            + ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses"].map { value($0) + "\n" }.joined()
    }

    private static func code(_ text: String) -> String {
        let key = SymmetricKey(data: Base64.decode(Self.key) ?? [])
        return Base64.encode(Array(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)))
    }
}

internal import Crypto
internal import Platform

/// Twilio's signature: an HMAC with an auth token or a shared key, over the address and a form's fields.
///
/// SHA-1 unless a header says SHA-256, which it does for shared keys. A body that is no form stands in the address by
/// its SHA-256, as `bodySHA256`. There is no time in it, so nothing bounds its age: a copy is told by its message and
/// status, which are remembered.
struct TwilioSignature: Sendable {
    static let header = "X-Twilio-Signature"
    /// `key=…,algorithm=HMAC_SHA256`.
    static let settingsHeader = "X-Twilio-Webhooks-Signature-Settings"
    static let bodyHash = "bodySHA256"
    /// A primary and a secondary, for a few accounts.
    static let tokensMax = 16

    enum Algorithm: String, Sendable {
        case sha1 = "HMAC_SHA1"
        case sha256 = "HMAC_SHA256"

        /// Nil for one that is not known here.
        init?(settings: String?) {
            let parts = (settings ?? "").split(separator: ",").map { $0.split(separator: "=", maxSplits: 1) }
            let named = parts.first { $0.count == 2 && $0[0].filter { $0 != " " } == "algorithm" }
            self.init(rawValue: named.map { $0[1].filter { $0 != " " }.uppercased() } ?? Self.sha1.rawValue)
        }

        func isValid(_ code: [UInt8], of text: [UInt8], by key: SymmetricKey) -> Bool {
            let right =
                switch self {
                case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: text, using: key))
                case .sha256: Array(HMAC<SHA256>.authenticationCode(for: text, using: key))
                }
            return SecretBytes(code) == SecretBytes(right)
        }
    }

    private let keys: [SymmetricKey]

    init(tokens: [String]) throws(ProviderError) {
        guard (1...Self.tokensMax).contains(tokens.count), !tokens.contains("") else {
            throw ProviderError(
                .settings,
                at: "auth_tokens",
                "expected 1 to \(Self.tokensMax) tokens, none empty; or say unverified: true"
            )
        }
        keys = tokens.map { SymmetricKey(data: Array($0.utf8)) }
    }

    func verify(_ request: WebhookRequest) throws(WebhookRefusal) {
        guard let text = request.header(Self.header) else {
            throw WebhookRefusal(.forged, WebhookRefusal.unsigned, "no signature: Twilio signs every request")
        }
        guard let signature = Base64.decode(text), let tail = Self.signedTail(of: request) else {
            throw WebhookRefusal(
                .forged,
                WebhookRefusal.wrongSignature,
                "the signature cannot be read, or is not of this body"
            )
        }
        guard let algorithm = Algorithm(settings: request.header(Self.settingsHeader)) else {
            throw WebhookRefusal(
                .forged,
                WebhookRefusal.wrongSignature,
                "signed with an algorithm that is not known here"
            )
        }
        for url in Self.spellings(of: request.url) {
            let signed = Array(url.utf8) + tail
            if keys.contains(where: { algorithm.isValid(signature, of: signed, by: $0) }) { return }
        }
        throw WebhookRefusal(
            .forged,
            WebhookRefusal.wrongSignature,
            "the signature is of none of the auth_tokens, or Twilio knows this address by another name than publicURL"
        )
    }

    /// The signature of that request, as its header has it; nil where a body that is no form lacks its hash.
    static func signature(of request: WebhookRequest, token: String) -> String? {
        guard let tail = signedTail(of: request) else { return nil }
        let key = SymmetricKey(data: Array(token.utf8))
        let code = HMAC<Insecure.SHA1>.authenticationCode(for: Array(request.url.utf8) + tail, using: key)
        return Base64.encode(Array(code))
    }

    /// What is signed behind the address: each name once, in the order of its bytes, with each of its values once.
    ///
    /// Nothing for a body whose hash the address has; nil where neither holds.
    private static func signedTail(of request: WebhookRequest) -> [UInt8]? {
        guard TwilioMessage.isForm(request) else {
            guard let query = FormFields(request.query), let hash = query[bodyHash],
                Hex.bytes(hash) == Array(SHA256.hash(data: request.body))
            else { return nil }
            return []
        }
        guard let form = FormFields(request.body) else { return nil }
        let sorted = form.fields.sorted { left, right in
            left.name == right.name
                ? left.value.lexicographicallyPrecedes(right.value)
                : left.name.lexicographicallyPrecedes(right.name)
        }
        var tail: [UInt8] = []
        for (index, field) in sorted.enumerated() {
            if index > 0, sorted[index - 1] == field { continue }
            tail += field.name + field.value
        }
        return tail
    }

    /// The address without a fragment, with and without a port: Twilio signs either.
    static func spellings(of url: String) -> [String] {
        let url = String(url.prefix { $0 != "#" })
        guard let scheme = url.firstRange(of: "://") else { return [url] }
        let end = url[scheme.upperBound...].firstIndex { $0 == "/" || $0 == "?" } ?? url.endIndex
        let authority = url[scheme.upperBound..<end]
        // Behind the brackets of an IPv6 address, else in all of it.
        let tail = authority[(authority.lastIndex(of: "]") ?? authority.startIndex)...]
        if let colon = tail.lastIndex(of: ":") { return [url, "\(url[..<colon])\(url[end...])"] }
        let port = url[..<scheme.lowerBound] == "http" ? 80 : 443
        return [url, "\(url[..<end]):\(port)\(url[end...])"]
    }
}

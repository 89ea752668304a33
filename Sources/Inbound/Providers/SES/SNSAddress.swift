/// An address on a host of SNS's own: `https`, `sns.REGION.amazonaws.com` or `….com.cn`, no port, no user.
struct SNSAddress: Sendable, Hashable {
    static let bytesMax = 2_048

    private let path: Substring
    private let query: Substring

    /// Nil for an address elsewhere.
    init?(_ url: String) {
        let scheme = "https://"
        // Printable, and no backslash, which some readers take for a slash.
        guard url.utf8.count <= Self.bytesMax, url.hasPrefix(scheme),
            url.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "#") })
        else { return nil }
        let rest = url.dropFirst(scheme.count)
        let host = rest.prefix { $0 != "/" && $0 != "?" }
        guard Self.isHost(host) else { return nil }
        let tail = rest[host.endIndex...]
        path = tail.prefix { $0 != "?" }
        query = tail[path.endIndex...].dropFirst()
    }

    var isCertificate: Bool { path.hasSuffix(".pem") && query.isEmpty }

    /// `/?Action=ConfirmSubscription&TopicArn=…&Token=…`.
    var isConfirmation: Bool {
        (path.isEmpty || path == "/") && query.split(separator: "&").contains("Action=ConfirmSubscription")
    }

    /// `^sns\.[a-zA-Z0-9\-]{3,}\.amazonaws\.com(\.cn)?$`, as Amazon's own validators have it.
    private static func isHost(_ host: Substring) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count == 4 || labels.count == 5, labels[0] == "sns", labels[2] == "amazonaws", labels[3] == "com",
            labels.count == 4 || labels[4] == "cn"
        else { return false }
        return labels[1].count >= 3
            && labels[1].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }
}

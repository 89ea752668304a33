internal import Platform

/// What a request told in confidence, to be taken out of an answer that says it again.
///
/// Answers of refusal are quoted in messages, logs and pages. Some services, and whoever wants to do harm, put into
/// them what they were sent.
struct EchoMask {
    /// A shorter value is nobody's secret, and would take half a message with it.
    private static let secretBytesMin = 8
    private static let mark = Array("(hidden)".utf8)
    /// Headers that are the same for everybody, or told by the answer anyway.
    private static let openHeaders: Set = [
        "accept", "content-encoding", "content-length", "content-type", "date", "host", "if-none-match", "range",
        "user-agent", "x-amz-content-sha256", "x-amz-date", "x-ms-blob-type", "x-ms-date", "x-ms-version",
        "braze-currents-version", "webhook-id", "webhook-timestamp",
    ]
    /// Likewise in a query: parameters of the stores that name what is asked for.
    private static let openParameters: Set = [
        "action", "api-version", "comp", "fields", "ifgenerationmatch", "list-type", "name", "prefix", "resource",
        "restype", "rolearn", "rolesessionname", "se", "sp", "spr", "sr", "st", "sv", "uploadtype", "version",
    ]

    private let secrets: [EchoedText]

    init(of request: CloudRequest) {
        var texts: Set<String> = []
        for (name, value) in request.headers where !Self.openHeaders.contains(name.lowercased()) {
            texts.insert(value)
            guard name.lowercased() == "authorization", let gap = value.firstIndex(of: " ") else { continue }
            let credentials = value[value.index(after: gap)...]
            texts.insert(String(credentials))
            guard value[..<gap].lowercased() == "basic", let pair = Base64.decode(credentials) else { continue }
            texts.insert(String(decoding: pair.drop { $0 != UInt8(ascii: ":") }.dropFirst(), as: UTF8.self))
        }
        if let query = request.url.split(separator: "?", maxSplits: 1).dropFirst().first {
            Self.add(query, to: &texts)
        }
        let isForm = request.headers.contains { name, value in
            name.lowercased() == "content-type" && value.lowercased().hasPrefix("application/x-www-form-urlencoded")
        }
        if isForm, case .bytes(let body) = request.body { Self.add(String(decoding: body, as: UTF8.self), to: &texts) }
        secrets = texts.sorted().filter { $0.utf8.count >= Self.secretBytesMin }.map(EchoedText.init)
    }

    /// The values of `a=b&c=d`, as they stand there and as they are meant.
    private static func add(_ fields: some StringProtocol, to texts: inout Set<String>) {
        for field in fields.split(separator: "&") {
            let parts = field.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, !openParameters.contains(parts[0].lowercased()) else { continue }
            texts.insert(String(parts[1]))
            if let decoded = PercentEncoding.decode(parts[1]) { texts.insert(decoded) }
        }
    }

    /// The answer without what the request told in confidence.
    func masking(_ response: CloudResponse) -> CloudResponse {
        var masked = response
        masked.body = mask(response.body)
        masked.headers = response.headers.map { name, value in
            (name, String(decoding: mask(Array(value.utf8)), as: UTF8.self))
        }
        return masked
    }

    private func mask(_ bytes: [UInt8]) -> [UInt8] {
        guard !secrets.isEmpty else { return bytes }
        var search = EchoSearch(secrets)
        var (masked, end) = ([UInt8](), 0)
        for range in search.ranges(in: bytes) {
            masked += bytes[end..<range.lowerBound]
            // What escapes the first character goes with it: alone it would break the JSON that it stands in.
            while masked.last == UInt8(ascii: "\\") { masked.removeLast() }
            masked += Self.mark
            end = range.upperBound
        }
        return masked + bytes[end...]
    }
}

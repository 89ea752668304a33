internal import CloudHTTP
internal import Delivery
internal import Platform

/// What a store's refusal means for a connector.
struct S3Fault {
    /// The store's own word, such as `NoSuchBucket`.
    let code: String?
    let error: DestinationError

    init(_ response: CloudResponse, _ configuration: S3Configuration, now: Timestamp) {
        code = Self.code(response)
        error = Self.error(response, code: code, configuration, now: now)
    }

    static func code(_ response: CloudResponse) -> String? {
        response.isSuccess ? nil : XMLText.first("Code", in: response.body)
    }

    /// Whether other credentials, or the same fetched again, may be taken.
    static func isOfCredentials(_ code: String?) -> Bool {
        code.map { expired.contains($0) || wrong.contains($0) } ?? false
    }

    private static let expired: Set = ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"]
    private static let wrong: Set = [
        "InvalidAccessKeyId", "InvalidToken", "InvalidClientTokenId", "SignatureDoesNotMatch",
    ]
    private static let busy: Set = [
        "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "OperationAborted", "Throttling",
        "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "BandwidthLimitExceeded",
        "ConditionalRequestConflict", "RequestThrottled",
    ]
    private static let garbled: Set = [
        "BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch", "IncompleteBody",
    ]
    private static let spent: Set = [
        "QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage",
    ]

    private static func error(
        _ response: CloudResponse,
        code: String?,
        _ configuration: S3Configuration,
        now: Timestamp
    ) -> DestinationError {
        let place = configuration.location
        let said = said(response, code)
        if let region = rightRegion(response, code, configured: configuration.region) {
            let message = "\(place) is in the region \(region), not in \(configuration.region): set region: \(region)"
            return DestinationError(.missing, message, remedy: .waitForChange)
        }
        switch code ?? "" {
        case let code where expired.contains(code):
            return retry(.denied, "\(place): the session token has expired (\(said))", response, now)
        case let code where busy.contains(code): return retry(.unreachable, "\(place) is busy (\(said))", response, now)
        case let code where garbled.contains(code):
            return retry(.unreachable, "\(place) received other bytes than were sent (\(said))", response, now)
        case let code where spent.contains(code):
            return retry(.full, "\(place) has no room left (\(said)): make room, or raise the quota", response, now)
        case "NoSuchBucket":
            let message = "there is no bucket \(place) (\(said)): make it, or correct bucket, endpoint or region"
            return DestinationError(.missing, message, remedy: .waitForChange)
        case "RequestTimeTooSkewed": return skewed(response, place, now)
        case "SignatureDoesNotMatch":
            let message =
                "\(place) refuses the signature (\(said)): the secret access key is not that of the access key id, or a "
                + "proxy changes requests"
            return DestinationError(.denied, message, remedy: .waitForChange)
        case let code where wrong.contains(code):
            let message = "\(place) does not know the credentials (\(said)): check access key id and session token"
            return DestinationError(.denied, message, remedy: .waitForChange)
        case let code where code.hasPrefix("KMS."):
            let message =
                "\(place): the encryption key cannot be used (\(said)): check encryption.key_id, that the key is enabled, "
                + "and that the credentials have kms:GenerateDataKey on it"
            return DestinationError(.denied, message, remedy: .waitForChange)
        default: return error(byStatus: response, place, said, now)
        }
    }

    private static func error(
        byStatus response: CloudResponse,
        _ place: String,
        _ said: String,
        _ now: Timestamp
    ) -> DestinationError {
        switch response.status {
        case 401, 403:
            let message =
                "\(place) denies access (\(said)): the credentials need s3:PutObject and s3:GetObject on the objects below "
                + "the prefix, with tags s3:PutObjectTagging, and with a KMS key kms:GenerateDataKey and kms:Decrypt on it"
            return DestinationError(.denied, message, remedy: .waitForChange)
        case 404: return DestinationError(.missing, "\(place) is not there (\(said))", remedy: .waitForChange)
        case 507: return retry(.full, "\(place) has no room left (\(said))", response, now)
        case 501:
            return DestinationError(
                .refused,
                "\(place) does not have something that was asked of it (\(said)): leave out tags, storage class or "
                    + "encryption that it does not know",
                remedy: .waitForChange
            )
        case 408, 429, 500...: return retry(.unreachable, "\(place) is busy (\(said))", response, now)
        default:
            let message = "\(place) refuses (\(said))"
            return DestinationError(.refused, message, remedy: .waitForChange)
        }
    }

    /// The region that the store names, where it is another than the configured one.
    private static func rightRegion(_ response: CloudResponse, _ code: String?, configured: String) -> String? {
        let isMisplaced =
            [301, 307].contains(response.status)
            || ["AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"]
                .contains(code ?? "")
        guard isMisplaced else { return nil }
        let named = response.header("x-amz-bucket-region") ?? XMLText.first("Region", in: response.body)
        return named.flatMap { $0 == configured || $0.isEmpty ? nil : $0 }
    }

    private static func skewed(_ response: CloudResponse, _ place: String, _ now: Timestamp) -> DestinationError {
        let theirs = XMLText.first("ServerTime", in: response.body).flatMap(CalendarTime.parse(extended:))
        let difference = theirs.map { (now - $0).components.seconds }
        let words = difference.map { " by \(abs($0)) s, it is \($0 < 0 ? "slow" : "fast")" } ?? ""
        let message = "\(place) refuses because this machine's clock is wrong\(words): set it, best by NTP"
        return DestinationError(.denied, message, remedy: .waitForChange)
    }

    private static func retry(
        _ code: DestinationError.Code,
        _ message: String,
        _ response: CloudResponse,
        _ now: Timestamp
    ) -> DestinationError {
        DestinationError(code, message, remedy: .retry(after: response.retryAfter(now: now)))
    }

    /// Status, code, message and the number to give to the store's support.
    private static func said(_ response: CloudResponse, _ code: String?) -> String {
        var words = ["\(response.status)"]
        if let code { words.append(code) }
        if let message = XMLText.first("Message", in: response.body) { words.append(message) }
        if words.count == 1, !response.body.isEmpty { words.append(response.excerpt) }
        if let id = response.header("x-amz-request-id") { words.append("request \(id)") }
        return words.joined(separator: ", ")
    }
}

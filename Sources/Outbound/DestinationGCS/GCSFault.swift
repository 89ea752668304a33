internal import CloudHTTP
internal import Delivery
internal import Platform

/// What a store's refusal means for a connector.
struct GCSFault {
    /// The precondition that nothing stands under the name does not hold.
    let isAlreadyThere: Bool
    /// Refused for want of the permission to overwrite, which is asked for only where something stands.
    let isPerhapsThere: Bool
    /// There is such a bucket, and no such object in it.
    let isMissingObject: Bool
    let error: DestinationError

    init(_ response: CloudResponse, _ configuration: GCSConfiguration, now: Timestamp) {
        let refusal = GoogleRefusal(response)
        let isBucket = refusal.message.lowercased().contains("bucket does not exist")
        isAlreadyThere = response.status == 412
        isPerhapsThere = response.status == 403 && refusal.message.contains("storage.objects.delete")
        isMissingObject = response.status == 404 && !isBucket
        error = Self.error(response, refusal, configuration, now)
    }

    /// Reasons that stand beside 403 and mean that it was too much at a time.
    private static let busy: Set = [
        "rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "backendError", "internalError",
        "concurrentLimitExceeded", "dailyLimitExceeded",
    ]

    private static func error(
        _ response: CloudResponse,
        _ refusal: GoogleRefusal,
        _ configuration: GCSConfiguration,
        _ now: Timestamp
    ) -> DestinationError {
        let place = configuration.location
        let said = refusal.said
        let again = DestinationError.Remedy.retry(after: response.retryAfter(now: now))
        if busy.contains(refusal.reason ?? "") {
            return DestinationError(.unreachable, "\(place) is busy (\(said))", remedy: again)
        }
        switch response.status {
        case 401:
            // Anonymous requests get this too, where credentials: none was said and the bucket is not for everybody.
            guard configuration.credentials != .none else {
                let message = "\(place) wants credentials (\(said)), and the connector has credentials: none"
                return DestinationError(.denied, message, remedy: .waitForChange)
            }
            return DestinationError(.denied, "\(place) refuses the token (\(said)); it fetches another", remedy: again)
        case 403: return DestinationError(.denied, denied(place, refusal), remedy: .waitForChange)
        case 404:
            let message = "there is no bucket \(place) (\(said)): make it, or correct bucket or endpoint"
            return DestinationError(.missing, message, remedy: .waitForChange)
        case 400 where refusal.message.lowercased().contains("crc32c"):
            return DestinationError(.unreachable, "\(place) received other bytes than sent (\(said))", remedy: again)
        case 400 where isOfKey(refusal):
            return DestinationError(.denied, denied(place, refusal), remedy: .waitForChange)
        case 408, 409, 412, 429, 500...:
            return DestinationError(.unreachable, "\(place) is busy (\(said))", remedy: again)
        default: return DestinationError(.refused, "\(place) refuses (\(said))", remedy: .waitForChange)
        }
    }

    private static func isOfKey(_ refusal: GoogleRefusal) -> Bool {
        ["kms", "cryptokey"].contains { refusal.message.lowercased().contains($0) }
    }

    private static func denied(_ place: String, _ refusal: GoogleRefusal) -> String {
        let said = refusal.said
        if isOfKey(refusal) {
            return "\(place): the encryption key cannot be used (\(said)): check kms_key, that the key is enabled and "
                + "in the bucket's location, and that the service agent of Cloud Storage has the role "
                + "roles/cloudkms.cryptoKeyEncrypterDecrypter on it"
        }
        if refusal.reason == "accountDisabled" || refusal.message.lowercased().contains("billing") {
            return "\(place): the project's billing account is closed or missing (\(said)): set it right in the console"
        }
        if refusal.message.contains("organization's policy") {
            return "\(place) is behind VPC Service Controls (\(said)): let this machine or account through it"
        }
        let missing = refusal.message.firstMatch(of: /storage\.[a-z]+\.[A-Za-z]+/).map { String($0.output) }
        let lacking = missing.map { "the permission \($0) is missing" } ?? "a permission is missing"
        return "\(place) denies access (\(said)): \(lacking); the account needs storage.objects.create and "
            + "storage.objects.get on the bucket"
    }
}

/// What Google's services say when they refuse: JSON in one of two shapes, or plain text.
struct GoogleRefusal {
    let status: Int
    /// A word such as `forbidden` or `invalid_grant`.
    let reason: String?
    let message: String

    private struct Storage: Decodable {
        struct Failure: Decodable {
            struct Item: Decodable {
                let reason: String?
            }
            let message: String?
            /// Of the services other than storage, such as `PERMISSION_DENIED`.
            let status: String?
            let errors: [Item]?
        }
        let error: Failure
    }

    private struct Tokens: Decodable {
        let error: String
        let description: String?

        enum CodingKeys: String, CodingKey {
            case error
            case description = "error_description"
        }
    }

    init(_ response: CloudResponse) {
        status = response.status
        if let found = CloudJSON.decode(Storage.self, from: response.body)?.error {
            reason = found.errors?.first?.reason ?? found.status
            message = found.message ?? ""
        } else if let found = CloudJSON.decode(Tokens.self, from: response.body) {
            reason = found.error
            message = found.description ?? ""
        } else {
            reason = nil
            message = response.excerpt
        }
    }

    var said: String {
        ["\(status)", reason ?? "", message].filter { !$0.isEmpty }.joined(separator: ", ")
    }
}

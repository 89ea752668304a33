package import Avro

/// What a push service's answer to a sender means.
package enum PushResult: Sendable, Hashable {
    /// It took the message on.
    case sent
    /// The token is dead, or another project's: never to be tried again.
    case bounced
    /// A fault of the moment: to be sent again later, and no event.
    case retry
    /// The request, its credentials or its payload are at fault, and no event; by the service's own reason.
    case fault(reason: String)

    /// Reads an answer.
    ///
    /// `reason` is APNs' own, or FCM's error code where the sender has taken it out; `error` is FCM's answer as JSON,
    /// with or without its outer member `error`.
    package init(_ service: PushService, status: Int, reason: String? = nil, error: JSONValue? = nil) {
        guard !(200..<300).contains(status) else {
            self = .sent
            return
        }
        switch service {
        case .apns:
            let reason = reason ?? error?["reason"]?.string
            self = reason.flatMap(Self.apns) ?? Self.unknown(service, status, reason)
        case .fcm:
            let error = error?["error"] ?? error
            let code = Self.errorCode(error) ?? reason ?? error?["status"]?.string
            self = code.flatMap { Self.fcm($0, error) } ?? Self.unknown(service, status, code)
        }
    }

    /// A reason that the tables do not have, by the class of its status: 429 and 5xx say that the service is busy or
    /// broken, so it is for later; 410 is Apple's for a token that is no longer active, whatever the reason; all else
    /// blames the request, and counts as no bounce, since tokens are given up for a bounce and never come back.
    private static func unknown(_ service: PushService, _ status: Int, _ reason: String?) -> PushResult {
        switch status {
        case 429, 500..<600: .retry
        case 410 where service == .apns: .bounced
        default: .fault(reason: reason ?? "HTTP \(status)")
        }
    }
}

extension PushResult {
    private static func apns(_ reason: String) -> PushResult? {
        switch reason {
        // Apple: never to be tried again. A mix-up of sandbox and production gives the last two as well.
        case "Unregistered", "ExpiredToken", "BadDeviceToken", "DeviceTokenNotForTopic": .bounced
        case "BadCollapseId", "BadExpirationDate", "BadMessageId", "BadPriority", "BadTopic", "DuplicateHeaders",
            "IdleTimeout", "InvalidPushType", "MissingDeviceToken", "MissingTopic", "PayloadEmpty", "TopicDisallowed",
            "BadCertificate", "BadCertificateEnvironment", "ExpiredProviderToken", "Forbidden", "InvalidProviderToken",
            "MissingProviderToken", "BadEnvironmentKeyInToken", "UnrelatedKeyIdInToken", "BadPath", "MethodNotAllowed",
            "PayloadTooLarge":
            .fault(reason: reason)
        case "TooManyRequests", "TooManyProviderTokenUpdates", "InternalServerError", "ServiceUnavailable", "Shutdown":
            .retry
        default: nil
        }
    }

    private static func fcm(_ code: String, _ error: JSONValue?) -> PushResult? {
        switch code {
        case "UNREGISTERED", "SENDER_ID_MISMATCH": .bounced
        case "INVALID_ARGUMENT": isAboutToken(error) ? .bounced : .fault(reason: code)
        case "THIRD_PARTY_AUTH_ERROR": .fault(reason: code)
        case "QUOTA_EXCEEDED", "INTERNAL", "UNAVAILABLE": .retry
        // `error.status` alone may mean a dead token, and as well a project or address that is not there.
        case "NOT_FOUND": .fault(reason: code)
        default: nil
        }
    }

    /// FCM says INVALID_ARGUMENT for a token that is none and for a faulty payload alike: it is the token's where
    /// FCM's own detail says so, the message names the token, and no detail names a member of the request.
    private static func isAboutToken(_ error: JSONValue?) -> Bool {
        let details = error?["details"]?.array ?? []
        guard errorCode(error) == "INVALID_ARGUMENT", !details.contains(where: { type(of: $0) == badRequest }) else {
            return false
        }
        return error?["message"]?.string?.lowercased().contains("registration token") ?? false
    }

    private static let fcmError = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
    private static let badRequest = "type.googleapis.com/google.rpc.BadRequest"

    /// FCM's own code, which is more exact than `error.status`.
    private static func errorCode(_ error: JSONValue?) -> String? {
        error?["details"]?.array?.first { type(of: $0) == fcmError }?["errorCode"]?.string
    }

    private static func type(of detail: JSONValue) -> String? { detail["@type"]?.string }
}

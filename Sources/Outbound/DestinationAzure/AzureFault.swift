internal import CloudHTTP
internal import Delivery
internal import Platform

/// What a store's refusal means for a connector.
struct AzureFault {
    /// The store's own word, such as `ContainerNotFound`; answers to HEAD have it too.
    let code: String?
    let error: DestinationError
    private let status: Int

    init(
        _ response: CloudResponse,
        _ configuration: AzureConfiguration,
        _ authorization: AzureAuthorization,
        now: Timestamp
    ) {
        code = Self.code(response)
        status = response.status
        let words = Words(
            response: response,
            code: code ?? "",
            place: configuration.location,
            configuration: configuration,
            authorization: authorization,
            now: now
        )
        error = words.aboutCredentials ?? words.aboutPlace ?? words.aboutRequest
    }

    static func code(_ response: CloudResponse) -> String? {
        guard !response.isSuccess else { return nil }
        return response.header("x-ms-error-code") ?? XMLText.first("Code", in: response.body)
    }

    /// Whether other credentials, or the same fetched again, may be taken.
    static func isOfCredentials(_ response: CloudResponse) -> Bool {
        response.status == 401 || (response.status == 403 && code(response) == "AuthenticationFailed")
    }

    /// Whether it was refused because something stands under the key.
    var isAlreadyThere: Bool {
        status == 412 || code.map { Self.there.contains($0) } ?? false
    }

    /// Whether that may be the reason: who may create but not write has no permission for a blob that is there.
    var isPerhapsThere: Bool { status == 403 && code == "AuthorizationPermissionMismatch" }

    /// Whether there is nothing under the key, while all around it is.
    var isMissingBlob: Bool { status == 404 && (code == nil || code == "BlobNotFound") }

    /// `UnauthorizedBlobOverwrite`: who may create only is told this; the others mean that it may not be changed.
    private static let there: Set = [
        "BlobAlreadyExists", "UnauthorizedBlobOverwrite", "BlobImmutableDueToPolicy", "LeaseIdMissing",
    ]
}

/// The sentences, with what they are made from.
private struct Words {
    let response: CloudResponse
    let code: String
    let place: String
    let configuration: AzureConfiguration
    let authorization: AzureAuthorization
    let now: Timestamp

    /// The service takes requests that are a quarter of an hour off.
    private static let skewMax = Duration.seconds(900)
    private static let busy: Set = [
        "ServerBusy", "InternalError", "OperationTimedOut", "TooManyRequests", "AccountBeingCreated",
        "ContainerBeingDeleted", "BlobOverwritten",
    ]
    private static let garbled: Set = ["Md5Mismatch", "InvalidMd5", "Crc64Mismatch", "IncompleteBody"]

    // MARK: Who asks

    var aboutCredentials: DestinationError? {
        switch code {
        case "AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation":
            return unauthenticated
        case "AuthorizationPermissionMismatch", "InsufficientAccountPermissions", "UnauthorizedBlobOverwrite":
            return wait(.denied, "\(place) denies access (\(said)): \(permission)")
        case "AuthorizationFailure":
            let message =
                "\(place) denies access (\(said)): the account's firewall does not let this machine in, its private "
                + "endpoint is not used, or the credentials may not do this; \(permission)"
            return wait(.denied, message)
        case "KeyBasedAuthenticationNotPermitted":
            let message =
                "\(place) takes neither keys nor signatures made with them (\(said)): the account allows Entra only; "
                + "use a managed identity, workload identity or an application"
            return wait(.denied, message)
        case "AuthorizationSourceIPMismatch", "AuthorizationProtocolMismatch", "AuthorizationServiceMismatch",
            "AuthorizationResourceTypeMismatch":
            let message =
                "\(place) denies access (\(said)): the shared access signature is limited to other addresses, "
                + "protocols, services or resource types; make one for blobs, with container and object, or without limits"
            return wait(.denied, message)
        case "AccountIsDisabled": return wait(.denied, "the account of \(place) is disabled (\(said))")
        default:
            switch response.status {
            case 401: return unauthenticated
            case 403 where !code.hasPrefix("KeyVault"):
                return wait(.denied, "\(place) denies access (\(said)): \(permission)")
            default: return nil
            }
        }
    }

    private var unauthenticated: DestinationError {
        if let skew { return wait(.denied, skew) }
        switch authorization {
        case .sharedKey:
            let message =
                "\(place) refuses the signature (\(said)): the key is not one of the account \(configuration.account), "
                + "was rotated, or a proxy changes requests"
            return wait(.denied, message)
        case .signature:
            let end = authorization.ends.map { ", it ends at \($0)" } ?? ""
            let message =
                "\(place) does not take the shared access signature (\(said)\(end)): it has expired, is not valid yet, "
                + "its policy was withdrawn, or the key it was made with was rotated; make a new one"
            return wait(.denied, message)
        case .token:
            let isExpired = ["expired", "lifetime"].contains { detail.lowercased().contains($0) }
            guard !isExpired else { return retry(.denied, "\(place): the token has expired (\(said))") }
            let message =
                "\(place) does not take the token (\(said)): check that the tenant is the one of the account's "
                + "subscription"
            return wait(.denied, message)
        }
    }

    /// By how much this machine's clock is wrong, if it is by so much that requests are refused.
    private var skew: String? {
        let theirs = response.header("Date").flatMap(CalendarTime.parse(http:))
        let difference = theirs.map { now - $0 } ?? .zero
        let isOff = difference >= Self.skewMax || difference <= .zero - Self.skewMax
        guard isOff || detail.contains("Request date header") else { return nil }
        let seconds = difference.components.seconds
        let words = isOff ? " by \(abs(seconds)) s, it is \(seconds < 0 ? "slow" : "fast")" : ""
        return "\(place) refuses because this machine's clock is wrong\(words) (\(said)): set it, best by NTP"
    }

    /// What would have to be granted.
    private var permission: String {
        switch authorization {
        case .sharedKey: "the account's key should do; is the account locked or read-only?"
        case .signature: "the shared access signature needs the permissions create and read (sp=rc)"
        case .token:
            "the identity needs the role Storage Blob Data Contributor on the container, or a role of its own with "
                + "blobs/add/action and blobs/read (a new assignment takes up to ten minutes; Owner and Contributor do "
                + "not suffice)"
        }
    }

    // MARK: Where

    var aboutPlace: DestinationError? {
        switch code {
        case "ContainerNotFound":
            return wait(.missing, "there is no container \(place) (\(said)): make it, or correct container or account")
        case "ResourceNotFound", "ContainerDisabled", "InvalidResourceName":
            return wait(.missing, "\(place) is not there (\(said)): check account, container and endpoint")
        case "AccountRequiresHttps": return wait(.refused, "\(place) takes https only (\(said))")
        case "InvalidBlobTier", "BlobAccessTierNotSupportedForAccountType", "BlobTierInadequateForContentLength":
            return wait(.refused, "\(place) does not have the access tier (\(said)): correct or leave out access_tier")
        case let code where code.hasPrefix("EncryptionScope"):
            return wait(.refused, "\(place): the encryption scope cannot be used (\(said)): check encryption_scope")
        case let code where code.hasPrefix("KeyVault"):
            let message =
                "\(place): the account's own encryption key cannot be used (\(said)): check the key, its vault, and the "
                + "account's access to it"
            return wait(.denied, message)
        case _ where response.status == 404: return wait(.missing, "\(place) is not there (\(said))")
        default: return nil
        }
    }

    // MARK: What

    var aboutRequest: DestinationError {
        if Self.garbled.contains(code) {
            return retry(.unreachable, "\(place) received other bytes than were sent (\(said))")
        }
        if Self.busy.contains(code) { return retry(.unreachable, "\(place) is busy (\(said))") }
        switch response.status {
        case 413: return wait(.refused, "\(place) takes no file so large at once (\(said)): lower roll.bytes")
        case 507: return retry(.full, "\(place) has no room left (\(said))")
        case 408, 429, 500...: return retry(.unreachable, "\(place) is busy (\(said))")
        default: return wait(.refused, "\(place) refuses (\(said))")
        }
    }

    private func wait(_ code: DestinationError.Code, _ message: String) -> DestinationError {
        DestinationError(code, message, remedy: .waitForChange)
    }

    private func retry(_ code: DestinationError.Code, _ message: String) -> DestinationError {
        DestinationError(code, message, remedy: .retry(after: response.retryAfter(now: now)))
    }

    /// What the service adds on failed authentication.
    ///
    /// With a key it tells the signature, which is never shown.
    private var detail: String { XMLText.first("AuthenticationErrorDetail", in: response.body) ?? "" }

    /// Status, code, message and the number to give to the store's support.
    private var said: String {
        var words = ["\(response.status)"]
        if !code.isEmpty { words.append(code) }
        if let message = XMLText.first("Message", in: response.body) {
            // The lines after the first repeat the number and the time.
            words += message.split(whereSeparator: \.isNewline).prefix(1).map(String.init)
        } else if words.count == 1, !response.body.isEmpty {
            words.append(response.excerpt)
        }
        if case .token = authorization, !detail.isEmpty { words.append(detail) }
        if let id = response.header("x-ms-request-id") { words.append("request \(id)") }
        return words.joined(separator: ", ")
    }
}

import CloudHTTP
import Delivery
import Platform
import Testing

@testable import DestinationAzure

@Suite("What refusals of Azure mean")
struct AzureFaultTests {
    enum Who: Sendable {
        case key, signature, token

        var authorization: AzureAuthorization {
            switch self {
            case .key: .sharedKey([1])
            case .signature: .signature("sv=1&se=2026-01-01T00%3A00%3A00Z&sig=hidden")
            case .token: .token("hidden")
            }
        }
    }

    struct Case: Sendable, CustomTestStringConvertible {
        var status: Int
        var store: String
        var who: Who
        var code: DestinationError.Code
        var remedy: DestinationError.Remedy
        var words: String
        var detail = ""

        var testDescription: String { "\(status) \(store) \(who)" }

        init(
            _ status: Int,
            _ store: String,
            _ who: Who,
            _ code: DestinationError.Code,
            _ remedy: DestinationError.Remedy,
            _ words: String,
            detail: String = ""
        ) {
            (self.status, self.store, self.who) = (status, store, who)
            (self.code, self.remedy, self.words, self.detail) = (code, remedy, words, detail)
        }
    }

    private static let again = DestinationError.Remedy.retry(after: nil)
    private static let wait = DestinationError.Remedy.waitForChange

    static let cases = [
        Case(403, "AuthenticationFailed", .key, .denied, wait, "the key is not one of the account lake"),
        Case(403, "AuthenticationFailed", .signature, .denied, wait, "it ends at 2026-01-01T00:00:00Z"),
        Case(
            403,
            "AuthenticationFailed",
            .key,
            .denied,
            wait,
            "this machine's clock is wrong",
            detail: "Request date header too old: 'x'"
        ),
        Case(401, "InvalidAuthenticationInfo", .token, .denied, again, "has expired", detail: "The token is expired."),
        Case(401, "InvalidAuthenticationInfo", .token, .denied, wait, "tenant", detail: "Issuer validation failed."),
        Case(401, "NoAuthenticationInformation", .signature, .denied, wait, "make a new one"),
        Case(403, "AuthorizationPermissionMismatch", .token, .denied, wait, "Storage Blob Data Contributor"),
        Case(403, "AuthorizationPermissionMismatch", .signature, .denied, wait, "sp=rc"),
        Case(403, "AuthorizationFailure", .token, .denied, wait, "firewall"),
        Case(403, "KeyBasedAuthenticationNotPermitted", .key, .denied, wait, "allows Entra only"),
        Case(403, "AuthorizationSourceIPMismatch", .signature, .denied, wait, "limited to other addresses"),
        Case(403, "AccountIsDisabled", .key, .denied, wait, "is disabled"),
        Case(403, "", .key, .denied, wait, "denies access"),
        Case(403, "KeyVaultEncryptionKeyNotFound", .key, .denied, wait, "its vault"),
        Case(404, "ContainerNotFound", .key, .missing, wait, "no container azure://lake.blob.core.windows.net/events"),
        Case(404, "ResourceNotFound", .key, .missing, wait, "check account, container and endpoint"),
        Case(400, "AccountRequiresHttps", .key, .refused, wait, "https only"),
        Case(400, "InvalidBlobTier", .key, .refused, wait, "access_tier"),
        Case(400, "EncryptionScopeNotFound", .key, .refused, wait, "encryption_scope"),
        Case(400, "Md5Mismatch", .key, .unreachable, again, "other bytes than were sent"),
        Case(503, "ServerBusy", .key, .unreachable, again, "busy"),
        Case(500, "InternalError", .key, .unreachable, again, "busy"),
        Case(500, "OperationTimedOut", .key, .unreachable, again, "busy"),
        Case(409, "ContainerBeingDeleted", .key, .unreachable, again, "busy"),
        Case(429, "", .key, .unreachable, again, "busy"),
        Case(413, "RequestBodyTooLarge", .key, .refused, wait, "roll.bytes"),
        Case(507, "", .key, .full, again, "no room"),
        Case(502, "", .key, .unreachable, again, "busy"),
        Case(400, "InvalidHeaderValue", .key, .refused, wait, "refuses"),
        Case(418, "", .key, .refused, wait, "418"),
    ]

    private static func fault(_ given: Case, headers: [(name: String, value: String)] = []) -> AzureFault {
        let body = """
            <Error><Code>\(given.store)</Code><Message>so it is
            RequestId:hidden</Message><AuthenticationErrorDetail>\(given.detail)</AuthenticationErrorDetail></Error>
            """
        return AzureFault(
            CloudResponse(
                status: given.status,
                headers: headers + [("x-ms-request-id", "R1")],
                body: given.store.isEmpty ? [] : Array(body.utf8)
            ),
            AzureConfiguration(account: "lake", container: "events"),
            given.who.authorization,
            now: Timestamp(seconds: 1_435_361_952)
        )
    }

    @Test("code, remedy and words", arguments: cases)
    func meanings(of given: Case) {
        let error = Self.fault(given).error
        #expect(error.code == given.code)
        #expect(error.remedy == given.remedy)
        #expect(error.message.contains(given.words), "\(error)")
        #expect(error.message.contains("\(given.status)"), "\(error)")
        #expect(error.message.contains("request R1"), "\(error)")
        #expect(!error.message.contains("hidden"), "\(error)")
    }

    @Test("the store's own wish for a pause is kept")
    func pause() {
        let busy = Case(503, "ServerBusy", .key, .unreachable, Self.again, "")
        #expect(Self.fault(busy, headers: [("Retry-After", "9")]).error.remedy == .retry(after: .seconds(9)))
    }

    @Test("a refusal without a body has its code in a header, and the clock in another")
    func withoutBody() {
        let headers = [(name: "x-ms-error-code", value: "AuthenticationFailed")]
        let refused = Case(403, "", .key, .denied, Self.wait, "")
        #expect(Self.fault(refused, headers: headers).code == "AuthenticationFailed")
        // The server's time is an hour behind ours.
        let fast = Self.fault(refused, headers: headers + [("Date", "Fri, 26 Jun 2015 22:39:12 GMT")])
        #expect(fast.error.message.contains("clock is wrong by 3600 s, it is fast"), "\(fast.error)")
    }

    @Test("a blob that is not there is told from a container that is not")
    func missing() {
        #expect(Self.fault(Case(404, "BlobNotFound", .key, .missing, Self.wait, "")).isMissingBlob)
        #expect(Self.fault(Case(404, "", .key, .missing, Self.wait, "")).isMissingBlob)
        #expect(!Self.fault(Case(404, "ContainerNotFound", .key, .missing, Self.wait, "")).isMissingBlob)
    }

    @Test(
        "names of containers",
        arguments: [
            ("lake", true), ("lake-1", true), ("la", false), ("Lake", false), ("-lake", false), ("la--ke", false),
            ("la_ke", false), ("lake/a", false), (String(repeating: "a", count: 64), false),
        ]
    )
    func containers(name: String, isOne: Bool) {
        #expect(AzureConfiguration.isContainer(name) == isOne)
    }
}

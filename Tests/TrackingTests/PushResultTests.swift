import Avro
import Testing

@testable import Tracking

/// What the answers of push services mean.
@Suite struct PushResultTests {
    private static let apnsBounces = [
        (410, "Unregistered"), (410, "ExpiredToken"), (400, "BadDeviceToken"), (400, "DeviceTokenNotForTopic"),
    ]

    private static let apnsFaults = [
        (400, "BadCollapseId"), (400, "BadExpirationDate"), (400, "BadMessageId"), (400, "BadPriority"),
        (400, "BadTopic"), (400, "DuplicateHeaders"), (400, "IdleTimeout"), (400, "InvalidPushType"),
        (400, "MissingDeviceToken"), (400, "MissingTopic"), (400, "PayloadEmpty"), (400, "TopicDisallowed"),
        (403, "BadCertificate"), (403, "BadCertificateEnvironment"), (403, "ExpiredProviderToken"),
        (403, "Forbidden"), (403, "InvalidProviderToken"), (403, "MissingProviderToken"),
        (403, "BadEnvironmentKeyInToken"), (403, "UnrelatedKeyIdInToken"), (404, "BadPath"),
        (405, "MethodNotAllowed"), (413, "PayloadTooLarge"),
    ]

    private static let apnsRetries = [
        (429, "TooManyRequests"), (429, "TooManyProviderTokenUpdates"), (500, "InternalServerError"),
        (503, "ServiceUnavailable"), (503, "Shutdown"),
    ]

    @Test("APNs says that a token is dead", arguments: apnsBounces)
    func apnsBounce(status: Int, reason: String) throws {
        #expect(PushResult(.apns, status: status, reason: reason) == .bounced)
        let body = try JSONValue(parsing: #"{"reason":"\#(reason)","timestamp":1700000000000}"#)
        #expect(PushResult(.apns, status: status, error: body) == .bounced)
    }

    @Test("APNs blames the request", arguments: apnsFaults)
    func apnsFault(status: Int, reason: String) {
        #expect(PushResult(.apns, status: status, reason: reason) == .fault(reason: reason))
    }

    @Test("APNs asks for patience", arguments: apnsRetries)
    func apnsRetry(status: Int, reason: String) {
        #expect(PushResult(.apns, status: status, reason: reason) == .retry)
    }

    @Test("a status of 200 is a message sent", arguments: PushService.allCases)
    func sent(service: PushService) throws {
        let answer = try JSONValue(parsing: #"{"name":"projects/p/messages/1"}"#)
        #expect(PushResult(service, status: 200) == .sent)
        #expect(PushResult(service, status: 200, error: answer) == .sent)
    }

    @Test(
        "an unknown reason counts by the class of its status",
        arguments: [
            (.apns, 400, .fault(reason: "New")), (.apns, 403, .fault(reason: "New")), (.apns, 410, .bounced),
            (.apns, 429, .retry), (.apns, 500, .retry), (.apns, 599, .retry), (.apns, 302, .fault(reason: "New")),
            (.apns, 600, .fault(reason: "New")), (.apns, 0, .fault(reason: "New")), (.fcm, 400, .fault(reason: "New")),
            (.fcm, 401, .fault(reason: "New")), (.fcm, 404, .fault(reason: "New")), (.fcm, 410, .fault(reason: "New")),
            (.fcm, 429, .retry), (.fcm, 502, .retry),
        ] as [(PushService, Int, PushResult)]
    )
    func unknown(service: PushService, status: Int, result: PushResult) {
        #expect(PushResult(service, status: status, reason: "New") == result)
    }

    @Test("a fault without a reason names its status")
    func nameless() {
        #expect(PushResult(.apns, status: 403) == .fault(reason: "HTTP 403"))
        #expect(PushResult(.fcm, status: 404, error: .string("<html>")) == .fault(reason: "HTTP 404"))
        #expect(PushResult(.fcm, status: 503) == .retry)
    }

    private static let tokenMessage = "The registration token is not a valid FCM registration token"

    private static func fcm(_ status: String, _ message: String, _ details: String) throws -> JSONValue {
        try JSONValue(parsing: #"{"error":{"status":"\#(status)","message":"\#(message)","details":[\#(details)]}}"#)
    }

    private static func code(_ code: String) -> String {
        #"{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"\#(code)"}"#
    }

    private static let badRequest =
        #"{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"message.data"}]}"#

    private static let fcmRows: [(Int, String, String, PushResult)] = [
        (404, "UNREGISTERED", "NOT_FOUND", .bounced),
        (403, "SENDER_ID_MISMATCH", "PERMISSION_DENIED", .bounced),
        (401, "THIRD_PARTY_AUTH_ERROR", "UNAUTHENTICATED", .fault(reason: "THIRD_PARTY_AUTH_ERROR")),
        (429, "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", .retry),
        (500, "INTERNAL", "INTERNAL", .retry),
        (503, "UNAVAILABLE", "UNAVAILABLE", .retry),
    ]

    @Test("FCM's own code comes before the status of the answer", arguments: fcmRows)
    func fcm(status: Int, code: String, word: String, result: PushResult) throws {
        let error = try Self.fcm(word, "m", Self.code(code))
        #expect(PushResult(.fcm, status: status, error: error) == result)
        #expect(PushResult(.fcm, status: status, error: error["error"]) == result)
        #expect(PushResult(.fcm, status: status, reason: code) == result)
        #expect(PushResult(.fcm, status: status, reason: word, error: error) == result)
    }

    private static let argumentRows: [(String, String, PushResult)] = [
        (tokenMessage, code("INVALID_ARGUMENT"), .bounced),
        ("Invalid value at 'message.data'", code("INVALID_ARGUMENT"), .fault(reason: "INVALID_ARGUMENT")),
        (tokenMessage, code("INVALID_ARGUMENT") + "," + badRequest, .fault(reason: "INVALID_ARGUMENT")),
        (tokenMessage, badRequest, .fault(reason: "INVALID_ARGUMENT")),
        (tokenMessage, "", .fault(reason: "INVALID_ARGUMENT")),
    ]

    @Test("INVALID_ARGUMENT is a bounce only where FCM's detail and message blame the token", arguments: argumentRows)
    func invalidArgument(message: String, details: String, result: PushResult) throws {
        let error = try Self.fcm("INVALID_ARGUMENT", message, details)
        #expect(PushResult(.fcm, status: 400, error: error) == result)
    }

    @Test("INVALID_ARGUMENT without FCM's answer, and NOT_FOUND without its code, blame no token")
    func bareWords() throws {
        #expect(
            PushResult(.fcm, status: 400, reason: "INVALID_ARGUMENT") == .fault(reason: "INVALID_ARGUMENT")
        )
        let error = try Self.fcm("NOT_FOUND", "Requested entity was not found.", "")
        #expect(PushResult(.fcm, status: 404, error: error) == .fault(reason: "NOT_FOUND"))
    }
}

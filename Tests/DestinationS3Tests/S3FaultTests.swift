import CloudHTTP
import Delivery
import Platform
import Testing

@testable import DestinationS3

@Suite("What refusals of S3 mean")
struct S3FaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var status: Int
        var store: String
        var code: DestinationError.Code
        var remedy: DestinationError.Remedy
        var words: String

        var testDescription: String { "\(status) \(store)" }

        init(
            _ status: Int,
            _ store: String,
            _ code: DestinationError.Code,
            _ remedy: DestinationError.Remedy,
            _ words: String
        ) {
            (self.status, self.store, self.code, self.remedy, self.words) = (status, store, code, remedy, words)
        }
    }

    private static let again = DestinationError.Remedy.retry(after: nil)

    static let cases = [
        Case(404, "NoSuchBucket", .missing, .waitForChange, "there is no bucket s3://lake"),
        Case(403, "AccessDenied", .denied, .waitForChange, "s3:PutObject"),
        Case(403, "SignatureDoesNotMatch", .denied, .waitForChange, "the secret access key"),
        Case(403, "InvalidAccessKeyId", .denied, .waitForChange, "does not know the credentials"),
        Case(400, "InvalidToken", .denied, .waitForChange, "session token"),
        Case(400, "ExpiredToken", .denied, again, "has expired"),
        Case(400, "TokenRefreshRequired", .denied, again, "has expired"),
        Case(403, "RequestTimeTooSkewed", .denied, .waitForChange, "clock is wrong by 3600 s, it is fast"),
        Case(503, "SlowDown", .unreachable, again, "busy"),
        Case(500, "InternalError", .unreachable, again, "busy"),
        Case(400, "RequestTimeout", .unreachable, again, "busy"),
        Case(409, "ConditionalRequestConflict", .unreachable, again, "busy"),
        Case(409, "OperationAborted", .unreachable, again, "busy"),
        Case(400, "BadDigest", .unreachable, again, "other bytes than were sent"),
        Case(400, "XAmzContentSHA256Mismatch", .unreachable, again, "other bytes than were sent"),
        Case(301, "PermanentRedirect", .missing, .waitForChange, "set region: eu-west-1"),
        Case(400, "AuthorizationHeaderMalformed", .missing, .waitForChange, "set region: eu-west-1"),
        Case(400, "KMS.NotFoundException", .denied, .waitForChange, "encryption.key_id"),
        Case(507, "XMinioStorageFull", .full, again, "make room"),
        Case(400, "InvalidStorageClass", .refused, .waitForChange, "refuses"),
        Case(501, "NotImplemented", .refused, .waitForChange, "leave out"),
        Case(502, "", .unreachable, again, "busy"),
        Case(418, "", .refused, .waitForChange, "418"),
    ]

    @Test("code, remedy and words", arguments: cases)
    func meanings(of given: Case) {
        // The server's time is an hour behind ours; the region matters only to those that are about it.
        let body = """
            <Error><Code>\(given.store)</Code><Message>so it is</Message><Region>eu-west-1</Region>
            <ServerTime>2013-05-23T23:00:00Z</ServerTime><StringToSign>hidden</StringToSign></Error>
            """
        let response = CloudResponse(
            status: given.status,
            headers: [("x-amz-request-id", "R1")],
            body: given.store.isEmpty ? [] : Array(body.utf8)
        )
        let fault = S3Fault(
            response,
            S3Configuration(bucket: "lake", region: "eu-central-1"),
            now: Timestamp(seconds: 1_369_353_600)
        )
        #expect(fault.error.code == given.code)
        #expect(fault.error.remedy == given.remedy)
        #expect(fault.error.message.contains(given.words), "\(fault.error)")
        #expect(!fault.error.message.contains("hidden"))
    }

    @Test("the store's own wish for a pause is kept")
    func pause() {
        let body = Array("<Error><Code>SlowDown</Code></Error>".utf8)
        let response = CloudResponse(status: 503, headers: [("Retry-After", "9")], body: body)
        let configuration = S3Configuration(bucket: "lake", region: "eu-central-1")
        let fault = S3Fault(response, configuration, now: Timestamp(seconds: 0))
        #expect(fault.error.remedy == .retry(after: .seconds(9)))
    }

    @Test("what a proxy in between says is shown, shortened")
    func proxy() {
        let body = Array("<html>\n  <h1>Bad   Gateway</h1>".utf8) + [UInt8](repeating: 0x2E, count: 10_000)
        let configuration = S3Configuration(bucket: "lake", region: "eu-central-1")
        let fault = S3Fault(CloudResponse(status: 502, body: body), configuration, now: Timestamp(seconds: 0))
        #expect(fault.error.message.contains("<html> <h1>Bad Gateway</h1>.."))
        #expect(fault.error.message.count < 300)
    }

    @Test(
        "names of buckets",
        arguments: [
            ("lake", true, true), ("my.lake-1", true, true), ("Lake", false, true), ("la_ke", false, true),
            ("la", false, false), ("-lake", false, false), ("lake/a", false, false), ("läke", false, false),
            (String(repeating: "a", count: 63), true, true), (String(repeating: "a", count: 64), false, true),
        ]
    )
    func buckets(name: String, isAmazons: Bool, isOthers: Bool) {
        #expect(S3Configuration.isBucket(name, atEndpoint: false) == isAmazons)
        #expect(S3Configuration.isBucket(name, atEndpoint: true) == isOthers)
    }
}

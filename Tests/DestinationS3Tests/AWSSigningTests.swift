import Platform
import Testing

@testable import CloudHTTP
@testable import DestinationS3

/// Amazon's published examples, with the canonical requests written out.
@Suite("AWS Signature Version 4")
struct AWSSigningTests {
    /// SHA-256 of nothing.
    private static let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    struct Example: Sendable, CustomTestStringConvertible {
        var name: String
        var method = "GET"
        var path = "/"
        var query: [String] = []
        var headers: [(name: String, value: String)] = []
        var body = ""
        var payload: String { AWSSigning.payload(Array(body.utf8)) }
        var canonical: String
        var signature: String

        var testDescription: String { name }
    }

    /// The general test suite: service `service`, 2015-08-30 12:36.
    static let suite = [
        Example(
            name: "get-vanilla",
            canonical: "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n\(empty)",
            signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        ),
        Example(
            name: "get-vanilla-query-order-key-case",
            query: ["Param2=value2", "Param1=value1"],
            canonical: "GET\n/\nParam1=value1&Param2=value2\nhost:example.amazonaws.com\n"
                + "x-amz-date:20150830T123600Z\n\nhost;x-amz-date\n\(empty)",
            signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
        ),
        Example(
            name: "get-unreserved",
            path: "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            canonical: "GET\n/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz\n\n"
                + "host:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n\(empty)",
            signature: "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"
        ),
        Example(
            name: "get-utf8",
            path: "/" + PercentEncoding.encode("\u{1234}"),
            canonical: "GET\n/%E1%88%B4\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
                + "host;x-amz-date\n\(empty)",
            signature: "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"
        ),
        Example(
            name: "get-header-value-trim",
            headers: [("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            canonical: "GET\n/\n\nhost:example.amazonaws.com\nmy-header1:value1\nmy-header2:\"a b c\"\n"
                + "x-amz-date:20150830T123600Z\n\nhost;my-header1;my-header2;x-amz-date\n\(empty)",
            signature: "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
        ),
        Example(
            name: "post-vanilla",
            method: "POST",
            canonical: "POST\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
                + "host;x-amz-date\n\(empty)",
            signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
        ),
        Example(
            name: "post-x-www-form-urlencoded",
            method: "POST",
            headers: [("Content-Type", "application/x-www-form-urlencoded")],
            body: "Param1=value1",
            canonical: "POST\n/\n\ncontent-type:application/x-www-form-urlencoded\nhost:example.amazonaws.com\n"
                + "x-amz-date:20150830T123600Z\n\ncontent-type;host;x-amz-date\n"
                + "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e",
            signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
        ),
    ]

    /// The examples of the S3 reference: 2013-05-24.
    static let s3 = [
        Example(
            name: "GET object",
            path: "/test.txt",
            headers: [("Range", "bytes=0-9"), ("x-amz-content-sha256", empty)],
            canonical: """
                GET
                /test.txt

                host:examplebucket.s3.amazonaws.com
                range:bytes=0-9
                x-amz-content-sha256:\(empty)
                x-amz-date:20130524T000000Z

                host;range;x-amz-content-sha256;x-amz-date
                \(empty)
                """,
            signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        ),
        Example(
            name: "PUT object",
            method: "PUT",
            path: "/" + PercentEncoding.encode("test$file.text", keepingSlash: true),
            headers: [
                ("Date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ("x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"),
            ],
            body: "Welcome to Amazon S3.",
            canonical: """
                PUT
                /test%24file.text

                date:Fri, 24 May 2013 00:00:00 GMT
                host:examplebucket.s3.amazonaws.com
                x-amz-content-sha256:44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072
                x-amz-date:20130524T000000Z
                x-amz-storage-class:REDUCED_REDUNDANCY

                date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class
                44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072
                """,
            signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        ),
        Example(
            name: "GET bucket lifecycle",
            query: ["lifecycle"],
            headers: [("x-amz-content-sha256", empty)],
            canonical: """
                GET
                /
                lifecycle=
                host:examplebucket.s3.amazonaws.com
                x-amz-content-sha256:\(empty)
                x-amz-date:20130524T000000Z

                host;x-amz-content-sha256;x-amz-date
                \(empty)
                """,
            signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        ),
        Example(
            name: "GET bucket, list objects",
            query: ["prefix=J", "max-keys=2"],
            headers: [("x-amz-content-sha256", empty)],
            canonical: """
                GET
                /
                max-keys=2&prefix=J
                host:examplebucket.s3.amazonaws.com
                x-amz-content-sha256:\(empty)
                x-amz-date:20130524T000000Z

                host;x-amz-content-sha256;x-amz-date
                \(empty)
                """,
            signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        ),
    ]

    @Test("the published test suite", arguments: suite)
    func publishedSuite(example: Example) {
        let credentials = AWSCredentials(
            accessKeyID: "AKIDEXAMPLE",
            secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
        )
        let time = CalendarTime(Timestamp(seconds: 1_440_938_160))
        let signing = AWSSigning(credentials: credentials, region: "us-east-1", service: "service", time: time)
        check(example, signing, host: "example.amazonaws.com")
    }

    @Test("the examples of the S3 reference", arguments: s3)
    func publishedForS3(example: Example) {
        let credentials = AWSCredentials(
            accessKeyID: "AKIAIOSFODNN7EXAMPLE",
            secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
        )
        let time = CalendarTime(Timestamp(seconds: 1_369_353_600))
        let signing = AWSSigning(credentials: credentials, region: "us-east-1", service: "s3", time: time)
        check(example, signing, host: "examplebucket.s3.amazonaws.com")
    }

    private func check(_ example: Example, _ signing: AWSSigning, host: String) {
        let subject = AWSSigning.Subject(
            method: example.method,
            path: example.path,
            query: example.query,
            headers: example.headers + [("Host", host), ("X-Amz-Date", signing.time.basic)],
            payload: example.payload
        )
        #expect(AWSSigning.canonicalRequest(subject) == example.canonical)
        let names = example.canonical.split(separator: "\n", omittingEmptySubsequences: false).dropLast().last ?? ""
        let scope = "\(signing.time.basicDate)/\(signing.region)/\(signing.service)/aws4_request"
        #expect(
            signing.authorization(subject)
                == "AWS4-HMAC-SHA256 Credential=\(signing.credentials.accessKeyID)/\(scope), "
                + "SignedHeaders=\(names), Signature=\(example.signature)"
        )
    }

    @Test("names that begin alike are sorted by name, not by the whole part")
    func queryOrder() {
        let subject = AWSSigning.Subject(
            method: "GET",
            path: "/",
            query: ["a-b=1", "a=2", "a=1"],
            headers: [],
            payload: Self.empty
        )
        #expect(AWSSigning.canonicalRequest(subject).hasPrefix("GET\n/\na=1&a=2&a-b=1\n"))
    }

    @Test("a request gets date, body hash and session token, and all of them are signed")
    func signsAll() {
        let credentials = AWSCredentials(accessKeyID: "id", secretAccessKey: "secret", sessionToken: "session")
        let time = CalendarTime(Timestamp(seconds: 1_369_353_600))
        let signing = AWSSigning(credentials: credentials, region: "r", service: "s3", time: time)
        let request = CloudRequest("PUT", "http://127.0.0.1:9000/b/k%2B?x=1", headers: [("If-None-Match", "*")])
        let signed = signing.signed(request, payload: AWSSigning.unsignedPayload)
        let value = { (name: String) in signed.headers.first { $0.name == name }?.value }
        #expect(value("Host") == "127.0.0.1:9000")
        #expect(value("X-Amz-Content-Sha256") == "UNSIGNED-PAYLOAD")
        #expect(value("X-Amz-Security-Token") == "session")
        let names = "host;if-none-match;x-amz-content-sha256;x-amz-date;x-amz-security-token"
        #expect(value("Authorization")?.contains("SignedHeaders=\(names),") == true)
    }
}

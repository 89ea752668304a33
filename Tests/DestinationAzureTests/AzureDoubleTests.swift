import CloudHTTP
import Platform
import StoreDoubles
import Testing

@testable import DestinationAzure

/// What the double refuses: without that, tests before it would show little.
@Suite("The double of Azure Blob Storage")
struct AzureDoubleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        typealias Change = @Sendable (inout CloudRequest) -> Void

        var testDescription: String
        /// Nil: it is taken.
        var code: String?
        var beforeSigning: Change
        var afterSigning: Change

        init(
            _ name: String,
            _ code: String?,
            beforeSigning: @escaping Change = { _ in },
            afterSigning: @escaping Change = { _ in }
        ) {
            testDescription = name
            self.code = code
            self.beforeSigning = beforeSigning
            self.afterSigning = afterSigning
        }
    }

    static let cases = [
        Case("a put that is right", nil),
        Case("another body than the MD5's", "Md5Mismatch", afterSigning: { $0.body = .bytes(Array("12345678x".utf8)) }),
        Case("a header changed on the way", "AuthenticationFailed", afterSigning: { set("If-None-Match", "x", &$0) }),
        Case("another blob on the way", "AuthenticationFailed", afterSigning: { $0.url += "x" }),
        Case("no authorization", "NoAuthenticationInformation", afterSigning: { set("Authorization", nil, &$0) }),
        Case(
            "a token of somebody else's",
            "InvalidAuthenticationInfo",
            afterSigning: { set("Authorization", "Bearer token-1", &$0) }
        ),
        Case("no date", "AuthenticationFailed", afterSigning: { set("x-ms-date", nil, &$0) }),
        Case("no version", "MissingRequiredHeader", afterSigning: { set("x-ms-version", nil, &$0) }),
        Case("no type", "InvalidHeaderValue", beforeSigning: { set("x-ms-blob-type", nil, &$0) }),
        Case("a dash in metadata", "InvalidMetadata", beforeSigning: { set("x-ms-meta-courant-plan", "{}", &$0) }),
        Case("a tier that is none", "InvalidHeaderValue", beforeSigning: { set("x-ms-access-tier", "Warm", &$0) }),
    ]

    private static func set(_ name: String, _ value: String?, _ request: inout CloudRequest) {
        request.headers.removeAll { $0.name == name }
        if let value { request.headers.append((name, value)) }
    }

    @Test("takes what is right and nothing else", arguments: cases)
    func strict(given: Case) async throws {
        let double = AzureDouble(clock: SystemClock())
        let transport = LiveTransport(clock: SystemClock())
        let answer = try await DoubleServer(double.handler()).run { address in
            var request = CloudRequest(
                "PUT",
                "\(address)/\(AzureDouble.account)/\(AzureDouble.container)/a.avro",
                headers: [
                    // The MD5 of the body.
                    ("Content-Type", "application/avro"), ("Content-MD5", "JfnnlDI7RTiF9RgfG2JNCw=="),
                    ("If-None-Match", "*"), ("x-ms-blob-type", "BlockBlob"),
                ],
                body: .bytes(Array("123456789".utf8))
            )
            given.beforeSigning(&request)
            let time = CalendarTime(SystemClock().now())
            let key = try #require(AzureAuthorization.sharedKey(base64: AzureDouble.key))
            request = AzureSigning(account: AzureDouble.account, time: time).signed(request, key)
            given.afterSigning(&request)
            return try await transport.exchange(request)
        }
        try await transport.shutdown()
        #expect(answer.header("x-ms-error-code") == given.code)
        #expect(answer.isSuccess == (given.code == nil))
        #expect(double.objects.count == (given.code == nil ? 1 : 0))
    }

    @Test("complains of headers that nobody knows, and of a put without a condition")
    func complains() async throws {
        let double = AzureDouble(clock: SystemClock())
        let transport = LiveTransport(clock: SystemClock())
        try await DoubleServer(double.handler()).run { address in
            let request = CloudRequest(
                "PUT",
                "\(address)/\(AzureDouble.account)/\(AzureDouble.container)/a.avro",
                headers: [("x-ms-blob-type", "BlockBlob"), ("x-ms-surprise", "1")]
            )
            let time = CalendarTime(SystemClock().now())
            let key = try #require(AzureAuthorization.sharedKey(base64: AzureDouble.key))
            let signed = AzureSigning(account: AzureDouble.account, time: time).signed(request, key)
            #expect(try await transport.exchange(signed).status == 201)
        }
        try await transport.shutdown()
        #expect(double.complaints == ["PUT came with x-ms-surprise", "a.avro was put without a condition"])
    }
}

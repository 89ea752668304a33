import Platform
import Testing

@testable import CloudHTTP

/// Answers that say again what they were told in confidence.
@Suite struct EchoMaskTests {
    private static func masked(_ request: CloudRequest, _ text: String) -> String {
        let response = CloudResponse(status: 403, headers: [("Location", text)], body: Array(text.utf8))
        let masked = EchoMask(of: request).masking(response)
        #expect(masked.header("location") == String(decoding: masked.body, as: UTF8.self))
        #expect(masked.status == 403)
        return String(decoding: masked.body, as: UTF8.self)
    }

    private static let request = CloudRequest(
        "POST",
        "https://partner.example/in?key=query%2Fsecret&name=some-object&short=abc",
        headers: [
            ("Authorization", "Bearer bearer-token"), ("X-Api-Key", "header-value"), ("X-Short", "1234567"),
            ("Content-Type", "application/x-www-form-urlencoded"), ("x-amz-date", "20261128T200000Z"),
        ],
        body: .bytes(Array("grant_type=client_credentials&client_secret=form%2Bsecret".utf8))
    )

    @Test(
        "each thing that a request told in confidence is taken out, as it stood there and as it was meant",
        arguments: [
            ("Authorization: Bearer bearer-token", "Authorization: (hidden)"), ("got bearer-token.", "got (hidden)."),
            ("x-api-key=header-value", "x-api-key=(hidden)"), ("?key=query%2Fsecret&", "?key=(hidden)&"),
            ("key query/secret", "key (hidden)"), ("client_secret=form%2Bsecret", "client_secret=(hidden)"),
            ("form+secret", "(hidden)"), ("header-valueheader-value", "(hidden)(hidden)"),
        ]
    )
    func hidden(_ text: String, _ expected: String) {
        #expect(Self.masked(Self.request, text) == expected)
    }

    @Test(
        "what everybody may know stays",
        arguments: [
            "", "some-object is not there", "Request has expired since 20261128T200000Z", "abc 1234567",
            "bearer-toke", "application/x-www-form-urlencoded",
        ]
    )
    func shown(_ text: String) {
        #expect(Self.masked(Self.request, text) == text)
    }

    @Test("a password is taken out of an answer though the request had it in Base64")
    func basic() {
        let credentials = Base64.encode(Array("user:pass:word".utf8))
        let request = CloudRequest("GET", "https://r.example/", headers: [("authorization", "Basic \(credentials)")])
        #expect(Self.masked(request, "user, pass:word, \(credentials)") == "user, (hidden), (hidden)")
    }

    private static let odd = #"ab/cd"EF+gh&ij=\é"#

    @Test(
        "a secret is taken out of an answer however it is escaped there",
        arguments: [
            odd, #"ab\/cd\"EF+gh&ij=\\é"#, #"ab/cd\"EF+gh\u0026ij\u003d\\\u00e9"#,
            #"ab\u002Fcd\u0022EF\u002Bgh&ij=\\é"#,
            #"ab\\\/cd\\\"EF+gh&ij=\\\\é"#, "ab%2Fcd%22EF%2Bgh%26ij%3D%5Cé", "ab%2fcd%22EF%2bgh%26ij%3d%5c%c3%a9",
            #"ab/cd&quot;EF+gh&amp;ij=\é"#, "ab&#47;cd&#34;EF&#x2B;gh&#38;ij&#x3d;&#92;&#xe9;",
            "%61%62%2F%63%64%22%45%46%2B%67%68%26%69%6A%3D%5C%C3%A9", #"\u0061\u0062/cd\"EF+gh\u0026ij=\\é"#,
        ]
    )
    func escaped(_ form: String) {
        let request = CloudRequest("GET", "https://p.example/", headers: [("X-Api-Key", Self.odd)])
        #expect(Self.masked(request, "got \(form), \(form)!") == "got (hidden), (hidden)!")
    }

    @Test("escapes of a secret stand for themselves too, and an end in the midst of one is none")
    func escapes() {
        let request = CloudRequest("GET", "https://p.example/", headers: [("X-Api-Key", #"%25\\u0041"&amp;"#)])
        #expect(Self.masked(request, #"%25\\u0041"&amp; %2525\\\\u0041\"&amp;amp;"#) == "(hidden) (hidden)")
        #expect(Self.masked(request, #"%25\\u0041\"&"#) == #"%25\\u0041\"&"#)
        #expect(Self.masked(request, #"%25\"#) == #"%25\"#)
    }
}

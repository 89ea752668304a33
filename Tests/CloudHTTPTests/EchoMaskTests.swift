import Platform
import PlatformTesting
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
            "&#097;&#x0062;&#X2F;cd&#00034;EF+gh&#X000026;ij=&#x005C;&#0233;",
            #"%61b\/cd&quot;EF+gh\u0026ij=&#x5c;%c3%A9"#,
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

    @Test(
        "a secret that looks escaped is taken out however it is escaped in turn",
        arguments: [
            (#"ab%25cd/efgh"ijkl"#, #"ab%25cd/efgh\"ijkl"#), (#"ab%25cd/efgh"ijkl"#, #"ab%25cd\/efgh\"ijkl"#),
            (#"ab%25cd/efgh"ijkl"#, "ab%25cd/efgh&quot;ijkl"), (#"ab%25cd/efgh"ijkl"#, "ab%2525cd%2fefgh%22ijkl"),
            (#"ab&amp;cd"ef"#, #"ab&amp;cd\"ef"#), (#"ab&amp;cd"ef"#, "ab&amp;amp;cd&quot;ef"),
            (#"x\u0041bcd"ef"#, #"x\\u0041bcd\"ef"#), (#"x\u0041bcd"ef"#, "x&#92;u0041bcd&quot;ef"),
            (#"\abcdefg\"#, #"\\abcdefg\\"#), (#"\abcdefg\"#, "%5Cabcdefg%5C"), (#"\\\\\\\\"#, #"\\\\\\\\"#),
            ("a\tb c+d😀e", #"a\tb c+d\ud83d\uDE00e"#), ("a\tb c+d😀e", #"a\\tb c+d\\ud83d\\ude00e"#),
            ("a\tb c+d😀e", "a%09b+c%2Bd%f0%9f%98%80e"), ("a\tb c+d😀e", "a&#9;b&#x20;c+d&#x1F600;e"),
        ]
    )
    func twice(_ secret: String, _ form: String) {
        let request = CloudRequest("GET", "https://p.example/", headers: [("X-Api-Key", secret)])
        #expect(Self.masked(request, "got \(form), \(secret)!") == "got (hidden), (hidden)!")
    }

    @Test("whichever of its ways each character of a secret is written in, the secret is found", arguments: 1...200)
    func random(seed: Int) {
        let random = SeededRandom(seed: UInt64(seed))
        let characters = Array(#"%25&amp;u0041\\"/<+ é😀x#9"#.unicodeScalars)
        let secret = (0..<12).map { _ in characters[Int(random.next() % UInt64(characters.count))] }
        let written = secret.map { scalar in
            let text = String(scalar)
            let units = text.utf16.map { #"\u\#(Hex.text([UInt8($0 >> 8), UInt8($0 & 0xFF)]))"# }.joined()
            let percent = text.utf8.map { "%\(Hex.text([$0]))" }.joined()
            let ways = [text, units, percent, percent.uppercased(), "&#0\(scalar.value);", #"\\#(units)"#]
            return scalar == "\\" ? [#"\\"#, ways[2], ways[4]] : ways
        }
        let form = written.map { $0[Int(random.next() % UInt64($0.count))] }.joined()
        let text = String(String.UnicodeScalarView(secret))
        let request = CloudRequest("GET", "https://p.example/", headers: [("X-Api-Key", text)])
        #expect(Self.masked(request, "~\(form)~") == "~(hidden)~", "seed \(seed): \(text)")
    }

    @Test("secrets that overlap go whole, the longest and what the other adds to it")
    func overlapping() {
        let request = CloudRequest(
            "GET",
            "https://p.example/",
            headers: [("X-One", "abcdefgh12345678"), ("X-Two", "5678ijklmnop"), ("X-Three", "cdefgh12")]
        )
        #expect(Self.masked(request, "abcdefgh12345678ijklmnop 5678ijklmnop cdefgh12") == "(hidden) (hidden) (hidden)")
        #expect(Self.masked(request, "abcdefgh1234567") == "ab(hidden)34567")
    }

    @Test(
        "the JSON that a secret is taken out of stays JSON",
        arguments: [#"\u0061bcdefgh"#, #"\\abcdefgh"#, #"\/\/abcdefgh"#]
    )
    func json(form: String) throws {
        let request = CloudRequest("GET", "https://p.example/", headers: [("X-1", "abcdefgh"), ("X-2", "//abcdefgh")])
        #expect(Self.masked(request, "{\"a\": \"\(form)\"}") == "{\"a\": \"(hidden)\"}")
    }

    /// What once took a second for each 16 KB, or might.
    private static let runs = [
        #"\"#, "%5c", "%255c", "&#92;", "&amp;", "&#", "&#x0000000000", "&", "%", "u", "u005c", #"ab\"#, "ab%5c", "a",
        "ab%25cd/efgh\"ijk", "ab%25cd%25cd", #"ab%25cd\\\\\\\\\\\\\\\\\\"#, "%25", "%2525",
    ]

    @Test("what a search costs grows as the answer does, whatever it is made of", arguments: runs)
    func steps(run: String) {
        // Those that repeat themselves have many ways to go on, and take long in a debug build.
        let secrets = [
            ("ab%25cd/efgh\"ijkl", 64 << 10), ("aaaaaaaaaaaa", 4 << 10), ("%25%25%25%25", 4 << 10),
            (#"a\\%\25&amp;"#, 4 << 10),
        ]
        for (secret, most) in secrets {
            let steps = [most / 8, most].map { bytes in
                var search = EchoSearch([EchoedText(secret)])
                _ = search.ranges(in: Array(String(repeating: run, count: bytes / run.utf8.count).utf8))
                return search.steps
            }
            #expect(steps[1] <= 8 * steps[0] + 1_000, "\(secret)")
            #expect(steps[1] <= most * (secret.utf8.count + 1), "\(secret)")
        }
    }
}

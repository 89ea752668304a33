import CloudHTTP
import Platform
import Testing

/// The values were made with other programs: Python's urllib, base64, datetime and email.utils.
@Suite("Texts of the cloud APIs")
struct CloudTextTests {
    @Test("percent-encoding leaves RFC 3986's unreserved characters alone and nothing else")
    func percent() {
        #expect(PercentEncoding.encode("aZ09-._~") == "aZ09-._~")
        #expect(PercentEncoding.encode("a b+c/d=é*") == "a%20b%2Bc%2Fd%3D%C3%A9%2A")
        #expect(PercentEncoding.encode("a=b/c+1.avro", keepingSlash: true) == "a%3Db/c%2B1.avro")
        #expect(PercentEncoding.form([("a", "1&2"), ("b", "")]) == "a=1%262&b=")
        #expect(PercentEncoding.decode("a%20b%2Bc%2fd=%C3%A9+") == "a b+c/d=é+")
        #expect(["%", "a%2", "%zz"].allSatisfy { PercentEncoding.decode($0) == nil })
    }

    @Test(
        "base64 in both alphabets",
        arguments: [
            ([], "", ""), ([0], "AA==", "AA"), ([0xFB, 0xFF], "+/8=", "-_8"), (Array("abc".utf8), "YWJj", "YWJj"),
            (Array("courant".utf8), "Y291cmFudA==", "Y291cmFudA"),
        ] as [([UInt8], String, String)]
    )
    func base64(bytes: [UInt8], standard: String, url: String) {
        #expect(Base64.encode(bytes) == standard)
        #expect(Base64.encode(bytes, .url) == url)
        #expect(Base64.decode(standard) == bytes)
        #expect(Base64.decode(url) == bytes)
    }

    @Test("what is no base64 is refused", arguments: ["A", "AAAAA", "AA!A", "é"])
    func notBase64(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("the first element's text, with its references resolved")
    func xml() {
        let body = Array("<?xml?><Error><Code>No&amp;Such&#33;&#x21;</Code><Code>2</Code><Key/></Error>".utf8)
        #expect(XMLText.first("Code", in: body) == "No&Such!!")
        #expect(XMLText.first("Key", in: body) == nil)
        #expect(XMLText.first("Code", in: Array("<Code>half".utf8)) == nil)
        #expect(XMLText.first("Code", in: Array("<Code>a &b c</Code>".utf8)) == "a &b c")
    }

    @Test(
        "moments as the APIs write them",
        arguments: [
            (0, "19700101T000000Z", "1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_782_400, "20000229T000000Z", "2000-02-29T00:00:00Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_369_353_600, "20130524T000000Z", "2013-05-24T00:00:00Z", "Fri, 24 May 2013 00:00:00 GMT"),
            (4_107_542_399, "21000228T235959Z", "2100-02-28T23:59:59Z", "Sun, 28 Feb 2100 23:59:59 GMT"),
        ] as [(Int64, String, String, String)]
    )
    func moments(seconds: Int64, basic: String, extended: String, http: String) {
        let moment = Timestamp(seconds: seconds)
        let time = CalendarTime(moment)
        #expect(time.basic == basic)
        #expect(time.extended == extended)
        #expect(time.http == http)
        #expect(CalendarTime.parse(extended: extended) == moment)
        #expect(CalendarTime.parse(http: http) == moment)
    }

    @Test("moments with a fraction or an offset are read, nonsense is not")
    func readMoments() {
        let moment = Timestamp(seconds: 1_369_353_600)
        #expect(CalendarTime.parse(extended: "2013-05-24T00:00:00.123Z") == moment)
        #expect(CalendarTime.parse(extended: "2013-05-24T02:00:00+02:00") == moment)
        #expect(CalendarTime.parse(extended: "2013-05-23T19:30:00-0430") == moment)
        for text in ["", "2013-13-24T00:00:00Z", "2013-05-24", "2013-05-24T00:00:00", "2013-05-24T24:00:00Z"] {
            #expect(CalendarTime.parse(extended: text) == nil)
        }
        #expect(CalendarTime.parse(http: "Fri, 24 Mai 2013 00:00:00 GMT") == nil)
    }

    @Test("addresses of services")
    func endpoints() {
        let cases = [
            ("https://s3.example.com", "https://s3.example.com", "s3.example.com"),
            ("HTTPS://S3.example.com:443/", "https://s3.example.com", "s3.example.com"),
            ("http://127.0.0.1:9000/a/b/?x=1", "http://127.0.0.1:9000/a/b", "127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000", "[::1]:9000"), ("http://[::1]", "http://[::1]", "[::1]"),
        ]
        for (text, url, authority) in cases {
            #expect(CloudEndpoint(text)?.url == url)
            #expect(CloudEndpoint(text)?.authority == authority)
        }
        for text in ["", "s3.example.com", "ftp://a", "https://", "https://a:b", "https://u@h", "https://a:1:2"] {
            #expect(CloudEndpoint(text) == nil, "\(text)")
        }
    }

    @Test(
        "the place that an address names has neither user nor password nor query",
        arguments: [
            ("https://h.example:444/p?key=s", "h.example:444"), ("http://u:s@h/p", "its address"),
            ("h:1:2/p?s", "h:1:2"), ("ftp://h/s", "h"), ("http://h h/a?b=s@c", "its address"),
        ]
    )
    func place(url: String, place: String) {
        #expect(CloudEndpoint.place(of: url) == place)
    }

    @Test("Retry-After in seconds and as a date")
    func retryAfter() {
        let now = Timestamp(seconds: 1_369_353_590)
        let asked = { (text: String) in
            CloudResponse(status: 503, headers: [("retry-after", text)]).retryAfter(now: now)
        }
        #expect(asked("7") == .seconds(7))
        #expect(asked("Fri, 24 May 2013 00:00:00 GMT") == .seconds(10))
        #expect(asked("Thu, 23 May 2013 00:00:00 GMT") == .zero)
        #expect(asked("-1") == .zero)
        #expect(asked("9223372036854775807") == .seconds(86_400))
        #expect(asked("Tue, 01 Jan 2199 00:00:00 GMT") == .seconds(86_400))
        #expect(asked("soon") == nil)
    }
}

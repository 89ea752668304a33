import CloudHTTP
import Platform
import Testing

@testable import DestinationAzure

/// The examples of Microsoft's page on Shared Key, with the signed texts written out.
///
/// The page gives no key to its signatures; how texts are signed is shown against Microsoft's client.
@Suite("Azure Shared Key")
struct AzureSigningTests {
    struct Example: Sendable, CustomTestStringConvertible {
        var method = "GET"
        var url: String
        var headers: [(name: String, value: String)]
        var expected: String

        var testDescription: String { "\(method) \(url)" }
    }

    static let examples = [
        Example(
            url: "https://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=metadata&timeout=20",
            headers: [("x-ms-version", "2015-02-21"), ("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT")],
            expected: "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
                + "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
        ),
        // A length of zero is left out.
        Example(
            method: "PUT",
            url: "http://myaccount/mycontainer?restype=container&timeout=30",
            headers: [("x-ms-version", "2015-02-21"), ("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT")],
            expected: "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
                + "/myaccount/mycontainer\nrestype:container\ntimeout:30"
        ),
        // Values of one name stand together, in order.
        Example(
            url: "http://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=list&include=snapshots"
                + "&include=metadata&include=uncommittedblobs",
            headers: [],
            expected: "GET\n\n\n\n\n\n\n\n\n\n\n\n/myaccount/mycontainer\ncomp:list\n"
                + "include:metadata,snapshots,uncommittedblobs\nrestype:container"
        ),
    ]

    @Test("Microsoft's published examples", arguments: examples)
    func published(example: Example) {
        let request = CloudRequest(example.method, example.url, headers: example.headers)
        let signing = AzureSigning(account: "myaccount", time: CalendarTime(Timestamp(seconds: 0)))
        #expect(signing.stringToSign(request) == example.expected)
    }

    @Test("a put, as to an emulator: the account stands twice, the length is that of the body")
    func emulator() {
        let request = CloudRequest(
            "PUT",
            "http://127.0.0.1:10000/devstoreaccount1/lake/a%3Db.avro",
            headers: [
                ("Content-Type", "application/avro"), ("Content-MD5", "md5"), ("If-None-Match", "*"),
                ("x-ms-meta-courant_plan", "{\"a\":1}"), ("x-ms-blob-type", "BlockBlob"),
            ],
            body: .bytes([1, 2, 3])
        )
        let signing = AzureSigning(account: "devstoreaccount1", time: CalendarTime(Timestamp(seconds: 0)))
        let text = signing.stringToSign(request)
        #expect(
            text == "PUT\n\n\n3\nmd5\napplication/avro\n\n\n\n*\n\n\nx-ms-blob-type:BlockBlob\n"
                + "x-ms-meta-courant_plan:{\"a\":1}\n/devstoreaccount1/devstoreaccount1/lake/a%3Db.avro"
        )
    }

    @Test("a signature of Microsoft's client for the published request, with the emulators' key")
    func signature() throws {
        let key = try #require(AzureConnectionString("UseDevelopmentStorage=true")).authorization
        let time = try #require(CalendarTime.parse(http: "Fri, 26 Jun 2015 23:39:12 GMT"))
        let signing = AzureSigning(account: "myaccount", time: CalendarTime(time))
        var request = CloudRequest(
            "GET",
            "https://myaccount.blob.core.windows.net/mycontainer?restype=container&comp=metadata&timeout=20"
        )
        request = signing.signed(request, key)
        let headers = Dictionary(request.headers.map { ($0.name, $0.value) }) { $1 }
        #expect(headers["x-ms-version"] == AzureSigning.version)
        #expect(headers["Authorization"] == "SharedKey myaccount:e5TGtx82y7hiuUggUz65t9G3j7+ZOihpMZ663DFSmD0=")
    }

    @Test("a signature goes into the query as it is, a token into a header")
    func others() throws {
        let signing = AzureSigning(account: "myaccount", time: CalendarTime(Timestamp(seconds: 0)))
        let request = CloudRequest("GET", "https://myaccount.blob.core.windows.net/c/b")
        let query = try #require(AzureAuthorization.signature(text: "?sv=2021-12-02&sig=a%2Bb%3D"))
        let shared = signing.signed(request, query)
        #expect(shared.url == "https://myaccount.blob.core.windows.net/c/b?sv=2021-12-02&sig=a%2Bb%3D")
        #expect(shared.headers.map(\.name) == ["x-ms-date", "x-ms-version"])
        let token = signing.signed(request, .token("t"))
        #expect(token.headers.contains { $0.name == "Authorization" && $0.value == "Bearer t" })
    }
}

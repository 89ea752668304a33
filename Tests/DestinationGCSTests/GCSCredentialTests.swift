import CloudHTTP
import Delivery
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationGCS

@Suite("Google credentials")
struct GCSCredentialTests {
    /// Lands one object with those credentials.
    private func land(
        _ subject: GCSSubject,
        _ credentials: GoogleCredentialSettings,
        variables: [String: String] = [:],
        key: String = "a.avro"
    ) async throws -> LandingOutcome {
        try await subject.destination(credentials, variables: variables).land(try subject.staged.object([1], key: key))
    }

    @Test("a key file is found by its path, and by GOOGLE_APPLICATION_CREDENTIALS")
    func keyFile() async throws {
        try await GCSSubject.with { subject in
            let path = try subject.staged.write(Array(subject.double.keyFile(address: subject.url).utf8), "key.json")
            #expect(try await land(subject, .file(path), key: "a.avro") == .created)
            let variables = ["GOOGLE_APPLICATION_CREDENTIALS": path]
            #expect(try await land(subject, .chain, variables: variables, key: "b.avro") == .created)
            #expect(subject.double.tokensGiven == 2)
        }
    }

    @Test("the machine's service account comes from its metadata server")
    func metadata() async throws {
        try await GCSSubject.with { subject in
            let variables = ["GCE_METADATA_HOST": String(subject.url.dropFirst("http://".count))]
            let named = try await land(subject, .metadata(account: nil), variables: variables)
            #expect(named == .created)
            let found = try await land(subject, .chain, variables: variables, key: "b.avro")
            #expect(found == .created)
        }
    }

    private func federation(_ subject: GCSSubject, source: String, isImpersonating: Bool = false) -> String {
        let account = "\(subject.url)/v1/projects/-/serviceAccounts/\(GCSDouble.account):generateAccessToken"
        let impersonation = #"""
            ,"service_account_impersonation_url":"\#(account)",
            "service_account_impersonation":{"token_lifetime_seconds":1200}
            """#
        return #"""
            {"type":"external_account","audience":"\#(GCSDouble.audience)",
            "subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"\#(subject.url)/v1/token",
            "credential_source":\#(source)\#(isImpersonating ? impersonation : "")}
            """#
    }

    @Test("workload identity federation exchanges a file's token, and acts as a service account if asked to")
    func federationFile() async throws {
        try await GCSSubject.with { subject in
            let path = try subject.staged.write(Array("\(GCSDouble.subjectToken)\n".utf8), "token")
            let plain = #"{"file":"\#(path)"}"#
            #expect(try await land(subject, .text(federation(subject, source: plain))) == .created)
            #expect(subject.double.tokensGiven == 1)
            let acting = federation(subject, source: plain, isImpersonating: true)
            #expect(try await land(subject, .text(acting), key: "b.avro") == .created)
            #expect(subject.double.tokensGiven == 3)
            let json = try subject.staged.write(Array(#"{"t":"\#(GCSDouble.subjectToken)","n":1}"#.utf8), "token.json")
            let source = #"{"file":"\#(json)","format":{"type":"json","subject_token_field_name":"t"}}"#
            #expect(try await land(subject, .text(federation(subject, source: source)), key: "c.avro") == .created)
        }
    }

    @Test("a token that has ended is asked for again later; what the file lacks is said")
    func federationFaults() async throws {
        try await GCSSubject.with { subject in
            let path = try subject.staged.write(Array("old".utf8), "token")
            let object = try subject.staged.object([1])
            let failure = { (source: String) in
                let settings = GoogleCredentialSettings.text(federation(subject, source: source))
                return try await subject.destination(settings).failure(landing: object)
            }
            let stale = try await failure(#"{"file":"\#(path)"}"#)
            #expect(stale.remedy == .retry(after: nil))
            #expect(stale.message.contains(GCSDouble.audience), "\(stale)")
            let format = #"{"file":"\#(path)","format":{"type":"json","subject_token_field_name":"t"}}"#
            #expect(try await failure(format).message.contains("no token in the field t"))
            #expect(try await failure(#"{"executable":{"command":"x"}}"#).message.contains("executable"))
            let other = try await failure(#"{"environment_id":"aws2"}"#)
            #expect(other.message.contains("expected environment_id aws1"), "\(other)")
        }
    }

    private struct SignedRequest: Decodable {
        struct Header: Decodable {
            let key: String
            let value: String
        }

        let url: String
        let method: String
        let headers: [Header]
    }

    @Test("on Amazon's machines a signed question vouches, bound to the audience")
    func federationAWS() async throws {
        let staged = StagedObjects(clock: ManualClock(Timestamp(seconds: 1_435_361_952)))
        let transport = ScriptedTransport { (_) async throws(DestinationError) in
            CloudResponse(status: 200, body: Array(#"{"access_token":"t","expires_in":3600}"#.utf8))
        }
        let text = #"""
            {"type":"external_account","audience":"aud","subject_token_type":"urn:ietf:params:aws:token-type:aws4_request",
            "token_url":"https://tokens.example/v1/token","credential_source":{"environment_id":"aws1"}}
            """#
        let variables = ["AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "hunter2"]
        let lease = try await GoogleSurroundings(
            variables: variables,
            transport: transport,
            platform: staged.platform
        ).source(.text(text)).fetch()
        #expect(lease.value == .bearer("t"))
        guard case .bytes(let body)? = transport.requests.first?.body else {
            Issue.record("nothing was asked")
            return
        }
        let form = String(decoding: body, as: UTF8.self).split(separator: "&")
        let field = try #require(form.first { $0.hasPrefix("subject_token=") })
        let once = try #require(PercentEncoding.decode(field.dropFirst("subject_token=".count)))
        let json = try #require(PercentEncoding.decode(once))
        let signed = try #require(CloudJSON.decode(SignedRequest.self, from: Array(json.utf8)))
        #expect(signed.method == "POST")
        #expect(signed.url.contains(".eu-west-1."))
        #expect(signed.url.hasSuffix("?Action=GetCallerIdentity&Version=2011-06-15"))
        let headers = Dictionary(signed.headers.map { ($0.key, $0.value) }) { $1 }
        #expect(headers["x-goog-cloud-target-resource"] == "aud")
        let authorization = headers["Authorization"] ?? ""
        #expect(authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=AKID/20150626/eu-west-1/sts/aws4_request"))
        #expect(authorization.contains("x-goog-cloud-target-resource"))
        #expect(!json.contains("hunter2"))
    }

    @Test("a user's login is refreshed; one that has ended says what to run")
    func user() async throws {
        let answer = Locked(CloudResponse(status: 200, body: Array(#"{"access_token":"t","expires_in":60}"#.utf8)))
        let transport = ScriptedTransport { (_) async throws(DestinationError) in answer.current }
        let text = #"{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"hunter2"}"#
        let source = GoogleSurroundings(
            variables: [:],
            transport: transport,
            platform: StagedObjects().platform
        ).source(.text(text))
        #expect(try await source.fetch().value == .bearer("t"))
        #expect(transport.requests.first?.url == "https://oauth2.googleapis.com/token")
        answer.withLock {
            let refusal = #"{"error":"invalid_grant","error_description":"expired"}"#
            $0 = CloudResponse(status: 400, body: Array(refusal.utf8))
        }
        let error = await #expect(throws: DestinationError.self) { _ = try await source.fetch() }
        #expect(error?.message.contains("gcloud auth application-default login") == true)
        #expect(error?.message.contains("hunter2") == false)
    }

    @Test("without any, the message says where was looked")
    func none() async throws {
        let transport = ScriptedTransport { (request) async throws(DestinationError) in
            throw DestinationError(.unreachable, "nobody at \(request.url)", remedy: .retry(after: nil))
        }
        let source = GoogleSurroundings(
            variables: [:],
            transport: transport,
            platform: StagedObjects().platform
        ).source(.chain)
        let error = await #expect(throws: DestinationError.self) { _ = try await source.fetch() }
        for place in ["GOOGLE_APPLICATION_CREDENTIALS", "application_default_credentials.json", "metadata server"] {
            #expect(error?.message.contains(place) == true, "\(String(describing: error))")
        }
    }
}

import Delivery
import Foundation
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import CloudHTTP
@testable import DestinationS3

/// Places where credentials are looked for, with scripted services around them.
@Suite("AWS credentials")
struct CredentialPlaceTests {
    private static let now = Timestamp(seconds: 1_369_353_600)
    private static let later = "2013-05-24T01:00:00Z"

    /// What a test is surrounded by: variables, services, files.
    private final class World: Sendable {
        let clock = ManualClock(CredentialPlaceTests.now)
        let staged: StagedObjects
        let transport: ScriptedTransport

        init(_ script: @escaping ScriptedTransport.Script = World.nobody) {
            transport = ScriptedTransport(script)
            staged = StagedObjects(clock: clock)
            try? FileManager.default.createDirectory(atPath: staged.folder, withIntermediateDirectories: true)
        }

        static let nobody: ScriptedTransport.Script = { (request) async throws(DestinationError) in
            throw DestinationError(.unreachable, "nobody at \(request.url)", remedy: .retry(after: nil))
        }

        func write(_ text: String, _ name: String) throws -> String {
            let path = FilePath.join(staged.folder, name)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            return path
        }

        func fetch(
            _ settings: AWSCredentialSettings = .chain,
            role: AWSRole? = nil,
            in variables: [String: String] = [:]
        ) async throws(DestinationError) -> CredentialLease<AWSCredentials> {
            try await source(settings, role: role, in: variables).fetch()
        }

        func source(
            _ settings: AWSCredentialSettings,
            role: AWSRole? = nil,
            in variables: [String: String] = [:]
        ) -> any CredentialSource<AWSCredentials> {
            AWSSurroundings(
                variables: variables,
                region: "eu-central-1",
                transport: transport,
                platform: staged.platform
            ).source(settings, role: role)
        }

        func failure(
            _ settings: AWSCredentialSettings = .chain,
            role: AWSRole? = nil,
            in variables: [String: String] = [:]
        ) async throws -> DestinationError {
            let lease: CredentialLease<AWSCredentials>
            do throws(DestinationError) {
                lease = try await fetch(settings, role: role, in: variables)
            } catch {
                return error
            }
            throw Given(credentials: lease.value)
        }
    }

    private struct Given: Error {
        let credentials: AWSCredentials
    }

    private static func answer(_ id: String) -> CloudResponse {
        let text = """
            {"Code": "Success", "AccessKeyId": "\(id)", "SecretAccessKey": "s", "Token": "t", "Expiration": "\(later)"}
            """
        return CloudResponse(status: 200, body: Array(text.utf8))
    }

    private static func tokens(_ id: String) -> CloudResponse {
        let text = """
            <AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>\(id)</AccessKeyId>
            <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>\(later)</Expiration>
            </Credentials></AssumeRoleResult></AssumeRoleResponse>
            """
        return CloudResponse(status: 200, body: Array(text.utf8))
    }

    private static func form(_ request: CloudRequest) -> Set<String> {
        guard case .bytes(let body) = request.body else { return [] }
        return Set(String(decoding: body, as: UTF8.self).split(separator: "&").map(String.init))
    }

    @Test("the environment comes first")
    func environment() async throws {
        let world = World()
        let file = try world.write("[default]\naws_access_key_id=file\naws_secret_access_key=s\n", "credentials")
        var variables = ["AWS_SHARED_CREDENTIALS_FILE": file]
        #expect(try await world.fetch(in: variables).value.accessKeyID == "file")
        variables["AWS_ACCESS_KEY_ID"] = "environment"
        variables["AWS_SECRET_ACCESS_KEY"] = "s"
        #expect(try await world.fetch(in: variables).value.accessKeyID == "environment")
        #expect(world.transport.requests.isEmpty)
    }

    @Test("without any, the message says where was looked")
    func none() async throws {
        let error = try await World().failure()
        #expect(error.code == .denied)
        for place in ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "profile default", "container", "instance"] {
            #expect(error.message.contains(place), "\(error)")
        }
    }

    @Test("profiles of both files, with comments and white space")
    func profiles() async throws {
        let world = World()
        let credentials = try world.write(
            """
            # a comment
            [dev]
            aws_access_key_id = dev-id
              nested = nothing
            aws_secret_access_key=a=b
            aws_session_token = token

            [half]
            aws_access_key_id = half
            """,
            "credentials"
        )
        let config = try world.write("[profile  half]\nregion = x\naws_secret_access_key = from-config\n", "config")
        let variables = ["AWS_SHARED_CREDENTIALS_FILE": credentials, "AWS_CONFIG_FILE": config, "AWS_PROFILE": "dev"]
        let dev = try await world.fetch(in: variables)
        #expect(dev.value == AWSCredentials(accessKeyID: "dev-id", secretAccessKey: "a=b", sessionToken: "token"))
        #expect(dev.lookAgain != nil, "the file may change")
        let half = try await world.fetch(.profile(name: "half", file: nil), in: variables)
        #expect(half.value == AWSCredentials(accessKeyID: "half", secretAccessKey: "from-config"))
        let error = try await world.failure(.profile(name: "prod", file: nil), in: variables)
        #expect(error.message.contains("there is no such profile; there are: dev, half"), "\(error)")
    }

    @Test("a profile that runs a program or signs in by browser is refused with what would do")
    func unsupportedProfile() async throws {
        let world = World()
        let file = try world.write("[a]\ncredential_process = /bin/true\n", "credentials")
        let error = try await world.failure(.profile(name: "a", file: file))
        #expect(error.message.contains("found credential_process"), "\(error)")
    }

    @Test("a profile's role is taken with the keys of its source")
    func profileRole() async throws {
        let world = World { (_) async throws(DestinationError) in Self.tokens("role") }
        let file = try world.write(
            """
            [base]
            aws_access_key_id = base
            aws_secret_access_key = s
            [lander]
            role_arn = arn:aws:iam::1:role/lander
            source_profile = base
            external_id = x1
            [loop]
            role_arn = r
            source_profile = pool
            [pool]
            role_arn = r
            source_profile = loop
            """,
            "credentials"
        )
        let lease = try await world.fetch(.profile(name: "lander", file: file))
        #expect(lease.value.accessKeyID == "role")
        let request = try #require(world.transport.requests.first)
        #expect(Self.form(request).isSuperset(of: ["ExternalId=x1", "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Flander"]))
        let error = try await world.failure(.profile(name: "loop", file: file))
        #expect(error.message.contains("circle"), "\(error)")
    }

    @Test("a profile's role is asked for again when its file changes or its end is near, not whenever the file is read")
    func profileRoleKept() async throws {
        let world = World { (_) async throws(DestinationError) in Self.tokens("role") }
        let text = """
            [base]
            aws_access_key_id = base
            aws_secret_access_key = s
            [lander]
            role_arn = r
            source_profile = base

            """
        let file = try world.write(text, "credentials")
        let source = world.source(.profile(name: "lander", file: file))
        for _ in 0..<5 {
            #expect(try await source.fetch().lookAgain == world.clock.now() + .seconds(30), "the file may change")
            world.clock.advance(by: .seconds(30))
        }
        #expect(world.transport.requests.count == 1)
        _ = try world.write(text + "external_id = x\n", "credentials")
        _ = try await source.fetch()
        #expect(world.transport.requests.count == 2, "the file has changed")
        _ = try await source.fetch()
        #expect(world.transport.requests.count == 3, "what was given before was refused")
        world.clock.advance(by: .seconds(3_000))
        _ = try await source.fetch()
        #expect(world.transport.requests.count == 4, "the role's end is near")
    }

    @Test("a slash at the end of a path is signed as it is sent", arguments: ["/p/", "/p", "/"])
    func signsPath(path: String) throws {
        let signing = AWSSigning(
            credentials: AWSCredentials(accessKeyID: "a", secretAccessKey: "s"),
            region: "us-east-1",
            service: "sts",
            time: CalendarTime(Self.now)
        )
        let signed = signing.signed(CloudRequest("POST", "http://h:1\(path)?x=1"), payload: AWSSigning.emptyPayload)
        let (given, last) = (signed.headers.dropLast(), try #require(signed.headers.last))
        let subject = AWSSigning.Subject(
            method: "POST",
            path: path,
            query: ["x=1"],
            headers: Array(given),
            payload: AWSSigning.emptyPayload
        )
        #expect(last.value == signing.authorization(subject))
    }

    @Test("a role is asked for with external id, session and duration, signed for STS of the region")
    func role() async throws {
        let world = World { (_) async throws(DestinationError) in Self.tokens("role") }
        let base = AWSCredentialSettings.fixed(AWSCredentials(accessKeyID: "base", secretAccessKey: "s"))
        let role = AWSRole(arn: "r", externalID: "x y", sessionName: "n1", duration: .seconds(900))
        let lease = try await world.fetch(base, role: role)
        #expect(lease.value == AWSCredentials(accessKeyID: "role", secretAccessKey: "s", sessionToken: "t"))
        #expect(lease.expires == Self.now + .seconds(3_600))
        let request = try #require(world.transport.requests.first)
        #expect(request.url.hasSuffix("//sts.eu-central-1.amazonaws.com/"))
        #expect(
            Self.form(request) == [
                "Action=AssumeRole", "Version=2011-06-15", "RoleArn=r", "RoleSessionName=n1", "DurationSeconds=900",
                "ExternalId=x%20y",
            ]
        )
        let authorization = request.headers.first { $0.name == "Authorization" }?.value
        #expect(authorization?.contains("Credential=base/20130524/eu-central-1/sts/aws4_request") == true)
    }

    @Test("a refused role says what to check; a busy service is asked again")
    func roleRefused() async throws {
        let status = Locked(403)
        let world = World { (_) async throws(DestinationError) in
            let text = "<Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
            return CloudResponse(status: status.current, body: Array(text.utf8))
        }
        let base = AWSCredentialSettings.fixed(AWSCredentials(accessKeyID: "base", secretAccessKey: "hidden"))
        let error = try await world.failure(base, role: AWSRole(arn: "r"))
        #expect(error.remedy == .waitForChange)
        #expect(error.message.contains("not you"))
        #expect(error.message.contains("trust policy"))
        status.withLock { $0 = 503 }
        #expect(try await world.failure(base, role: AWSRole(arn: "r")).remedy == .retry(after: nil))
    }

    @Test("web identity reads its token anew each time, and signs nothing")
    func webIdentity() async throws {
        let world = World { (_) async throws(DestinationError) in Self.tokens("web") }
        let file = try world.write("token-1\n", "token")
        let variables = ["AWS_ROLE_ARN": "r", "AWS_WEB_IDENTITY_TOKEN_FILE": file]
        #expect(try await world.fetch(in: variables).value.accessKeyID == "web")
        _ = try world.write("token-2", "token")
        #expect(try await world.fetch(in: variables).value.accessKeyID == "web")
        let forms = world.transport.requests.map(Self.form)
        #expect(forms.first?.contains("WebIdentityToken=token-1") == true)
        #expect(forms.last?.contains("WebIdentityToken=token-2") == true)
        #expect(forms.first?.contains("Action=AssumeRoleWithWebIdentity") == true)
        #expect(!world.transport.requests.contains { $0.headers.contains { $0.name == "Authorization" } })
    }

    @Test("a container's service is asked with its token")
    func container() async throws {
        let world = World { (_) async throws(DestinationError) in Self.answer("container") }
        let file = try world.write("bearer-1\n", "token")
        let variables = [
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file,
        ]
        let lease = try await world.fetch(in: variables)
        #expect(lease.value == AWSCredentials(accessKeyID: "container", secretAccessKey: "s", sessionToken: "t"))
        #expect(lease.expires == Self.now + .seconds(3_600))
        _ = try await world.fetch(in: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x?y=1"])
        let asked = world.transport.requests.map { "\($0.method) \($0.url.split(separator: "//").last ?? "")" }
        #expect(asked == ["GET 127.0.0.1:1/v1/credentials", "GET 169.254.170.2/v2/x?y=1"])
        let sent = world.transport.requests.first?.headers.map(\.value)
        #expect(sent == ["bearer-1"])
    }

    @Test("a container's token does not leave the machine without TLS")
    func containerElsewhere() async throws {
        let world = World { (_) async throws(DestinationError) in Self.answer("container") }
        let error = try await world.failure(
            .container,
            in: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://credentials.example/x"]
        )
        #expect(error.message.contains("expected https"), "\(error)")
        #expect(world.transport.requests.isEmpty)
    }

    @Test("an instance's role by version 2 of its metadata service")
    func instance() async throws {
        let world = World { (request) async throws(DestinationError) in
            let headers = request.headers.map { "\($0.name): \($0.value)" }
            switch request.url.split(separator: "/latest/").last {
            case "api/token" where request.method == "PUT": return CloudResponse(status: 200, body: Array("tk".utf8))
            case "meta-data/iam/security-credentials/" where headers == ["X-aws-ec2-metadata-token: tk"]:
                return CloudResponse(status: 200, body: Array("lander\n".utf8))
            case "meta-data/iam/security-credentials/lander" where headers == ["X-aws-ec2-metadata-token: tk"]:
                return Self.answer("instance")
            default: return CloudResponse(status: 401)
            }
        }
        let lease = try await world.fetch()
        #expect(lease.value.accessKeyID == "instance")
        #expect(lease.expires == Self.now + .seconds(3_600))
        let error = try await world.failure(in: ["AWS_EC2_METADATA_DISABLED": "true"])
        #expect(error.message.contains("no AWS credentials"))
    }

    @Test("an instance without a role says so")
    func instanceWithoutRole() async throws {
        let world = World { (request) async throws(DestinationError) in
            request.method == "PUT"
                ? CloudResponse(status: 200, body: Array("tk".utf8)) : CloudResponse(status: 404)
        }
        let error = try await world.failure(.instance)
        #expect(error.message.contains("attach an instance profile"), "\(error)")
    }

    @Test("no secret shows when credentials are printed")
    func redacted() {
        let credentials = AWSCredentials(accessKeyID: "id", secretAccessKey: "hidden", sessionToken: "also hidden")
        #expect("\(credentials)" == "access key id")
        #expect(!String(reflecting: credentials).contains("hidden"))
    }
}

import CloudHTTP
import Delivery
import DestinationConformance
import Foundation
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationS3

/// Our strict double, behind a real socket.
private final class DoubleSubject: StoreDoubleSubject {
    let staged = StagedObjects()
    let double: S3Double
    let server: DoubleServer
    let transport: LiveTransport

    init(clock: any WorldClock) {
        let double = S3Double(clock: clock)
        self.double = double
        server = DoubleServer(double.handler())
        transport = LiveTransport(clock: SystemClock())
    }

    static func with<Value>(
        clock: any WorldClock = SystemClock(),
        _ body: (DoubleSubject) async throws -> Value
    ) async throws -> Value {
        let subject = DoubleSubject(clock: clock)
        let value = try await subject.run(body)
        #expect(subject.double.complaints == [])
        return value
    }

    func destination(
        region: String = S3Double.region,
        accessKeyID: String = S3Double.accessKeyID,
        credentials: AWSCredentialSettings? = nil,
        variables: [String: String] = [:],
        clock: (any WorldClock)? = nil,
        _ change: (inout S3Configuration) -> Void = { _ in }
    ) -> S3Destination {
        var configuration = S3Configuration(
            bucket: S3Double.bucket,
            region: region,
            endpoint: CloudEndpoint(server.address)
        )
        let keys = AWSCredentials(accessKeyID: accessKeyID, secretAccessKey: "secret")
        configuration.credentials = credentials ?? .fixed(keys)
        change(&configuration)
        let platform = clock.map { StagedObjects(clock: $0).platform } ?? staged.platform
        return S3Destination(configuration, variables: variables, transport: transport, platform: platform)
    }

    func makeDestination() async throws -> any ObjectDestination { destination() }

    func objects() async throws -> [String: [UInt8]] { double.objects.mapValues(\.bytes) }

    func put(foreign bytes: [UInt8], key: String) async throws { double.put(bytes, key: key) }

    func faults() async throws -> [ConformanceFault] {
        let double = double
        let refusals: [(name: String, remedy: DestinationError.Remedy, mishap: S3Double.Mishap)] = [
            ("500", .retry(after: nil), .refuse(status: 500, code: "InternalError")),
            ("503 slow down", .retry(after: nil), .refuse(status: 503, code: "SlowDown")),
            ("throttled", .retry(after: .seconds(7)), .refuse(status: 429, code: "Throttling", retryAfter: "7")),
            ("two writers at once", .retry(after: nil), .refuse(status: 409, code: "ConditionalRequestConflict")),
            ("no room", .retry(after: nil), .refuse(status: 507, code: "XMinioStorageFull")),
            ("no permission", .waitForChange, .refuse(status: 403, code: "AccessDenied")),
            ("a key that is off", .waitForChange, .refuse(status: 400, code: "KMS.DisabledException")),
            ("a class that is none", .waitForChange, .refuse(status: 400, code: "InvalidStorageClass")),
            ("a reset before the answer", .retry(after: nil), .reset),
        ]
        return outages(refusals, set: double.setOutage) + connectionFaults + [
            ConformanceFault(
                name: "another region",
                remedy: .waitForChange,
                begin: { double.setRegion("us-west-2") },
                end: { double.setRegion(S3Double.region) }
            ),
            ConformanceFault(
                name: "no such bucket",
                remedy: .waitForChange,
                begin: { double.setBucket("pond") },
                end: { double.setBucket(S3Double.bucket) }
            ),
            ConformanceFault(
                name: "an expired session",
                remedy: .retry(after: nil),
                begin: { double.setSessionToken("another") },
                end: { double.setSessionToken(nil) }
            ),
        ]
    }
}

@Suite("S3, before a strict double")
struct S3DestinationTests {
    @Test("passes the suite of all destinations", arguments: ConformanceCheck.allCases)
    func conforms(check: ConformanceCheck) async throws {
        try await DoubleSubject.with { subject in
            let staging = subject.staged.folder
            try await DestinationConformance(subject, platform: subject.staged.platform, stagingFolder: staging)
                .run(check)
        }
    }

    @Test("an answer lost after the store had kept the object: nothing lost, nothing doubled")
    func lostAnswer() async throws {
        try await DoubleSubject.with { subject in
            let object = try subject.staged.object([1, 2, 3])
            subject.double.fail(.loseAnswer)
            let destination = subject.destination()
            let error = try await destination.failure(landing: object)
            #expect(error.remedy == .retry(after: nil))
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
            #expect(try await subject.objects() == [object.key: [1, 2, 3]])
        }
    }

    @Test("a store that kept other bytes is found out, at once and later, and never believed")
    func keptOther() async throws {
        try await DoubleSubject.with { subject in
            let object = try subject.staged.object([1, 2, 3])
            subject.double.fail(.keepOther)
            for _ in 0..<2 {
                let error = try await subject.destination().failure(landing: object)
                #expect(error.code == .conflict, "\(error)")
            }
        }
    }

    @Test("wrong bytes on the wire are refused by the store, which is to be tried again")
    func wrongChecksum() async throws {
        try await DoubleSubject.with { subject in
            let object = try subject.staged.object([1, 2, 3])
            let destination = subject.destination()
            subject.double.fail(.refuse(status: 400, code: "BadDigest"))
            let error = try await destination.failure(landing: object)
            #expect(error.code == .unreachable)
            #expect(try await destination.land(object) == .created)
        }
    }

    @Test("a store without conditional puts is looked at first, and the reduced promise is told")
    func looksFirst() async throws {
        try await DoubleSubject.with { subject in
            subject.double.setConditionalPuts(false)
            let object = try subject.staged.object([1, 2, 3])
            let destination = subject.destination()
            #expect(destination.limitation == nil)
            #expect(try await destination.land(object) == .created)
            #expect(subject.double.methods == ["PUT", "HEAD", "PUT"])
            #expect(destination.limitation?.contains("no conditional puts") == true)
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
            #expect(subject.double.methods.last == "HEAD", "nothing is put over it")
            let other = try subject.staged.object([4], first: 7)
            let error = try await destination.failure(landing: other)
            #expect(error.code == .conflict)
            #expect(try await subject.objects() == [object.key: [1, 2, 3]])
        }
    }

    @Test("a store can be declared to have no conditional puts")
    func declaredLooksFirst() async throws {
        try await DoubleSubject.with { subject in
            let destination = subject.destination { $0.createOnly = .headFirst }
            #expect(destination.limitation != nil)
            let object = try subject.staged.object([1])
            #expect(try await destination.land(object) == .created)
            #expect(subject.double.methods == ["HEAD", "PUT"])
        }
    }

    @Test("501 for something else is no reason to give the condition up")
    func otherFeature() async throws {
        try await DoubleSubject.with { subject in
            let refusal = S3Double.Mishap.refuse(status: 501, code: "NotImplemented")
            subject.double.fail(refusal, refusal)
            let object = try subject.staged.object([1])
            let destination = subject.destination { $0.tags = [.init(key: "team", value: "data")] }
            let error = try await destination.failure(landing: object)
            #expect(error.code == .refused)
            #expect(error.remedy == .waitForChange)
            #expect(destination.limitation == nil)
        }
    }

    @Test("when looking first, a refusal is asked again in a way that says why")
    func unheard() async throws {
        try await DoubleSubject.with { subject in
            subject.double.setSessionToken("fresh")
            let destination = subject.destination { $0.createOnly = .headFirst }
            let object = try subject.staged.object([1])
            let error = try await destination.failure(landing: object)
            #expect(error.message.contains("expired"), "\(error)")
            #expect(subject.double.methods.contains("GET"))
        }
    }

    @Test("an expired session token is renewed and the put repeated, within one landing")
    func renews() async throws {
        try await DoubleSubject.with { subject in
            let file = FilePath.join(subject.staged.folder, "credentials")
            let object = try subject.staged.object([1, 2, 3])
            let write = { (token: String) in
                let text = """
                    [default]
                    aws_access_key_id = \(S3Double.accessKeyID)
                    aws_secret_access_key = secret
                    aws_session_token = \(token)

                    """
                try text.write(toFile: file, atomically: true, encoding: .utf8)
            }
            subject.double.setSessionToken("first")
            try write("first")
            let destination = subject.destination(credentials: .profile(name: nil, file: file))
            #expect(try await destination.land(object) == .created)
            subject.double.setSessionToken("second")
            let stale = try await destination.failure(landing: object)
            #expect(stale.remedy == .retry(after: nil), "an expired token is never fatal")
            try write("second")
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
        }
    }

    @Test("the right region is named")
    func region() async throws {
        try await DoubleSubject.with { subject in
            let object = try subject.staged.object([1])
            let destination = subject.destination(region: "us-east-1")
            let error = try await destination.failure(landing: object)
            #expect(error.message.contains("set region: \(S3Double.region)"), "\(error)")
        }
    }

    @Test("a clock that is wrong is named, with by how much")
    func clock() async throws {
        let right = ManualClock()
        try await DoubleSubject.with(clock: right) { subject in
            let object = try subject.staged.object([1])
            let slow = ManualClock(right.now() - .seconds(3_600))
            let error = try await subject.destination(clock: slow).failure(landing: object)
            #expect(error.code == .denied)
            #expect(error.message.contains("clock is wrong by 3600 s, it is slow"), "\(error)")
        }
    }

    @Test("an unknown access key is named, its secret is not")
    func unknownKey() async throws {
        try await DoubleSubject.with { subject in
            let object = try subject.staged.object([1])
            let error = try await subject.destination(accessKeyID: "AKIASTRANGER").failure(landing: object)
            #expect(error.code == .denied)
            #expect(error.remedy == .waitForChange)
            #expect(error.message.contains("InvalidAccessKeyId"))
            #expect(!error.message.contains("secret"), "\(error)")
        }
    }

    @Test("encryption, storage class and tags are asked for, plan and checksum are kept with the object")
    func headers() async throws {
        try await DoubleSubject.with { subject in
            let object = try subject.staged.object(Array("123456789".utf8))
            let destination = subject.destination {
                $0.encryption = .kms(keyID: "alias/lake")
                $0.storageClass = "STANDARD_IA"
                $0.tags = [.init(key: "team", value: "data + events"), .init(key: "cost", value: "")]
            }
            #expect(try await destination.land(object) == .created)
            let headers = subject.double.objects[object.key]?.headers ?? [:]
            #expect(headers["x-amz-server-side-encryption"] == "aws:kms")
            #expect(headers["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/lake")
            #expect(headers["x-amz-storage-class"] == "STANDARD_IA")
            #expect(headers["x-amz-tagging"] == "team=data%20%2B%20events&cost=")
            #expect(headers["x-amz-meta-courant-plan"] == object.plan.json)
            // The CRC-32 of "123456789" is CBF43926 everywhere.
            #expect(headers["x-amz-checksum-crc32"] == "y/Q5Jg==")
            #expect(headers["x-amz-content-sha256"]?.count == 64, "without TLS the body is part of the signature")
        }
    }

    @Test("over TLS the body is not part of the signature")
    func unsigned() async throws {
        let staged = StagedObjects()
        let object = try staged.object([1, 2, 3])
        let transport = ScriptedTransport { _ in CloudResponse(status: 200) }
        var configuration = S3Configuration(bucket: "lake", region: "eu-central-1")
        configuration.credentials = .fixed(AWSCredentials(accessKeyID: "id", secretAccessKey: "secret"))
        let destination = S3Destination(
            configuration,
            variables: [:],
            transport: transport,
            platform: staged.platform
        )
        #expect(try await destination.land(object) == .created)
        let request = try #require(transport.requests.first)
        #expect(request.headers.contains { $0.name == "X-Amz-Content-Sha256" && $0.value == "UNSIGNED-PAYLOAD" })
        #expect(request.url.hasSuffix("//lake.s3.eu-central-1.amazonaws.com/a/b%3Dc/d%2B1.avro"))
    }

    @Test(
        "where a request goes",
        arguments: [
            ("lake", "eu-central-1", nil, nil, "lake.s3.eu-central-1.amazonaws.com/k"),
            ("my.lake", "eu-central-1", nil, nil, "s3.eu-central-1.amazonaws.com/my.lake/k"),
            ("lake", "eu-central-1", nil, true, "s3.eu-central-1.amazonaws.com/lake/k"),
            ("lake", "cn-north-1", nil, nil, "lake.s3.cn-north-1.amazonaws.com.cn/k"),
            ("lake", "x", "https://minio.example:9000", nil, "minio.example:9000/lake/k"),
            ("lake", "x", "https://store.example/s3", nil, "store.example/s3/lake/k"),
            ("lake", "auto", "https://store.example", false, "lake.store.example/k"),
        ] as [(String, String, String?, Bool?, String)]
    )
    func addresses(bucket: String, region: String, endpoint: String?, isPathStyle: Bool?, expected: String) {
        let configuration = S3Configuration(
            bucket: bucket,
            region: region,
            endpoint: endpoint.flatMap { CloudEndpoint($0) },
            isPathStyle: isPathStyle
        )
        #expect(S3Request(configuration: configuration).url("k") == "https://" + expected)
    }
}

import CloudHTTP
import Delivery
import DestinationConformance
import Foundation
import Platform
import StoreDoubles
import Testing

@testable import DestinationS3

/// A bucket of moto's, one for each test.
private struct MotoSubject: ConformanceSubject {
    let store: MotoStore
    let bucket: String
    let staged = StagedObjects()
    static func make() async throws -> MotoSubject {
        let store = try MotoStore.required()
        let bucket = "lake-" + UUID().uuidString.lowercased()
        try await store.makeBucket(bucket)
        return MotoSubject(store: store, bucket: bucket)
    }

    var writer: AWSCredentials { Self.credentials(store.ready.writer) }
    var stranger: AWSCredentials { Self.credentials(store.ready.stranger) }

    private static func credentials(_ key: [String]) -> AWSCredentials {
        AWSCredentials(accessKeyID: key[0], secretAccessKey: key[1])
    }

    func destination(
        _ credentials: AWSCredentialSettings? = nil,
        bucket: String? = nil,
        variables: [String: String] = [:],
        _ change: (inout S3Configuration) -> Void = { _ in }
    ) -> S3Destination {
        var configuration = S3Configuration(
            bucket: bucket ?? self.bucket,
            region: "us-east-1",
            endpoint: CloudEndpoint(store.ready.url)
        )
        configuration.credentials = credentials ?? .fixed(writer)
        change(&configuration)
        return S3Destination(
            configuration,
            variables: variables,
            transport: store.transport,
            platform: staged.platform
        )
    }

    func makeDestination() async throws -> any ObjectDestination {
        destination()
    }

    func objects() async throws -> [String: [UInt8]] {
        var objects: [String: [UInt8]] = [:]
        for key in try await store.keys(in: bucket) {
            objects[key] = try await store.object(key, in: bucket).bytes
        }
        return objects
    }

    func put(foreign bytes: [UInt8], key: String) async throws {
        try await store.put(bytes, key: key, in: bucket)
    }

    /// moto does not fail on demand; the double does.
    func faults() async throws -> [ConformanceFault] { [] }

    func failure(_ credentials: AWSCredentials) async throws -> DestinationError {
        try await destination(.fixed(credentials)).failure(landing: staged.object([1, 2, 3]))
    }
}

@Suite("S3, before moto with authentication", BesideMoto())
struct MotoStoreTests {
    @Test("passes the suite of all destinations", arguments: ConformanceCheck.allCases)
    func conforms(check: ConformanceCheck) async throws {
        let subject = try await MotoSubject.make()
        try await DestinationConformance(
            subject,
            platform: subject.staged.platform,
            stagingFolder: subject.staged.folder
        ).run(check)
    }

    @Test("boto3 reads bytes, checksum, plan, tags, storage class and encryption as they were sent")
    func readBack() async throws {
        let subject = try await MotoSubject.make()
        let object = try subject.staged.object(Array("123456789".utf8), key: "a b/c=d/é+1&2.avro")
        let destination = subject.destination {
            $0.encryption = .s3
            $0.storageClass = "STANDARD_IA"
            $0.tags = [.init(key: "team", value: "data + events"), .init(key: "cost", value: "")]
        }
        #expect(try await destination.land(object) == .created)
        #expect(try await subject.store.keys(in: subject.bucket) == [object.key])
        let (bytes, seen) = try await subject.store.object(object.key, in: subject.bucket)
        #expect(bytes == Array("123456789".utf8))
        #expect(seen.checksum == "y/Q5Jg==")
        #expect(seen.metadata["courant-plan"] == object.plan.json)
        #expect(seen.storageClass == "STANDARD_IA")
        #expect(seen.encryption == "AES256")
        #expect(seen.tags == ["cost=", "team=data + events"])
    }

    @Test("a KMS key is named to the store")
    func encryptsWithKey() async throws {
        let subject = try await MotoSubject.make()
        let object = try subject.staged.object([1])
        #expect(try await subject.destination { $0.encryption = .kms(keyID: "lake-key") }.land(object) == .created)
        #expect(try await subject.store.object(object.key, in: subject.bucket).seen.encryption == "aws:kms")
    }

    @Test("a wrong secret, an unknown key and a stale session are told apart")
    func wrongKeys() async throws {
        let subject = try await MotoSubject.make()
        var wrong = subject.writer
        wrong.secretAccessKey += "x"
        let secret = try await subject.failure(wrong)
        #expect(secret.code == .denied)
        #expect(secret.remedy == .waitForChange)
        #expect(secret.message.contains("secret access key is not that of"), "\(secret)")
        #expect(!secret.message.contains(wrong.secretAccessKey))
        wrong.accessKeyID = "AKIASTRANGER"
        let unknown = try await subject.failure(wrong)
        #expect(unknown.code == .denied)
        #expect(unknown.message.contains("does not know the credentials"), "\(unknown)")
        #expect(try await subject.objects() == [:])
    }

    @Test("a missing permission is named")
    func permission() async throws {
        let subject = try await MotoSubject.make()
        let error = try await subject.failure(subject.stranger)
        #expect(error.code == .denied)
        #expect(error.remedy == .waitForChange)
        #expect(error.message.contains("s3:PutObject"), "\(error)")
    }

    @Test("a bucket that is not there is named")
    func missing() async throws {
        let subject = try await MotoSubject.make()
        let object = try subject.staged.object([1])
        let error = try await subject.destination(bucket: "nowhere-at-all").failure(landing: object)
        #expect(error.code == .missing)
        #expect(error.message.contains("there is no bucket"), "\(error)")
    }

    @Test("a bucket in another region is named with its region, and takes the object once that is set")
    func region() async throws {
        let subject = try await MotoSubject.make()
        let bucket = "far-" + UUID().uuidString.lowercased()
        try await subject.store.makeBucket(bucket, region: "eu-west-1")
        let object = try subject.staged.object([1, 2, 3])
        let error = try await subject.destination(bucket: bucket).failure(landing: object)
        #expect(error.code == .missing)
        #expect(error.remedy == .waitForChange)
        #expect(error.message.contains("in the region eu-west-1, not in us-east-1: set region: eu-west-1"), "\(error)")
        #expect(try await subject.store.keys(in: bucket) == [])
        let destination = subject.destination(bucket: bucket) { $0.region = "eu-west-1" }
        #expect(try await destination.land(object) == .created)
        #expect(try await subject.store.object(object.key, in: bucket).bytes == [1, 2, 3])
    }

    @Test("a role is taken for the keys that are configured, and writes")
    func role() async throws {
        let subject = try await MotoSubject.make()
        let (store, object) = (subject.store, try subject.staged.object([1, 2, 3]))
        let destination = subject.destination(variables: ["AWS_ENDPOINT_URL_STS": store.ready.url]) {
            $0.role = AWSRole(arn: store.ready.role, externalID: store.ready.externalID)
        }
        #expect(try await destination.land(object) == .created)
        #expect(try await subject.objects() == [object.key: [1, 2, 3]])
    }

    @Test("a role is not given to keys that may not take it")
    func roleRefused() async throws {
        let subject = try await MotoSubject.make()
        let object = try subject.staged.object([1, 2, 3])
        let variables = ["AWS_ENDPOINT_URL_STS": subject.store.ready.url]
        let destination = subject.destination(.fixed(subject.stranger), variables: variables) {
            $0.role = AWSRole(arn: subject.store.ready.role, externalID: subject.store.ready.externalID)
        }
        let error = try await destination.failure(landing: object)
        #expect(error.code == .denied)
        #expect(error.message.contains("sts:AssumeRole"), "\(error)")
    }

    @Test("a session token that the store no longer takes is read anew from its profile")
    func renews() async throws {
        let subject = try await MotoSubject.make()
        let store = subject.store
        let surroundings = AWSSurroundings(
            variables: ["AWS_ENDPOINT_URL_STS": store.ready.url],
            region: "us-east-1",
            transport: store.transport,
            platform: subject.staged.platform
        )
        let role = AWSRole(arn: store.ready.role, externalID: store.ready.externalID)
        let fresh = try await SecurityTokens(surroundings: surroundings).assume(role, with: subject.writer).value
        let object = try subject.staged.object([1, 2, 3])
        let file = FilePath.join(subject.staged.folder, "credentials")
        let write = { (token: String) in
            let text = """
                [lander]
                aws_access_key_id = \(fresh.accessKeyID)
                aws_secret_access_key = \(fresh.secretAccessKey)
                aws_session_token = \(token)
                """
            try text.write(toFile: file, atomically: true, encoding: .utf8)
        }
        try write("stale")
        let destination = subject.destination(.profile(name: "lander", file: file))
        #expect(try await destination.failure(landing: object).code == .denied)
        try write(try #require(fresh.sessionToken))
        #expect(try await destination.land(object) == .created)
    }

    @Test("what stands there is never overwritten, and is told apart")
    func conflicts() async throws {
        let subject = try await MotoSubject.make()
        let object = try subject.staged.object([1, 2, 3])
        try await subject.put(foreign: [9], key: object.key)
        let error = try await subject.destination().failure(landing: object)
        #expect(error.code == .conflict)
        #expect(try await subject.objects() == [object.key: [9]])
    }
}

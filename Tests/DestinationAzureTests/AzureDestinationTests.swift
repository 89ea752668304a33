import CloudHTTP
import Delivery
import DestinationConformance
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationAzure

@Suite("Azure Blob Storage, before a strict double")
struct AzureDestinationTests {
    @Test("passes the suite of all destinations", arguments: ConformanceCheck.allCases)
    func conforms(check: ConformanceCheck) async throws {
        try await AzureSubject.with { subject in
            let staging = subject.staged.folder
            try await DestinationConformance(subject, platform: subject.staged.platform, stagingFolder: staging)
                .run(check)
        }
    }

    @Test("an answer lost after the store had kept the blob: nothing lost, nothing doubled")
    func lostAnswer() async throws {
        try await AzureSubject.with { subject in
            let object = try subject.staged.object([1, 2, 3])
            subject.double.fail(.loseAnswer)
            let destination = subject.destination()
            let error = try await destination.failure(landing: object)
            #expect(error.remedy == .retry(after: nil))
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
            #expect(subject.double.methods == ["PUT", "PUT", "HEAD"])
            #expect(try await subject.objects() == [object.key: [1, 2, 3]])
        }
    }

    @Test(
        "whatever word the store has for “already there”, what is there decides",
        arguments: [
            (409, "BlobAlreadyExists"), (412, "ConditionNotMet"), (412, "LeaseIdMissing"),
            (403, "UnauthorizedBlobOverwrite"), (409, "BlobImmutableDueToPolicy"),
            (403, "AuthorizationPermissionMismatch"),
        ]
    )
    func alreadyThere(status: Int, code: String) async throws {
        let staged = StagedObjects()
        let object = try staged.object(Array("123456789".utf8))
        let sum = Locked("JfnnlDI7RTiF9RgfG2JNCw==")
        let transport = ScriptedTransport { (request) async throws(DestinationError) in
            guard request.method == "HEAD" else {
                return CloudResponse(status: status, headers: [("x-ms-error-code", code)])
            }
            return CloudResponse(status: 200, headers: [("Content-MD5", sum.current), ("Content-Length", "9")])
        }
        var configuration = AzureConfiguration(account: "lake", container: "events")
        configuration.credentials = .fixed(.token("t"))
        let destination = AzureDestination(
            configuration,
            variables: [:],
            transport: transport,
            platform: staged.platform
        )
        #expect(try await destination.land(object) == .alreadyThere(.checksum))
        sum.withLock { $0 = "AAAAAAAAAAAAAAAAAAAAAA==" }
        #expect(try await destination.failure(landing: object).code == .conflict)
    }

    @Test("a store that kept other bytes is found out, at once and later, and never believed")
    func keptOther() async throws {
        try await AzureSubject.with { subject in
            let object = try subject.staged.object([1, 2, 3])
            subject.double.fail(.keepOther)
            for _ in 0..<2 {
                let error = try await subject.destination().failure(landing: object)
                #expect(error.code == .conflict, "\(error)")
            }
        }
    }

    @Test("MD5, plan, tier and scope stand with the blob")
    func headers() async throws {
        try await AzureSubject.with { subject in
            let object = try subject.staged.object(Array("123456789".utf8))
            let destination = subject.destination {
                $0.accessTier = .cold
                $0.encryptionScope = "tenant-a"
            }
            #expect(try await destination.land(object) == .created)
            let headers = subject.double.objects[object.key]?.headers ?? [:]
            #expect(headers["x-ms-access-tier"] == "Cold")
            #expect(headers["x-ms-encryption-scope"] == "tenant-a")
            #expect(headers["x-ms-meta-courant_plan"] == object.plan.json)
            // The MD5 of "123456789" is 25f9e794323b453885f5181f1b624d0b everywhere.
            #expect(headers["content-md5"] == "JfnnlDI7RTiF9RgfG2JNCw==")
            #expect(headers["x-ms-meta-courant_md5"] == "JfnnlDI7RTiF9RgfG2JNCw==")
            #expect(headers["content-type"] == "application/avro")
        }
    }

    @Test("reads what stands there, up to a limit, and removes it; nothing there is no error")
    func readsAndDeletes() async throws {
        try await AzureSubject.with { subject in
            let destination = subject.destination()
            #expect(try await destination.read("probe/a+b", bytesMax: 100) == nil)
            try await destination.delete("probe/a+b")
            subject.double.put([1, 2, 3], key: "probe/a+b")
            #expect(try await destination.read("probe/a+b", bytesMax: 100) == [1, 2, 3])
            #expect(try await destination.read("probe/a+b", bytesMax: 2) == [1, 2])
            try await destination.delete("probe/a+b")
            #expect(try await subject.objects() == [:])
            subject.double.setContainer("pond")
            for attempt in ["read", "delete"] {
                await #expect(throws: DestinationError.self, "\(attempt) in no container") {
                    if attempt == "read" {
                        _ = try await destination.read("probe/a+b", bytesMax: 2)
                    } else {
                        try await destination.delete("probe/a+b")
                    }
                }
            }
        }
    }

    @Test("a shared access signature suffices with create and read alone")
    func signature() async throws {
        try await AzureSubject.with { subject in
            let object = try subject.staged.object([1, 2, 3])
            let destination = subject.destination(subject.signature())
            #expect(try await destination.land(object) == .created)
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
            #expect(try await destination.read(object.key, bytesMax: 2) == [1, 2])
            let error = await #expect(throws: DestinationError.self) { try await destination.delete(object.key) }
            #expect(error?.message.contains("deleting needs blobs/delete") == true, "\(String(describing: error))")
        }
    }

    @Test("a signature that has ended, or lacks a permission, is named as such, and never shown")
    func badSignature() async throws {
        try await AzureSubject.with { subject in
            let object = try subject.staged.object([1])
            let past = SystemClock().now() - .seconds(60)
            let ended = subject.signature(ends: past)
            let error = try await subject.destination(ended).failure(landing: object)
            #expect(error.code == .denied)
            #expect(error.message.contains("it ends at \(CalendarTime(past).extended)"), "\(error)")
            let weak = try await subject.destination(subject.signature(permissions: "r")).failure(landing: object)
            #expect(weak.message.contains("sp=rc"), "\(weak)")
            for message in [error.message, weak.message] { #expect(!message.contains("sig=")) }
        }
    }

    @Test("an expired token is fetched again and the put repeated, within one landing")
    func renews() async throws {
        try await AzureSubject.with { subject in
            let destination = subject.destination(subject.application())
            let first = try subject.staged.object([1], key: "a.avro")
            #expect(try await destination.land(first) == .created)
            subject.double.expireTokens()
            let second = try subject.staged.object([2], key: "b.avro")
            #expect(try await destination.land(second) == .created)
            #expect(subject.double.tokensGiven == 2)
            #expect(subject.double.methods == ["PUT", "PUT", "PUT"])
        }
    }

    @Test("a token is renewed well before it ends, on one's own account")
    func renewsAhead() async throws {
        let clock = ManualClock()
        try await AzureSubject.with(clock: clock) { subject in
            let destination = subject.destination(subject.application(), clock: clock)
            let object = try subject.staged.object([1])
            #expect(try await destination.land(object) == .created)
            clock.advance(by: .seconds(3_600 - 900))
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
            #expect(subject.double.tokensGiven == 1)
            clock.advance(by: .seconds(400))
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
            #expect(subject.double.tokensGiven == 2)
        }
    }

    @Test("Entra's refusal says what is wrong with the application, its secret is not shown")
    func wrongSecret() async throws {
        try await AzureSubject.with { subject in
            let object = try subject.staged.object([1])
            let error = try await subject.destination(subject.application(secret: "hunter2")).failure(landing: object)
            #expect(error.code == .denied)
            #expect(error.remedy == .waitForChange)
            #expect(error.message.contains("the client secret is wrong"), "\(error)")
            #expect(!error.message.contains("hunter2"))
        }
    }

    @Test("a wrong key is named, a clock that is wrong too, with by how much")
    func wrongKeyAndClock() async throws {
        let right = ManualClock()
        try await AzureSubject.with(clock: right) { subject in
            let object = try subject.staged.object([1])
            let stranger = AzureCredentialSettings.fixed(.sharedKey([1, 2, 3]))
            let error = try await subject.destination(stranger, clock: right).failure(landing: object)
            #expect(error.code == .denied)
            #expect(error.message.contains("the key is not one of the account courantdouble"), "\(error)")
            #expect(!error.message.contains("MAC signature"), "\(error)")
            let slow = ManualClock(right.now() - .seconds(3_600))
            let late = try await subject.destination(clock: slow).failure(landing: object)
            #expect(late.message.contains("clock is wrong by 3600 s, it is slow"), "\(late)")
        }
    }

    @Test("a token does not leave the machine without TLS")
    func tokenWithoutTLS() async throws {
        let staged = StagedObjects()
        let transport = ScriptedTransport { _ in CloudResponse(status: 201) }
        var configuration = AzureConfiguration(
            account: "lake",
            container: "events",
            endpoint: CloudEndpoint("http://store.example/lake")
        )
        configuration.credentials = .fixed(.token("t"))
        let destination = AzureDestination(
            configuration,
            variables: [:],
            transport: transport,
            platform: staged.platform
        )
        let error = try await destination.failure(landing: try staged.object([1]))
        #expect(error.message.contains("without TLS"), "\(error)")
        #expect(transport.requests.isEmpty)
    }
}

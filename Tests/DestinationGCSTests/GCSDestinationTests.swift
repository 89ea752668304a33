import CloudHTTP
import Delivery
import DestinationConformance
import Platform
import PlatformTesting
import StoreDoubles
import Testing

@testable import DestinationGCS

@Suite("Google Cloud Storage, before a strict double")
struct GCSDestinationTests {
    @Test("passes the suite of all destinations", arguments: ConformanceCheck.allCases)
    func conforms(check: ConformanceCheck) async throws {
        try await GCSSubject.with { subject in
            let staging = subject.staged.folder
            try await DestinationConformance(subject, platform: subject.staged.platform, stagingFolder: staging)
                .run(check)
        }
    }

    @Test("an answer lost after the store had kept the object: nothing lost, nothing doubled")
    func lostAnswer() async throws {
        try await GCSSubject.with { subject in
            let object = try subject.staged.object([1, 2, 3])
            subject.double.fail(.loseAnswer)
            let destination = try subject.destination()
            let error = try await destination.failure(landing: object)
            #expect(error.remedy == .retry(after: nil))
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
            #expect(try await subject.objects() == [object.key: [1, 2, 3]])
        }
    }

    @Test("who may create and not overwrite learns what stands there all the same")
    func mayNotOverwrite() async throws {
        try await GCSSubject.with { subject in
            subject.double.setMayOverwrite(false)
            let object = try subject.staged.object([1, 2, 3])
            let destination = try subject.destination()
            #expect(try await destination.land(object) == .created)
            #expect(try await destination.land(object) == .alreadyThere(.checksum))
            let foreign = try subject.staged.object([9], key: "foreign.avro")
            subject.double.put([8], key: foreign.key)
            #expect(try await destination.failure(landing: foreign).code == .conflict)
            #expect(try await subject.objects()[foreign.key] == [8])
        }
    }

    @Test("a store that kept other bytes is found out, at once and later, and never believed")
    func keptOther() async throws {
        try await GCSSubject.with { subject in
            let object = try subject.staged.object([1, 2, 3])
            subject.double.fail(.keepOther)
            for _ in 0..<2 {
                let error = try await subject.destination().failure(landing: object)
                #expect(error.code == .conflict, "\(error)")
            }
        }
    }

    @Test("CRC-32C, plan, class and key stand with the object")
    func properties() async throws {
        try await GCSSubject.with { subject in
            let key = "projects/p/locations/eu/keyRings/r/cryptoKeys/k"
            let object = try subject.staged.object(Array("123456789".utf8), key: "a b/c=d/é+1&2.avro")
            let destination = try subject.destination {
                $0.storageClass = .nearline
                $0.kmsKey = key
            }
            #expect(try await destination.land(object) == .created)
            let kept = try #require(subject.double.objects[object.key])
            #expect(kept.bytes == Array("123456789".utf8))
            #expect(kept.storageClass == "NEARLINE")
            #expect(kept.kmsKey == key)
            #expect(kept.contentType == "application/avro")
            // The CRC-32C of "123456789" is e3069283 everywhere.
            #expect(kept.metadata == ["courant-plan": object.plan.json, "courant-crc32c": "4waSgw=="])
        }
    }

    @Test("reads what stands there, up to a limit, and removes it; nothing there is no error")
    func readsAndDeletes() async throws {
        try await GCSSubject.with { subject in
            let destination = try subject.destination()
            #expect(try await destination.read("probe/a+b", bytesMax: 100) == nil)
            try await destination.delete("probe/a+b")
            subject.double.put([1, 2, 3], key: "probe/a+b")
            #expect(try await destination.read("probe/a+b", bytesMax: 100) == [1, 2, 3])
            #expect(try await destination.read("probe/a+b", bytesMax: 2) == [1, 2])
            try await destination.delete("probe/a+b")
            #expect(try await subject.objects() == [:])
            subject.double.setBucket("pond")
            for attempt in ["read", "delete"] {
                let error = await #expect(throws: DestinationError.self, "\(attempt) in no bucket") {
                    if attempt == "read" {
                        _ = try await destination.read("probe/a+b", bytesMax: 2)
                    } else {
                        try await destination.delete("probe/a+b")
                    }
                }
                #expect(error?.code == .missing)
            }
        }
    }

    @Test("an expired token is fetched again and the put repeated, within one landing")
    func renews() async throws {
        try await GCSSubject.with { subject in
            let destination = try subject.destination()
            #expect(try await destination.land(try subject.staged.object([1], key: "a.avro")) == .created)
            subject.double.expireTokens()
            #expect(try await destination.land(try subject.staged.object([2], key: "b.avro")) == .created)
            #expect(subject.double.tokensGiven == 2)
        }
    }

    @Test("a token is renewed well before it ends, on one's own account")
    func renewsAhead() async throws {
        let clock = ManualClock()
        try await GCSSubject.with(clock: clock) { subject in
            let destination = try subject.destination(clock: clock)
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

    @Test("an emulator is sent no token")
    func emulator() async throws {
        try await GCSSubject.with { subject in
            subject.double.setWantsToken(false)
            let object = try subject.staged.object([1])
            #expect(try await subject.destination(GoogleCredentialSettings.none).land(object) == .created)
            #expect(subject.double.tokensGiven == 0)
        }
    }

    @Test("without credentials where some are wanted, the message says so")
    func anonymous() async throws {
        try await GCSSubject.with { subject in
            let object = try subject.staged.object([1])
            let error = try await subject.destination(GoogleCredentialSettings.none).failure(landing: object)
            #expect(error.remedy == .waitForChange)
            #expect(error.message.contains("credentials: none"), "\(error)")
        }
    }

    @Test("a missing permission is named, and what the account needs")
    func permission() async throws {
        try await GCSSubject.with { subject in
            let message = "\(GCSDouble.account) does not have storage.objects.create access to the bucket."
            subject.double.fail(.refuse(status: 403, reason: "forbidden", message: message))
            let error = try await subject.destination().failure(landing: try subject.staged.object([1]))
            #expect(error.code == .denied)
            #expect(error.message.contains("the permission storage.objects.create is missing"), "\(error)")
        }
    }

    @Test("a key that is not the account's, and a clock that is wrong, are named; the key is never shown")
    func wrongKeyAndClock() async throws {
        let right = ManualClock()
        try await GCSSubject.with(clock: right) { subject in
            let object = try subject.staged.object([1])
            let forged = try subject.double.keyFile(address: subject.url, isForged: true)
            let error = try await subject.destination(.text(forged), clock: right).failure(landing: object)
            #expect(error.remedy == .waitForChange)
            #expect(error.message.contains("the key is not one of \(GCSDouble.account)"), "\(error)")
            #expect(!error.message.contains("PRIVATE"))
            let slow = ManualClock(right.now() - .seconds(3_600))
            let late = try await subject.destination(clock: slow).failure(landing: object)
            #expect(late.message.contains("clock is wrong by 3600 s, it is slow"), "\(late)")
            let broken = forged.replacing("BEGIN", with: "BEGINNING")
            let unread = try await subject.destination(.text(broken), clock: right).failure(landing: object)
            #expect(unread.message.contains("is not an RSA key"), "\(unread)")
        }
    }

    @Test("a token does not leave the machine without TLS")
    func tokenWithoutTLS() async throws {
        try await GCSSubject.with { subject in
            let destination = try subject.destination { $0.endpoint = CloudEndpoint("http://store.example") }
            let error = try await destination.failure(landing: try subject.staged.object([1]))
            #expect(error.message.contains("without TLS"), "\(error)")
        }
    }

    @Test("CRC-32C as RFC 3720 has it, however the bytes come")
    func crc32c() {
        let samples: [([UInt8], String)] = [
            (Array(repeating: 0, count: 32), "ipE2qg=="), (Array(repeating: 255, count: 32), "YqirQw=="),
            (Array(0..<32), "Rt15Tg=="), (Array((0..<32).reversed()), "ET/bXA=="), ([], "AAAAAA=="),
        ]
        for (bytes, expected) in samples {
            for cut in [0, 1, 7, 8, 9, 31] where cut <= bytes.count {
                var sum = CRC32C()
                sum.add(Array(bytes[..<cut]))
                sum.add(Array(bytes[cut...]))
                #expect(sum.base64 == expected)
            }
        }
    }
}

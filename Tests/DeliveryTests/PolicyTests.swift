import Journal
import Platform
import Testing

@testable import Delivery

@Suite("The pure policies")
struct PolicyTests {
    @Test(
        "an hour has its folder's name, over leap days and before 1970",
        arguments: [
            (0, "1970-01-01-00"), (951_782_399, "2000-02-28-23"), (951_782_400, "2000-02-29-00"),
            (951_868_800, "2000-03-01-00"), (1_767_225_599, "2025-12-31-23"), (1_767_225_600, "2026-01-01-00"),
            (-1, "1969-12-31-23"), (4_107_542_400, "2100-03-01-00"),
        ]
    )
    func hours(seconds: Int64, text: String) {
        #expect(Hour(of: Timestamp(seconds: seconds)).text == text)
    }

    @Test("a file is due by bytes or by age, and full by count")
    func rolls() {
        let policy = RollPolicy(settings: RollSettings(every: .seconds(60), events: 3, bytes: 1_000))
        let opened = Timestamp(seconds: 100)
        #expect(!policy.isDue(encodedBytes: 999, opened: opened, moment: Timestamp(seconds: 159)))
        #expect(policy.isDue(encodedBytes: 1_000, opened: opened, moment: opened))
        #expect(policy.isDue(encodedBytes: 1, opened: opened, moment: Timestamp(seconds: 160)))
        #expect(!policy.isDue(encodedBytes: 1, opened: opened, moment: Timestamp(seconds: 41)))
        #expect(!policy.isFull(count: 2))
        #expect(policy.isFull(count: 3))
        #expect(policy.remaining(opened: opened, now: Timestamp(seconds: 130)) == .seconds(30))
        #expect(policy.remaining(opened: opened, now: Timestamp(seconds: 500)) == .zero)
    }

    @Test("a file that was opened while the clock was ahead is due once the clock is right, not hours later")
    func clockWasAhead() {
        let policy = RollPolicy(settings: RollSettings(every: .seconds(60)))
        let opened = Timestamp(seconds: 72_000)
        #expect(policy.isDue(encodedBytes: 1, opened: opened, moment: Timestamp(seconds: 100)))
        #expect(policy.remaining(opened: opened, now: Timestamp(seconds: 100)) == .zero)
        #expect(policy.remaining(opened: opened, now: Timestamp(seconds: 71_990)) == .seconds(70))
    }

    @Test("a backoff doubles its bound up to the cap, draws below it, and never undercuts what was asked")
    func backoff() {
        var retry = RetryPolicy(first: .seconds(1), cap: .seconds(10))
        let longest = (0..<6).map { _ in retry.wait(random: .max) }
        for (wait, bound) in zip(longest, [1.0, 2, 4, 8, 10, 10]) {
            #expect(wait.inSeconds <= bound && wait.inSeconds > bound * 0.999)
        }
        #expect(retry.wait(random: 0) == .zero)
        #expect(retry.wait(random: 0, asked: .seconds(30)) == .seconds(30))
        retry.succeeded()
        #expect(retry.wait(random: .max).inSeconds <= 1)
        for _ in 0..<100 { #expect(retry.wait(random: .max) <= .seconds(10)) }
    }

    @Test("an object key has its parts in their order, and always type, partition and first offset")
    func keys() throws {
        let settings = KeySettings(prefix: "lake/raw", cluster: "eu", environment: "prod")
        let maker = KeyMaker(settings: settings, kind: .gcs, connector: "abc")
        let hour = Hour(of: Timestamp(seconds: 1_767_225_600))
        let key = maker.key(type: "users.X", edition: "2021", hour: hour, partition: PartitionID(2), first: Offset(77))
        #expect(
            key == "lake/raw/dataexport.eu.GCS.integration.abc/event_type=users.X/date=2026-01-01-00/version=2021/prod/"
                + "dataexport.eu.GCS.integration.abc+2+77.avro"
        )
        let system = maker.key(
            type: "courant.DeadLetter",
            edition: "",
            hour: Hour(number: 0),
            partition: PartitionID(0),
            first: Offset(0)
        )
        #expect(system.contains("/version=system/"))
        let short = KeyMaker(settings: KeySettings(parts: [.type]), kind: .local, connector: "abc")
        #expect(
            short.key(type: "users.X", edition: "v10", hour: hour, partition: PartitionID(0), first: Offset(0))
                == "event_type=users.X/dataexport.courant.Local.integration.abc+0+0.avro"
        )
    }

    @Test(
        "key settings that could lose or double a file are refused",
        arguments: [
            KeySettings(parts: [.root, .date]), KeySettings(parts: [.type, .type]), KeySettings(prefix: "a//b"),
            KeySettings(prefix: "/a"), KeySettings(prefix: "a/../b"), KeySettings(cluster: ""),
            KeySettings(cluster: "a/b"), KeySettings(environment: "a b"), KeySettings(environment: "ä"),
        ]
    )
    func refusedKeys(settings: KeySettings) {
        #expect(throws: DeliveryError.self) { try settings.validate() }
    }

    @Test("the checksum of two parts is that of the whole", arguments: [0, 1, 2, 511, 4_096, 100_003])
    func checksums(split: Int) {
        let bytes = (0..<100_003).map { UInt8(truncatingIfNeeded: $0 &* 7 ^ $0 >> 8) }
        var (whole, first, second) = (ChecksumStream(), ChecksumStream(), ChecksumStream())
        whole.add(bytes)
        first.add(Array(bytes[..<split]))
        second.add(Array(bytes[split...]))
        #expect(first.followed(by: second) == whole)
        var check = ChecksumStream()
        check.add(Array("123456789".utf8))
        #expect(check.crc32 == 0xCBF4_3926)
    }

    @Test("a plan's tag is recognised whatever its count, and no other plan's is")
    func tags() {
        let tag = PlanTag(
            journal: JournalID([UInt8](repeating: 1, count: 16)),
            connector: "c",
            partition: PartitionID(1),
            type: "users.X",
            first: Offset(10),
            last: Offset(19),
            count: 10
        )
        #expect(tag.padded.count == PlanTag.bytes)
        #expect(tag.isNamed(by: tag.padded))
        var fewer = tag
        fewer.count = 3
        #expect(tag.isNamed(by: fewer.padded))
        for change in [
            { $0.first = Offset(1) }, { $0.last = Offset(190) }, { $0.partition = PartitionID(11) },
            { $0.type = "users.Y" }, { $0.connector = "d" },
        ] as [(inout PlanTag) -> Void] {
            var other = tag
            change(&other)
            #expect(!tag.isNamed(by: other.padded))
        }
        #expect(!tag.isNamed(by: []))
    }
}

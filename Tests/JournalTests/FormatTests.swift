import Platform
import PlatformTesting
import Testing

@testable import Journal

@Suite("The journal's bytes")
struct FormatTests {
    private let id = JournalID((0..<16).map { UInt8($0) })
    private let secret = (16..<32).map { UInt8($0) }

    private func head() -> SegmentHead {
        SegmentHead(
            partition: PartitionID(2),
            journal: id,
            number: 7,
            firstOffset: Offset(1_000),
            firstSequence: 33,
            made: Timestamp(nanoseconds: 1_750_000_000_000_000_001),
            schemas: [JournalSchema(name: "a.B", edition: "2021", json: "{}", fingerprint: 0x0123_4567_89AB_CDEF)]
        )
    }

    private func header() -> FrameHeader {
        FrameHeader(
            partition: PartitionID(2),
            segment: 7,
            sequence: 33,
            firstOffset: Offset(1_000),
            time: Timestamp(nanoseconds: 1_750_000_000_000_000_002),
            recordCount: 2,
            payloadLength: 44,
            payloadChecksum: 0xAABB_CCDD,
            entries: [FrameHeader.Entry(schema: 0, count: 2)]
        )
    }

    private func trailer(sealLength: Int, sealChecksum: UInt32) -> SegmentTrailer {
        SegmentTrailer(
            partition: PartitionID(2),
            journal: id,
            number: 7,
            sealPosition: 8_192,
            sealLength: sealLength,
            sealChecksum: sealChecksum,
            frames: 1,
            firstOffset: Offset(1_000),
            nextOffset: Offset(1_002),
            nextSequence: 34,
            records: 2,
            firstTime: header().time,
            latestTime: header().time
        )
    }

    @Test("the golden meta")
    func meta() throws {
        let meta = JournalMeta(partitions: 3, id: id, secret: secret, made: Timestamp(nanoseconds: 5))
        #expect(
            Hex.text(meta.encoded())
                == "434f55524d4554410100000003000000000102030405060708090a0b0c0d0e0f1011121314151617"
                + "18191a1b1c1d1e1f0500000000000000d79720b8"
        )
        #expect(try JournalMeta.decode(meta.encoded(), path: "x") == meta)
    }

    @Test("the golden head")
    func headBytes() {
        let bytes = head().encoded()
        #expect(bytes.count == 4_096)
        #expect(
            Hex.text(bytes[..<105])
                == "434f55525345474d01000000001000000e5d995b02000000000102030405060708090a0b0c0d0e0f"
                + "0700000000000000e80300000000000021000000000000000100ef64ba3f49180100000019000000"
                + "efcdab89674523010300040002000000612e42323032317b7d"
        )
        #expect(bytes[105...].allSatisfy { $0 == 0 })
        #expect(SegmentHead(decoding: bytes) == head())
    }

    @Test("the golden frame header")
    func frameBytes() {
        let salt = JournalMeta(partitions: 3, id: id, secret: secret, made: Timestamp(nanoseconds: 5)).salt
        let bytes = header().encoded(salt: salt)
        #expect(
            Hex.text(bytes)
                == "434f55524652414d48000000778ea4ec07000000000000002100000000000000e803000000000000"
                + "0200ef64ba3f4918020000002c000000ddccbbaa020001000000000002000000"
        )
        #expect(FrameHeader(decoding: bytes, salt: salt) == header())
        #expect(FrameHeader(decoding: bytes, salt: salt ^ 1) == nil, "another journal's frame is none of ours")
    }

    @Test("the golden seal and trailer")
    func sealBytes() {
        var seal = SegmentSeal(schemas: 1)
        seal.add(header(), [RecordIdentity(high: 1, low: 2)])
        let bytes = seal.encoded(segment: 7)
        #expect(
            Hex.text(bytes)
                == "434f55525345414c0700000000000000010000000100000001000000000000000000000000000000"
                + "02000000000000000200ef64ba3f4918010000000200000001000000000000000200000000000000"
        )
        #expect(SegmentSeal(decoding: bytes, segment: 7) == seal)
        #expect(SegmentSeal(decoding: bytes, segment: 8) == nil)
        let trailer = trailer(sealLength: bytes.count, sealChecksum: Checksum.crc32(bytes))
        let block = trailer.encoded()
        #expect(block.count == 4_096)
        #expect(
            Hex.text(block[..<112])
                == "434f55525441494cec321bd402000000000102030405060708090a0b0c0d0e0f0700000000000000"
                + "0020000000000000500000000000000016f6742a01000000e803000000000000ea03000000000000"
                + "220000000000000002000000000000000200ef64ba3f49180200ef64ba3f4918"
        )
        #expect(SegmentTrailer(decoding: block) == trailer)
        #expect(trailer.fileLength == 8_192 + 8_192)
    }

    @Test("any flipped bit in head, frame header, trailer or meta is found")
    func flips() throws {
        let salt: UInt32 = 9
        let meta = JournalMeta(partitions: 3, id: id, secret: secret, made: Timestamp(nanoseconds: 5)).encoded()
        let head = head().encoded()
        let header = header().encoded(salt: salt)
        let random = SeededRandom(seed: 11)
        func flipped(_ bytes: [UInt8], _ bit: Int) -> [UInt8] {
            var bytes = bytes
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            return bytes
        }
        for bit in 0..<header.count * 8 { #expect(FrameHeader(decoding: flipped(header, bit), salt: salt) == nil) }
        for bit in 0..<meta.count * 8 {
            #expect(throws: JournalError.self) { try JournalMeta.decode(flipped(meta, bit), path: "x") }
        }
        for _ in 0..<500 {
            #expect(SegmentHead(decoding: flipped(head, random.next(below: head.count * 8))) == nil)
        }
    }

    @Test("found by fuzzing: numbers near the end of their range are believed of nothing, whatever its checksum")
    func endsOfRange() {
        let secret: UInt32 = 9
        /// Forged: the number at a place, then the checksum over what it covers.
        func forged(_ bytes: [UInt8], _ number: Int64, at place: Int, sum: Int, salt: UInt32 = 0) -> [UInt8] {
            var bytes = bytes
            bytes.set(littleEndian: number, at: place)
            let before = unsafe Checksum.crc32(bytes.span.bytes.extracting(0..<sum), after: salt)
            let whole = unsafe Checksum.crc32(bytes.span.bytes.extracting((sum + 4)..<bytes.count), after: before)
            bytes.set(littleEndian: whole, at: sum)
            return bytes
        }
        let header = header().encoded(salt: secret)
        for place in [24, 32] {
            #expect(FrameHeader(decoding: forged(header, 40, at: place, sum: 12, salt: secret), salt: secret) != nil)
            #expect(FrameHeader(decoding: forged(header, .max, at: place, sum: 12, salt: secret), salt: secret) == nil)
        }
        let head = head().encoded()
        for place in [48, 56] {
            #expect(SegmentHead(decoding: forged(head, 40, at: place, sum: 16)) != nil)
            #expect(SegmentHead(decoding: forged(head, .max, at: place, sum: 16)) == nil)
        }
        let trailer = trailer(sealLength: 80, sealChecksum: 1).encoded()
        for place in [40, 72, 80] {
            #expect(SegmentTrailer(decoding: forged(trailer, 1_000, at: place, sum: 8)) != nil)
            #expect(SegmentTrailer(decoding: forged(trailer, .max, at: place, sum: 8)) == nil)
        }
        #expect(SegmentName("p000-s9999999999999999.segment")?.number == SegmentName.numberMax)
        #expect(SegmentName("p000-s18446744073709551615.segment") == nil)
    }

    @Test("bytes of any kind decode to nothing, without a trap")
    func hostile() {
        let random = SeededRandom(seed: 12)
        for length in [0, 1, 63, 64, 79, 80, 4_095, 4_096, 8_192] {
            for magic in ["", "COURFRAM", "COURSEGM", "COURSEAL", "COURTAIL"] {
                let bytes = Array((Array(magic.utf8) + random.bytes(count: length)).prefix(length))
                #expect(FrameHeader(decoding: bytes, salt: 0) == nil)
                #expect(SegmentHead(decoding: bytes) == nil)
                #expect(SegmentSeal(decoding: bytes, segment: 7) == nil)
                #expect(SegmentTrailer(decoding: bytes) == nil)
                var records = RecordSequence(payload: bytes, firstOffset: .zero)
                while let record = records.next() { #expect(record.datum.upperBound <= bytes.count) }
            }
        }
    }

    @Test("a record that spells a frame of this journal is not taken for one")
    func forgedFrame() async throws {
        let world = JournalWorld()
        try await world.runAndCrash { journal in
            _ = try await journal.append(TestRecord.batch(0..<3), to: .first)
            // All that an attacker could know or guess; the checksum's start value is the journal's secret.
            let forged = FrameHeader(
                partition: .first,
                segment: 1,
                sequence: 3,
                firstOffset: Offset(500),
                time: world.clock.now(),
                recordCount: 1,
                payloadLength: 0,
                payloadChecksum: 0,
                entries: []
            ).encoded(salt: 0)
            var datum = TestRecord.datum(77, length: 8)
            while datum.count < 12_000 {
                datum.append(contentsOf: forged)
                // Every alignment that the block could have.
                datum.append(contentsOf: repeatElement(0, count: 64))
            }
            datum.removeLast(datum.count % 64)
            var batch = RecordBatch()
            RecordLayout.append(datum: datum, fingerprint: 0x3333, to: &batch.bytes)
            batch.entries = [
                RecordBatch.Entry(start: 0, length: UInt32(batch.bytes.count), schema: 2, identity: .none)
            ]
            _ = try await journal.append(batch, to: .first)
        }
        let name = try #require(try world.segments().last)
        world.files.rot(world.path(name), at: 2 * 4_096 + 10, [0xFF])
        try await world.run { journal async throws in
            #expect(journal.end(of: .first) == Offset(3))
            #expect(try await journal.readAll().losses.isEmpty)
        }
    }
}

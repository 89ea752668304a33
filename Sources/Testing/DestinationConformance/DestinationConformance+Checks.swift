internal import Avro
internal import Delivery
internal import Journal
internal import Platform

extension DestinationConformance {
    func landsWhole() async throws {
        let (object, bytes) = try await makeObject()
        let outcome = try await subject.makeDestination().land(object)
        try expect(outcome == .created, "the first landing answered \(outcome)")
        try await expectObjects([object.key: bytes], "after landing")
    }

    func landsOnce() async throws {
        let (object, bytes) = try await makeObject()
        let destination = try await subject.makeDestination()
        _ = try await destination.land(object)
        for again in [destination, try await subject.makeDestination()] {
            try await again.prepare()
            let outcome = try await again.land(object)
            try expect(outcome == .alreadyThere(.checksum), "landing again answered \(outcome)")
        }
        try await expectObjects([object.key: bytes], "after landing again")
    }

    func readsAndDeletes() async throws {
        let (object, bytes) = try await makeObject()
        let destination = try await subject.makeDestination()
        let nothing = try await destination.read(object.key, bytesMax: 100)
        try expect(nothing == nil, "something was read where nothing stands")
        _ = try await destination.land(object)
        let whole = try await destination.read(object.key, bytesMax: bytes.count + 1)
        try expect(whole == bytes, "other bytes were read than have landed")
        let part = try await destination.read(object.key, bytesMax: 5)
        try expect(part == Array(bytes.prefix(5)), "a bounded read gave \(part?.count ?? 0) bytes")
        for _ in 0..<2 {
            try await destination.delete(object.key)
            let gone = try await destination.read(object.key, bytesMax: 100)
            try expect(gone == nil, "what was deleted is still there")
        }
    }

    func recognisesPlan() async throws {
        let (object, bytes) = try await makeObject()
        _ = try await subject.makeDestination().land(object)
        let (other, _) = try await makeObject(body: [2, 4, 0, 0, 0], codec: .deflate(level: 1))
        let outcome = try await subject.makeDestination().land(other)
        try expect(outcome == .alreadyThere(.plan), "another making of the plan was answered with \(outcome)")
        try await expectObjects([object.key: bytes], "after another making")
    }

    func neverOverwrites() async throws {
        let (_, bytes) = try await makeObject()
        for foreign in [[], [1, 2, 3], [UInt8](repeating: 5, count: bytes.count)] {
            let key = "foreign-\(foreign.count)/" + Self.key
            try await subject.put(foreign: foreign, key: key)
            let (same, _) = try await makeObject(key: key)
            let error = try await failure(of: try await subject.makeDestination(), same, "over a foreign object")
            try expect(error.code == .conflict, "over a foreign object landing failed with \(error.code)")
            let found = try await subject.objects()[key]
            try expect(found == foreign, "a foreign object was changed")
        }
    }

    func tellsPlansApart() async throws {
        let (other, bytes) = try await makeObject(first: 18)
        _ = try await subject.makeDestination().land(other)
        let (object, _) = try await makeObject(first: 17)
        let error = try await failure(of: try await subject.makeDestination(), object, "over another plan's object")
        try expect(error.code == .conflict, "over another plan's object landing failed with \(error.code)")
        try await expectObjects([other.key: bytes], "after a conflict")
    }

    func refusesDamage() async throws {
        let (object, bytes) = try await makeObject(body: [UInt8](repeating: 3, count: 3 << 20))
        let destination = try await subject.makeDestination()
        let file = try platform.files.open(object.path, .readWrite)
        try file.write(at: object.size / 2, [99])
        try expect(
            try await failure(of: destination, object, "with a rotten staged file").code == .stagedFileDamaged,
            "a rotten staged file was not called damaged"
        )
        try file.truncate(to: object.size / 2)
        file.close()
        try expect(
            try await failure(of: destination, object, "with a short staged file").code == .stagedFileDamaged,
            "a short staged file was not called damaged"
        )
        try platform.files.remove(object.path)
        try expect(
            try await failure(of: destination, object, "without a staged file").code == .stagedFileDamaged,
            "a missing staged file was not called damaged"
        )
        try await expectObjects([:], "after damage")
        let (again, _) = try await makeObject(body: [UInt8](repeating: 3, count: 3 << 20))
        try expect(try await destination.land(again) == .created, "the file made again did not land")
        try await expectObjects([object.key: bytes], "after the file was made again")
    }

    func survivesCancellation() async throws {
        let (object, bytes) = try await makeObject(body: [UInt8](repeating: 3, count: 8 << 20))
        let destination = try await subject.makeDestination()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await destination.land(object) }
            group.cancelAll()
        }
        let between = try await subject.objects()
        try expect(
            between.isEmpty || between == [object.key: bytes],
            "a cancelled landing left something that is not whole"
        )
        let outcome = try await subject.makeDestination().land(object)
        try expect(
            outcome == (between.isEmpty ? .created : .alreadyThere(.checksum)),
            "after a cancelled landing the next one answered \(outcome)"
        )
        try await expectObjects([object.key: bytes], "after a cancelled landing and another")
    }

    func streamsLargeFiles() async throws {
        var body: [UInt8] = []
        body.reserveCapacity(20 << 20)
        for index in 0..<(20 << 20) { body.append(UInt8(truncatingIfNeeded: index &* 31)) }
        let (object, bytes) = try await makeObject(body: body)
        let outcome = try await subject.makeDestination().land(object)
        try expect(outcome == .created, "a large file was answered with \(outcome)")
        try await expectObjects([object.key: bytes], "after a large file")
    }

    func landsOnceUnderRace() async throws {
        let (object, bytes) = try await makeObject(body: [UInt8](repeating: 3, count: 1 << 20))
        let destinations = [try await subject.makeDestination(), try await subject.makeDestination()]
        let outcomes = try await withThrowingTaskGroup(of: LandingOutcome.self) { group in
            for destination in destinations {
                for _ in 0..<2 { group.addTask { try await destination.land(object) } }
            }
            var outcomes: [LandingOutcome] = []
            for try await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        let created = outcomes.count { $0 == .created }
        try expect(created == 1, "\(created) of \(outcomes.count) landings at one time made the object")
        try await expectObjects([object.key: bytes], "after a race")
    }

    func keepsPrefixes() async throws {
        var wanted: [String: [UInt8]] = [:]
        let destination = try await subject.makeDestination()
        for (index, prefix) in ["", "one/", "one/two/", "one/two.three/four_5-6=7/"].enumerated() {
            let (object, bytes) = try await makeObject(key: prefix + Self.key, first: Int64(index))
            wanted[object.key] = bytes
            _ = try await destination.land(object)
        }
        try await expectObjects(wanted, "after keys with prefixes")
    }

    func errorsCarryRemedies() async throws {
        let (object, bytes) = try await makeObject()
        for fault in try await subject.faults() {
            let destination = try await subject.makeDestination()
            try await fault.begin()
            let error = try await failure(of: destination, object, "under “\(fault.name)”")
            try expect(error.remedy == fault.remedy, "“\(fault.name)” got the remedy \(error.remedy): \(error)")
            try expect(!error.message.isEmpty, "“\(fault.name)” has no message")
            try await fault.end()
            try await expectObjects([:], "after “\(fault.name)”")
        }
        _ = try await subject.makeDestination().land(object)
        try await expectObjects([object.key: bytes], "when all faults are over")
    }
}

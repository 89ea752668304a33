internal import Journal
internal import Platform

/// What a test of a destination found, step by step, in words for people.
package struct DestinationTest: Sendable, Hashable {
    package struct Step: Sendable, Hashable {
        package enum Outcome: String, Sendable {
            case ok
            case failed
            /// It did not work and need not: delivery does without.
            case notNeeded = "not_needed"
        }

        package let name: String
        package let outcome: Outcome
        package let message: String
    }

    package private(set) var steps: [Step] = []

    package var isOK: Bool { steps.allSatisfy { $0.outcome != .failed } }

    mutating func add(_ name: String, _ message: String) { add(name, .ok, message) }

    mutating func add(_ name: String, _ outcome: Step.Outcome, _ message: String) {
        steps.append(Step(name: name, outcome: outcome, message: message))
    }
}

/// A made-up record of a type that a connector carries, as the journal would have it.
package struct TestRecord: Sendable, Hashable {
    package let fingerprint: UInt64
    package let datum: [UInt8]

    package init(fingerprint: UInt64, datum: [UInt8]) {
        self.fingerprint = fingerprint
        self.datum = datum
    }
}

extension Connector {
    /// Writes, reads back and deletes one small file beside the connector's own, under `<prefix>.test/`; of a stream
    /// it asks whether records could be delivered.
    ///
    /// With `events` each of the records is delivered, into a file of its own that stays. Cursors, plans and staged
    /// files are left alone, and what state the connector is in does not matter.
    package func test(
        _ records: [TestRecord],
        events: Bool,
        timeout: Duration
    ) async throws(DeliveryError) -> DestinationTest {
        let clock = context.platform.clock
        let outcome = await withTaskGroup(of: Result<DestinationTest, DeliveryError>.self) { group in
            group.addTask {
                do throws(DeliveryError) {
                    return .success(try await self.tested(records, events))
                } catch {
                    return .failure(error)
                }
            }
            group.addTask {
                try? await clock.sleep(for: timeout)
                var test = DestinationTest()
                test.add("answer", .failed, "\(self.destination.location) did not answer within \(timeout)")
                return .success(test)
            }
            let first = await group.next()
            group.cancelAll()
            return first
        }
        guard let outcome else { preconditionFailure("a group with tasks has a result") }
        return try outcome.get()
    }

    private func tested(_ records: [TestRecord], _ events: Bool) async throws(DeliveryError) -> DestinationTest {
        switch destination {
        case .objects(let store):
            return events ? try await sent(records, to: store) : try await probed(records, at: store)
        case .stream(let stream): return await tested(records, events, by: stream)
        }
    }

    private func probed(
        _ records: [TestRecord],
        at store: any ObjectDestination
    ) async throws(DeliveryError) -> DestinationTest {
        var test = DestinationTest()
        guard let object = try await firstObject(of: records) else {
            test.add("write", .failed, "none of the connector's event types can be made up")
            return test
        }
        await probe(object, at: store, &test)
        try await context.staging.remove([FilePath.name(of: object.path)])
        return test
    }

    private func probe(_ object: LandingObject, at store: any ObjectDestination, _ test: inout DestinationTest) async {
        do throws(DestinationError) {
            _ = try await store.land(object)
            test.add("write", "\(object.key), \(object.size) bytes")
        } catch {
            test.add("write", .failed, error.message)
            return
        }
        do throws(DestinationError) {
            let found = try await store.read(object.key, bytesMax: Int(object.size) + 1)
            var sum = ChecksumStream()
            sum.add(found ?? [])
            if found == nil {
                test.add("read", .failed, "it was written, and yet is not there")
            } else if sum.size != object.size || sum.checksum != object.checksum {
                test.add("read", .failed, "\(sum.size) bytes came back, and not those that were written")
            } else {
                test.add("read", "the same \(object.size) bytes came back")
            }
        } catch {
            test.add("read", .failed, error.message)
        }
        do throws(DestinationError) {
            try await store.delete(object.key)
            test.add("delete", "the file is gone again")
        } catch {
            test.add("delete", .notNeeded, "\(object.key) stays; delivery never deletes. \(error.message)")
        }
    }

    private func sent(
        _ records: [TestRecord],
        to store: any ObjectDestination
    ) async throws(DeliveryError) -> DestinationTest {
        var test = DestinationTest()
        for record in records {
            guard let object = try await object(of: record) else { continue }
            do throws(DestinationError) {
                _ = try await store.land(object)
                test.add(object.plan.type, object.key)
            } catch {
                test.add(object.plan.type, .failed, error.message)
            }
            try await context.staging.remove([FilePath.name(of: object.path)])
            if !test.isOK { break }
        }
        return test
    }

    private func firstObject(of records: [TestRecord]) async throws(DeliveryError) -> LandingObject? {
        for record in records { if let object = try await object(of: record) { return object } }
        return nil
    }

    /// A staged file with that one record, under a key that nothing else has.
    private func object(of record: TestRecord) async throws(DeliveryError) -> LandingObject? {
        let preview = preview(fingerprint: record.fingerprint, datum: record.datum)
        guard case .delivered(let type, let datum) = preview else { return nil }
        let (platform, now) = (context.platform, context.platform.clock.now())
        // No offset of the journal is as high as a time in nanoseconds.
        let first = Offset(now.nanoseconds &+ Int64(platform.random.next() % 1_000))
        let tag = PlanTag(
            journal: context.journal.id,
            connector: settings.id,
            partition: PartitionID(0),
            type: type.name,
            first: first,
            last: first,
            count: 1
        )
        var key = settings.key
        key.beside = "test"
        let keys = KeyMaker(settings: key, kind: settings.kind, connector: settings.id)
        let made = try await context.fileOfOne(
            datum,
            type,
            tag: tag,
            key: keys.key(
                type: type.name,
                edition: type.edition,
                hour: Hour(of: now),
                partition: tag.partition,
                first: first
            )
        )
        return LandingObject(
            key: made.key,
            size: made.size,
            checksum: made.checksum,
            plan: tag,
            path: context.staging.path(of: made.staged),
            platform: platform
        )
    }

    private func tested(
        _ records: [TestRecord],
        _ events: Bool,
        by stream: any StreamDestination
    ) async -> DestinationTest {
        var test = DestinationTest()
        do throws(DestinationError) {
            test.add("ask", try await stream.probe())
        } catch {
            test.add("ask", .failed, error.message)
        }
        guard events, test.isOK else { return test }
        // No record of the journal has such an offset, so no message's id is that of another.
        let first = Offset(context.platform.clock.now().nanoseconds)
        for (index, record) in records.enumerated() {
            let preview = preview(fingerprint: record.fingerprint, datum: record.datum)
            guard case .delivered(let type, let datum) = preview else { continue }
            var batch = StreamBatch(partition: PartitionID(0), types: [type])
            batch.bytes = datum
            batch.records = [StreamBatch.Record(offset: first + index, type: 0, datum: 0..<datum.count)]
            do throws(DestinationError) {
                let outcome = try await stream.deliver(batch)
                if let refusal = outcome.refused.first {
                    test.add(type.name, .failed, refusal.reason)
                } else {
                    test.add(type.name, "delivered")
                }
            } catch {
                test.add(type.name, .failed, error.message)
                break
            }
        }
        return test
    }
}

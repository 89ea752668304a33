internal import Avro
internal import Intake
internal import Platform
internal import Synchronization

/// One that sends events and sends again what it has not heard of.
///
/// It outlives the service: what it does not know at the end of one life it asks in the next.
final class Sender: Sendable {
    /// What is on its way or to be sent again, with the events' ids in their order.
    private struct Batch: Sendable {
        let number: Int
        var events: [SentEvents.Event]
        var format: SourceSettings.Format
    }

    let number: Int
    private let world: World
    private let events: SentEvents
    private let scenario: Scenario
    private let dice: Dice
    /// Whether it packs some of its bodies.
    private let isPacking: Bool
    private let unanswered = Mutex<[Batch]>([])
    private let failures = Mutex<[String]>([])
    private let made = Mutex(0)

    private let tally: SourceTally

    init(_ number: Int, _ world: World, _ scenario: Scenario, _ events: SentEvents, _ tally: SourceTally) {
        self.number = number
        self.world = world
        self.scenario = scenario
        self.events = events
        self.tally = tally
        dice = Dice(seed: world.seed, for: 100 + UInt64(number))
        // What a packed body holds besides its text only the service can say.
        isPacking = Dice(seed: world.seed, for: 200 + UInt64(number)).chance(250) && scenario.inFlightBytes == nil
    }

    var isDone: Bool { unanswered.withLock { $0.isEmpty } }
    /// What the service has said that it may not say.
    var complaints: [String] { failures.withLock { $0 } }

    /// Asks no more for what is unanswered.
    func giveUp() {
        unanswered.withLock { $0 = [] }
    }

    /// Sends so many new requests, and what is still unanswered; returns when all is answered or the task cancelled.
    func send(_ requests: Int, to intake: Intake, pause: ClosedRange<Duration>) async {
        var left = requests
        while left > 0 || !isDone {
            guard (try? await world.clock.sleep(for: dice.duration(pause))) != nil else { return }
            let again = unanswered.withLock { $0.isEmpty || left > 0 && dice.chance(500) ? nil : $0.removeFirst() }
            if again == nil { left -= 1 }
            let batch = again ?? makeBatch()
            // Until it is answered it is unanswered: the process may end any time.
            unanswered.withLock { $0.append(batch) }
            await ask(batch, intake)
            if world.weather.isOver { return }
        }
    }

    /// Sends a batch, sometimes over two connections at once.
    private func ask(_ batch: Batch, _ intake: Intake) async {
        let isDoubled = dice.chance(scenario.repeats)
        let longest = scenario.isHasty ? Duration.nanoseconds(1) : .milliseconds(5)
        let pause = dice.duration(.nanoseconds(1)...longest)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.send(batch, to: intake) }
            guard isDoubled else { return }
            group.addTask {
                try? await self.world.clock.sleep(for: pause)
                await self.send(batch, to: intake)
            }
        }
    }

    /// Sends a batch; it is unanswered no more once somebody has heard an answer.
    private func send(_ batch: Batch, to intake: Intake) async {
        let answer = await answer(batch, intake)
        let told = Told(answer, of: batch)
        if let told { tally.told(told.numbers) }
        if answer.status == 503, scenario.diskBudget != nil {
            try? await world.clock.sleep(for: .seconds(answer.retryAfter ?? 1))
        }
        // Between the service and the sender an answer can be lost too.
        guard !world.weather.isOver, !dice.chance(scenario.repeats / 4), heed(answer, told, of: batch) else { return }
        unanswered.withLock { $0.removeAll { $0.number == batch.number } }
    }

    private func answer(_ batch: Batch, _ intake: Intake) async -> IntakeAnswer {
        let body: String
        switch batch.format {
        case .events:
            body =
                batch.events.count == 1 && dice.chance(300)
                ? batch.events[0].flat : "[\(batch.events.map(\.flat).joined(separator: ","))]"
        case .currents: body = "{\"events\":[\(batch.events.map(\.enveloped).joined(separator: ","))]}"
        }
        let encoding = isPacking ? dice.pick(PackedBody.encodings) : nil
        tally.asked(batch.events.count, bytes: body.utf8.count)
        func ask() async -> IntakeAnswer {
            await intake.answer(
                IntakeRequest(
                    source: "default",
                    format: batch.format,
                    contentType: "application/json",
                    contentEncoding: encoding,
                    body: PackedBody.pack(Array(body.utf8), encoding)
                )
            )
        }
        let answer = await ask()
        if world.variant == .miscountsSource, answer.status == 422 { _ = await ask() }
        return answer
    }

    /// Takes an answer to heart; false if the request is to be sent again.
    private func heed(_ answer: IntakeAnswer, _ told: Told?, of batch: Batch) -> Bool {
        world.weather.note("an answer is heard:", "sender \(number): \(answer.status)")
        switch answer.status {
        case 200, 207, 422: break
        case 503: return false
        default:
            complain("sender \(number) was answered \(answer.status): \(String(decoding: answer.body, as: UTF8.self))")
            return true
        }
        guard let told else {
            complain("an answer cannot be read: \(String(decoding: answer.body, as: UTF8.self))")
            return true
        }
        let numbers = told.numbers
        if numbers.accepted + numbers.duplicates + numbers.setAside + numbers.rejected != numbers.events {
            complain("of \(batch.events.count) events the answer tells \(String(decoding: answer.body, as: UTF8.self))")
        }
        for (index, event) in batch.events.enumerated() {
            let isRefused = batch.format == .currents ? event.isBad : told.rejected.contains(Int64(index))
            if isRefused != event.isBad {
                complain("\(event.id) is \(event.isBad ? "bad" : "good"), and the answer says otherwise")
            }
            events.settle(event.id, isRefused ? .refused : .acknowledged)
        }
        return true
    }

    /// What an answer says of a batch's events.
    private struct Told {
        let numbers: SourceTally.Answer
        /// The places of those that are rejected.
        let rejected: [Int64]

        /// Nil where it takes nothing, or cannot be read.
        init?(_ answer: IntakeAnswer, of batch: Batch) {
            guard [200, 207, 422].contains(answer.status),
                let json = try? JSONValue(parsing: String(decoding: answer.body, as: UTF8.self)),
                let accepted = json["accepted"]?.integer, let duplicates = json["duplicates"]?.integer
            else { return nil }
            let others = json["also_rejected"]?.array ?? []
            let named = (json["rejected"]?.array ?? []).map { $0["index"] ?? .null }
            rejected = (named + others).compactMap(\.integer)
            numbers = SourceTally.Answer(
                events: batch.events.count,
                accepted: Int(accepted),
                duplicates: Int(duplicates),
                rejected: rejected.count,
                setAside: Int(json["set_aside"]?.integer ?? 0)
            )
        }
    }

    private func complain(_ what: String) {
        failures.withLock { $0.append(what) }
    }

    // MARK: - Making events

    private func makeBatch() -> Batch {
        let request = events.beginRequest()
        var batch = Batch(number: request, events: [], format: dice.chance(250) ? .currents : .events)
        for _ in 0..<dice.number(1...dice.pick(scenario.batches)) {
            if dice.chance(scenario.repeats), let known = events.some(dice, acknowledged: true) {
                batch.events.append(known)
            } else {
                let event = makeEvent(request)
                events.add(event)
                batch.events.append(event)
            }
        }
        return batch
    }

    private func makeEvent(_ request: Int) -> SentEvents.Event {
        let serial = made.withLock { made in
            made += 1
            return made
        }
        let type = dice.pick(Scenario.sentTypes)
        let isBad = dice.chance(scenario.badEvents)
        let isPoison = dice.chance(scenario.poison)
        let id = "s\(number)-\(serial)\(isPoison ? SentEvents.poisonEnding : "")"
        if isPoison { world.elsewhere.refuse(id) }
        let time = world.clock.truth.now().seconds
        let user = "u\(dice.number(1...9))"
        let isCustom = type == "users.behaviors.CustomEvent"
        var content = ["id": id, "user_id": user, "time": "\(time)"]
        var fields: String
        if isCustom {
            (content["name"], content["properties"]) = ("n\(dice.number(1...3))", "{\"a\":1}")
            fields = "\"name\":\"\(content["name"] ?? "")\""
        } else {
            content["email_address"] = "\(user)@example.com"
            fields = "\"email_address\":\"\(user)@example.com\""
        }
        var typeName = type
        if isBad, world.variant != .acceptsRejected {
            switch dice.number(0...2) {
            case 0: typeName = "users.messages.pigeon.Send"
            case 1: fields = "\"name\":7,\"email_address\":7"
            default: fields = "\"nothing\":1"
            }
        }
        if dice.chance(scenario.longEvents.perMille) {
            let long = String(repeating: "x", count: dice.number(1...scenario.longEvents.bytes))
            // No field of the other type: it is left out there.
            if !isCustom { content["campaign_name"] = long }
            fields += ",\"campaign_name\":\"\(long)\""
        }
        // One JSON text in the flat form, an object in the envelope.
        let hasOwn = isCustom && !isBad
        let ownText = hasOwn ? ",\"properties\":\"{\\\"a\\\":1}\"" : ""
        let ownObject = hasOwn ? ",\"custom_properties\":{\"a\":1}" : ""
        return SentEvents.Event(
            id: id,
            type: type,
            isBad: isBad,
            request: request,
            fields: content,
            flat: """
                {"event_type":"\(typeName)","id":"\(id)","user_id":"\(user)","time":\(time),\(fields)\(ownText)}
                """,
            enveloped: """
                {"event_type":"\(typeName)","id":"\(id)","time":\(time),"user":{"user_id":"\(user)"},\
                "properties":{\(fields)\(ownObject)}}
                """
        )
    }
}

import Avro
import Glossary
import Intake

/// What handling a report came to, before the journal has seen it.
struct Handled: Sendable {
    /// The report's own events; nil where it has none to be journalled.
    var own: MadeEvents?
    var items = 0
    /// Dead letters, and events that follow from the report.
    var others: [MadeEvents] = []
    var rejected: [ItemRejection] = []
    var messages: [TrackAnswer.Message] = []
    /// Answers of push services that make no event, by item.
    var withoutEvent: [TrackAnswer.Outcome] = []
    /// Items whose message is not known yet.
    var waiting = 0
    /// Items that are remembered for what their provider will say.
    var context = 0
    /// Events that were made before.
    var repeats = 0
    /// Events of the report itself that are made now.
    var events = 0
    var changedDefinitions = false

    /// Whether nothing of the report was taken.
    var isRefused: Bool { items > 0 && rejected.count == items }
}

extension Turn {
    /// Handles a report that has not been handled before.
    mutating func handle(_ report: TrackReport) throws(TrackingError) -> Handled {
        var handled = Handled(items: report.items)
        switch report {
        case .sends(let report): try handle(report, &handled)
        case .interactions(let items):
            let occurrences = items.enumerated().map { index, entry in
                Occurrence(index, entry.kind.type, entry.item, id("interaction", index))
            }
            try handle(occurrences, &handled)
        case .pushResults(let items): try handle(items, &handled)
        case .entries(let items): try handle(items, "users.canvas.Entry", &handled)
        case .enrolments(let items): try handle(items, Self.enrolmentType, &handled)
        case .behaviours(let items): try handle(items, &handled)
        case .subscriptions(let items): try handleSubscriptions(items, &handled)
        case .users(let entries): for entry in entries { try put(entry) }
        case .forget(let userID): try forget(userID)
        case .define(let definition): handled.changedDefinitions = try define(definition)
        case .undefine(let kind, let id): handled.changedDefinitions = undefine(kind, id)
        case .provider(let name, let reports, let strange):
            for report in reports { try handle(report, from: name) }
            handled.waiting = parked
            for part in strange { try setAside(part, from: name) }
        }
        handled.others += takeConsequences()
        handled.repeats += repeats
        return handled
    }

    /// The id of what an item of the report makes.
    private func id(_ domain: String, _ index: Int) -> String {
        TrackingIDs.id(domain, source.name, key, "\(index)")
    }

    /// A part that nothing could be made of becomes one dead letter, however often its provider repeats it.
    private mutating func setAside(_ part: TrackReport.StrangePart, from provider: String) throws(TrackingError) {
        guard try !isRepeat(["strange \(provider) \(String(decoding: part.raw, as: UTF8.self))"]) else { return }
        add(
            intake.setAside(
                part.raw,
                for: source.name,
                code: "webhook_strange",
                message: "\(provider): \(part.message)"
            )
        )
    }

    // MARK: - Sends

    private mutating func handle(_ report: SendReport, _ handled: inout Handled) throws(TrackingError) {
        handled.rejected = complaints(report)
        let refused = Set(handled.rejected.map(\.index))
        var (drafts, messages) = try drafts(of: report)
        drafts.removeAll { refused.contains($0.index) }
        let made = try made(drafts)
        let rejected = note(made, drafts, &handled).union(refused)
        messages.removeAll { rejected.contains($0.index) }
        handled.messages = messages.map { message in
            TrackAnswer.Message(
                index: message.index,
                messageID: message.context.messageID,
                dispatchID: message.context.fields.string("dispatch_id")
            )
        }
        let isOwn = makesSends(report.channel)
        handled.events = isOwn ? messages.count : 0
        handled.context = isOwn ? 0 : messages.count
        if isOwn { handled.own = made }
        try remember(messages, of: report)
    }

    // MARK: - Interactions and results of pushes

    /// Something that an item of a report says has happened to a message.
    private struct Occurrence {
        let index: Int
        let type: String
        let item: ReportItem
        let id: String

        init(_ index: Int, _ type: String, _ item: ReportItem, _ id: String) {
            self.index = index
            self.type = type
            self.item = item
            self.id = id
        }

        var isSend: Bool { type.hasSuffix(".Send") }
    }

    private mutating func handle(
        _ occurrences: [Occurrence],
        _ handled: inout Handled
    ) throws(TrackingError) {
        var drafts: [Draft] = []
        var happenings: [Int: (Happening, Fields, MessageContext?)] = [:]
        var sends: Set<String> = []
        for one in occurrences {
            let happening = Happening(
                type: one.type,
                id: one.id,
                time: one.item.time ?? arrived,
                fields: one.item.fields,
                messageID: one.item.messageID
            )
            guard type(one.type) != nil else {
                handled.rejected.append(untyped(one.index, one.type))
                continue
            }
            if let breach = breach(one.item.fields, at: happening.time, of: one.index) {
                handled.rejected.append(breach)
                continue
            }
            // One Send for each message, in however many reports.
            if one.isSend {
                let isMade = try seen(ids.head("event", one.id)) != nil
                guard sends.insert(one.id).inserted, !isMade else {
                    repeats += 1
                    continue
                }
            }
            let context = try message(of: happening)
            if let complaint = context.flatMap({ complaint(one, of: $0) }) {
                handled.rejected.append(complaint)
                continue
            }
            if one.item.messageID != nil, context == nil, settings.overtake > .zero {
                try wait(happening, one.index, &handled)
                continue
            }
            let fields = try completed(happening, context)
            guard
                let draft = draft(happening.type, id: happening.id, time: happening.time, fields, index: one.index)
            else { continue }
            drafts.append(draft)
            happenings[one.index] = (happening, fields, context)
        }
        let made = try made(drafts)
        let rejected = note(made, drafts, &handled)
        handled.own = made
        for draft in drafts where !rejected.contains(draft.index) {
            guard let (happening, fields, context) = happenings[draft.index] else { continue }
            handled.events += 1
            if happening.type.hasSuffix(".Send") { noteMade(happening.id) }
            try follow(happening, fields, context)
        }
    }

    /// Why what an item says cannot have happened to the message that it names.
    private func complaint(_ one: Occurrence, of message: MessageContext) -> ItemRejection? {
        guard message.mayHave(one.type) else {
            let text = "message \(message.messageID) is one of \(message.sendType), which has no \(one.type)"
            return ItemRejection(one.index, "message_of_other_channel", "message_id", text)
        }
        return breach(one.item.fields, of: message, one.index)
    }

    /// Lets an item wait for its message, unless it could never be an event.
    private mutating func wait(
        _ happening: Happening,
        _ index: Int,
        _ handled: inout Handled
    ) throws(TrackingError) {
        if let rejection = try complaint(happening) {
            handled.rejected.append(ItemRejection(index, rejection.code, rejection.field, rejection.message))
            return
        }
        handled.waiting += 1
        if happening.type.hasSuffix(".Send") { noteMade(happening.id) }
        try happen(happening)
    }

    private mutating func handle(_ items: [PushResultItem], _ handled: inout Handled) throws(TrackingError) {
        var occurrences: [Occurrence] = []
        for (index, entry) in items.enumerated() {
            switch entry.result {
            case .sent:
                // The report of the send has made its Send already, or will.
                let message = try entry.item.messageID.flatMap { (id) throws(TrackingError) in try context(id) }
                guard message.map({ $0.origin != .reported }) ?? (source.sends == .provider) else {
                    handled.withoutEvent.append(.init(index: index, outcome: "reported", reason: nil))
                    continue
                }
                let id = entry.item.messageID.map(Self.sendID) ?? id("push-result", index)
                occurrences.append(Occurrence(index, SendReport.Channel.push.sendType, entry.item, id))
            case .bounced:
                let type = "users.messages.pushnotification.Bounce"
                occurrences.append(Occurrence(index, type, entry.item, id("push-result", index)))
            case .retry:
                metrics.countPush(entry.service.rawValue, "retry")
                handled.withoutEvent.append(.init(index: index, outcome: "retry", reason: nil))
            case .fault(let reason):
                metrics.countPush(entry.service.rawValue, "fault")
                handled.withoutEvent.append(.init(index: index, outcome: "fault", reason: reason))
            }
        }
        try handle(occurrences, &handled)
    }

    // MARK: - Entries, enrolments, behaviours, subscriptions

    private static let enrolmentType = "users.campaigns.EnrollInControl"

    private mutating func handle(
        _ items: [ReportItem],
        _ typeName: String,
        _ handled: inout Handled
    ) throws(TrackingError) {
        var drafts: [Draft] = []
        var entered: [Int: (Fields, String, Int64)] = [:]
        for (index, item) in items.enumerated() {
            let time = item.time ?? arrived
            var fields = try known(item.fields)
            if let canvas = fields.string("canvas_id"), fields["in_control_group"] == nil {
                let variation = fields.string("canvas_variation_id")
                let isControl = variation.flatMap { book.canvas(canvas, at: time)?.variation($0)?.isControl }
                fields["in_control_group"] = isControl.map(JSONValue.boolean)
            }
            if fields["send_id"] == nil, let campaign = fields.string("campaign_id") {
                fields.set("send_id", book.campaign(campaign, at: time)?.sendID)
            }
            let isEnrolment = typeName == Self.enrolmentType
            let isUndecided = !isEnrolment && fields["in_control_group"] == nil
            if let breach = breach(fields, at: time, of: index, isEnrolment: isEnrolment, isStrict: isUndecided) {
                handled.rejected.append(breach)
                continue
            }
            let id = id("entry", index)
            guard var draft = draft(typeName, id: id, time: time, fields, index: index) else {
                handled.rejected.append(untyped(index, typeName))
                continue
            }
            // The name of an entry's step is always null (statement 16).
            if typeName == "users.canvas.Entry" { draft = draft.without("canvas_step_name") }
            drafts.append(draft)
            entered[index] = (fields, id, time)
        }
        let made = try made(drafts)
        let rejected = note(made, drafts, &handled)
        handled.own = made
        for (index, entry) in entered.sorted(by: { $0.key < $1.key }) where !rejected.contains(index) {
            handled.events += 1
            enter(entry.0, id: entry.1, time: entry.2)
        }
    }

    private mutating func handle(_ items: [Behaviour], _ handled: inout Handled) throws(TrackingError) {
        var drafts: [Draft] = []
        for (index, behaviour) in items.enumerated() {
            let fields = try known(behaviour.item.fields)
            let time = behaviour.item.time ?? arrived
            let type = behaviour.kind.type
            if let draft = draft(type, id: id("behaviour", index), time: time, fields, index: index) {
                drafts.append(draft)
            } else {
                handled.rejected.append(untyped(index, type))
            }
        }
        let made = try made(drafts)
        let rejected = note(made, drafts, &handled)
        handled.own = made
        for draft in drafts where !rejected.contains(draft.index) {
            handled.events += 1
            let behaviour = items[draft.index]
            guard let deed = behaviour.deed else { continue }
            let time = behaviour.item.time ?? arrived
            try convert(try known(behaviour.item.fields), by: deed, at: time)
        }
    }

    private mutating func handleSubscriptions(
        _ items: [ReportItem],
        _ handled: inout Handled
    ) throws(TrackingError) {
        for (index, item) in items.enumerated() {
            var fields = try known(item.fields)
            if let complaint = Self.complaint(subscription: fields, index) {
                handled.rejected.append(complaint)
                continue
            }
            guard try isChange(fields) else {
                handled.withoutEvent.append(.init(index: index, outcome: "unchanged", reason: nil))
                continue
            }
            let time = item.time ?? arrived
            if fields["channel"] == nil, let group = fields.string("subscription_group_id") {
                fields.set("channel", book.group(group, at: time)?.channel.rawValue)
            }
            let id = id("subscription", index)
            guard let draft = draft(Self.changeType, id: id, time: time, fields, index: index) else {
                handled.rejected.append(untyped(index, Self.changeType))
                continue
            }
            // One by one: each is a change of what the one before has set.
            guard let made = try made([draft]) else { continue }
            handled.others.append(made)
            guard note(made, [draft], &handled).isEmpty else { continue }
            handled.events += 1
            noteState(fields)
        }
    }

    private static func complaint(subscription fields: Fields, _ index: Int) -> ItemRejection? {
        guard fields.string("subscription_group_id") != nil, userKey(fields) != nil else {
            let field = fields["subscription_group_id"] == nil ? "subscription_group_id" : "user_id"
            let message = "a change names a subscription_group_id, and a user_id or an external_user_id"
            return ItemRejection(index, "field_missing", field, message)
        }
        guard let status = fields.string("subscription_status"), ["Subscribed", "Unsubscribed"].contains(status)
        else {
            let message = "subscription_status is Subscribed or Unsubscribed"
            return ItemRejection(index, "status_unknown", "subscription_status", message)
        }
        return nil
    }

    // MARK: - Definitions

    private mutating func define(_ definition: Definition) throws(TrackingError) -> Bool {
        let from = begin(definition.kind, definition.id)
        do throws(DefinitionError) {
            try book.check(definition, from: from)
        } catch {
            throw TrackingError(.report, "\(error)")
        }
        if let rule = definition.conversions.first(where: { $0.window > settings.keep }) {
            let (window, keep) = (rule.window.components.seconds, settings.keep.components.seconds)
            throw TrackingError(
                .report,
                "conversions have a window of \(window) s, longer than receipts are kept: tracking.keep is \(keep) s"
            )
        }
        guard book.put(definition, from: from) else { return false }
        putVersion(StoredVersion(definition.kind, id: definition.id, from: from, json: definition.json))
        return true
    }

    private mutating func undefine(_ kind: Definition.Kind, _ id: String) -> Bool {
        let from = begin(kind, id)
        guard book.remove(kind, id: id, from: from) else { return false }
        putVersion(StoredVersion(kind, id: id, from: from, json: .null))
        return true
    }

    /// When a new version begins: now, but not before the latest where the clock was put back.
    private func begin(_ kind: Definition.Kind, _ id: String) -> Int64 { max(now, book.latest(kind, id: id) ?? now) }

    private mutating func putVersion(_ version: StoredVersion) {
        // The same letters in other bytes are the same id, and its versions stand in one place.
        let id = book.spelling(version.kind, of: version.id)
        let head = ids.head("definition", version.kind.rawValue, id)
        view.put(.definitions, head, "\(version.from)", version.text)
    }

    // MARK: -

    /// Notes which items intake rejects, and answers them.
    private func note(_ made: MadeEvents?, _ drafts: [Draft], _ handled: inout Handled) -> Set<Int> {
        var rejected: Set<Int> = []
        for rejection in made?.rejections ?? [] where rejection.index < drafts.count {
            let index = drafts[rejection.index].index
            rejected.insert(index)
            handled.rejected.append(ItemRejection(index, rejection.code, rejection.field, rejection.message))
        }
        return rejected
    }

    private func untyped(_ index: Int, _ type: String) -> ItemRejection {
        ItemRejection(index, "event_type_unknown", nil, "edition \(source.edition.name) has no event type \(type)")
    }
}

extension Draft {
    func without(_ field: String) -> Draft {
        guard case .object(let members) = event else { return self }
        return Draft(id: id, event: .object(members.filter { $0.key != field }), index: index)
    }
}

extension SendReport.Channel {
    /// Whether somebody else reports what became of a message: a provider's webhook, or a push service's answer.
    var hasProvider: Bool {
        switch self {
        case .email, .push, .sms: true
        case .webhook, .contentCard: false
        }
    }
}

extension Behaviour {
    /// What it is as a conversion's deed; nil where it can be none.
    var deed: Deed? {
        switch kind {
        case .customEvent: item.fields.string("name").map { .customEvent(name: $0, properties: properties) }
        case .purchase:
            item.fields.string("product_id").map {
                .purchase(product: $0, price: JSONNumber.double(item.fields["price"]) ?? 0)
            }
        case .sessionStart, .firstSession: .session
        default: nil
        }
    }
}

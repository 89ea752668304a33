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
    /// Events that were made before.
    var repeats = 0
    var changedDefinitions = false
}

extension Turn {
    /// Handles a report; a repeat of one that has been handled changes nothing and is answered in the same words.
    mutating func handle(_ report: TrackReport, isRepeat: Bool) throws(TrackingError) -> Handled {
        var handled = Handled(items: report.items)
        switch report {
        case .sends(let report): try handle(report, isRepeat, &handled)
        case .interactions(let items):
            try handle(items.map { ($0.kind.type, $0.item) }, isRepeat, &handled) { ("interaction", $0) }
        case .pushResults(let items): try handle(items, isRepeat, &handled)
        case .entries(let items): try handle(items, "users.canvas.Entry", isRepeat, &handled)
        case .enrolments(let items): try handle(items, "users.campaigns.EnrollInControl", isRepeat, &handled)
        case .behaviours(let items): try handle(items, isRepeat, &handled)
        case .subscriptions(let items): try handleSubscriptions(items, isRepeat, &handled)
        case .users(let entries): for entry in entries { try put(entry) }
        case .forget(let userID): try forget(userID)
        case .define(let definition): handled.changedDefinitions = try define(definition)
        case .undefine(let kind, let id): handled.changedDefinitions = undefine(kind, id)
        case .provider(let name, let reports, let strange):
            for report in reports { try handle(report, from: name) }
            for part in strange {
                let message = "\(name): \(part.message)"
                handled.others.append(
                    intake.setAside(part.raw, for: source.name, code: "webhook_strange", message: message)
                )
            }
        }
        if !isRepeat { handled.others += try takeConsequences() }
        handled.repeats += repeats
        return handled
    }

    // MARK: - Sends

    private mutating func handle(
        _ report: SendReport,
        _ isRepeat: Bool,
        _ handled: inout Handled
    ) throws(TrackingError) {
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
        guard !isRepeat else { return noteRepeat(made, &handled) }
        if source.sends == .reported || !report.channel.hasProvider { handled.own = made }
        try remember(messages, of: report)
    }

    // MARK: - Interactions and results of pushes

    private mutating func handle(
        _ items: [(type: String, item: ReportItem)],
        _ isRepeat: Bool,
        _ handled: inout Handled,
        id: (Int) -> (String, Int)
    ) throws(TrackingError) {
        var drafts: [Draft] = []
        var happenings: [(Happening, Fields, MessageContext?)] = []
        for (index, entry) in items.enumerated() {
            let (domain, number) = id(index)
            let happening = Happening(
                type: entry.type,
                id: TrackingIDs.id(domain, source.name, key, "\(number)"),
                time: entry.item.time ?? arrived,
                fields: entry.item.fields,
                messageID: entry.item.messageID
            )
            guard type(entry.type) != nil else {
                handled.rejected.append(untyped(index, entry.type))
                continue
            }
            let context = try context(of: happening)
            if entry.item.messageID != nil, context == nil, settings.overtake > .zero {
                handled.waiting += 1
                if !isRepeat { try happen(happening) }
                continue
            }
            let fields = try completed(happening, context)
            if let draft = draft(happening.type, id: happening.id, time: happening.time, fields, index: index) {
                drafts.append(draft)
            }
            happenings.append((happening, fields, context))
        }
        let made = try made(drafts)
        let rejected = note(made, drafts, &handled)
        guard !isRepeat else { return noteRepeat(made, &handled) }
        handled.own = made
        for (draft, (happening, fields, context)) in zip(drafts, happenings) where !rejected.contains(draft.index) {
            try follow(happening, fields, context)
        }
    }

    private mutating func handle(
        _ items: [PushResultItem],
        _ isRepeat: Bool,
        _ handled: inout Handled
    ) throws(TrackingError) {
        var events: [(type: String, item: ReportItem)] = []
        var places: [Int] = []
        for (index, entry) in items.enumerated() {
            switch entry.result {
            case .sent:
                // The report of the send has made its Send already, or will.
                if source.sends == .reported, entry.item.messageID != nil {
                    handled.withoutEvent.append(.init(index: index, outcome: "reported", reason: nil))
                    continue
                }
                events.append((SendReport.Channel.push.sendType, entry.item))
            case .bounced: events.append(("users.messages.pushnotification.Bounce", entry.item))
            case .retry:
                if !isRepeat { metrics.countPush(entry.service.rawValue, "retry") }
                handled.withoutEvent.append(.init(index: index, outcome: "retry", reason: nil))
                continue
            case .fault(let reason):
                if !isRepeat { metrics.countPush(entry.service.rawValue, "fault") }
                handled.withoutEvent.append(.init(index: index, outcome: "fault", reason: reason))
                continue
            }
            places.append(index)
        }
        let before = handled.rejected.count
        try handle(events, isRepeat, &handled) { ("push-result", places[$0]) }
        for place in before..<handled.rejected.count {
            handled.rejected[place].index = places[handled.rejected[place].index]
        }
    }

    // MARK: - Entries, enrolments, behaviours, subscriptions

    private mutating func handle(
        _ items: [ReportItem],
        _ typeName: String,
        _ isRepeat: Bool,
        _ handled: inout Handled
    ) throws(TrackingError) {
        var drafts: [Draft] = []
        var entered: [Int: (Fields, String, Int64)] = [:]
        for (index, item) in items.enumerated() {
            let time = item.time ?? arrived
            let id = TrackingIDs.id("entry", source.name, key, "\(index)")
            var fields = try known(item.fields)
            if let canvas = fields.string("canvas_id"), fields["in_control_group"] == nil {
                let variation = fields.string("canvas_variation_id")
                let isControl = variation.flatMap { book.canvas(canvas, at: time)?.variation($0)?.isControl }
                fields["in_control_group"] = isControl.map(JSONValue.boolean)
            }
            if fields["send_id"] == nil, let campaign = fields.string("campaign_id") {
                fields.set("send_id", book.campaign(campaign, at: time)?.sendID)
            }
            guard var draft = draft(typeName, id: id, time: time, fields, index: index) else { continue }
            // The name of an entry's step is always null (statement 16).
            if typeName == "users.canvas.Entry" { draft = draft.without("canvas_step_name") }
            drafts.append(draft)
            entered[index] = (fields, id, time)
        }
        let made = try made(drafts)
        let rejected = note(made, drafts, &handled)
        guard !isRepeat else { return noteRepeat(made, &handled) }
        handled.own = made
        for (index, entry) in entered.sorted(by: { $0.key < $1.key }) where !rejected.contains(index) {
            enter(entry.0, id: entry.1, time: entry.2)
        }
    }

    private mutating func handle(
        _ items: [Behaviour],
        _ isRepeat: Bool,
        _ handled: inout Handled
    ) throws(TrackingError) {
        var drafts: [Draft] = []
        for (index, behaviour) in items.enumerated() {
            let id = TrackingIDs.id("behaviour", source.name, key, "\(index)")
            let fields = try known(behaviour.item.fields)
            let time = behaviour.item.time ?? arrived
            if let draft = draft(behaviour.kind.type, id: id, time: time, fields, index: index) {
                drafts.append(draft)
            } else {
                handled.rejected.append(untyped(index, behaviour.kind.type))
            }
        }
        let made = try made(drafts)
        let rejected = note(made, drafts, &handled)
        guard !isRepeat else { return noteRepeat(made, &handled) }
        handled.own = made
        for draft in drafts where !rejected.contains(draft.index) {
            let behaviour = items[draft.index]
            guard let deed = behaviour.deed else { continue }
            let time = behaviour.item.time ?? arrived
            try convert(try known(behaviour.item.fields), by: deed, at: time)
        }
    }

    private mutating func handleSubscriptions(
        _ items: [ReportItem],
        _ isRepeat: Bool,
        _ handled: inout Handled
    ) throws(TrackingError) {
        for (index, item) in items.enumerated() {
            var fields = try known(item.fields)
            guard let group = fields.string("subscription_group_id"), Self.userKey(fields) != nil else {
                handled.rejected.append(
                    ItemRejection(
                        index,
                        "field_missing",
                        fields["subscription_group_id"] == nil ? "subscription_group_id" : "user_id",
                        "a change names a subscription_group_id, and a user_id or an external_user_id"
                    )
                )
                continue
            }
            guard let status = fields.string("subscription_status"), ["Subscribed", "Unsubscribed"].contains(status)
            else {
                let message = "subscription_status is Subscribed or Unsubscribed"
                handled.rejected.append(ItemRejection(index, "status_unknown", "subscription_status", message))
                continue
            }
            guard !isRepeat else { continue }
            let time = item.time ?? arrived
            if fields["channel"] == nil { fields.set("channel", book.group(group, at: time)?.channel.rawValue) }
            try subscribe(
                fields,
                eventID: TrackingIDs.id("subscription", source.name, key, "\(index)"),
                time: time
            )
        }
    }

    // MARK: - Definitions

    private mutating func define(_ definition: Definition) throws(TrackingError) -> Bool {
        do throws(DefinitionError) {
            try book.check(definition, from: now)
        } catch {
            throw TrackingError(.report, "\(error)")
        }
        guard book.put(definition, from: now) else { return false }
        putVersion(definition.kind, definition.id, definition.json.text)
        return true
    }

    private mutating func undefine(_ kind: Definition.Kind, _ id: String) -> Bool {
        guard book.remove(kind, id: id, from: now) else { return false }
        putVersion(kind, id, "")
        return true
    }

    private mutating func putVersion(_ kind: Definition.Kind, _ id: String, _ text: String) {
        view.put(.definitions, ids.head("definition", kind.rawValue, id), "\(now)", "\(kind.rawValue) \(id)\n\(text)")
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

    private func noteRepeat(_ made: MadeEvents?, _ handled: inout Handled) {
        handled.repeats += (made?.received ?? 0) - (made?.rejections.count ?? 0)
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

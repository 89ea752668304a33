import Avro

extension Turn {
    /// Whom state is kept for; nil where nobody is named.
    static func userKey(_ fields: Fields) -> String? { userKeys(fields).first }

    /// Under what names there may be state of a user: of one known by both ids some may have been kept when only the
    /// sender's own was known.
    static func userKeys(_ fields: Fields) -> [String] {
        [
            fields.string("user_id").map { "user \($0)" }, fields.string("external_user_id").map { "external \($0)" },
        ].compactMap { $0 }
    }

    /// Notes that a user received a message: a campaign's conversions are counted from here, and of a canvas it is the
    /// last step before whatever the user does next.
    mutating func receive(_ context: MessageContext) throws(TrackingError) {
        guard let user = Self.userKey(context.fields) else { return }
        switch context.owner {
        case .campaign(let id):
            guard book.campaign(id, at: context.time)?.conversions.isEmpty == false else { return }
            let receipt = Receipt(
                id: context.messageID,
                time: context.time,
                owner: .campaign(id),
                fields: context.fields
            )
            put(receipt, of: user)
        case .canvas(let id):
            guard let step = context.fields.string("canvas_step_id") else { return }
            view.put(.steps, day: day(context.time), ids.head("step", user, id), ordered(context.time), step)
        case nil: return
        }
    }

    /// Notes an entry into a canvas or an enrolment in a control group.
    mutating func enter(_ fields: Fields, id: String, time: Int64) {
        guard let user = Self.userKey(fields), let owner = MessageOwner(fields) else { return }
        let rules =
            switch owner {
            case .campaign(let id): book.campaign(id, at: time)?.conversions
            case .canvas(let id): book.canvas(id, at: time)?.conversions
            }
        guard rules?.isEmpty == false else { return }
        put(Receipt(id: id, time: time, owner: owner, fields: fields), of: user)
    }

    private mutating func put(_ receipt: Receipt, of user: String) {
        put(receipt, at: ReceiptPlace(day: day(receipt.time), head: ids.head("receipts", user)), of: user)
    }

    private mutating func put(_ receipt: Receipt, at place: ReceiptPlace, of user: String) {
        view.put(.receipts, day: place.day, place.head, receipt.name.tail, receipt.text)
        memory.note(receipt, at: place, of: user)
    }

    // MARK: - Deeds

    /// How many receipts of its user one deed decides in one turn.
    static let receiptsMax = 2_000

    /// Goes through the receipts of a user that have a rule left which such a deed fulfils, the earliest first, and
    /// keeps what `decide` makes of each: as many as a turn decides, from behind `mark` on.
    ///
    /// `users` are the names under which the user's state may stand. No receipt is read of a campaign or canvas that
    /// has no such rule, nor one out of the reach of all of them. One whose rules have all been fulfilled is kept no
    /// longer.
    mutating func fulfil(
        _ users: [String],
        _ deed: Deed,
        at time: Int64,
        after mark: ReceiptMark?,
        _ decide: (inout Turn, inout Receipt, [(Int, ConversionRule)]) throws(TrackingError) -> Void
    ) throws(TrackingError) -> DeedProgress {
        var hits: [Hit] = []
        for user in users { hits += try self.hits(of: user, deed, at: time, after: mark) }
        // Those of one user and owner stand in order already.
        hits.sort { $0.entry.name < $1.entry.name }
        var last = mark
        var spent: [String: [ReceiptName]] = [:]
        defer { for (user, names) in spent { memory.forget(names, of: user) } }
        for (count, hit) in hits.enumerated() {
            let (user, entry, span) = (hit.user, hit.entry, hit.span)
            guard count < Self.receiptsMax, memory.receiptsLeft > 0, hasRoom else { return .goesOn(after: last) }
            memory.receiptsLeft -= 1
            last = entry.name.mark
            guard var receipt = try receipt(entry) else { continue }
            let before = receipt.converted
            let rules = span.rules.filter { !receipt.hasConverted($0.0) }
            if !rules.isEmpty { try decide(&self, &receipt, rules) }
            if receipt.converted != before, isSpent(receipt) {
                view.remove(.receipts, day: entry.place.day, entry.place.head, entry.name.tail)
                spent[user, default: []].append(entry.name)
            } else if receipt.converted != before {
                put(receipt, at: entry.place, of: user)
            } else if entry.receipt == nil {
                memory.note(receipt, at: entry.place, of: user)
            }
        }
        return .done
    }

    /// Whether all the rules that hold for a receipt have been fulfilled.
    private func isSpent(_ receipt: Receipt) -> Bool {
        let rules =
            switch receipt.owner {
            case .campaign(let id): book.campaign(id, at: receipt.time)?.conversions
            case .canvas(let id): book.canvas(id, at: receipt.time)?.conversions
            }
        return rules.map { $0.indices.allSatisfy(receipt.hasConverted) } ?? false
    }

    /// A receipt that a deed may fulfil a rule of.
    private struct Hit {
        let user: String
        let entry: TurnMemory.ReceiptEntry
        let span: RuleSpan
    }

    /// The receipts that such a deed may fulfil a rule of.
    private mutating func hits(
        of user: String,
        _ deed: Deed,
        at time: Int64,
        after mark: ReceiptMark?
    ) throws(TrackingError) -> [Hit] {
        let owners = book.owners(convertedBy: deed)
        guard !owners.isEmpty else { return [] }
        if memory.receipts[user] == nil { memory.hold(try receiptEntries(of: user), of: user) }
        let held = memory.receipts[user] ?? [:]
        let matching = held.count < owners.count ? held.keys.filter(owners.contains) : owners.filter { held[$0] != nil }
        var hits: [Hit] = []
        for owner in matching {
            let entries = held[owner] ?? []
            for span in book.ruleSpans(of: owner, by: deed) {
                let earliest = max(span.from, time.clampedSubtract(span.windowMax), mark?.time ?? .min)
                var index = entries.firstIndex(notBefore: { $0.name.time < earliest })
                while index < entries.endIndex, entries[index].name.time <= min(span.until, time) {
                    let isAhead = mark.map { $0 < entries[index].name.mark } ?? true
                    if isAhead, !entries[index].isSpent(span.bits) {
                        hits.append(Hit(user: user, entry: entries[index], span: span))
                    }
                    index += 1
                }
            }
        }
        return hits
    }

    private func receiptEntries(of user: String) throws(TrackingError) -> [TurnMemory.ReceiptEntry] {
        let head = ids.head("receipts", user)
        var entries: [TurnMemory.ReceiptEntry] = []
        for day in try view.days(of: .receipts, holding: head) {
            let place = ReceiptPlace(day: day, head: head)
            for tail in try view.tails(.receipts, day: day, head) {
                guard let name = ReceiptName(tail) else { continue }
                entries.append(TurnMemory.ReceiptEntry(place: place, name: name))
            }
        }
        return entries
    }

    private func receipt(_ entry: TurnMemory.ReceiptEntry) throws(TrackingError) -> Receipt? {
        if let receipt = entry.receipt { return receipt }
        let text = try view.value(.receipts, day: entry.place.day, entry.place.head, entry.name.tail)
        return text.flatMap { Receipt(entry.name, text: $0) }
    }

    mutating func makeConversion(
        _ receipt: Receipt,
        _ index: Int,
        _ rule: ConversionRule,
        _ deed: Fields,
        _ users: [String],
        _ time: Int64
    ) throws(TrackingError) {
        var fields = receipt.fields
        fields["app_id"] = deed["app_id"]
        fields["conversion_behavior_index"] = .number("\(index)")
        fields.set("conversion_behavior", rule.behavior)
        let type: String
        switch receipt.owner {
        case .campaign: type = "users.campaigns.Conversion"
        case .canvas(let canvas):
            type = "users.canvas.Conversion"
            fields.set("canvas_step_id", try step(users, canvas, since: receipt.time, upTo: time))
        }
        let id = TrackingIDs.id("conversion", receipt.id, "\(index)")
        if let draft = draft(type, id: id, time: time, try known(fields)) { _ = try settle(draft) }
    }

    /// The last step of a canvas that was sent to a user since he entered.
    private func step(
        _ users: [String],
        _ canvas: String,
        since entry: Int64,
        upTo time: Int64
    ) throws(TrackingError) -> String? {
        var last: (tail: String, value: String)?
        for user in users {
            guard let row = try latest(.steps, ids.head("step", user, canvas), upTo: time),
                let sent = OrderedText.number(row.tail), sent >= entry
            else { continue }
            if last.map({ $0.tail < row.tail }) ?? true { last = row }
        }
        return last?.value
    }

    // MARK: - Rows in the order of time

    /// The day under which a moment's rows stand: its own, but none that has gone, and none that is still to come, so
    /// that no sender makes a table of whatever day.
    func day(_ time: Int64) -> StateDay {
        let kept = StateDay(seconds: now.clampedSubtract(settings.keep.components.seconds))
        return min(max(StateDay(seconds: time), kept), StateDay(seconds: now))
    }

    /// The tail of a row that is found by its moment; within one second what was taken in later comes later.
    func ordered(_ time: Int64) -> String {
        OrderedText.text(time) + OrderedText.text(sequence) + OrderedText.text(Int64(view.mark))
    }

    /// The latest of such rows up to and with a moment.
    func latest(
        _ table: StateTable,
        _ head: RowHead,
        upTo time: Int64,
        from oldest: StateDay = StateDay(1)
    ) throws(TrackingError) -> (tail: String, value: String)? {
        let end = OrderedText.text(time) + "g"
        var found: (tail: String, value: String)?
        var days = 0
        for day in view.days(of: table) where day <= self.day(time) && day >= oldest {
            guard let row = try view.last(table, day: day, head, before: end) else { continue }
            if found.map({ $0.tail < row.tail }) ?? true { found = row }
            days += 1
            // A row dated ahead stands under the day on which it was taken in.
            if days == 2 { break }
        }
        return found
    }
}

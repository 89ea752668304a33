package import Avro

/// All campaigns, canvases and subscription groups, each with its versions by time.
///
/// An event gets what was in force at its own time, since names in events are those of the event's time. Times are
/// seconds since 1970, and come in by parameter.
package struct DefinitionBook: Sendable, Hashable {
    private var campaigns: [String: DefinitionHistory<Campaign>] = [:]
    private var canvases: [String: DefinitionHistory<Canvas>] = [:]
    private var groups: [String: DefinitionHistory<SubscriptionGroup>] = [:]
    private var index = GroupIndex()
    private var conversions = ConversionIndex()

    package init() {}

    /// Refuses what `put` would take and should not: one more than the book may hold, and a number, messaging service
    /// or provider's id that another group has at that time.
    package func check(_ definition: Definition, from time: Int64) throws(DefinitionError) {
        let (count, isKnown) =
            switch definition {
            case .campaign(let campaign): (campaigns.count, campaigns[campaign.id] != nil)
            case .canvas(let canvas): (canvases.count, canvases[canvas.id] != nil)
            case .group(let group): (groups.count, groups[group.id] != nil)
            }
        let countMax = DefinitionLimits.definitionsMax
        guard isKnown || count < countMax else {
            throw DefinitionError(
                .tooMany,
                at: "id",
                "is one more than the \(countMax) of its kind; delete another first"
            )
        }
        guard case .group(let group) = definition else { return }
        for key in GroupIndex.keys(of: group) {
            guard let other = index.groups(for: key).first(where: { $0 != group.id && holds($0, key, at: time) }) else {
                continue
            }
            throw DefinitionError(.taken, at: key.member, "has \(key.shown), which is the group \(other)'s already")
        }
    }

    /// Puts a definition in force from a time on, to its next version's.
    ///
    /// Answers whether anything changed: the same content again changes nothing.
    @discardableResult
    package mutating func put(_ definition: Definition, from time: Int64) -> Bool {
        switch definition {
        case .campaign(let campaign):
            conversions.add(campaign.conversions, of: .campaign(campaign.id))
            return campaigns[campaign.id, default: DefinitionHistory()].set(campaign, from: time)
        case .canvas(let canvas):
            conversions.add(canvas.conversions, of: .canvas(canvas.id))
            return canvases[canvas.id, default: DefinitionHistory()].set(canvas, from: time)
        case .group(let group):
            index.add(group)
            return groups[group.id, default: DefinitionHistory()].set(group, from: time)
        }
    }

    /// When the latest version of a definition begins, be it a removal; nil where there is none.
    func latest(_ kind: Definition.Kind, id: String) -> Int64? {
        switch kind {
        case .campaign: campaigns[id]?.versions.last?.from
        case .canvas: canvases[id]?.versions.last?.from
        case .group: groups[id]?.versions.last?.from
        }
    }

    /// An id as its first version spelt it, of several Unicode has for the same letters.
    func spelling(_ kind: Definition.Kind, of id: String) -> String {
        let known =
            switch kind {
            case .campaign: campaigns.index(forKey: id).map { campaigns.keys[$0] }
            case .canvas: canvases.index(forKey: id).map { canvases.keys[$0] }
            case .group: groups.index(forKey: id).map { groups.keys[$0] }
            }
        return known ?? id
    }

    /// Takes a definition out of force from a time on; answers whether anything changed.
    @discardableResult
    package mutating func remove(_ kind: Definition.Kind, id: String, from time: Int64) -> Bool {
        switch kind {
        case .campaign: campaigns[id]?.set(nil, from: time) ?? false
        case .canvas: canvases[id]?.set(nil, from: time) ?? false
        case .group: groups[id]?.set(nil, from: time) ?? false
        }
    }

    /// Drops versions that ended before `time`, and definitions that were removed before.
    package mutating func forget(endedBefore time: Int64) {
        Self.forget(&campaigns, endedBefore: time)
        Self.forget(&canvases, endedBefore: time)
        Self.forget(&groups, endedBefore: time)
        index = GroupIndex()
        for history in groups.values {
            for version in history.versions { version.value.map { index.add($0) } }
        }
        conversions = ConversionIndex()
        for (id, history) in campaigns {
            for version in history.versions { conversions.add(version.value?.conversions ?? [], of: .campaign(id)) }
        }
        for (id, history) in canvases {
            for version in history.versions { conversions.add(version.value?.conversions ?? [], of: .canvas(id)) }
        }
    }

    /// Whether there is a version that came into force at that time.
    func hasVersion(_ kind: Definition.Kind, id: String, from time: Int64) -> Bool {
        switch kind {
        case .campaign: campaigns[id]?.versions.contains { $0.from == time } ?? false
        case .canvas: canvases[id]?.versions.contains { $0.from == time } ?? false
        case .group: groups[id]?.versions.contains { $0.from == time } ?? false
        }
    }

    private static func forget<Value>(
        _ histories: inout [String: DefinitionHistory<Value>],
        endedBefore time: Int64
    ) {
        histories = histories.compactMapValues { history in
            var history = history
            history.forget(endedBefore: time)
            return history.versions.isEmpty ? nil : history
        }
    }
}

extension DefinitionBook {
    /// The campaign as it was at a time: nil once it is removed, its first version before that began.
    package func campaign(_ id: String, at time: Int64) -> Campaign? {
        campaigns[id]?.value(at: time)
    }

    package func canvas(_ id: String, at time: Int64) -> Canvas? {
        canvases[id]?.value(at: time)
    }

    package func group(_ id: String, at time: Int64) -> SubscriptionGroup? {
        groups[id]?.value(at: time)
    }

    /// Whether a version of a campaign or canvas has a conversion that such a deed fulfils.
    func mayConvert(_ owner: MessageOwner, by deed: Deed) -> Bool {
        !ruleSpans(of: owner, by: deed).isEmpty
    }

    /// The campaigns and canvases that have, or had, a conversion by a deed of that kind.
    func owners(convertedBy deed: Deed) -> Set<MessageOwner> { conversions.owners(convertedBy: deed) }

    /// The rules of a campaign or canvas that such a deed fulfils, window aside, by the times of their versions.
    func ruleSpans(of owner: MessageOwner, by deed: Deed) -> [RuleSpan] {
        switch owner {
        case .campaign(let id): Self.spans(campaigns[id]) { $0.conversions(by: deed).map(ruleAt($0.conversions)) }
        case .canvas(let id): Self.spans(canvases[id]) { $0.conversions(by: deed).map(ruleAt($0.conversions)) }
        }
    }

    private func ruleAt(_ rules: [ConversionRule]) -> (Int) -> (Int, ConversionRule) { { ($0, rules[$0]) } }

    private static func spans<Value>(
        _ history: DefinitionHistory<Value>?,
        _ rules: (Value) -> [(Int, ConversionRule)]
    ) -> [RuleSpan] {
        let versions = history?.versions ?? []
        return versions.indices.compactMap { index in
            guard let rules = versions[index].value.map(rules), !rules.isEmpty else { return nil }
            let next = index + 1
            return RuleSpan(
                // Before the first version there is the first.
                from: index == 0 ? .min : versions[index].from,
                until: next < versions.endIndex ? versions[next].from.clampedSubtract(1) : .max,
                rules: rules
            )
        }
    }

    /// The SMS group that a number of ours belongs to.
    package func group(forNumber number: String, at time: Int64) -> SubscriptionGroup? {
        group(for: .number(number), at: time)
    }

    /// The SMS group that a messaging service belongs to, by the provider's id.
    package func group(forService service: String, at time: Int64) -> SubscriptionGroup? {
        group(for: .service(service), at: time)
    }

    /// The email group that a provider knows under an id.
    package func group(provider: String, id: String, at time: Int64) -> SubscriptionGroup? {
        group(for: .provider(provider, id: id), at: time)
    }

    /// Those in force at a time, in the order of their ids, as are canvases and groups.
    package func campaigns(at time: Int64) -> [Campaign] {
        Self.values(campaigns, at: time)
    }

    package func canvases(at time: Int64) -> [Canvas] {
        Self.values(canvases, at: time)
    }

    package func groups(at time: Int64) -> [SubscriptionGroup] {
        Self.values(groups, at: time)
    }

    /// The names of the given ids at a time, as fields of the glossary, as far as the book knows them.
    ///
    /// A message lives longer than its campaign: what has been removed keeps its last name.
    package func names(
        campaign: String? = nil,
        variation: String? = nil,
        canvas: String? = nil,
        canvasVariation: String? = nil,
        step: String? = nil,
        at time: Int64
    ) -> [JSONValue.Member] {
        let campaign = campaign.flatMap { campaigns[$0]?.lastValue(at: time) }
        let canvas = canvas.flatMap { canvases[$0]?.lastValue(at: time) }
        let names = [
            ("campaign_name", campaign?.name),
            ("message_variation_name", variation.flatMap { campaign?.variation($0)?.name }),
            ("canvas_name", canvas?.name),
            ("canvas_variation_name", canvasVariation.flatMap { canvas?.variation($0)?.name }),
            ("canvas_step_name", step.flatMap { canvas?.step($0)?.name }),
        ]
        return names.compactMap { field, name in name.map { JSONValue.Member(field, .string($0)) } }
    }

    /// A group that had begun by then comes before one that is taken for lack of an earlier version: the number may
    /// have moved from the first to the second.
    private func group(for key: GroupIndex.Key, at time: Int64) -> SubscriptionGroup? {
        let holders = index.groups(for: key).filter { holds($0, key, at: time) }
        let id = holders.first { groups[$0]?.hasBegun(at: time) ?? false } ?? holders.first
        return id.flatMap { group($0, at: time) }
    }

    private func holds(_ id: String, _ key: GroupIndex.Key, at time: Int64) -> Bool {
        guard let group = group(id, at: time) else { return false }
        return switch key {
        case .number(let number): group.numbers.contains(number)
        case .service(let service): group.messagingServices.contains(service)
        case .provider(let provider, let id):
            group.providerGroups.contains { $0.provider == provider && $0.ids.contains(id) }
        }
    }

    private static func values<Value>(_ histories: [String: DefinitionHistory<Value>], at time: Int64) -> [Value] {
        histories.sorted { $0.key < $1.key }.compactMap { $0.value.value(at: time) }
    }
}

extension GroupIndex.Key {
    fileprivate var member: String {
        switch self {
        case .number: "numbers"
        case .service: "messaging_services"
        case .provider(let provider, _): "provider_groups.\(provider)"
        }
    }

    fileprivate var shown: String {
        switch self {
        case .number(let text), .service(let text), .provider(_, let text): text
        }
    }
}

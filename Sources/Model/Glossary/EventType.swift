/// One type of event of one edition: its names, its tags, when it occurs, and the fields of its record.
public final class EventType: Sendable {
    /// The name, such as `users.messages.email.Click`.
    public let name: String
    /// The name as people read it, such as `Email Click`.
    public let title: String
    /// The part of the glossary it stands in, such as `message engagement`.
    public let section: String
    /// The channels it is filed under.
    public let channels: [Tag]
    /// The actions it is filed under.
    ///
    /// Counting by them over-counts; the glossary's document says where.
    public let actions: [Tag]
    /// When it happens.
    public let occurs: String
    /// Other names that are accepted for it.
    public let aliases: [String]
    /// The edition that it belongs to.
    public let edition: String
    /// The fields, in the order of the record.
    public let fields: [Field]
    /// Whether `dispatch_id` may stand only beside a `campaign_id` (rule `dispatch_id_without_campaign`).
    public let dispatchNeedsCampaign: Bool
    private let index: [String: Int]

    init(draft: TypeDraft, edition: String) {
        name = draft.name
        title = draft.title
        section = draft.section
        channels = draft.channels.map(Tag.init(title:))
        actions = draft.actions.map(Tag.init(title:))
        occurs = draft.occurs
        aliases = draft.aliases
        self.edition = edition
        fields = draft.fields
        dispatchNeedsCampaign = draft.dispatchNeedsCampaign
        index = draft.fieldIndex
    }

    /// The position in the record of the field of that name.
    public func position(of name: String) -> Int? {
        index[name]
    }

    /// The field of that name.
    public func field(named name: String) -> Field? {
        index[name].map { fields[$0] }
    }

    /// The fields of one part of the event, in the order in which people are shown them.
    public func fields(in group: FieldGroup) -> [Field] {
        fields.enumerated().filter { $0.element.group == group }
            .sorted { ($0.element.page, $0.offset) < ($1.element.page, $1.offset) }
            .map(\.element)
    }

    /// The last part of the name, which names the Avro record.
    public var recordName: String {
        String(name[(name.lastIndex(of: ".").map(name.index(after:)) ?? name.startIndex)...])
    }

    /// The name less its last part, which ends the namespace of the Avro record.
    public var group: String {
        String(name[..<(name.lastIndex(of: ".") ?? name.startIndex)])
    }
}

extension EventType: Hashable {
    /// Two types are the same when edition and name are.
    public static func == (one: EventType, other: EventType) -> Bool {
        one === other || (one.name == other.name && one.edition == other.edition)
    }

    /// Hashes edition and name.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(name)
        hasher.combine(edition)
    }
}

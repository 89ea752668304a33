package import Avro

/// The addresses under `/v1/track` that take reports.
package enum TrackRoute: String, Sendable, CaseIterable {
    case sends
    case pushResults = "push-results"
    case interactions
    case entries
    case enrolments
    case behaviours
    case subscriptions
}

extension TrackReport {
    /// The most items that one report may have.
    package static let itemsMax = 10_000
    private static let idBytesMax = 1_000
    /// The most bytes of a member that is a field of the glossary.
    static let fieldBytesMax = 1_000
    /// Of those that hold more than an id or a name.
    static let longFields = ["message_extras": 10_000]
    /// The most bytes that members for all recipients come to, counted for each of them.
    static let sharedBytesMax = 32 << 20

    /// Reads a report's body.
    package init(_ route: TrackRoute, reading json: JSONValue) throws(DefinitionError) {
        switch route {
        case .sends: self = .sends(try Self.sends(json))
        case .pushResults:
            self = .pushResults(
                try Self.items(json, "results", Self.pushNames) { (reader, item) throws(DefinitionError) in
                    try Self.pushResult(reader, item)
                }
            )
        case .interactions:
            self = .interactions(
                try Self.items(json, "interactions", Self.interactionNames) { (reader, item) throws(DefinitionError) in
                    Interaction(kind: try reader.choice("type", of: Interaction.Kind.self), item: item)
                }
            )
        case .entries:
            self = .entries(try Self.items(json, "entries", Self.entryNames) { $1 })
        case .enrolments:
            self = .enrolments(try Self.items(json, "enrolments", Self.enrolmentNames) { $1 })
        case .behaviours:
            self = .behaviours(
                try Self.items(json, "behaviours", Self.behaviourNames) { (reader, item) throws(DefinitionError) in
                    try Self.behaviour(reader, item)
                }
            )
        case .subscriptions:
            self = .subscriptions(try Self.items(json, "subscriptions", Self.subscriptionNames) { $1 })
        }
    }

    /// Reads the body of `PUT /v1/users`.
    package init(usersReading json: JSONValue) throws(DefinitionError) {
        let reader = try MemberReader(json, at: "", of: "a list of users", known: ["users"])
        guard reader.value("users") != nil else { throw reader.missing("users", "an array") }
        let names = ["user_id", "external_user_id", "timezone", "phones", "emails"]
        self = .users(
            try reader.items("users", countMax: Self.itemsMax) { (json, path) throws(DefinitionError) in
                let reader = try MemberReader(json, at: path, of: "a user", known: names)
                return DirectoryEntry(
                    userID: try reader.text("user_id", bytesMax: Self.idBytesMax),
                    externalUserID: try reader.optionalText("external_user_id", bytesMax: Self.idBytesMax),
                    timezone: try reader.timezone(),
                    phones: try reader.phones(),
                    emails: try reader.emails()
                )
            }
        )
    }

    // MARK: - Names

    private static let person = ["user_id", "external_user_id", "timezone", "email_address", "phone_number"]
    private static let device = [
        "device_id", "app_id", "platform", "os_version", "device_model", "ad_id", "ad_id_type", "ad_tracking_enabled",
    ]
    /// What a message belongs to.
    private static let message = [
        "campaign_id", "campaign_name", "message_variation_id", "message_variation_name", "canvas_id", "canvas_name",
        "canvas_variation_id", "canvas_variation_name", "canvas_step_id", "canvas_step_name",
        "canvas_step_message_variation_id", "send_id", "app_group_id",
    ]
    private static let sent = [
        "content_card_id", "subscription_group_id", "from_phone_number", "category", "ip_pool", "from_domain",
        "message_extras", "locale_key", "push_token", "app_id", "platform",
    ]
    private static let common = ["time", "message_id"]
    /// Members that no event has under that name.
    private static let notFields = Set(["type", "time", "message_id", "properties"] + pushAnswer)

    /// What the push service answered.
    private static let pushAnswer = ["service", "status", "reason", "error"]

    static let pushNames = person + device + message + common + ["push_token"] + pushAnswer
    static let interactionNames =
        person + device + message + common + [
            "type", "content_card_id", "card_id", "button_id", "button_action_type", "button_string", "dispatch_id",
        ]
    static let entryNames =
        person + ["canvas_id", "canvas_name", "canvas_variation_id", "canvas_variation_name", "canvas_step_id"] + [
            "in_control_group", "app_group_id", "time",
        ]
    static let enrolmentNames =
        person + ["campaign_id", "campaign_name", "message_variation_id", "message_variation_name"] + [
            "send_id", "app_id", "app_group_id", "time",
        ]
    static let behaviourNames =
        person + device + [
            "type", "time", "name", "properties", "product_id", "price", "currency", "latitude", "longitude",
            "altitude", "ll_accuracy", "alt_accuracy", "source", "session_id", "duration", "gender", "country",
            "language", "sdk_version", "app_group_id",
        ]
    static let subscriptionNames =
        person + message + ["time", "subscription_group_id", "subscription_status", "channel", "app_id"]

    // MARK: - Reading

    private static func sends(_ json: JSONValue) throws(DefinitionError) -> SendReport {
        let own = ["channel", "trigger", "dispatch_key", "messaging_service", "time", "recipients"]
        let reader = try MemberReader(json, at: "", of: "a report of sends", known: own + message + sent)
        guard reader.value("recipients") != nil else { throw reader.missing("recipients", "an array") }
        if reader.value("channel") == .string("in_app_message") {
            let message =
                "may not be in_app_message, whose sending is not reported; report its impressions to "
                + "/v1/track/interactions, with the type in_app_impression"
            throw DefinitionError(.wrongValue, at: "channel", message)
        }
        let shared = try reader.fields(message + sent)
        let time = try reader.time()
        let copies = reader.value("recipients")?.array?.count ?? 0
        guard shared.text.utf8.count * copies <= sharedBytesMax else {
            let message =
                "are too many: the report's own members come to \(shared.text.utf8.count) bytes, and for all "
                + "recipients together \(sharedBytesMax) are taken; send them in several reports"
            throw DefinitionError(.tooMany, at: "recipients", message)
        }
        let recipientNames = person + device.filter { !sent.contains($0) } + message + sent
        let known = recipientNames + ["time", "provider_message_id"]
        return SendReport(
            channel: try reader.choice("channel", of: SendReport.Channel.self),
            trigger: try reader.choice("trigger", of: SendReport.Trigger.self),
            dispatchKey: try reader.optionalText("dispatch_key", bytesMax: idBytesMax),
            messagingService: try reader.optionalText("messaging_service", bytesMax: idBytesMax),
            recipients: try reader.items("recipients", countMax: itemsMax) { (json, path) throws(DefinitionError) in
                let reader = try MemberReader(json, at: path, of: "a recipient", known: known)
                let fields = try reader.fields(recipientNames).filled(from: shared)
                return SendReport.Recipient(
                    item: ReportItem(fields: fields, time: try reader.time() ?? time, messageID: nil),
                    providerMessageID: try reader.optionalText("provider_message_id", bytesMax: idBytesMax)
                )
            }
        )
    }

    private static func items<Item>(
        _ json: JSONValue,
        _ name: String,
        _ names: [String],
        _ make: (MemberReader, ReportItem) throws(DefinitionError) -> Item
    ) throws(DefinitionError) -> [Item] {
        let reader = try MemberReader(json, at: "", of: "a report of \(name)", known: [name])
        guard reader.value(name) != nil else { throw reader.missing(name, "an array") }
        return try reader.items(name, countMax: itemsMax) { (json, path) throws(DefinitionError) in
            let reader = try MemberReader(json, at: path, of: "an item of \(name)", known: names)
            let fields = names.filter { !notFields.contains($0) }
            let item = ReportItem(
                fields: try reader.fields(fields),
                time: try reader.time(),
                messageID: names.contains("message_id")
                    ? try reader.optionalText("message_id", bytesMax: idBytesMax) : nil
            )
            return try make(reader, item)
        }
    }

    private static func pushResult(
        _ reader: MemberReader,
        _ item: ReportItem
    ) throws(DefinitionError) -> PushResultItem {
        let service = try reader.choice("service", of: PushService.self)
        let status = try reader.integer("status", 100...599, rule: "the HTTP status that the service answered")
        let result = PushResult(
            service,
            status: Int(status),
            reason: try reader.optionalText("reason", bytesMax: idBytesMax),
            error: reader.value("error")
        )
        return PushResultItem(item: item, result: result, service: service)
    }

    private static func behaviour(
        _ reader: MemberReader,
        _ item: ReportItem
    ) throws(DefinitionError) -> Behaviour {
        var item = item
        let kind = try reader.choice("type", of: Behaviour.Kind.self)
        let properties = reader.value("properties") ?? .object([])
        guard case .object = properties else { throw reader.wrongType("properties", "an object", properties) }
        if kind == .customEvent || kind == .purchase { item.fields["properties"] = .string(properties.text) }
        return Behaviour(kind: kind, item: item, properties: properties)
    }
}

extension MemberReader {
    /// Those of the members that are fields of the glossary; their types are checked when they become events.
    func fields(_ names: [String]) throws(DefinitionError) -> Fields {
        var members: [JSONValue.Member] = []
        for name in names {
            guard let value = value(name) else { continue }
            let bytesMax = TrackReport.longFields[name] ?? TrackReport.fieldBytesMax
            // What a blank id names would be one for all who leave it blank.
            if name.hasSuffix("_id"), case .string = value {
                _ = try Self.text(value, at: path(of: name), bytesMax: bytesMax)
            }
            switch value {
            case .string(let text), .number(let text):
                guard text.utf8.count > bytesMax else { break }
                let message = "may have \(bytesMax) bytes, found \(text.utf8.count)"
                throw DefinitionError(.wrongValue, at: path(of: name), message)
            case .array, .object: throw wrongType(name, "a text, a number or true or false", value)
            case .null, .boolean: break
            }
            members.append(JSONValue.Member(name, value))
        }
        return Fields(members)
    }

    func time() throws(DefinitionError) -> Int64? {
        guard let value = value("time") else { return nil }
        guard let time = value.integer else { throw wrongType("time", "whole seconds since 1970", value) }
        return time
    }
}

package import Avro
import Glossary
import Platform

/// What users subscribe to and leave: a list of an email provider, or the numbers that send an SMS programme.
package struct SubscriptionGroup: Sendable, Hashable {
    package enum Channel: String, Sendable, CaseIterable {
        case email
        case sms
    }

    /// The ids under which one email provider knows the group.
    package struct ProviderGroups: Sendable, Hashable {
        package let provider: String
        package let ids: [String]

        package init(provider: String, ids: [String]) {
            self.provider = provider
            self.ids = ids
        }
    }

    package let id: String
    package let name: String
    package let channel: Channel
    /// Always there for SMS: an inbound message names it.
    package let appGroupID: String?
    /// Ours, to which users write: SMS only.
    package let numbers: [String]
    /// Services that own numbers, by the provider's ids: SMS only.
    package let messagingServices: [String]
    /// Email only, in the order of the providers' names.
    package let providerGroups: [ProviderGroups]
    /// Nil for email.
    package let keywords: Keywords?

    /// An email group.
    package init(
        email id: String,
        name: String,
        appGroupID: String? = nil,
        providerGroups: [ProviderGroups] = []
    ) {
        self.id = id
        self.name = name
        channel = .email
        self.appGroupID = appGroupID
        numbers = []
        messagingServices = []
        self.providerGroups = providerGroups.sorted { $0.provider < $1.provider }
        keywords = nil
    }

    /// An SMS group.
    package init(
        sms id: String,
        name: String,
        appGroupID: String,
        numbers: [String] = [],
        messagingServices: [String] = [],
        keywords: Keywords = .standard
    ) {
        self.id = id
        self.name = name
        channel = .sms
        self.appGroupID = appGroupID
        self.numbers = numbers
        self.messagingServices = messagingServices
        providerGroups = []
        self.keywords = keywords
    }

    package init(id: String, reading json: JSONValue) throws(DefinitionError) {
        let known =
            ["id", "name", "channel", "app_group_id", "numbers", "messaging_services", "provider_groups", "keywords"]
        let reader = try MemberReader(json, at: "", of: "a subscription group", known: known)
        let id = try reader.ownID(id)
        let name = try reader.name()
        switch try reader.choice("channel", of: Channel.self) {
        case .email:
            try reader.refuse(["numbers", "messaging_services", "keywords"], "belongs to a group of channel sms only")
            self.init(
                email: id,
                name: name,
                appGroupID: try reader.optionalText("app_group_id", bytesMax: DefinitionLimits.idBytesMax),
                providerGroups: try Self.providerGroups(reader)
            )
        case .sms:
            try reader.refuse(["provider_groups"], "belongs to a group of channel email only")
            self.init(
                sms: id,
                name: name,
                appGroupID: try reader.text("app_group_id", bytesMax: DefinitionLimits.idBytesMax),
                numbers: try Self.numbers(reader),
                messagingServices: try reader.texts(
                    "messaging_services",
                    countMax: DefinitionLimits.messagingServicesMax,
                    bytesMax: DefinitionLimits.idBytesMax
                ),
                keywords: try Keywords(reading: reader)
            )
        }
    }

    /// With the keywords that count, the standard ones too.
    package var json: JSONValue {
        var members: [JSONValue.Member] = [
            .init("id", .string(id)), .init("name", .string(name)), .init("channel", .string(channel.rawValue)),
        ]
        if let appGroupID { members.append(.init("app_group_id", .string(appGroupID))) }
        switch channel {
        case .email:
            let groups = providerGroups.map { groups in
                JSONValue.Member(groups.provider, .array(groups.ids.map(JSONValue.string)))
            }
            members.append(.init("provider_groups", .object(groups)))
        case .sms:
            members.append(.init("numbers", .array(numbers.map(JSONValue.string))))
            members.append(.init("messaging_services", .array(messagingServices.map(JSONValue.string))))
            members.append(.init("keywords", (keywords ?? .standard).json))
        }
        return .object(members)
    }
}

extension SubscriptionGroup {
    private static func providerGroups(_ reader: MemberReader) throws(DefinitionError) -> [ProviderGroups] {
        try reader.entries(
            "provider_groups",
            countMax: DefinitionLimits.providersMax,
            keyBytesMax: DefinitionLimits.idBytesMax
        ) { (provider, json, path) throws(DefinitionError) in
            let ids = try MemberReader.texts(
                json,
                at: path,
                countMax: DefinitionLimits.providerGroupsMax,
                bytesMax: DefinitionLimits.idBytesMax
            )
            return ProviderGroups(provider: provider, ids: ids)
        }
    }

    private static func numbers(_ reader: MemberReader) throws(DefinitionError) -> [String] {
        let numbers = try reader.texts(
            "numbers",
            countMax: DefinitionLimits.numbersMax,
            bytesMax: DefinitionLimits.idBytesMax
        )
        for (index, number) in numbers.enumerated() where !isNumber(number) {
            let rule = "a plus sign and 2 to 15 digits, the first not 0, or a short code of 3 to 8 digits"
            let message = "must be \(rule), found \(number.quotedCut)"
            throw DefinitionError(.wrongValue, at: "\(reader.path(of: "numbers"))[\(index)]", message)
        }
        return numbers
    }

    /// A sender's name is none: nobody can write to it.
    private static func isNumber(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        if FieldRule.phone.holds(for: bytes.span) { return true }
        return bytes.allSatisfy { 0x30...0x39 ~= $0 } && FieldRule.sender.holds(for: bytes.span)
    }
}

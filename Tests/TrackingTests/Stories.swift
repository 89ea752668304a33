import Avro

@testable import Tracking

/// Definitions and reports that many tests begin with.
enum Stories {
    static let email = "users.messages.email"
    static let sms = "users.messages.sms"
    static let push = "users.messages.pushnotification"

    static let spring = """
        {"name":"Spring","variations":[{"id":"v-a","name":"A","share":90},
        {"id":"v-0","name":"Control","share":10,"control":true}],
        "conversions":[{"type":"Makes Purchase","window":3600,"product":"any"},
        {"type":"Clicks Message","window":7200}]}
        """

    static let journey = """
        {"name":"Welcome","variations":[{"id":"w-1","name":"One","share":50},
        {"id":"w-2","name":"None","share":50,"control":true}],
        "steps":[{"id":"s-1","name":"Hello","entry":true,"scheduled":true},{"id":"s-2","name":"Again"}],
        "conversions":[{"type":"Performs Custom Event","window":86400,"custom_event_name":"signed_up"}]}
        """

    static let texts = """
        {"name":"Texts","channel":"sms","app_group_id":"ag-1","numbers":["+15005550006"],"messaging_services":["MG1"]}
        """

    /// A report of sends of the campaign's first variation.
    static func sends(
        _ users: [String],
        channel: String = "email",
        trigger: String = "scheduled",
        campaign: String? = "c-1",
        more: String = ""
    ) -> String {
        let recipients = users.map { user in
            """
            {"user_id":"\(user)","email_address":"\(user)@example.com","phone_number":"+1500555\(1000 + number(user))",
            "provider_message_id":"p-\(user)"}
            """
        }
        let message = campaign.map { #""campaign_id":"\#($0)","message_variation_id":"v-a","# } ?? ""
        return """
            {"channel":"\(channel)","trigger":"\(trigger)",\(message)\(more)"recipients":[\(recipients.joined(separator: ","))]}
            """
    }

    static func number(_ user: String) -> Int { Int(user.drop { !$0.isNumber }) ?? 0 }

    static func phone(_ user: String) -> String { "+1500555\(1000 + number(user))" }

    /// What a provider says of the email to a user, known by the provider's id.
    static func email(
        _ what: String,
        _ user: String,
        key: String,
        time: Int64,
        fields: [JSONValue.Member] = []
    ) -> ProviderReport {
        ProviderReport(
            .happened(type: "\(email).\(what)"),
            key: key,
            time: time,
            address: .email("\(user)@example.com"),
            providerMessageID: "p-\(user)",
            fields: fields
        )
    }
}

import Platform
import Testing

@Suite("What somebody probably meant who wrote an unknown name")
struct NearMissTests {
    private static let names = [
        "user_id", "external_user_id", "email_address", "name", "campaign_id", "campaign_name", "type", "id",
    ]

    @Test(
        "names are found that share their first or last words",
        arguments: [
            ("email", ["email_address"]), ("Event_Name", ["name"]), ("campaign", ["campaign_id", "campaign_name"]),
            ("user", ["user_id"]), ("event_type", ["type"]), ("send_id", []), ("id", []), ("mail", []), ("", []),
            ("_", []),
        ]
    )
    func sharing(name: String, found: [String]) {
        #expect(NearMiss.sharing(name, among: Self.names) == found)
    }

    @Test(
        "a slip is found, in the last parts of a name too; what is as near is told beside it",
        arguments: [
            ("emial_address", ["email_address"]), ("Name", ["name"]), ("name", []), ("campaign_xd", ["campaign_id"]),
            ("campaign_ixd", ["campaign_id"]), ("weather", []), ("", []),
            ("users.messages.email.Clik", ["users.messages.email.Click"]),
            ("email.click", ["users.messages.email.Click"]),
            ("Opne", ["users.messages.email.Open", "users.messages.push.Open"]), ("messages.webhook.Sent", []),
        ]
    )
    func suggestions(name: String, found: [String]) {
        let types = ["users.messages.push.Open", "users.messages.email.Open", "users.messages.email.Click"]
        #expect(NearMiss.suggestions(for: name, among: Self.names + types) == found)
        #expect(NearMiss.suggestion(for: name, among: Self.names + types) == found.first)
        let one = NearMiss.suggestions(for: name, among: Self.names + types, countMax: 1)
        #expect(one == (found.count > 1 ? [] : found), "several that are as near are no hint")
    }

    @Test("what many names share is no hint, nor is a name of any length")
    func bounds() {
        let more = Self.names + ["campaign_tag"]
        #expect(NearMiss.sharing("campaign", among: more).count == 3)
        #expect(NearMiss.sharing("campaign", among: more + ["campaign_end"]).isEmpty)
        #expect(NearMiss.sharing("campaign", among: more, countMax: 2).isEmpty)
        #expect(NearMiss.sharing(String(repeating: "x", count: 300) + "_name", among: Self.names).isEmpty)
    }
}

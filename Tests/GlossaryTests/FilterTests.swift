import Glossary
import Testing

@Suite("Filters")
struct FilterTests {
    private func names(_ filter: Filter, edition: String = "2021") throws -> [String] {
        try #require(Glossary.standard.edition(edition)).types(matching: filter).map(\.name)
    }

    @Test("an empty filter lets everything through")
    func everything() throws {
        #expect(try names(Filter()).count == 42)
        #expect(try names(Filter(text: "  ")).count == 42)
    }

    @Test(
        "globs match whole names, dots included, in any letter case",
        arguments: [
            ("users.messages.email.*", 8), ("users.messages.*", 27), ("*", 42), ("**", 42), ("*.Click", 4),
            ("users.*.Send", 5), ("USERS.messages.EMAIL.click", 1), ("users.messages.email", 0), ("email", 0),
            ("*email*", 8), ("users.messages.sms.Inbound*ived", 1), ("", 0), ("courant.*", 0),
        ]
    )
    func globs(glob: String, count: Int) throws {
        #expect(try names(Filter(events: [glob])).count == count)
    }

    @Test("a glob of many stars against a long name takes no long time")
    func hostileGlob() throws {
        let glob = String(repeating: "*a", count: 2000) + "b"
        #expect(try names(Filter(events: [glob])).isEmpty)
    }

    @Test("entries of a list add up, lists narrow each other down")
    func combination() throws {
        #expect(try names(Filter(events: ["*.email.Open", "*.email.Click"])).count == 2)
        #expect(try names(Filter(channels: ["email", "sms"])).count == 15)
        let both = try names(Filter(events: ["users.messages.*"], channels: ["Push"], actions: ["Opens", "bounce"]))
        #expect(both == ["users.messages.pushnotification.Open", "users.messages.pushnotification.Bounce"])
    }

    @Test(
        "tags and sections are found by title and by slug",
        arguments: ["In-App Messages", "in-app-messages", "in app messages", "IN_APP_MESSAGES"]
    )
    func slugs(channel: String) throws {
        #expect(try names(Filter(channels: [channel])).count == 2)
        #expect(try names(Filter(sections: ["message-engagement"])).count == 32)
        #expect(try names(Filter(sections: ["Message Engagement"])).count == 32)
    }

    @Test("slugs are lower case with hyphens")
    func slugForm() throws {
        let click = try standardType("users.messages.contentcard.Click")
        #expect(click.channels.map(\.slug) == ["content-cards"])
    }

    @Test("text search wants all words, in names, titles, occasions, field names and descriptions")
    func text() throws {
        #expect(try names(Filter(text: "FOREGROUND ios")) == ["users.messages.pushnotification.IosForeground"])
        #expect(
            try names(Filter(text: "provider_error_code")).map { String($0.suffix(9)) } == ["Rejection", "ryFailure"]
        )
        #expect(try names(Filter(text: "news feed card")).count == 2)
        #expect(try names(Filter(text: "advertising carrier")).isEmpty)
        #expect(try names(Filter(text: "fol*er")).isEmpty)
    }

    @Test("entries that nothing answers to are named")
    func misspelt() throws {
        let edition = try #require(Glossary.standard.edition("2021"))
        let filter = Filter(
            events: ["users.messages.email.*", "users.messages.mail.*"],
            sections: ["engagement"],
            channels: ["sms"],
            actions: ["send", "sends"]
        )
        #expect(filter.entriesWithoutMatch(in: edition) == ["users.messages.mail.*", "engagement", "send"])
    }
}

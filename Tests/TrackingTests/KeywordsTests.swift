import Avro
import Testing

@testable import Tracking

/// What a person asks for by SMS.
@Suite struct KeywordsTests {
    @Test(
        "the facts page's words are the standard ones",
        arguments: [
            (.stop, ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"]),
            (.start, ["START", "YES", "UNSTOP"]), (.help, ["HELP", "INFO"]),
        ] as [(InboundMessage.Word, [String])]
    )
    func standard(meaning: InboundMessage.Word, words: [String]) {
        for word in words { #expect(Keywords.standard.word(in: word) == meaning) }
    }

    @Test(
        "a keyword is the whole message, trimmed, a single word, in any letter case",
        arguments: [
            ("stop", .stop), ("Stop", .stop), ("sToP", .stop), (" \n STOP\r\n\t", .stop), ("\u{A0}STOP\u{2003}", .stop),
            ("help", .help), ("Yes", .start), ("stop it", nil), ("please stop", nil), ("STOP STOP", nil),
            ("STOP.", nil), ("st op", nil), ("stopp", nil), ("", nil), ("  \n", nil),
            (String(repeating: "stop", count: 1_000), nil),
        ] as [(String, InboundMessage.Word?)]
    )
    func matching(body: String, word: InboundMessage.Word?) {
        #expect(Keywords.standard.word(in: body) == word)
    }

    @Test("a keyword counts in each of the group's languages, and of the standard ones those for stop in any group")
    func languages() {
        let keywords = Keywords([
            .init("fr", start: ["OUI"], stop: ["ARRÊT"], help: ["AIDE"]), .init("de", stop: ["stopp"]),
        ])
        #expect(keywords.languages.map(\.name) == ["de", "fr"])
        #expect(keywords.word(in: "arrêt") == .stop)
        // The same letters with a combining accent.
        #expect(keywords.word(in: "arre\u{302}t") == .stop)
        #expect(keywords.word(in: "Stopp") == .stop)
        #expect(keywords.word(in: "oui") == .start)
        #expect(keywords.word(in: "Aide") == .help)
        for word in ["STOP", "StopAll", "unsubscribe", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"] {
            #expect(keywords.word(in: word) == .stop)
        }
        #expect(keywords.word(in: "START") == nil)
        #expect(Keywords([.init("a", start: ["Quit"])]).word(in: "quit") == .stop)
    }

    @Test("a word under two meanings means the one that leaves")
    func twoMeanings() {
        let keywords = Keywords([.init("a", start: ["X", "Y"], help: ["X"]), .init("b", stop: ["x"])])
        #expect(keywords.word(in: "X") == .stop)
        #expect(keywords.word(in: "Y") == .start)
        #expect(Keywords([.init("a", help: ["X"]), .init("b", start: ["x"])]).word(in: "x") == .start)
    }

    @Test(
        "what the provider took the message for counts first",
        arguments: [("hello", .stop), ("START", .stop), ("STOP", nil), ("hello", nil)]
            as [(String, InboundMessage.Word?)]
    )
    func provider(body: String, word: InboundMessage.Word?) {
        let message = InboundMessage(from: "+15550002222", to: "24365", body: body, word: word)
        #expect(Keywords.standard.word(in: message) == word ?? Keywords.standard.word(in: body))
    }

    @Test("action is unsubscribed, subscribed or none")
    func actions() {
        #expect(InboundMessage.Word.action(of: .stop) == "unsubscribed")
        #expect(InboundMessage.Word.action(of: .start) == "subscribed")
        #expect(InboundMessage.Word.action(of: .help) == "none")
        #expect(InboundMessage.Word.action(of: nil) == "none")
    }

    @Test("the category of an automatic reply is Opt-In, Opt-Out or Help")
    func categories() {
        #expect(InboundMessage.Word.stop.category == "Opt-Out")
        #expect(InboundMessage.Word.start.category == "Opt-In")
        #expect(InboundMessage.Word.help.category == "Help")
    }
}

import Testing

@testable import Tracking

/// A sentence that says when an event occurs or what a field means, and how it is shown to hold.
struct Sentence: Sendable, CustomTestStringConvertible {
    /// The event type, the field, or the statement's number.
    let subject: String
    let text: String
    let scenario: Scenario
    /// Whether the events of the scenario are as the sentence says.
    let holds: @Sendable ([Event]) -> Bool

    init(_ subject: String, _ text: String, _ scenario: Scenario, holds: @escaping @Sendable ([Event]) -> Bool) {
        self.subject = subject
        self.text = text
        self.scenario = scenario
        self.holds = holds
    }

    var testDescription: String { "\(subject): \(text)" }
}

/// A sentence that a test of its own shows.
struct SentenceElsewhere: Sendable, CustomTestStringConvertible {
    let subject: String
    let text: String
    /// In `Tests`.
    let file: String
    /// The test's name, as it stands there.
    let name: String

    init(_ subject: String, _ text: String, in file: String, _ name: String) {
        self.subject = subject
        self.text = text
        self.file = file
        self.name = name
    }

    var testDescription: String { "\(subject): \(text)" }
}

extension [Event] {
    /// Those of a type, by its name without `users.`, and of one user.
    func of(_ type: String, _ user: String? = nil) -> [Event] {
        filter { $0.type == "users.\(type)" && (user == nil || $0["user_id"] == user) }
    }

    func one(_ type: String, _ user: String? = nil) -> Event? { of(type, user).first }

    func count(_ type: String) -> Int { of(type).count }

    /// Whether there are some of a type, and all of them are so.
    func every(_ type: String, _ isSo: (Event) -> Bool) -> Bool {
        let found = of(type)
        return !found.isEmpty && found.allSatisfy(isSo)
    }

    /// The email Sends of a user, in the order of the reports.
    func sent(_ user: String) -> [Event] { of("messages.email.Send", user) }

    /// That of one report, where there is one.
    func sent(_ user: String, _ report: Int) -> Event? { sent(user).dropFirst(report).first }

    /// The last parts of the names of those types that have a value in a field.
    func owners(of field: String) -> [String] {
        Set(filter { $0[field] != nil }.map { String($0.type.split(separator: ".").last ?? "") }).sorted()
    }
}

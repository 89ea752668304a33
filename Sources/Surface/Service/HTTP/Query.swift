import Foundation
import HTTPTypes
import Hummingbird
import Intake
import Platform

/// The query of a request, read name by name.
///
/// `done` refuses what nobody asked for: a mistyped filter that is ignored would answer with everything.
struct Query {
    private let pairs: [(name: String, value: String)]
    private var known: [String] = []

    init(_ request: Request) {
        pairs = (request.uri.query ?? "").split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decoded(parts[0]), parts.count == 2 ? Self.decoded(parts[1]) : "")
        }
    }

    /// The last value of that name.
    mutating func text(_ name: String) -> String? {
        known.append(name)
        return pairs.last { $0.name == name }?.value
    }

    /// All values of that name; each may list several, divided by commas.
    mutating func list(_ name: String) -> [String] {
        known.append(name)
        return pairs.filter { $0.name == name }.flatMap { $0.value.split(separator: ",").map(String.init) }
    }

    /// One of a closed set of words.
    mutating func choice(_ name: String, default value: String, of words: [String]) throws(RouteError) -> String {
        let found = text(name) ?? value
        guard words.contains(found) else {
            let expected = ConfigurationSection.list(words)
            throw .bad("parameter_invalid", "\(name) is \(expected), not \(found.quotedCut).")
        }
        return found
    }

    /// A duration of at most `most`, such as `60s`.
    mutating func duration(_ name: String, default value: Duration, most: Duration) throws(RouteError) -> Duration {
        guard let text = text(name) else { return value }
        guard let given = ConfigurationUnits.duration(text), (.zero...most).contains(given) else {
            let bound = ConfigurationUnits.text(most)
            let message = "\(name) is a duration up to \(bound) such as 60s, not \(text.quotedCut)."
            throw .bad("parameter_invalid", message)
        }
        return given
    }

    /// `true`, `false`, or the name alone for true.
    mutating func flag(_ name: String) throws(RouteError) -> Bool {
        switch text(name) {
        case nil, "false"?: return false
        case ""?, "true"?: return true
        case let other?: throw .bad("parameter_invalid", "\(name) is true or false, not \(other.quotedCut).")
        }
    }

    func done() throws(RouteError) {
        guard let stranger = pairs.first(where: { !known.contains($0.name) })?.name else { return }
        guard !known.isEmpty else { throw .bad("parameter_unknown", "This address takes no parameters.") }
        let hint = NearMiss.suggestion(for: stranger, among: known).map { "did you mean \($0)?" }
        let list = "it takes \(known.joined(separator: ", "))."
        throw .bad("parameter_unknown", "There is no parameter \(stranger.quotedCut) here; \(hint ?? list)")
    }

    static func decoded(_ text: Substring) -> String {
        let spaced = String(text.map { $0 == "+" ? " " : $0 })
        return spaced.removingPercentEncoding ?? spaced
    }
}

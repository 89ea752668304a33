import Glossary
import Platform

/// Members of the directory: what no event can have would never be found there.
extension MemberReader {
    func timezone() throws(DefinitionError) -> String? {
        guard let name = try optionalText("timezone", bytesMax: 100) else { return nil }
        guard FieldRule.timezone.holds(for: name.utf8Span.span) else {
            let message = "must be a time zone of the IANA database such as Europe/Berlin, found \(name.quotedCut)"
            throw DefinitionError(.wrongValue, at: path(of: "timezone"), message)
        }
        return name
    }

    func phones() throws(DefinitionError) -> [String] {
        try addresses("phones", bytesMax: 100, "a phone number in E.164 form such as +4915112345678") {
            FieldRule.phone.holds(for: $0.utf8Span.span)
        }
    }

    func emails() throws(DefinitionError) -> [String] {
        try addresses("emails", bytesMax: 320, "an email address such as ann@example.com") { text in
            let parts = text.split(separator: "@", omittingEmptySubsequences: false)
            return parts.count > 1 && !parts.contains("") && !text.contains(where: \.isWhitespace)
        }
    }

    private func addresses(
        _ name: String,
        bytesMax: Int,
        _ rule: String,
        _ holds: (String) -> Bool
    ) throws(DefinitionError) -> [String] {
        let texts = try texts(name, countMax: 100, bytesMax: bytesMax)
        for (index, text) in texts.enumerated() where !holds(text) {
            let message = "must be \(rule), found \(text.quotedCut)"
            throw DefinitionError(.wrongValue, at: "\(path(of: name))[\(index)]", message)
        }
        return texts
    }
}

/// The little of email addresses that mapping needs.
enum EmailAddress {
    /// `kim@example.net` of `Kim <kim@example.net>`, which some receivers' reports have.
    static func bare(_ text: String) -> String {
        guard let open = text.lastIndex(of: "<"), let close = text[open...].firstIndex(of: ">") else { return text }
        let inner = text[text.index(after: open)..<close]
        return inner.contains("@") ? String(inner) : text
    }

    /// What stands behind the last at sign.
    static func domain(_ address: String) -> String? {
        guard let at = address.lastIndex(of: "@") else { return nil }
        let domain = address[address.index(after: at)...]
        return domain.isEmpty ? nil : String(domain)
    }
}

import Intake

/// Which variation of a campaign or canvas each user gets.
///
/// A keyed hash of the definition's id and the user's gives each user a point; the variations' shares, in the order of
/// their ids, part the line that the points lie on. So a user gets the same variation each time, on every machine
/// with the secret, whatever the names and the order of the list; two definitions part their users independently; and
/// a change of shares moves those users only whose point lies where it changed.
package struct Assignment: Sendable {
    private let hash: KeyedHash
    /// Where each variation's part ends, in percent.
    private let parts: [(end: Double, variation: Variation)]

    /// `secret` is 16 bytes, the journal's own.
    package init(_ campaign: Campaign, secret: [UInt8]) {
        self.init("courant.assignment.campaign.\(campaign.id)", campaign.variations, secret)
    }

    package init(_ canvas: Canvas, secret: [UInt8]) {
        self.init("courant.assignment.canvas.\(canvas.id)", canvas.variations, secret)
    }

    private init(_ domain: String, _ variations: [Variation], _ secret: [UInt8]) {
        hash = KeyedHash(secret: secret).derived(for: domain)
        var end = 0.0
        parts = variations.filter { $0.share > 0 }.sorted { $0.id < $1.id }.map { variation in
            end += variation.share
            return (end, variation)
        }
    }

    /// Nil where there are no variations.
    package func variation(for user: String) -> Variation? {
        guard let whole = parts.last?.end else { return nil }
        // 53 bits are what a `Double` holds exactly. Shares sum to the whole, which may miss 100 by a hair.
        let point = Double(hash.hash(Array(user.utf8)).low >> 11) / Double(1 << 53) * whole
        return (parts.first { point < $0.end } ?? parts.last)?.variation
    }
}

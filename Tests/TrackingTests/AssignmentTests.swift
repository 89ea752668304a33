import Testing

@testable import Tracking

/// Which variation a user gets.
@Suite struct AssignmentTests {
    private static let secret = Array(UInt8(0)..<16)

    private static func campaign(_ id: String, _ shares: [Double], name: String = "n") -> Campaign {
        let variations = shares.enumerated().map { Variation(id: "v\($0)", name: "\(name) \($0)", share: $1) }
        return Campaign(id: id, name: name, variations: variations)
    }

    /// The secret and the users are fixed: by chance alone, one half of a million misses its share by 0.05 points.
    @Test("shares are honoured within 0.1 percentage points over a million users")
    func shares() {
        let shares = [12.5, 0, 50, 0.5, 37]
        let assignment = Assignment(Self.campaign("c", shares), secret: Self.secret)
        var counts: [String: Int] = [:]
        for user in 0..<1_000_000 {
            if let variation = assignment.variation(for: "user-\(user)") { counts[variation.id, default: 0] += 1 }
        }
        #expect(counts.values.reduce(0, +) == 1_000_000)
        for (index, share) in shares.enumerated() {
            let percent = Double(counts["v\(index)"] ?? 0) / 10_000
            #expect(abs(percent - share) <= 0.1, "variation \(index) has \(percent) percent in place of \(share)")
        }
        #expect(counts["v1"] == nil)
    }

    @Test("a user gets the same variation whatever the names and the order of the list")
    func stability() {
        let shares = [20.0, 30, 50]
        let assignment = Assignment(Self.campaign("c", shares), secret: Self.secret)
        let renamed = Assignment(Self.campaign("c", shares, name: "other"), secret: Self.secret)
        let variations = Array(Self.campaign("c", shares).variations.reversed())
        let reversed = Assignment(Campaign(id: "c", name: "n", variations: variations), secret: Self.secret)
        for user in 0..<1_000 {
            let id = assignment.variation(for: "\(user)")?.id
            #expect(renamed.variation(for: "\(user)")?.id == id)
            #expect(reversed.variation(for: "\(user)")?.id == id)
        }
    }

    @Test("assignments are the same from version to version of the program")
    func golden() {
        let assignment = Assignment(Self.campaign("c", [25, 25, 25, 25]), secret: Self.secret)
        let ids = ["", "a", "b", "user-1", "5f9e1c", "ü"].map { assignment.variation(for: $0)?.id }
        // SipHash-1-3 of another implementation gives the same.
        #expect(ids == ["v0", "v0", "v2", "v3", "v1", "v3"])
    }

    @Test(
        "two definitions part their users independently",
        arguments: [
            (Assignment(campaign("d", [50, 50]), secret: secret)),
            (Assignment(
                Canvas(id: "c", name: "n", variations: campaign("c", [50, 50]).variations),
                secret: secret
            )),
            (Assignment(campaign("c", [50, 50]), secret: secret.reversed())),
        ]
    )
    func independence(other: Assignment) {
        let assignment = Assignment(Self.campaign("c", [50, 50]), secret: Self.secret)
        var counts = [0, 0, 0, 0]
        let users = 100_000
        for user in 0..<users {
            let first = assignment.variation(for: "user-\(user)")?.id == "v0"
            let second = other.variation(for: "user-\(user)")?.id == "v0"
            counts[(first ? 2 : 0) + (second ? 1 : 0)] += 1
        }
        // Five standard deviations of a quarter of them: 5 * sqrt(100,000 / 4 * 3 / 4) = 685.
        for count in counts { #expect(abs(count - users / 4) <= 685, "\(counts)") }
    }

    @Test("a change of shares moves those users only whose point lies where it changed")
    func changedShares() {
        let before = Assignment(Self.campaign("c", [50, 50]), secret: Self.secret)
        let after = Assignment(Self.campaign("c", [60, 40]), secret: Self.secret)
        var moved = 0
        for user in 0..<10_000 {
            let (first, second) = (before.variation(for: "\(user)")?.id, after.variation(for: "\(user)")?.id)
            if first != second {
                moved += 1
                #expect(second == "v0")
            }
        }
        #expect((800...1_200).contains(moved))
    }

    @Test("shares that sum to a little less than 100 leave nobody out")
    func slack() {
        let assignment = Assignment(Self.campaign("c", [33.333, 33.333, 33.333]), secret: Self.secret)
        for user in 0..<10_000 { #expect(assignment.variation(for: "\(user)") != nil) }
    }

    @Test("without variations there is none, and a single one is everybody's")
    func fewVariations() {
        #expect(Assignment(Self.campaign("c", []), secret: Self.secret).variation(for: "u") == nil)
        #expect(Assignment(Self.campaign("c", [100]), secret: Self.secret).variation(for: "u")?.id == "v0")
    }
}

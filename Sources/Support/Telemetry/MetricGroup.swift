/// Figures of one thing that belong together: at each scrape they are read in one go, so that sums among them hold.
package struct MetricGroup: Sendable {
    package enum Kind: Sendable {
        case counter
        case gauge
    }

    /// A name under which the group has samples.
    package struct Family: Sendable {
        let name: String
        let kind: Kind
        let help: String

        package init(_ name: String, _ kind: Kind, help: String) {
            self.name = name
            self.kind = kind
            self.help = help
        }
    }

    /// One figure at the moment of a scrape.
    package struct Sample: Sendable {
        let name: String
        let labels: [(String, String)]
        let value: Double

        package init(_ name: String, labels: [(String, String)], _ value: Double) {
            self.name = name
            self.labels = labels
            self.value = value
        }
    }

    let families: [Family]
    let read: @Sendable () -> [Sample]
}

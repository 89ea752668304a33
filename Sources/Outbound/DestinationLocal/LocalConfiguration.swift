package import Delivery

/// Where a connector to a local folder writes.
package struct LocalConfiguration: Sendable, Hashable {
    /// Files that are being written stand in this folder below the root, one folder for each connector; none of them
    /// ends in `.avro`.
    package static let temporaryFolder = ".courant"

    /// The root folder; keys are paths below it.
    package var path: String
    /// The connector's id, so that one connector's start leaves the files of another alone.
    package var connector: String

    package init(path: String, connector: String) {
        self.path = path
        self.connector = connector
    }

    package func validate() throws(DeliveryError) {
        guard !path.isEmpty else { throw DeliveryError(.settings, "destination.path: a local folder needs a path") }
    }
}

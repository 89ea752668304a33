import Delivery
import Foundation
import Journal
package import Logging
import Tracking

/// Ends the process, unanswered, when journal or state has failed: after a failed write or sync nothing that was not
/// acknowledged may be acknowledged any more.
///
/// The next start recovers from what is on disk.
package struct FailStop: Sendable {
    /// EX_SOFTWARE of sysexits.h.
    package static let exitCode: Int32 = 70

    private let logger: Logger
    private let end: @Sendable () -> Void

    /// Makes one that logs and then calls `end`, which ends the process; tests give one that returns.
    package init(logger: Logger, end: @escaping @Sendable () -> Void = { _exit(FailStop.exitCode) }) {
        self.logger = logger
        self.end = end
    }

    func stop(_ reason: String) {
        logger.critical(
            "A write to the data folder failed and the process ends; the next start goes on from what is safe.",
            metadata: ["service.reason": "\(reason)"]
        )
        end()
    }

    /// Ends the process if the error means that state has failed.
    func check(_ error: any Error) {
        if let error = error as? TrackingError, error.code == .state { return stop(error.message) }
        guard let error = error as? DeliveryError, error.code == .state || error.code == .ownerLost else { return }
        stop(error.message)
    }
}

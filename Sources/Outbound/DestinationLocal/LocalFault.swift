internal import Delivery
internal import Platform

/// What a refusal of the file system means for a connector.
enum LocalFault {
    // The same on Linux and Darwin.
    private static let notPermitted: Int32 = 1
    private static let accessDenied: Int32 = 13
    private static let notAFolder: Int32 = 20
    private static let readOnly: Int32 = 30

    static func error(_ error: FileError) -> DestinationError {
        if error.isNoSpace {
            return DestinationError(.full, "\(error): make room there", remedy: .retry(after: nil))
        }
        switch error.code {
        case notPermitted, accessDenied, readOnly:
            return DestinationError(
                .denied,
                "\(error): let this process write there, on a file system that has hard links",
                remedy: .waitForChange
            )
        case notAFolder:
            return DestinationError(
                .missing,
                "\(error): a file stands where a folder is needed",
                remedy: .waitForChange
            )
        default:
            return DestinationError(.unreachable, error.description, remedy: .retry(after: nil))
        }
    }
}

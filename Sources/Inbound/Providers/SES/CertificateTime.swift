internal import Foundation
internal import Platform

/// The library of certificates knows moments as `Date` only.
extension Timestamp {
    init(_ date: Date) {
        self.init(seconds: Int64(date.timeIntervalSince1970))
    }

    var date: Date { Date(timeIntervalSince1970: Double(seconds)) }
}

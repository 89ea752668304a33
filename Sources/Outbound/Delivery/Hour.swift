package import Platform

/// One hour of universal time: the folder that a file's records belong to.
package struct Hour: Hashable, Comparable, Sendable {
    /// Hours since 1970-01-01 00:00 UTC.
    package let number: Int64

    package init(number: Int64) {
        self.number = number
    }

    package init(of moment: Timestamp) {
        let seconds = moment.seconds
        number = (seconds - Self.remainder(seconds, 3_600)) / 3_600
    }

    package static func < (left: Hour, right: Hour) -> Bool {
        left.number < right.number
    }

    /// `2026-01-31-07`, as it stands in object keys.
    package var text: String {
        let hourOfDay = Self.remainder(number, 24)
        let (year, month, day) = Self.civil(day: (number - hourOfDay) / 24)
        return [Self.digits(year, 4), Self.digits(month, 2), Self.digits(day, 2), Self.digits(hourOfDay, 2)]
            .joined(separator: "-")
    }

    private static func remainder(_ value: Int64, _ divisor: Int64) -> Int64 {
        let remainder = value % divisor
        return remainder < 0 ? remainder + divisor : remainder
    }

    private static func digits(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    /// The proleptic Gregorian date of a day number, by counting years from March so that the leap day comes last.
    private static func civil(day: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let dayOfEra = remainder(shifted, 146_097)
        let era = (shifted - dayOfEra) / 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (
            yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        )
    }
}

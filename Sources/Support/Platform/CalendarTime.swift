/// A moment in universal time as HTTP and the cloud APIs write it, to the second.
package struct CalendarTime: Sendable, Hashable {
    private let day: Int64
    private let second: Int64

    package init(_ moment: Timestamp) {
        let seconds = moment.seconds
        second = ((seconds % 86_400) + 86_400) % 86_400
        day = (seconds - second) / 86_400
    }

    /// `20130524`.
    package var basicDate: String { date(separator: "") }
    /// `20130524T093005Z`.
    package var basic: String { "\(basicDate)T\(time(separator: ""))Z" }
    /// `2013-05-24T09:30:05Z`.
    package var extended: String { "\(date(separator: "-"))T\(time(separator: ":"))Z" }
    /// `Fri, 24 May 2013 09:30:05 GMT`.
    package var http: String {
        let (year, month, dayOfMonth) = civil
        // 1970 began with a Thursday.
        let weekday = Self.weekdays[Int(((day + 4) % 7 + 7) % 7)]
        let date = "\(Self.digits(dayOfMonth)) \(Self.months[Int(month - 1)]) \(Self.digits(year, 4))"
        return "\(weekday), \(date) \(time(separator: ":")) GMT"
    }

    /// Reads `2013-05-24T09:30:05Z`, also with a fraction or an offset such as `+02:00`.
    package static func parse(extended text: String) -> Timestamp? {
        let pattern = /(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):?(\d\d))/
        guard let match = text.wholeMatch(of: pattern) else { return nil }
        let (_, year, month, day, hour, minute, second, sign, hours, minutes) = match.output
        guard let local = moment(year, Int64(month), day, hour, minute, second) else { return nil }
        guard let sign, let hours = hours.flatMap({ Int64($0) }), let minutes = minutes.flatMap({ Int64($0) }) else {
            return local
        }
        let offset = Duration.seconds(hours * 3_600 + minutes * 60)
        return sign == "-" ? local + offset : local - offset
    }

    /// Reads `Fri, 24 May 2013 09:30:05 GMT`.
    package static func parse(http text: String) -> Timestamp? {
        let pattern = /[A-Z][a-z]{2}, (\d\d) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT/
        guard let match = text.wholeMatch(of: pattern) else { return nil }
        let (_, day, name, year, hour, minute, second) = match.output
        let month = months.firstIndex(of: String(name)).map { Int64($0 + 1) }
        return moment(year, month, day, hour, minute, second)
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private func date(separator: String) -> String {
        let (year, month, day) = civil
        return [Self.digits(year, 4), Self.digits(month), Self.digits(day)].joined(separator: separator)
    }

    private func time(separator: String) -> String {
        [second / 3_600, second / 60 % 60, second % 60].map { Self.digits($0) }.joined(separator: separator)
    }

    private static func digits(_ value: Int64, _ width: Int = 2) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }

    /// The proleptic Gregorian date, by counting years from March so that the leap day comes last.
    private var civil: (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        let month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * fromMarch + 2) / 5 + 1)
    }

    private static func moment(
        _ year: Substring,
        _ month: Int64?,
        _ day: Substring,
        _ hour: Substring,
        _ minute: Substring,
        _ second: Substring
    ) -> Timestamp? {
        guard let year = Int64(year), let month, let day = Int64(day), let hour = Int64(hour),
            let minute = Int64(minute), let second = Int64(second), (1...12).contains(month), (1...31).contains(day),
            hour < 24, minute < 60, second <= 60
        else { return nil }
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return Timestamp(seconds: days * 86_400 + hour * 3_600 + minute * 60 + second)
    }
}

import Foundation
package import Logging
package import Platform

/// The service's log on standard error: one line for each event, as text for people or JSON for machines.
package enum ServiceLog {
    package static func logger(_ settings: Configuration.LogSettings, clock: any WorldClock) -> Logger {
        logger(settings, clock: clock) { FileHandle.standardError.write(Data($0.utf8)) }
    }

    /// The same with another place for its lines; `write` takes one whole line with its end.
    static func logger(
        _ settings: Configuration.LogSettings,
        clock: any WorldClock,
        write: @escaping @Sendable (String) -> Void
    ) -> Logger {
        var logger = Logger(label: "courant") { _ in
            LineLogHandler(format: settings.format, clock: clock, write: write)
        }
        logger.logLevel = settings.level
        return logger
    }
}

/// Writes one line for each event.
struct LineLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel = Logger.Level.info
    private let format: Configuration.LogSettings.Format
    private let clock: any WorldClock
    private let write: @Sendable (String) -> Void

    init(
        format: Configuration.LogSettings.Format,
        clock: any WorldClock,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.format = format
        self.clock = clock
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { $1 } }
        if let given = event.metadata { merged.merge(given) { $1 } }
        if let error = event.error { merged["error"] = "\(error)" }
        let pairs = merged.map { (key: $0.key, value: $0.value.description) }.sorted { $0.key < $1.key }
        let time = ISOTime.text(clock.now())
        switch format {
        case .text:
            var line = "\(time) \(event.level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)) "
            line += event.message.description.map { $0.isNewline ? " " : String($0) }.joined()
            for pair in pairs {
                line += " \(pair.key)=\(Self.isPlain(pair.value) ? pair.value : JSONText.quoted(pair.value))"
            }
            write(line + "\n")
        case .json:
            let head = [("time", time), ("level", event.level.rawValue), ("message", event.message.description)]
            let fields = (head + pairs.map { ($0.key, $0.value) }).map {
                "\(JSONText.quoted($0.0)):\(JSONText.quoted($0.1))"
            }
            write("{\(fields.joined(separator: ","))}\n")
        }
    }

    private static func isPlain(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
    }
}

/// Text in JSON.
enum JSONText {
    /// The text in quotes, with what JSON wants escaped.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                quoted += "\\u00" + Hex.text([UInt8(scalar.value)])
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// Times as RFC 3339 in UTC, by integer arithmetic.
enum ISOTime {
    /// `2026-11-23T18:25:07.123Z`.
    static func text(_ time: Timestamp) -> String {
        let seconds = time.seconds
        let milliseconds = (time.nanoseconds - seconds * 1_000_000_000) / 1_000_000
        let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
        let second = seconds - days * 86_400
        // The civil calendar from days, counted in eras of 400 years that begin on a 1st of March.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let clock = "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        return "\(date)T\(clock).\(padded(milliseconds, 3))Z"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// Durations and sizes as they are written in a configuration.
enum ConfigurationUnits {
    /// The longest duration that is read, a hundred years: far below where sums with the present moment end.
    static let durationMax = Duration.seconds(36_525 * 86_400)

    /// `90s`, `1h30m`, `1.5d`: numbers with units from `ms` to `w`, added up; nil if the text is anything else, or more
    /// than `durationMax`.
    static func duration(_ text: String) -> Duration? {
        guard let parts = parts(text), !parts.isEmpty else { return nil }
        var milliseconds = 0.0
        for part in parts {
            guard let unit = durations[part.unit] else { return nil }
            milliseconds += (part.number * unit).rounded()
        }
        guard milliseconds <= durationMax / .milliseconds(1) else { return nil }
        return .milliseconds(Int64(milliseconds))
    }

    /// `64MiB`, `1.5GB`, or a bare number of bytes; nil if the text is anything else.
    static func bytes(_ text: String) -> Int? {
        if let bare = Int(text) { return bare >= 0 ? bare : nil }
        guard let parts = parts(text), parts.count == 1, let unit = sizes[parts[0].unit.lowercased()] else {
            return nil
        }
        let bytes = (parts[0].number * unit).rounded()
        return bytes < 9e18 ? Int(bytes) : nil
    }

    /// The shortest way to write a duration, for messages.
    static func text(_ duration: Duration) -> String {
        let milliseconds = Int(duration / .milliseconds(1))
        for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)]
        where milliseconds >= size && milliseconds.isMultiple(of: size) {
            return "\(milliseconds / size)\(unit)"
        }
        return "\(milliseconds)ms"
    }

    private static let durations: [String: Double] = [
        "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000,
    ]

    private static let sizes: [String: Double] = [
        "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
        "kib": 1024, "mib": 1_048_576, "gib": 1_073_741_824, "tib": 1_099_511_627_776,
    ]

    /// Splits `1h30m` into numbers and units.
    ///
    /// Twelve digits are more than any setting needs and keep the sums exact.
    private static func parts(_ text: String) -> [(number: Double, unit: String)]? {
        var parts: [(Double, String)] = []
        var rest = Substring(text)
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
            rest = rest.dropFirst(digits.count)
            let space = rest.prefix { $0 == " " }
            rest = rest.dropFirst(space.count)
            let unit = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(unit.count)
            guard digits.count <= 12, let number = Double(String(digits)), !unit.isEmpty else { return nil }
            parts.append((number, String(unit)))
        }
        return parts
    }
}

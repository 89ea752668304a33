import Platform

/// Numbers as people read them.
enum Figures {
    /// `1234567` as `1,234,567`.
    static func count(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var grouped = ""
        for (index, digit) in digits.enumerated() {
            if index > 0 && (digits.count - index).isMultiple(of: 3) { grouped.append(",") }
            grouped.append(digit)
        }
        return value < 0 ? "-" + grouped : grouped
    }

    /// A count with its noun: `1 record`, `2,000 records`.
    static func count(_ value: Int, _ noun: String) -> String {
        "\(count(value)) \(noun)\(value == 1 ? "" : "s")"
    }

    /// A size with one decimal in the largest unit that keeps it at 1 or above.
    static func bytes(_ value: Int) -> String {
        var unit = 0
        var scaled = Double(value)
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while scaled >= 1024 && unit < units.count - 1 {
            scaled /= 1024
            unit += 1
        }
        return unit == 0 ? "\(value) B" : "\(decimal(scaled, places: 1)) \(units[unit])"
    }

    /// Events a second, without decimals.
    static func rate(_ count: Int, in elapsed: Duration) -> String {
        let seconds = elapsed.inSeconds
        guard seconds > 0 else { return "-" }
        return "\(Self.count(Int((Double(count) / seconds).rounded()))) events/s"
    }

    /// A duration with as many decimals as are of use.
    static func duration(_ value: Duration) -> String {
        let seconds = value.inSeconds
        if seconds < 1 { return "\(Int((seconds * 1000).rounded())) ms" }
        if seconds < 100 { return "\(decimal(seconds, places: 1)) s" }
        let whole = Int(seconds)
        return whole < 3600 ? "\(whole / 60)m\(whole % 60)s" : "\(whole / 3600)h\(whole % 3600 / 60)m"
    }

    /// Rounds half away from zero, without a formatter.
    static func decimal(_ value: Double, places: Int) -> String {
        var factor = 1
        for _ in 0..<places { factor *= 10 }
        let scaled = Int((value.magnitude * Double(factor)).rounded())
        let fraction = String(scaled % factor)
        let padded = String(repeating: "0", count: places - fraction.count) + fraction
        return "\(value < 0 ? "-" : "")\(scaled / factor).\(padded)"
    }
}

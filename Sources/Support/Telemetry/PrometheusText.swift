/// The Prometheus text exposition format 0.0.4.
enum PrometheusText {
    static func append(_ family: MetricFamily, named name: String, to text: inout String) {
        text += "# HELP \(name) \(escaped(family.help, quotes: false))\n"
        text += "# TYPE \(name) \(family.kind.rawValue)\n"
        for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
            switch series {
            case .counter(let counter): text += "\(name)\(braced(labels)) \(counter.value)\n"
            case .gauge(let gauge): text += "\(name)\(braced(labels)) \(number(gauge.value))\n"
            case .sample(let value): text += "\(name)\(braced(labels)) \(number(value))\n"
            case .reading(let read): text += "\(name)\(braced(labels)) \(number(read()))\n"
            case .histogram(let histogram): append(histogram, named: name, labels: labels, to: &text)
            }
        }
    }

    private static func append(
        _ histogram: Histogram,
        named name: String,
        labels: String,
        to text: inout String
    ) {
        let counts = histogram.cumulativeCounts
        let prefix = labels.isEmpty ? "" : labels + ","
        for (bound, count) in zip(histogram.bounds.map(number) + ["+Inf"], counts) {
            text += "\(name)_bucket{\(prefix)le=\"\(bound)\"} \(count)\n"
        }
        text += "\(name)_sum\(braced(labels)) \(number(histogram.sum))\n"
        text += "\(name)_count\(braced(labels)) \(counts.last ?? 0)\n"
    }

    /// `name="value"` pairs as they stand between the braces, in the order given.
    static func labels(_ labels: [(String, String)]) -> String {
        labels.map { name, value in
            precondition(isName(name) && !name.contains(":"), "\(name) cannot be the name of a label")
            return "\(name)=\"\(escaped(value, quotes: true))\""
        }.joined(separator: ",")
    }

    static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: ":"): true
            default: false
            }
        }
    }

    private static func braced(_ labels: String) -> String {
        labels.isEmpty ? "" : "{\(labels)}"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    private static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return String(value)
    }
}

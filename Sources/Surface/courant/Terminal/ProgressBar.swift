import Platform

/// How far a long command has come, on standard error.
///
/// On a terminal one line is drawn over and over, at most ten times a second; elsewhere (a log, a pipe) a plain line
/// appears for each tenth of the way, so that a log stays readable.
struct ProgressBar: ~Copyable {
    private let title: String
    private let clock: any WorldClock
    private let started: Duration
    private let isTerminal: Bool
    private var drawnAt: Duration?
    private var tenthsShown = 0
    private var isDrawn = false

    private static let barWidth = 30
    private static let redrawAfter = Duration.milliseconds(100)

    /// - Parameters:
    ///   - title: What is being done, such as `Sending`.
    ///   - clock: Where the time comes from.
    init(_ title: String, clock: any WorldClock) {
        self.title = title
        self.clock = clock
        started = clock.uptime()
        isTerminal = StandardError.isTerminal
    }

    /// - Parameters:
    ///   - events: How many events are through.
    ///   - share: How much of the whole that is, 0 to 1; nil where the whole is unknown, as with standard input.
    mutating func update(events: Int, share: Double?) {
        let now = clock.uptime()
        if isTerminal {
            if let drawnAt, now - drawnAt < Self.redrawAfter { return }
            drawnAt = now
            isDrawn = true
            StandardError.write(
                "\r\u{1B}[K" + Self.drawing(title, events: events, share: share, elapsed: now - started)
            )
        } else if let share {
            let tenths = Int(share * 10)
            guard tenths > tenthsShown else { return }
            tenthsShown = tenths
            StandardError.line(Self.plain(title, events: events, share: share, elapsed: now - started))
        }
    }

    /// Removes the drawn line, so that what follows stands alone.
    mutating func finish() {
        if isDrawn { StandardError.write("\r\u{1B}[K") }
        isDrawn = false
    }

    static func drawing(_ title: String, events: Int, share: Double?, elapsed: Duration) -> String {
        let figures = "\(Figures.count(events, "event"))  \(Figures.rate(events, in: elapsed))"
        guard let share else { return "\(title)  \(figures)" }
        let filled = max(0, min(barWidth, Int(share * Double(barWidth))))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: barWidth - filled)
        return "\(title) \(bar) \(percent(share))  \(figures)"
    }

    static func plain(_ title: String, events: Int, share: Double, elapsed: Duration) -> String {
        "\(title): \(percent(share)), \(Figures.count(events, "event")), \(Figures.rate(events, in: elapsed))"
    }

    private static func percent(_ share: Double) -> String {
        "\(max(0, min(100, Int(share * 100)))) %"
    }
}

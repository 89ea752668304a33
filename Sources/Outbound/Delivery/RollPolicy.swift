internal import Platform

/// When a file of one event type is closed.
package struct RollSettings: Sendable, Hashable {
    /// The largest staged file; a destination takes it in one put.
    package static let fileBytesMax = 256 << 20
    /// What a file may still grow by after its size was looked at: one frame of the journal and a block.
    package static let overshootBytesMax = 8 << 20

    package var every: Duration
    package var events: Int?
    /// Encoded bytes, as they stand in the file.
    package var bytes: Int

    package init(every: Duration, events: Int? = nil, bytes: Int = 128 << 20) {
        self.every = every
        self.events = events
        self.bytes = bytes
    }

    package func validate() throws(DeliveryError) {
        guard every > .zero else { throw DeliveryError(.settings, "roll.every must be longer than nothing") }
        if let events, events < 1 { throw DeliveryError(.settings, "roll.events must be 1 or more") }
        let most = Self.fileBytesMax - Self.overshootBytesMax
        guard bytes >= 1, bytes <= most else {
            throw DeliveryError(.settings, "roll.bytes must lie between 1 and \(most), so that a file stays one put")
        }
    }
}

/// Decides when a staged file is closed; it looks at that file alone, so a rare type never cuts a busy one short.
struct RollPolicy: Sendable {
    let settings: RollSettings

    /// Whether a file that holds `count` records takes no further one.
    func isFull(count: Int) -> Bool {
        settings.events.map { count >= $0 } ?? false
    }

    /// Whether a file is closed once a frame has been taken.
    ///
    /// `moment` is the journal time of the reader's position, or the present once the reader stands at the end:
    /// catching up after an outage makes no dwarf files.
    func isDue(encodedBytes: Int64, opened: Timestamp, moment: Timestamp) -> Bool {
        let age = moment - opened
        // Opened while the clock was ahead: it must not wait until the clock has come there again.
        return encodedBytes >= Int64(settings.bytes) || age >= settings.every || age <= .zero - settings.every
    }

    /// How long until a file opened then is due by age.
    func remaining(opened: Timestamp, now: Timestamp) -> Duration {
        let age = now - opened
        return age <= .zero - settings.every ? .zero : max(.zero, settings.every - age)
    }
}

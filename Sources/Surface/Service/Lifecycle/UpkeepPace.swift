/// When the disk is measured and when room is made: often enough that room is made before intake would have to wait.
///
/// The journal's own size is known at any time and is looked at every tenth of a second: what intake takes at its
/// fastest between two looks (150 MB/s) is less than the headroom of two segments.
struct UpkeepPace {
    enum Action: Sendable, Hashable {
        case rest
        case measure
        case makeRoom
    }

    static let look = Duration.milliseconds(100)
    /// Staging, state and the free space are looked up on the disk.
    private static let measurement = Duration.seconds(2)
    /// What could not go a moment ago may go once the connectors have landed more.
    private static let afterFailure = Duration.milliseconds(500)

    /// The least room that is kept ahead of intake.
    let headroom: Int64
    private var measureAt = Duration.zero
    private var makeRoomAt = Duration.zero

    init(headroom: Int64) {
        self.headroom = headroom
    }

    /// What a look that finds `room` bytes comes to.
    mutating func next(room: Int64, now: Duration) -> Action {
        if room < headroom, now >= makeRoomAt { return .makeRoom }
        guard now >= measureAt else { return .rest }
        measureAt = now + Self.measurement
        return .measure
    }

    /// Room was to be made, and so many segments went.
    mutating func made(removed: Int, now: Duration) {
        measureAt = now + Self.measurement
        makeRoomAt = removed > 0 ? now : now + Self.afterFailure
    }
}

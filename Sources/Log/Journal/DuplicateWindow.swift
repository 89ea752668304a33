import Platform

/// The identities of the records of the last `window`, as many as its memory holds.
///
/// One table of 16-byte slots: 120 bits of the identity and an 8-bit generation. A slot's home is its hash scaled to
/// the table, and entries stand in the order of their hashes, so that a look-up ends at the first greater one and
/// stays short at a load of 0.85. A generation ends after a hundredth of the window or of the capacity; when its time
/// is over, or the table is full, it is forgotten at once, and a hand that moves some slots with each insertion
/// takes its entries out and closes the holes. There is no rebuild and no pause.
///
/// Memory comes as pages of zeros: what was never used costs nothing. Not for more than one thread at a time.
@safe
struct DuplicateWindow: ~Copyable {
    private struct Slot {
        var high: UInt64
        /// The identity's low half with its last 8 bits replaced by the generation's tag; tag 0 is an empty slot.
        var low: UInt64

        var tag: Int { Int(low & 0xFF) }
    }

    /// Of the window's time and of its capacity: so many generations hold each.
    private static let slices = 100
    /// Tags 1 to 255.
    ///
    /// At most 201 are alive, the others are being swept.
    private static let tags = 255
    /// With `sweepStep` slots swept for each insertion 1/32 of the table waits to be swept: 0.85 in all.
    private static let liveShare = 0.82
    private static let sweepStep = 16
    /// A cluster that runs past the last home ends here.
    ///
    /// At this load one of 8,192 slots never occurs.
    private static let overflowSlots = 8_192

    let window: Duration
    private let slice: Duration
    /// The most identities that are held.
    let capacity: Int
    private let homes: UInt64
    private let end: Int
    private let memory: ZeroedMemory
    private let slots: UnsafeMutablePointer<Slot>

    private var generation = 0
    private var oldest = 0
    /// The tag of `generation` and how many older ones are alive, at hand for each slot that is looked at.
    private var currentTag = 1
    private var liveSpan = 0
    /// By tag: when the generation began, and the slots that it fills.
    private var starts: [Duration]
    private var counts: [Int]
    private(set) var count = 0
    private var occupied = 0
    /// Identities older than this were forgotten before their time.
    private var forgottenUpTo: Duration?

    var lastTouched: UInt64 = 0
    private var hand = 0
    private var sweptAt: Duration
    private var insertedSinceSweep = 0

    init(window: Duration, memoryBytes: Int, now: Duration) {
        self.window = window
        slice = window / Self.slices
        let slotCount = Self.slotCount(memoryBytes: memoryBytes)
        homes = UInt64(slotCount)
        capacity = Self.capacity(memoryBytes: memoryBytes)
        end = slotCount + Self.overflowSlots
        memory = ZeroedMemory(count: end * MemoryLayout<Slot>.stride)
        unsafe slots = memory.bytes.bindMemory(to: Slot.self).baseAddress.unsafelyUnwrapped
        starts = Array(repeating: now, count: Self.tags + 1)
        counts = Array(repeating: 0, count: Self.tags + 1)
        sweptAt = now
    }

    /// The most identities that a window of so much memory holds.
    static func capacity(memoryBytes: Int) -> Int {
        Int(Double(slotCount(memoryBytes: memoryBytes)) * liveShare)
    }

    private static func slotCount(memoryBytes: Int) -> Int {
        max(1_024, memoryBytes / MemoryLayout<Slot>.stride)
    }

    /// How far back every identity is held.
    func held(at now: Duration) -> Duration {
        forgottenUpTo.map { min(window, max(.zero, now - $0)) } ?? window
    }

    /// Says that identities up to `moment` are not held, for lack of their segments.
    mutating func setForgotten(upTo moment: Duration) {
        forgottenUpTo = max(forgottenUpTo ?? moment, moment)
    }

    /// Ends generations whose time is over, begins a new one when due, and sweeps.
    ///
    /// Before each group of insertions.
    mutating func advance(to now: Duration) {
        if now - starts[tag(generation)] >= slice || counts[tag(generation)] >= max(1, capacity / Self.slices) {
            beginGeneration(at: now)
        }
        // After a silence the next one begins late; nothing was taken in after the slice.
        while oldest < generation, min(starts[tag(oldest + 1)], starts[tag(oldest)] + slice) + window <= now {
            forgetOldest()
        }
        sweep(for: now)
    }

    /// Reads the slot where a look-up will begin.
    ///
    /// Done for a group ahead of its look-ups, so that the processor waits for their memory once, not one by one.
    ///
    /// Add the answers up and store the sum in `lastTouched`, or the optimiser takes the reads away.
    @inline(__always)
    func touch(_ identity: RecordIdentity) -> UInt64 {
        unsafe slots[home(identity.high)].low
    }

    /// Remembers an identity; false if it is held already.
    mutating func insert(_ identity: RecordIdentity) -> Bool {
        let current = currentTag
        let low = identity.low & ~0xFF
        var index = home(identity.high)
        while true {
            let slot = unsafe slots[index]
            if slot.tag == 0 { break }
            let slotLow = slot.low & ~0xFF
            if slot.high > identity.high || slot.high == identity.high && slotLow > low { break }
            if slot.high == identity.high, slotLow == low {
                if isLive(slot.tag) { return false }
                counts[slot.tag] -= 1
                unsafe slots[index].low = low | UInt64(current)
                count(into: current)
                makeRoom()
                return true
            }
            index += 1
            // The table ran over its end, which its load rules out: the identity is then not remembered.
            if index >= end - 1 { return true }
        }
        occupied += 1
        place(Slot(high: identity.high, low: low | UInt64(current)), at: index)
        count(into: current)
        makeRoom()
        return true
    }

    private mutating func count(into tag: Int) {
        counts[tag] += 1
        count += 1
        insertedSinceSweep += 1
    }

    /// Moves the rest of the cluster one slot on.
    private mutating func place(_ slot: Slot, at start: Int) {
        var carried = slot
        var index = start
        while true {
            let displaced = unsafe slots[index]
            unsafe slots[index] = carried
            if displaced.tag == 0 { return }
            carried = displaced
            index += 1
            if index == end {
                drop(carried)
                return
            }
        }
    }

    private mutating func drop(_ slot: Slot) {
        counts[slot.tag] -= 1
        occupied -= 1
        if isLive(slot.tag) { count -= 1 }
    }

    /// A full table forgets its oldest generation early.
    private mutating func makeRoom() {
        while count > capacity, oldest < generation {
            forgottenUpTo = starts[tag(oldest + 1)]
            forgetOldest()
        }
    }

    private mutating func forgetOldest() {
        count -= counts[tag(oldest)]
        oldest += 1
        liveSpan = generation - oldest
    }

    private mutating func beginGeneration(at now: Duration) {
        let next = tag(generation + 1)
        // A tag returns after 255 generations, long after the hand took its last entry out; this makes it certain.
        while generation + 1 - oldest >= Self.tags { forgetOldest() }
        if counts[next] > 0 { sweep(slots: end) }
        generation += 1
        currentTag = next
        liveSpan = generation - oldest
        starts[next] = now
    }

    private mutating func sweep(for now: Duration) {
        if count == 0, occupied > 0 {
            memory.clear()
            for tag in counts.indices { counts[tag] = 0 }
            occupied = 0
        }
        // Time alone also takes the hand round, four times a window, or a quiet hour would let tags come alive again.
        let round = slice * 25
        let share = round > .zero ? min(1, (now - sweptAt) / round) : 1
        let due = max(insertedSinceSweep * Self.sweepStep, Int(Double(end) * max(0, share)))
        sweptAt = now
        insertedSinceSweep = 0
        if occupied > count { sweep(slots: min(due, end)) }
    }

    /// Lets the hand pass the next slots.
    private mutating func sweep(slots wanted: Int) {
        if wanted >= end { hand = 0 }
        let stop = min(hand + wanted, end)
        var position = hand
        while position < stop {
            position = unsafe slots[position].tag == 0 ? position + 1 : closeHoles(from: position, stop: stop)
        }
        hand = position >= end ? 0 : position
    }

    /// Takes forgotten entries out from `start` to the end of the cluster, or to `stop` if nothing is left to move
    /// there; what follows a hole moves back towards its home.
    ///
    /// Answers where it ended.
    private mutating func closeHoles(from start: Int, stop: Int) -> Int {
        // Nearly every slot is alive and nothing is to move yet: only its tag is looked at.
        var read = start
        while true {
            if read >= stop { return read }
            let slotTag = unsafe slots[read].tag
            if slotTag == 0 { return read }
            if !isLive(slotTag) { break }
            read += 1
        }
        var write = read
        while read < end {
            let slot = unsafe slots[read]
            if slot.tag == 0 || read >= stop && write == read { break }
            if !isLive(slot.tag) {
                counts[slot.tag] -= 1
                occupied -= 1
                unsafe slots[read] = Slot(high: 0, low: 0)
            } else {
                let place = max(write, home(slot.high))
                if place != read {
                    unsafe slots[place] = slot
                    unsafe slots[read] = Slot(high: 0, low: 0)
                }
                write = place + 1
            }
            read += 1
        }
        return read
    }

    @inline(__always)
    private func home(_ high: UInt64) -> Int {
        Int(high.multipliedFullWidth(by: homes).high)
    }

    private func tag(_ generation: Int) -> Int {
        1 + generation % Self.tags
    }

    @inline(__always)
    private func isLive(_ slotTag: Int) -> Bool {
        let age = currentTag - slotTag
        return (age < 0 ? age + Self.tags : age) <= liveSpan
    }
}

/// The names of fields that their event's type does not have, and how many events of a request had each.
///
/// A name has a number, in the order in which the request brought them: for an event whose unknown fields are those of
/// the events before it no name is made again.
struct UnknownNames {
    /// So many names are compared one by one; where there are more, one that stands out of turn is made and looked up.
    private static let comparedMax = 16

    private struct Noted {
        let name: String
        /// Those that were taken.
        var events = 0
        /// The last event that had it, counted from 1, and the name's place among the unknown ones of that event.
        var lastEvent = 0
        var place = 0
    }

    private var noted: [Noted] = []
    /// The numbers of the names that are not compared one by one.
    private var numbers: [String: Int] = [:]
    /// Of the names of the event at hand, in order.
    private var current: [Int] = []
    private var event = 0
    /// The number that comes next if this event has its fields in the order of those before it.
    private var next = 0

    /// How many names the event at hand has.
    var count: Int { current.count }

    /// Those that were counted.
    var counted: [(name: String, events: Int)] {
        noted.filter { $0.events > 0 }.map { ($0.name, $0.events) }
    }

    /// Begins an event.
    mutating func begin() {
        event += 1
        next = 0
        if !current.isEmpty { current.removeAll(keepingCapacity: true) }
    }

    /// Notes the name that a key spells; false where it is given twice.
    ///
    /// `earlier` is how many names were noted before the object at hand, which may repeat them.
    mutating func note(_ key: UnsafeBufferPointer<UInt8>, earlier: Int) -> Bool {
        let number = unsafe number(of: key)
        next = number + 1
        if noted[number].lastEvent == event { return noted[number].place < earlier }
        noted[number].lastEvent = event
        noted[number].place = current.count
        current.append(number)
        return true
    }

    /// Counts the event at hand, which was taken.
    mutating func countEvent() {
        for place in current.indices { noted[current[place]].events += 1 }
    }

    private mutating func number(of key: UnsafeBufferPointer<UInt8>) -> Int {
        if next < noted.count, unsafe Self.spells(key, noted[next].name) { return next }
        for number in 0..<min(noted.count, Self.comparedMax) {
            if unsafe Self.spells(key, noted[number].name) { return number }
        }
        let name = unsafe String(decoding: key, as: UTF8.self)
        if noted.count >= Self.comparedMax {
            if let number = numbers[name] { return number }
            numbers[name] = noted.count
        }
        noted.append(Noted(name: name))
        return noted.count - 1
    }

    private static func spells(_ key: UnsafeBufferPointer<UInt8>, _ name: String) -> Bool {
        guard name.utf8.count == key.count else { return false }
        var name = name
        return name.withUTF8 { text in
            for index in text.indices where unsafe text[index] != key[index] { return false }
            return true
        }
    }
}

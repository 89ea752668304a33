import Foundation

/// The generated events, cut into the bodies that a sender would post.
struct EventFile {
    /// NDJSON, so many events each.
    let bodies: [[UInt8]]
    let events: Int
    let bytes: Int

    /// The whole file, or the first `bodies` of it.
    init(path: String, bodies bodiesMax: Int = .max, eventsPerBody: Int = 100) throws {
        let data = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var bodies: [[UInt8]] = []
        var (start, end, held, events) = (0, 0, 0, 0)
        while end < data.count, bodies.count < bodiesMax {
            end = data[end...].firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? data.count
            held += 1
            events += 1
            guard held == eventsPerBody || end == data.count else { continue }
            bodies.append(Array(data[start..<end]))
            (start, held) = (end, 0)
        }
        guard bodiesMax == .max || events == bodiesMax * eventsPerBody else {
            throw BenchmarkFailure("\(path) has only \(events) events")
        }
        self.bodies = bodies
        self.events = events
        bytes = bodies.reduce(0) { $0 + $1.count }
    }

    /// How many events the first bodies have.
    func events(inFirst count: Int) -> Int {
        bodies.prefix(count).reduce(0) { $0 + $1.count { $0 == UInt8(ascii: "\n") } }
    }
}

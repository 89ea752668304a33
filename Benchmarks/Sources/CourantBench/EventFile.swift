import Foundation

/// The generated events, cut into the bodies that a sender would post.
struct EventFile {
    static let eventsPerBody = 100

    /// NDJSON, `eventsPerBody` events each.
    let bodies: [[UInt8]]
    let events: Int
    let bytes: Int

    init(path: String) throws {
        let data = try Data(contentsOf: URL(filePath: path))
        var bodies: [[UInt8]] = []
        var body: [UInt8] = []
        var held = 0
        var events = 0
        for line in data.split(separator: UInt8(ascii: "\n")) {
            body.append(contentsOf: line)
            body.append(UInt8(ascii: "\n"))
            held += 1
            events += 1
            if held == Self.eventsPerBody {
                bodies.append(body)
                body = []
                held = 0
            }
        }
        if held > 0 { bodies.append(body) }
        self.bodies = bodies
        self.events = events
        bytes = data.count
    }
}

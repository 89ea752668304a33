import Foundation

/// The events of several files, one file after the other.
///
/// All files are looked at before the first event goes out, so that a misspelt name does not stop a half-done send; but
/// only one is open at a time, since a bucket has more files than a process may open.
final class EventFiles {
    /// The bytes of all files together; nil where one has no size, such as standard input.
    let size: Int?
    /// How many events were handed out.
    private(set) var count = 0
    private var waiting: ArraySlice<String>
    private var current: EventFile?
    private var passed = 0

    init(_ paths: [String]) throws {
        let sizes = try paths.map { try AvroFileSource.size(of: $0) }
        size = sizes.contains(nil) ? nil : sizes.reduce(0) { $0 + ($1 ?? 0) }
        waiting = paths[...]
    }

    /// How much of ``size`` is read.
    var position: Int { passed + (current?.position ?? 0) }

    /// The next events of one file; nil at the end of the last.
    func nextBatch(eventsMax: Int, bytesMax: Int) throws -> EventBatch? {
        while true {
            if let batch = try current?.nextBatch(eventsMax: eventsMax, bytesMax: bytesMax) {
                count += batch.count
                return batch
            }
            passed = position
            current = nil
            guard let path = waiting.popFirst() else { return nil }
            current = try EventFile(path: path)
        }
    }
}

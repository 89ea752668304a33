/// The sizes and bounds of a journal.
package struct JournalSettings: Sendable {
    package var folder: String
    /// Fixed when the journal is made.
    package var partitions: Int
    package var segmentBytes: Int
    /// Of a frame's payload; one record may be larger and then stands alone.
    package var frameBytesMax: Int
    /// Of all batches that were handed over and are not yet durable.
    package var queueBytesMax: Int
    package var duplicateWindow: Duration
    /// For the duplicate windows of all partitions together.
    package var duplicateMemory: Int
    /// Asked with the journal's bytes on disk: whether the disk budget, which others share, has room.
    package var diskAdmits: @Sendable (_ journalBytes: Int64) -> Bool

    package init(
        folder: String,
        partitions: Int = 1,
        segmentBytes: Int = 64 << 20,
        frameBytesMax: Int = 4 << 20,
        queueBytesMax: Int = 64 << 20,
        duplicateWindow: Duration = .seconds(3_600),
        duplicateMemory: Int = 64 << 20,
        diskAdmits: @escaping @Sendable (_ journalBytes: Int64) -> Bool = { _ in true }
    ) {
        self.folder = folder
        self.partitions = partitions
        self.segmentBytes = segmentBytes
        self.frameBytesMax = frameBytesMax
        self.queueBytesMax = queueBytesMax
        self.duplicateWindow = duplicateWindow
        self.duplicateMemory = duplicateMemory
        self.diskAdmits = diskAdmits
    }

    /// The largest framed record that is taken: half a segment leaves room for any head and seal.
    package var recordBytesMax: Int { segmentBytes / 2 }
}

internal import Avro
internal import Journal
internal import Platform

/// A file of one type and one hour while it grows in staging.
///
/// Records go into an open block. Full blocks wait in `full` until the frame has been taken, then are compressed and
/// written. The file's head is reserved at its first write and written last, when first, last and count are known.
final class StagedFile {
    /// Raw bytes of a block that is complete.
    struct FullBlock: Sendable {
        var bytes: [UInt8]
        /// What was asked of the allocator for them.
        var memory: Int
        var count: Int
        /// How many bytes of the block went to the side file before these.
        var spilled: Int
    }

    let type: Int
    let name: String
    let hour: Hour
    let first: Offset
    let opened: Timestamp
    let head: FileHead
    private let buffers: BlockBuffers
    private(set) var last: Offset
    private(set) var count = 0
    /// The open block.
    private(set) var block: [UInt8] = []
    /// What was asked of the allocator for the open block; its own figure differs between two runs of the same.
    private(set) var blockMemory = 0
    private var blockCount = 0
    private var blockSpilled = 0
    private(set) var full: [FullBlock] = []
    /// Everything behind the head, as written or in `outbox`.
    private(set) var body = ChecksumStream()
    /// Encoded blocks that are not written yet.
    private var outbox: [UInt8] = []
    private(set) var isOnDisk = false

    init(
        type: Int,
        name: String,
        hour: Hour,
        first: Offset,
        opened: Timestamp,
        head: FileHead,
        buffers: BlockBuffers = BlockBuffers()
    ) {
        self.type = type
        self.name = name
        self.hour = hour
        self.first = first
        self.opened = opened
        self.head = head
        self.buffers = buffers
        last = first
    }

    var spillName: String { name + ".spill" }
    var encodedBytes: Int64 { Int64(head.size) + body.size }
    var hasSpilled: Bool { blockSpilled > 0 || full.contains { $0.spilled > 0 } }

    /// Appends a datum as it is.
    @inline(__always)
    func append(_ datum: UnsafeRawBufferPointer, offset: Offset, blockBytes: Int) {
        if blockMemory - block.count < datum.count { grow(by: datum.count, blockBytes: blockBytes) }
        unsafe block.append(contentsOf: datum)
        took(offset, blockBytes: blockBytes)
    }

    /// Appends a projected datum, or nothing.
    func append(
        _ datum: UnsafeRawBufferPointer,
        through projection: Projection,
        scratch: inout ProjectionScratch,
        offset: Offset,
        blockBytes: Int
    ) -> Projection.Obstacle? {
        if blockMemory - block.count < datum.count { grow(by: datum.count, blockBytes: blockBytes) }
        if let obstacle = unsafe projection.append(datum, to: &block, scratch: &scratch) { return obstacle }
        took(offset, blockBytes: blockBytes)
        return nil
    }

    /// Doubles up to a block and a little: the record that completes a block would else double it once more.
    private func grow(by bytes: Int, blockBytes: Int) {
        let needed = block.count + bytes
        blockMemory = max(needed, min(2 * needed, blockBytes + blockBytes / 16))
        block.reserveCapacity(blockMemory)
    }

    /// The boundary depends on record bytes only, never on memory or time.
    @inline(__always)
    private func took(_ offset: Offset, blockBytes: Int) {
        last = offset
        count += 1
        blockCount += 1
        if blockSpilled + block.count >= blockBytes {
            endBlock()
            // A type that filled one block fills another.
            (block, blockMemory) = buffers.take()
        }
    }

    /// Completes the open block, if it holds anything.
    func endBlock() {
        guard blockCount > 0 else { return }
        var bytes: [UInt8] = []
        swap(&bytes, &block)
        full.append(FullBlock(bytes: bytes, memory: blockMemory, count: blockCount, spilled: blockSpilled))
        blockMemory = 0
        blockCount = 0
        blockSpilled = 0
    }

    /// Gives the full blocks away to be encoded.
    func takeFull() -> [FullBlock] {
        var blocks: [FullBlock] = []
        swap(&blocks, &full)
        return blocks
    }

    /// Encodes a full block behind what is there; its raw buffer is free for another.
    ///
    /// `spilled` are the raw bytes that went to disk before the block's own.
    func add(
        _ block: consuming FullBlock,
        spilled: [UInt8] = [],
        through encoder: inout BlockEncoder
    ) throws(DeliveryError) {
        let start = outbox.count
        try encoder.encode(block, spilled: spilled, sync: head.sync, into: &outbox)
        unsafe outbox.withUnsafeBytes { unsafe body.add(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        // Moved, so that the buffer has one owner and keeps its memory.
        var buffer: [UInt8] = []
        swap(&buffer, &block.bytes)
        buffers.give(buffer, memory: block.memory)
    }

    /// What is to be written now, and where; nil if nothing is.
    func takeWrite(folder: String) -> StagedWrite? {
        guard !outbox.isEmpty else { return nil }
        var bytes: [UInt8] = []
        swap(&bytes, &outbox)
        let position = Int64(head.size) + body.size - Int64(bytes.count)
        let creates = !isOnDisk
        isOnDisk = true
        return StagedWrite(path: FilePath.join(folder, name), position: position, bytes: bytes, creates: creates)
    }

    /// Moves the open block to the side file; nil if it holds nothing.
    func takeSpill(folder: String) -> StagedWrite? {
        guard !block.isEmpty else { return nil }
        var bytes: [UInt8] = []
        swap(&bytes, &block)
        blockMemory = 0
        let write = StagedWrite(
            path: FilePath.join(folder, spillName),
            position: Int64(blockSpilled),
            bytes: bytes,
            creates: false,
            createsIfMissing: true
        )
        blockSpilled += bytes.count
        return write
    }
}

/// The raw buffers of blocks that were written, for the blocks that follow them.
///
/// One for each worker, whatever the number of its files.
final class BlockBuffers {
    /// About what one frame fills.
    static let bytesMax = 4 << 20

    private var free: [(buffer: [UInt8], memory: Int)] = []
    /// What the free ones hold on to.
    private(set) var bytes = 0

    /// A buffer of a full block's size, or a new one, with its memory.
    func take() -> ([UInt8], memory: Int) {
        guard let (buffer, memory) = free.popLast() else { return ([], 0) }
        bytes -= memory
        return (buffer, memory)
    }

    func give(_ buffer: consuming [UInt8], memory: Int) {
        buffer.removeAll(keepingCapacity: true)
        guard bytes + memory <= Self.bytesMax else { return }
        bytes += memory
        free.append((buffer, memory))
    }

    func removeAll() {
        free = []
        bytes = 0
    }
}

/// One write to a staged file or its side file.
///
/// Files are opened for each: a connector may have hundreds of staged files, and a write has at least a block.
struct StagedWrite: Sendable {
    var path: String
    var position: Int64
    var bytes: [UInt8]
    var creates: Bool
    var createsIfMissing = false

    func carryOut(_ files: any FileSystem) throws(FileError) {
        let missing = createsIfMissing ? try files.size(of: path) == nil : creates
        let file = try files.open(path, missing ? .create : .readWrite)
        defer { file.close() }
        try file.write(at: position, bytes)
    }
}

/// The head of a file: everything before its first block.
struct FileHead: Sendable {
    let schema: String
    let codec: Codec
    let sync: [UInt8]
    let size: Int

    init(schema: String, codec: Codec, sync: [UInt8]) {
        self.schema = schema
        self.codec = codec
        self.sync = sync
        size =
            Self.encode(
                schema: schema,
                codec: codec,
                sync: sync,
                plan: [UInt8](repeating: 0, count: PlanTag.bytes)
            ).count
    }

    /// The head with its plan; of the same size whatever the plan.
    func encoded(_ tag: PlanTag) -> [UInt8] {
        let bytes = Self.encode(schema: schema, codec: codec, sync: sync, plan: tag.padded)
        precondition(bytes.count == size, "the tag has a fixed size")
        return bytes
    }

    private static func encode(schema: String, codec: Codec, sync: [UInt8], plan: [UInt8]) -> [UInt8] {
        ContainerHeader(
            schema: schema,
            codec: codec,
            metadata: [(key: PlanTag.metadataKey, value: plan)],
            sync: sync
        ).encoded()
    }
}

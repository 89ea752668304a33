/// What a reader accepts from a file that may be hostile; past any of these it throws ``AvroError/Code/limit``.
///
/// Together they bound memory: at most a compressed block, a decompressed block and one datum are held at a time,
/// and buffers grow only as bytes really arrive.
public struct ReaderLimits: Sendable, Hashable {
    /// Bytes of a container's header, schema included.
    public var headerBytesMax = 4 << 20
    /// Metadata entries in a container's header.
    public var headerEntriesMax = 1_024
    /// Bytes of a block as stored.
    public var blockBytesMax = 64 << 20
    /// Bytes of a block once decompressed.
    public var decompressedBlockBytesMax = 64 << 20
    /// Bytes of one string, bytes value or map key.
    public var stringBytesMax = 64 << 20
    /// Values in one datum, counted through all its levels; each takes 24 bytes and more in memory.
    public var valuesMax = 1 << 20
    /// Items that a block or an array may have beyond the bytes left for them: items may take no bytes at all.
    public var emptyItemsMax = 1 << 16
    /// Levels of nesting in one datum.
    public var depthMax = 128

    /// The limits above.
    public init() {}
}

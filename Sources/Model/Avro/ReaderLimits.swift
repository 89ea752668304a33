/// What a reader accepts from a file that may be hostile; past any of these it throws ``AvroError/Code/limit``.
///
/// Together they bound memory: at most a compressed block, a decompressed block and one datum are held at a time,
/// and buffers grow only as bytes really arrive. They bound time as well: what a file may have without bytes, such as
/// nulls and records without fields, is in proportion to the bytes that it has.
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
    public var valuesMax = 1 << 24
    /// Values that one datum may have whatever its bytes, and values without bytes that a file may have.
    public var spareValuesMax = 1 << 20
    /// Further values in one datum for each byte of its block as stored, and further values without bytes in a file
    /// for each byte of its blocks once decompressed.
    public var valuesPerByteMax = 16
    /// Levels of records, arrays and maps within one another in one datum; a union is none.
    public var depthMax = 512

    /// The limits above.
    public init() {}
}

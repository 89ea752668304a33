/// How a container's blocks are compressed.
public enum Codec: Sendable, Hashable {
    case null
    /// Raw deflate (RFC 1951), through libdeflate: 0 stores, 1 is fast, 12 is smallest.
    case deflate(level: Int)
    /// Snappy with the CRC-32 of the uncompressed bytes after it.
    case snappy
    /// Zstandard: 1 is fast, 22 is smallest, below 0 is faster still.
    case zstandard(level: Int)

    /// The name in a container's header.
    public var name: String {
        switch self {
        case .null: "null"
        case .deflate: "deflate"
        case .snappy: "snappy"
        case .zstandard: "zstandard"
        }
    }

    /// The level, where the codec has one.
    public var level: Int? {
        switch self {
        case .null, .snappy: nil
        case .deflate(let level), .zstandard(let level): level
        }
    }

    /// A codec by its name; nil if there is no such codec or level.
    ///
    /// Without a level deflate takes 6 and zstandard 1. A container does not record the level, so that a codec read
    /// from a header has these.
    public init?(name: String, level: Int? = nil) {
        switch (name, level) {
        case ("null", nil): self = .null
        case ("snappy", nil): self = .snappy
        case ("deflate", _) where (0...12).contains(level ?? 6): self = .deflate(level: level ?? 6)
        case ("zstandard", _) where (-7...22).contains(level ?? 1): self = .zstandard(level: level ?? 1)
        default: return nil
        }
    }
}

/// One block of an object container file.
///
///     count    long          how many values
///     size     long          how many bytes follow, compressed
///     bytes    size bytes
///     sync     16 bytes      the header's marker
public enum ContainerBlock {
    /// Appends a block whose bytes are compressed already.
    public static func append(count: Int, compressed: Span<UInt8>, sync: Span<UInt8>, to output: inout [UInt8]) {
        Varint.append(Int64(count), to: &output)
        Varint.append(Int64(compressed.count), to: &output)
        unsafe compressed.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
        unsafe sync.withUnsafeBufferPointer { unsafe output.append(contentsOf: $0) }
    }
}

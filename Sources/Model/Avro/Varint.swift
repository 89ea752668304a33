/// Avro's variable-length integers: zigzag, seven bits a byte, least significant first.
public enum Varint {
    /// The most bytes that one takes.
    public static let bytesMax = 10

    /// How many bytes a value takes.
    @inlinable
    public static func size(_ value: Int64) -> Int {
        let zigzag = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        return (70 - (zigzag | 1).leadingZeroBitCount) / 7
    }

    /// Writes a value and returns how many bytes it took; there must be room for ``bytesMax``.
    @inlinable
    public static func write(_ value: Int64, to pointer: UnsafeMutablePointer<UInt8>) -> Int {
        var zigzag = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        var count = 0
        while zigzag >= 0x80 {
            unsafe pointer[count] = UInt8(truncatingIfNeeded: zigzag) | 0x80
            zigzag >>= 7
            count += 1
        }
        unsafe pointer[count] = UInt8(truncatingIfNeeded: zigzag)
        return count + 1
    }

    /// Appends a value to an array.
    @inlinable
    public static func append(_ value: Int64, to output: inout [UInt8]) {
        var zigzag = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        while zigzag >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: zigzag) | 0x80)
            zigzag >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: zigzag))
    }
}

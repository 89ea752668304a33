/// What is fed: a part of Courant that meets bytes of strangers.
///
/// An input that it mishandles ends the process, with the input left in a file of its own.
protocol FuzzTarget: Sendable {
    static var name: String { get }

    init() throws

    /// Takes one input; nothing of it may show in what becomes of the next.
    func take(_ input: FuzzInput)
}

/// An input, read from its front; past its end it reads as zeros.
struct FuzzInput: Sendable {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    var isEmpty: Bool { bytes.isEmpty }

    /// What has not been read.
    var rest: [UInt8] { Array(bytes) }

    mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    /// A number of two bytes, the high one first.
    mutating func word() -> Int { Int(byte()) << 8 | Int(byte()) }

    /// What stands before the next byte of that value, which is passed over; all where there is none.
    mutating func part(before end: UInt8 = 0) -> [UInt8] {
        let part = bytes.prefix { $0 != end }
        bytes = bytes.dropFirst(part.count + 1)
        return Array(part)
    }

    /// The same as text; nil where it is no UTF-8.
    mutating func text(before end: UInt8 = 0) -> String? {
        String(validating: part(before: end), as: UTF8.self)
    }

    var restAsText: String? { String(validating: bytes, as: UTF8.self) }
}

/// Ends the process with the reason where something that must hold does not.
func demand(_ holds: Bool, _ reason: @autoclosure () -> String) {
    if !holds { fatalError(reason()) }
}

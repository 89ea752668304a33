package import Delivery

/// A destination under test, with a view from outside.
package protocol ConformanceSubject: Sendable {
    /// The destination, as a process that has just started makes it, on the same place each time.
    func makeDestination() async throws -> any ObjectDestination

    /// Everything that a reader of the place sees: keys and bytes.
    ///
    /// What is being written and has no final name does not belong to it.
    func objects() async throws -> [String: [UInt8]]

    /// Puts an object there that is nobody's.
    func put(foreign bytes: [UInt8], key: String) async throws

    /// Ways in which the place can refuse, and what each must be answered with.
    func faults() async throws -> [ConformanceFault]
}

/// One way in which a place refuses.
package struct ConformanceFault: Sendable {
    package var name: String
    package var remedy: DestinationError.Remedy
    /// Makes it happen to the destination's next calls.
    package var begin: @Sendable () async throws -> Void
    package var end: @Sendable () async throws -> Void

    package init(
        name: String,
        remedy: DestinationError.Remedy,
        begin: @escaping @Sendable () async throws -> Void,
        end: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        self.remedy = remedy
        self.begin = begin
        self.end = end
    }
}

/// What a destination did that it must not do.
package struct ConformanceFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

import Synchronization

/// A value that the tasks of a test share.
package final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    package init(_ value: Value) {
        self.value = Mutex(value)
    }

    package func withLock<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try value.withLock { value in try body(&value) }
    }

    package var current: Value { withLock { $0 } }
}

extension Locked where Value == Int {
    /// Adds and answers the sum.
    @discardableResult
    package func add(_ amount: Int = 1) -> Int {
        withLock { value in
            value += amount
            return value
        }
    }
}

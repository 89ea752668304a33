import Avro

/// Numbers of JSON as the definitions' arithmetic needs them.
enum JSONNumber {
    static let finite = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude

    /// The value, where it is a number and finite.
    static func double(_ value: JSONValue?) -> Double? {
        guard case .number(let text) = value, let double = Double(text), double.isFinite else { return nil }
        return double
    }

    /// The number in its shortest text, a whole one without a fraction.
    static func value(_ double: Double) -> JSONValue {
        if let whole = Int64(exactly: double) { return .number("\(whole)") }
        return .number("\(double)")
    }

    /// Which of two numbers is greater: 1, 0 or -1; nil where one is no number.
    ///
    /// Whole numbers are compared as such: beyond 2^53 a `Double` takes neighbours for one.
    static func order(_ left: JSONValue, _ right: JSONValue) -> Int? {
        if let left = left.integer, let right = right.integer { return order(left, right) }
        guard let left = double(left), let right = double(right) else { return nil }
        return order(left, right)
    }

    private static func order<Number: Comparable>(_ left: Number, _ right: Number) -> Int {
        left < right ? -1 : left > right ? 1 : 0
    }
}

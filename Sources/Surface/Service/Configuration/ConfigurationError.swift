/// What is wrong with a configuration file: every problem found in one reading, in the order of the file.
///
/// It never holds a value, of the file or of the environment: see `ConfigurationWords`.
package struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One thing that is wrong.
    package struct Problem: Sendable, Hashable {
        /// Counted from 1; nil where nothing in the file stands for it.
        package let line: Int?
        /// The dotted path, such as `connectors.local.roll.every`; empty for the file as a whole.
        package let key: String
        /// What was expected, and what was found.
        package let message: String

        package init(line: Int?, key: String, message: String) {
            self.line = line
            self.key = key
            self.message = message
        }
    }

    /// The file as it was named.
    package let file: String
    package let problems: [Problem]

    package init(file: String, problems: [Problem]) {
        self.file = file
        self.problems = problems
    }

    /// One line for each problem: `courant.yaml:12: connectors.local.roll.every: expected …`.
    package var description: String {
        problems.map { problem in
            let place = problem.line.map { "\(file):\($0)" } ?? file
            return problem.key.isEmpty ? "\(place): \(problem.message)" : "\(place): \(problem.key): \(problem.message)"
        }.joined(separator: "\n")
    }
}

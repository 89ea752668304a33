/// Rules about single words and calls in Swift sources.
enum Words {
    /// Calls that fetch time, chance or identity from the world.
    ///
    /// `Platform` is where the world comes in; anywhere else they would escape the simulated one.
    static func worldlyCalls(in file: TreeFile) -> [Finding] {
        guard let swift = file.swift, file.wing != nil, file.room != "Platform" else { return [] }
        let forbidden = [
            "Date()", "Date.now", ".random(", "UUID()", "Task.sleep", "ContinuousClock(", "ContinuousClock.now",
            "SuspendingClock", "SystemRandomNumberGenerator", "clock_gettime(", "getrandom(", "arc4random",
        ]
        let mentioned = forbidden.filter { file.mentions($0) }
        return matches(swift, in: file, if: !mentioned.isEmpty) { code in
            mentioned.first { contains(code, call: $0) }.map { "`\($0)` outside Platform: take it by parameter" }
        }
    }

    /// Threads and queues of one's own, below Surface and outside Platform.
    static func threads(in file: TreeFile) -> [Finding] {
        guard let swift = file.swift, let wing = file.wing else { return [] }
        guard wing != "Surface", file.room != "Platform" else { return [] }
        let forbidden = ["DispatchQueue", "DispatchSemaphore", "pthread_create(", "Thread("]
        let mentioned = forbidden.filter { file.mentions($0) }
        return matches(swift, in: file, if: !mentioned.isEmpty) { code in
            mentioned.first { contains(code, call: $0) }.map { "`\($0)`: use an executor of Platform" }
        }
    }

    /// Where tasks are begun to be killed: a simulated process that dies unwinds nothing.
    private static let killed: Set = ["Sources/Testing/Simulation/SeededExecutor.swift"]

    /// A task that nobody waits for, cancels or sees fail.
    static func bareTasks(in file: TreeFile) -> [Finding] {
        guard let swift = file.swift, file.wing != nil, !killed.contains(file.path) else { return [] }
        return matches(swift, in: file, if: file.mentions("Task")) { code in
            let bare = /(^|[^\w.])Task(<[^>]*>)?(\.init|\.detached|\.immediate)?\s*[{(]/
            return code.contains(bare) ? "an unstructured task: use a group, or `run()` in the service group" : nil
        }
    }

    /// Only the command line writes to standard output; everything else logs.
    static func prints(in file: TreeFile) -> [Finding] {
        guard let swift = file.swift, file.wing != nil, file.room != "courant" else { return [] }
        return matches(swift, in: file, if: file.mentions("print(", "Print(", "dump(")) { code in
            code.contains(/(^|[^\w.])(print|debugPrint|dump)\(/) ? "prints: log it, or return it" : nil
        }
    }

    /// Foundation stays where people and operating systems are met.
    static func foundation(in file: TreeFile, edges: Set<String>) -> [Finding] {
        guard let swift = file.swift, let wing = file.wing else { return [] }
        guard wing != "Surface", wing != "Testing", !edges.contains(file.path) else { return [] }
        return matches(swift, in: file, if: file.mentions("Foundation")) { code in
            code.contains(/\bimport\s+(\w+\s+)?Foundation/) ? "imports Foundation below Surface" : nil
        }
    }

    /// `@unchecked Sendable` is a claim; the comment above it says what makes it true.
    static func uncheckedSendable(in file: TreeFile) -> [Finding] {
        guard let swift = file.swift, file.mentions("@unchecked") else { return [] }
        return swift.code.indices.compactMap { index in
            guard swift.code[index].contains(/@unchecked\s+Sendable/) else { return nil }
            let reason = commentAbove(swift, line: index) + swift.comments[index]
            guard !reason.lowercased().contains(/\b(un)?lock|\bmutex|\batomic/) else { return nil }
            let message = "`@unchecked Sendable` without a comment that names its lock"
            return Finding(path: file.path, line: index + 1, message: message)
        }
    }

    /// Marks for work left undone.
    ///
    /// Spelt in two halves here, so that this file does not find itself.
    static func unfinished(in file: TreeFile) -> [Finding] {
        let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X:"].filter { file.mentions($0) }
        guard !marks.isEmpty else { return [] }
        return file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap {
            index,
            line in
            guard let mark = marks.first(where: { line.contains($0) }) else { return nil }
            return Finding(path: file.path, line: index + 1, message: "\(mark): do it, or write an issue")
        }
    }

    /// Types named for nothing in particular.
    static func vagueTypes(in file: TreeFile) -> [Finding] {
        guard let swift = file.swift, file.wing != nil else { return [] }
        let isSuspect = file.mentions("Manager", "Helper", "Utils", "Impl")
        return matches(swift, in: file, if: isSuspect) { code in
            let vague = /\b(class|struct|enum|actor|protocol)\s+\w*(Manager|Helper|Helpers|Utils|Impl)\b/
            return code.contains(vague) ? "a type is named for what it is or does" : nil
        }
    }

    private static func matches(
        _ swift: SwiftText,
        in file: TreeFile,
        if isSuspect: Bool,
        _ rule: (String) -> String?
    ) -> [Finding] {
        guard isSuspect else { return [] }
        return swift.code.enumerated().compactMap { index, code in
            rule(code).map { Finding(path: file.path, line: index + 1, message: $0) }
        }
    }

    /// True where `call` stands and is no longer name's tail: `Date()` is in `= Date()`, not in `makeDate()`.
    private static func contains(_ code: String, call: String) -> Bool {
        var rest = code[...]
        while let range = rest.firstRange(of: call) {
            let before = range.lowerBound > code.startIndex ? code[code.index(before: range.lowerBound)] : " "
            if call.hasPrefix(".") || !(before.isLetter || before.isNumber || before == "_") { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }

    private static func commentAbove(_ swift: SwiftText, line: Int) -> String {
        var words = ""
        var index = line - 1
        while index >= 0 {
            let code = swift.code[index].trimmingPrefix(/\s+/)
            guard !swift.comments[index].allSatisfy(\.isWhitespace) || code.hasPrefix("@") else { break }
            words = swift.comments[index] + " " + words
            index -= 1
        }
        return words
    }
}

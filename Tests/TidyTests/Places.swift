/// Rules about paths, and about what a file may say of the machine it was written on.
enum Places {
    static func names(of path: String) -> [Finding] {
        var found: [Finding] = []
        if path.contains(where: \.isWhitespace) {
            found.append(Finding(path: path, message: "a path without blanks, please"))
        }
        for part in path.split(separator: "/") {
            let stem = part.split(separator: ".").first ?? part
            guard stem.contains(/(Utils?|Utilities|Helpers?)$/.ignoresCase()) else { continue }
            found.append(Finding(path: path, message: "`\(part)`: name it for what is in it"))
        }
        return found
    }

    /// What is made by the build, or differs from machine to machine, is not part of the repository.
    static func trackedOutput(_ paths: [String]) -> [Finding] {
        paths.compactMap { path in
            let made =
                path.hasPrefix(".build/") || path.contains("/.build/") || path.hasSuffix("Package.resolved")
                || path.hasPrefix("courant-data/") || path.contains("__pycache__/")
            return made ? Finding(path: path, message: "is made by the build; take it out of git") : nil
        }
    }

    /// Absolute paths of one person's machine.
    static func machinePaths(in file: TreeFile) -> [Finding] {
        let folders = ["wo" + "rk", "ro" + "ot", "ho" + "me"].filter { file.mentions("/" + $0) }
        guard !folders.isEmpty else { return [] }
        return lines(of: file).compactMap { number, line in
            for folder in folders {
                var rest = line
                while let range = rest.firstRange(of: "/" + folder) {
                    let before = range.lowerBound > line.startIndex ? line[line.index(before: range.lowerBound)] : " "
                    let after = range.upperBound < line.endIndex ? line[range.upperBound] : " "
                    let isRooted = !(before.isLetter || before.isNumber || "._-/)}".contains(before))
                    if isRooted, !(after.isLetter || after.isNumber || "_-.".contains(after)) {
                        return Finding(path: file.path, line: number, message: "a path of one machine: /\(folder)")
                    }
                    rest = rest[range.upperBound...]
                }
            }
            return nil
        }
    }

    /// Hosts that code and scripts may name.
    ///
    /// Names under reserved domains, loopback and documentation addresses are free; a mirror or an index of one
    /// machine belongs in that machine's settings.
    static let knownHosts: Set<Substring> = [
        "github.com", "www.swift.org", "avro.apache.org", "www.apache.org", "json-schema.org", "spec.openapis.org",
        // Of a cloud, the same for all its users.
        "login.microsoftonline.com", "login.microsoftonline.us", "storage.azure.com", "169.254.169.254",
        "oauth2.googleapis.com", "www.googleapis.com", "metadata.google.internal", "sns.us-east-1.amazonaws.com",
    ]
    /// What accounts' names stand before.
    static let cloudSuffixes = [".blob.core.windows.net"]

    static func strangeHosts(in file: TreeFile) -> [Finding] {
        guard !file.path.hasSuffix(".md"), file.path != "LICENSE" else { return [] }
        guard file.mentions("://", "index-url", "find-links", "PIP" + "_") else { return [] }
        return lines(of: file).compactMap { number, line in
            for match in line.matches(of: /https?:\/\/(?:[^\/@\s"'`]*@)?([A-Za-z0-9.\-]+)/) {
                let host = match.1
                if knownHosts.contains(host) || isReserved(host) { continue }
                if cloudSuffixes.contains(where: host.hasSuffix) { continue }
                return Finding(path: file.path, line: number, message: "names the host \(host)")
            }
            guard line.contains(/--(extra-)?index-url|--find-links|\bPIP_[A-Z]/) else { return nil }
            // This rule's own source holds the pattern.
            guard file.path != "Tests/TidyTests/Places.swift" else { return nil }
            return Finding(path: file.path, line: number, message: "a package index belongs in the machine's settings")
        }
    }

    private static func isReserved(_ host: Substring) -> Bool {
        let reserved = ["example", "test", "invalid", "localhost", "example.com", "example.org", "example.net"]
        if reserved.contains(where: { host == $0 || host.hasSuffix("." + $0) }) { return true }
        if host.hasPrefix("127.") || host.hasPrefix("10.") || host.hasPrefix("192.0.2.") || host == "0.0.0.0" {
            return true
        }
        return !host.contains(".")
    }

    private static func lines(of file: TreeFile) -> [(number: Int, line: Substring)] {
        file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().map { ($0 + 1, $1) }
    }
}

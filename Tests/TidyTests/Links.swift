/// Every relative link of a Markdown page leads to a file, and to a heading where it names one.
enum Links {
    static func broken(in pages: [TreeFile], paths: Set<String>) -> [Finding] {
        let markdown = pages.filter { $0.path.hasSuffix(".md") }
        let anchors = Dictionary(markdown.map { ($0.path, headings(of: $0.text)) }) { first, _ in first }
        return markdown.flatMap { page in
            links(of: page.text).compactMap { number, link in
                let parts = link.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
                let target = parts[0].isEmpty ? page.path : resolve(String(parts[0]), from: page.path)
                let isFolder = paths.contains { $0.hasPrefix(target + "/") }
                guard paths.contains(target) || isFolder else {
                    return Finding(path: page.path, line: number, message: "\(link) leads nowhere")
                }
                guard parts.count > 1, let known = anchors[target], !known.contains(String(parts[1])) else {
                    return nil
                }
                return Finding(path: page.path, line: number, message: "\(link): \(target) has no such heading")
            }
        }
    }

    /// Links outside code, without those to other hosts.
    private static func links(of text: String) -> [(line: Int, link: Substring)] {
        prose(of: text).flatMap { number, line in
            line.matches(of: /\]\(([^)\s]+)\)/).map(\.1)
                .filter { !$0.contains("://") && !$0.hasPrefix("mailto:") }
                .map { (number, $0) }
        }
    }

    /// Headings as the anchors that GitHub makes of them, and anchors set by hand.
    private static func headings(of text: String) -> Set<String> {
        Set(
            prose(of: text).compactMap { _, line in
                guard line.hasPrefix("#") else { return nil }
                let title = line.drop { $0 == "#" }.drop { $0 == " " }.lowercased()
                return String(title.filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) })
                    .replacing(" ", with: "-")
            }
        ).union(prose(of: text).compactMap { $1.firstMatch(of: /<a id="([^"]+)"><\/a>/).map { String($0.1) } })
    }

    private static func prose(of text: String) -> [(line: Int, text: Substring)] {
        var isCode = false
        return text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            if line.hasPrefix("```") {
                isCode.toggle()
                return nil
            }
            return isCode ? nil : (index + 1, line)
        }
    }

    private static func resolve(_ link: String, from page: String) -> String {
        var parts = page.split(separator: "/").dropLast().map(String.init)
        for part in link.split(separator: "/") {
            if part == ".." { parts = parts.dropLast() } else if part != "." { parts.append(String(part)) }
        }
        return parts.joined(separator: "/")
    }
}

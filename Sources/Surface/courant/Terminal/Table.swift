/// Columns of text, each as wide as its widest cell; the last one is not padded.
struct Table {
    private var rows: [[String]] = []
    private let rightAligned: Set<Int>
    private let indent: String

    init(rightAligned: Set<Int> = [], indent: String = "") {
        self.rightAligned = rightAligned
        self.indent = indent
    }

    mutating func row(_ cells: String...) {
        rows.append(cells)
    }

    mutating func row(cells: [String]) {
        rows.append(cells)
    }

    var lines: [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return rows.map { row in
            var line = indent
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                if rightAligned.contains(column) {
                    line += padding + cell
                } else {
                    line += column == row.count - 1 ? cell : cell + padding
                }
                if column < row.count - 1 { line += "  " }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    var text: String { lines.joined(separator: "\n") }
}

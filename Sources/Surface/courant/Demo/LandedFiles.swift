import Avro
import Foundation

/// The Avro files under a folder, read back record by record.
struct LandedFiles {
    /// One file as it was read.
    struct File {
        /// From the folder on.
        let path: String
        let bytes: Int
        let records: Int
        let eventType: String?
    }

    private(set) var files: [File] = []
    private(set) var identities = IdentitySum()
    /// The first record of the type that is asked for, or of any.
    private(set) var sample: (file: File, json: String)?

    /// Every `.avro` file below `folder` but those of `known`, in the order of their paths.
    init(folder: String, leavingOut known: Set<String>, sampleType: String) throws {
        for path in Self.paths(in: folder) where !known.contains(path) {
            let source = try AvroFileSource(path: "\(folder)/\(path)")
            let reader = try RecordReader(source)
            var records = 0
            var first: Datum?
            while let datum = try reader.next() {
                if records == 0 { first = datum }
                records += 1
                identities.add(Self.id(of: datum))
            }
            let file = File(path: path, bytes: source.position, records: records, eventType: reader.eventType)
            files.append(file)
            if let first, sample == nil || (file.eventType == sampleType && sample?.file.eventType != sampleType) {
                sample = (file, JSONValue.parsed(first.json).pretty)
            }
        }
    }

    var bytes: Int { files.reduce(0) { $0 + $1.bytes } }
    var records: Int { files.reduce(0) { $0 + $1.records } }

    static func paths(in folder: String) -> [String] {
        guard let enumerator = FileManager.default.enumerator(atPath: folder) else { return [] }
        var paths: [String] = []
        for case let path as String in enumerator where path.hasSuffix(".avro") { paths.append(path) }
        return paths.sorted()
    }

    /// The files as a tree: each folder once, chains of single folders on one line.
    func tree() -> [String] {
        var root = Folder()
        for file in files {
            root.insert(file, parts: file.path.split(separator: "/").map(String.init)[...])
        }
        var lines: [String] = []
        root.draw(into: &lines, indent: "")
        return lines
    }

    private static func id(of datum: Datum) -> String {
        guard case .string(let id)? = datum["id"] else { return "" }
        return id
    }
}

/// Many ids as one small value: equal for the same ids in any order, and almost surely different for others, a doubled
/// id included.
struct IdentitySum: Equatable {
    private(set) var count = 0
    private var sum: UInt64 = 0
    private var squares: UInt64 = 0

    mutating func add(_ id: String) {
        var hasher = Hasher()
        hasher.combine(id)
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        count += 1
        sum &+= hash
        squares &+= hash &* hash
    }
}

/// One level of the tree.
private struct Folder {
    private var folders: [(name: String, folder: Folder)] = []
    private var files: [(name: String, file: LandedFiles.File)] = []

    mutating func insert(_ file: LandedFiles.File, parts: ArraySlice<String>) {
        guard let first = parts.first else { return }
        if parts.count == 1 {
            files.append((first, file))
        } else if let index = folders.firstIndex(where: { $0.name == first }) {
            folders[index].folder.insert(file, parts: parts.dropFirst())
        } else {
            var folder = Folder()
            folder.insert(file, parts: parts.dropFirst())
            folders.append((first, folder))
        }
    }

    func draw(into lines: inout [String], indent: String) {
        let last = folders.count + files.count - 1
        for (index, entry) in folders.enumerated() {
            var name = entry.name
            var folder = entry.folder
            while folder.files.isEmpty, folder.folders.count == 1 {
                name += "/" + folder.folders[0].name
                folder = folder.folders[0].folder
            }
            lines.append(indent + (index == last ? "└── " : "├── ") + name)
            folder.draw(into: &lines, indent: indent + (index == last ? "    " : "│   "))
        }
        for (index, entry) in files.enumerated() {
            let branch = folders.count + index == last ? "└── " : "├── "
            let figures = "\(Figures.bytes(entry.file.bytes)), \(Figures.count(entry.file.records, "record"))"
            lines.append("\(indent)\(branch)\(entry.name)  \(figures)")
        }
    }
}

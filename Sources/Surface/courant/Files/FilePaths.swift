import Foundation

/// The files that a command line names.
enum FilePaths {
    /// The paths with each folder replaced by the files in it, at any depth and in order, that have one of the endings.
    ///
    /// Hidden files are left out: tools write there what is not finished. A folder without such a file is a mistake.
    static func expanded(_ paths: [String], endings: Set<String>) throws -> [String] {
        try paths.flatMap { path in
            guard isFolder(path) else { return [path] }
            let found = try files(in: path, endings)
            guard !found.isEmpty else {
                let wanted = endings.sorted().map { ".\($0)" }.joined(separator: ", ")
                throw CommandFailure(.noInput, "The folder `\(path)` holds no file that ends in \(wanted).")
            }
            return found
        }
    }

    private static func isFolder(_ path: String) -> Bool {
        let url = URL(filePath: path).resolvingSymlinksInPath()
        return path != "-" && (try? url.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
    }

    private static func files(in folder: String, _ endings: Set<String>) throws -> [String] {
        var unreadable: String?
        let found = FileManager.default.enumerator(
            at: URL(filePath: folder, directoryHint: .isDirectory),
            includingPropertiesForKeys: [.isRegularFileKey],
            options: [.skipsHiddenFiles]
        ) { url, error in
            unreadable = "\(url.path): \(error.localizedDescription)"
            return false
        }
        var paths: [String] = []
        while let url = found?.nextObject() as? URL {
            let isFile = (try? url.resourceValues(forKeys: [.isRegularFileKey]))?.isRegularFile == true
            if isFile, endings.contains(url.pathExtension) { paths.append(url.path) }
        }
        if let unreadable { throw CommandFailure(.noInput, "`\(folder)` cannot be read: \(unreadable)") }
        return paths.sorted()
    }
}

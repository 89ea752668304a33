import Foundation
import Platform
import Testing

#if canImport(Glibc)
import Glibc
#endif

@Suite("The machine's own files")
struct SystemFilesTests {
    private let files = SystemFiles()
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/courant-files-" + UUID().uuidString
        try files.makeDurableFolder(folder)
    }

    private func scratch(_ body: () throws -> Void) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body()
    }

    @Test("what is written at a position is read back, and reading stops at the end")
    func writesAndReads() throws {
        try scratch { () throws in
            let path = FilePath.join(folder, "a")
            let file = try files.open(path, .create)
            try file.write(at: 4, [1, 2, 3])
            try file.synchronize()
            #expect(try file.size() == 7)
            #expect(try file.read(at: 0, count: 100) == [0, 0, 0, 0, 1, 2, 3])
            #expect(try file.read(at: 7, count: 1) == [])
            try file.truncate(to: 5)
            #expect(try files.size(of: path) == 5)
            #expect(try files.read(path) == [0, 0, 0, 0, 1])
            file.close()
            #expect(throws: FileError.self) { try file.read(at: 0, count: 1) }
        }
    }

    @Test("errors carry the system's number, the call and the path")
    func errors() throws {
        try scratch { () throws in
            let missing = FilePath.join(folder, "missing")
            let error = #expect(throws: FileError.self) { try files.open(missing, .read) }
            #expect(error?.isNotFound == true)
            #expect(error?.path == missing)
            #expect(error?.description == "open \(missing): No such file or directory")
            #expect(try files.size(of: missing) == nil)
            _ = try files.open(missing, .create)
            let again = #expect(throws: FileError.self) { try files.open(missing, .create) }
            #expect(again?.isExists == true)
            #expect(throws: FileError.self) { try files.read(missing + "/x") }
        }
    }

    @Test("a link never replaces, a rename does, and names are listed in order")
    func names() throws {
        try scratch { () throws in
            let first = FilePath.join(folder, "b")
            let second = FilePath.join(folder, "a")
            try files.replace(first, with: [1])
            try files.replace(second, with: [2])
            let error = #expect(throws: FileError.self) { try files.link(first, to: second) }
            #expect(error?.isExists == true)
            #expect(try files.list(folder) == ["a", "b"])
            try files.rename(first, to: second)
            #expect(try files.list(folder) == ["a"])
            #expect(try files.read(second) == [1])
            try files.remove(second)
            try files.synchronizeFolder(folder)
            #expect(try files.list(folder) == [])
        }
    }

    @Test("a folder is made with its parents, which are named")
    func folders() throws {
        try scratch { () throws in
            let outer = FilePath.join(folder, "x")
            let inner = FilePath.join(outer, "y")
            #expect(try files.makeFolder(inner) == [outer, inner])
            #expect(try files.makeFolder(inner) == [])
            #expect(try files.freeBytes(at: inner) > 0)
        }
    }

    @Test("a lock is held by one at a time")
    func locks() throws {
        try scratch { () throws in
            let path = FilePath.join(folder, "lock")
            let held = try #require(try files.lock(path))
            #expect(try files.lock(path) == nil)
            held.release()
            #expect(try files.lock(path) != nil)
        }
    }

    #if canImport(Glibc)
    @Test("a released lock is free though a child still has its descriptor")
    func releasedLock() throws {
        try scratch { () throws in
            let path = FilePath.join(folder, "lock")
            let held = try #require(try files.lock(path))
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").first { name in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")) == path
            }
            // As a fork does, before the child's own program closes it.
            let inherited = dup(try #require(open.flatMap { Int32($0) }))
            #expect(inherited >= 0)
            defer { close(inherited) }
            held.release()
            #expect(try files.lock(path) != nil)
        }
    }
    #endif

    @Test("a file beyond the limit is refused whole")
    func limit() throws {
        try scratch { () throws in
            let path = FilePath.join(folder, "large")
            try files.replace(path, with: Array(repeating: 1, count: 100))
            let error = #expect(throws: FileError.self) { try files.read(path, bytesMax: 99) }
            #expect(error?.code == FileError.tooLarge)
        }
    }
}

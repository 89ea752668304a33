import Platform
import PlatformTesting
import Testing

@Suite("The files that forget")
struct FaultyFilesTests {
    private let files = FaultyFiles()

    init() throws {
        _ = try files.makeFolder("/d")
    }

    @Test("only what was synced outlives a power loss, and only under a synced name")
    func powerLoss() throws {
        let kept = try files.open("/d/kept", .create)
        try kept.write(at: 0, [1, 2])
        try kept.synchronize()
        try files.synchronizeFolder("/d")
        try kept.write(at: 0, [9, 9, 9])
        let nameless = try files.open("/d/nameless", .create)
        try nameless.write(at: 0, [3])
        try nameless.synchronize()
        files.restart(seed: nil)
        #expect(try files.list("/d") == ["kept"])
        #expect(files.content("/d/kept") == [1, 2])
        #expect(throws: FileError.self) { try kept.read(at: 0, count: 1) }
    }

    @Test("by seed, unsynced pages survive whole, not at all, or in any of their sectors")
    func tearing() throws {
        var seen: Set<String> = []
        for seed in UInt64(0)..<64 {
            let files = FaultyFiles()
            _ = try files.makeFolder("/d")
            let file = try files.open("/d/f", .create)
            try file.write(at: 0, Array(repeating: 1, count: 4_096))
            try file.synchronize()
            try files.synchronizeFolder("/d")
            try file.write(at: 0, Array(repeating: 2, count: 4_096))
            files.restart(seed: seed)
            let content = try #require(files.content("/d/f"))
            let sectors = stride(from: 0, to: 4_096, by: 512).map { Set(content[$0..<$0 + 512]) }
            #expect(sectors.allSatisfy { $0 == [1] || $0 == [2] })
            let new = sectors.map { $0 == [2] }
            let isPrefix = zip(new, new.dropFirst()).allSatisfy { $0 || !$1 }
            let kind = new.allSatisfy(\.self) ? "new" : new.contains(true) ? "torn" : "old"
            seen.insert(isPrefix ? kind : "holed")
        }
        #expect(seen.isSuperset(of: ["old", "new", "holed"]))
    }

    @Test("after a failed sync the next one succeeds and has saved nothing")
    func failedSync() throws {
        let file = try files.open("/d/f", .create)
        try files.synchronizeFolder("/d")
        try file.write(at: 0, [1])
        files.failNext("sync", code: FileError.inputOutput)
        #expect(throws: FileError.self) { try file.synchronize() }
        try file.synchronize()
        files.restart(seed: nil)
        #expect(files.content("/d/f") == [0])
    }

    @Test("from the planned operation on nothing works until the restart")
    func crash() throws {
        let file = try files.open("/d/f", .create)
        files.fail(operation: files.operationCount + 2, .crash)
        try file.write(at: 0, [1])
        #expect(throws: FileError.self) { try file.synchronize() }
        #expect(throws: FileError.self) { try file.write(at: 0, [2]) }
        #expect(throws: FileError.self) { try files.list("/d") }
        #expect(files.isDown)
        files.restart(seed: nil)
        #expect(try files.list("/d") == [])
    }

    @Test(
        "what ends at an operation that only looks has ended",
        arguments: [FaultyFiles.Fault.crashBefore, .crash, .crashAfter]
    )
    func crashAtLook(fault: FaultyFiles.Fault) throws {
        let file = try files.open("/d/f", .create)
        try files.synchronizeFolder("/d")
        files.judge { operation, _ in operation == "open" ? fault : nil }
        #expect(throws: FileError.self) { try files.open("/d/f", .readWrite) }
        files.judge(nil)
        #expect(files.isDown)
        #expect(throws: FileError.self) { try file.write(at: 0, [1]) }
        files.restart(seed: nil)
        #expect(files.content("/d/f") == [])
    }

    @Test(
        "a crash before, during or after an operation leaves it undone, perhaps, or done",
        arguments: [
            (FaultyFiles.Fault.crashBefore, [UInt8]()), (.crash, []), (.crashAfter, [1]),
        ]
    )
    func crashSides(fault: FaultyFiles.Fault, left: [UInt8]) throws {
        let file = try files.open("/d/f", .create)
        try files.synchronizeFolder("/d")
        try file.write(at: 0, [1])
        files.fail(operation: files.operationCount + 1, fault)
        #expect(throws: FileError.self) { try file.synchronize() }
        files.restart(seed: nil)
        #expect(files.content("/d/f") == left)
    }

    @Test("where a process is abandoned its writes are there and its files are dead; a power loss then takes them")
    func abandoned() throws {
        let file = try files.open("/d/f", .create)
        try files.synchronizeFolder("/d")
        try file.write(at: 0, [1])
        files.abandon()
        #expect(throws: FileError.self) { try file.read(at: 0, count: 1) }
        #expect(files.content("/d/f") == [1])
        files.restart(seed: nil)
        #expect(files.content("/d/f") == [])
    }

    @Test("a write that the end of the process cuts leaves any part of its beginning")
    func cutWrite() throws {
        var left: Set<Int> = []
        for seed in 0..<40 as Range<UInt64> {
            let files = FaultyFiles()
            _ = try files.makeFolder("/d")
            let file = try files.open("/d/f", .create)
            try file.write(at: 0, [1, 1, 1])
            files.fail(operation: files.operationCount + 1, .crash)
            #expect(throws: FileError.self) { try file.write(at: 2, [2, 2, 2]) }
            files.abandon(seed: seed)
            let content = try #require(files.content("/d/f"))
            let count = content.count { $0 == 2 }
            #expect(content == [[1, 1, 1], [1, 1, 2], [1, 1, 2, 2], [1, 1, 2, 2, 2]][count])
            left.insert(count)
        }
        #expect(left == [0, 1, 2, 3])
    }

    @Test("who is asked decides about each operation, reads included")
    func judged() throws {
        let file = try files.open("/d/f", .create)
        files.judge { operation, _ in operation == "read" ? .error(FileError.inputOutput) : nil }
        try file.write(at: 0, [1])
        #expect(throws: FileError.self) { try file.read(at: 0, count: 1) }
        files.judge(nil)
        #expect(try file.read(at: 0, count: 1) == [1])
    }

    @Test("a folder is there after a power loss once the one above it was synced, however often it was made")
    func looseFolders() throws {
        let files = FaultyFiles(areFoldersDurable: false)
        _ = try files.makeFolder("/a/b")
        try files.synchronizeFolder("/a")
        let file = try files.open("/a/b/f", .create)
        try file.synchronize()
        try files.synchronizeFolder("/a/b")
        files.restart(seed: nil)
        #expect(throws: FileError.self) { try files.list("/a") }

        // Killed right after the folders were made: the next process finds them, and must not rely on them.
        _ = try files.makeFolder("/a")
        files.abandon()
        try files.makeDurableFolder("/a")
        try files.makeDurableFolder("/a/b")
        files.restart(seed: nil)
        #expect(try files.list("/a") == ["b"])

        for stop in 1...6 {
            let files = FaultyFiles(areFoldersDurable: false)
            files.fail(operation: stop, .crashAfter)
            #expect(throws: FileError.self) { try files.makeDurableFolder("/a/b/c") }
            files.abandon()
            try files.makeDurableFolder("/a/b/c")
            files.restart(seed: nil)
            #expect(try files.list("/a/b") == ["c"])
        }
    }

    @Test("a full disk refuses what would grow and nothing else")
    func fullDisk() throws {
        let file = try files.open("/d/f", .create)
        try file.write(at: 0, Array(repeating: 1, count: 100))
        files.setCapacity(100)
        let error = #expect(throws: FileError.self) { try file.write(at: 100, [1]) }
        #expect(error?.isNoSpace == true)
        try file.write(at: 50, Array(repeating: 2, count: 50))
        #expect(try files.freeBytes(at: "/d") == 0)

        files.setCapacity(102)
        #expect(throws: FileError.self) { try file.write(at: 99, [3, 3, 3, 3]) }
        #expect(files.content("/d/f").map { Array($0[98...]) } == [2, 3, 3, 3], "what there is room for is written")
    }
}

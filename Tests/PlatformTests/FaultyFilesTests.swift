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

    @Test("by seed, unsynced pages survive whole, not at all, or torn at a sector")
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
            let new = content.prefix { $0 == 2 }.count
            #expect(content.dropFirst(new).allSatisfy { $0 == 1 })
            #expect(new % 512 == 0)
            seen.insert(new == 0 ? "old" : new == 4_096 ? "new" : "torn")
        }
        #expect(seen == ["old", "new", "torn"])
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

    @Test("a full disk refuses what would grow and nothing else")
    func fullDisk() throws {
        let file = try files.open("/d/f", .create)
        try file.write(at: 0, Array(repeating: 1, count: 100))
        files.setCapacity(100)
        let error = #expect(throws: FileError.self) { try file.write(at: 100, [1]) }
        #expect(error?.isNoSpace == true)
        try file.write(at: 50, Array(repeating: 2, count: 50))
        #expect(try files.freeBytes(at: "/d") == 0)
    }
}

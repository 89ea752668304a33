import Delivery
import DestinationConformance
import Foundation
import Platform
import PlatformTesting
import Testing

@testable import DestinationLocal

/// A real folder of its own for each test.
private final class LocalSubject: ConformanceSubject {
    let root: String
    let platform = Platform.live(blockingThreads: 4, computeThreads: 1)

    init() {
        root = NSTemporaryDirectory() + "courant-local-" + UUID().uuidString
    }

    deinit {
        try? FileManager.default.removeItem(atPath: root)
        try? FileManager.default.removeItem(atPath: root + ".staging")
    }

    func makeDestination() async throws -> any ObjectDestination {
        LocalDestination(LocalConfiguration(path: root, connector: "c"), platform: platform)
    }

    func objects() async throws -> [String: [UInt8]] {
        var objects: [String: [UInt8]] = [:]
        guard let walk = FileManager.default.enumerator(atPath: root) else { return [:] }
        while let path = walk.nextObject() as? String {
            let isFile = (walk.fileAttributes?[.type] as? FileAttributeType) == .typeRegular
            guard isFile, !path.hasPrefix(LocalConfiguration.temporaryFolder + "/") else { continue }
            objects[path] = [UInt8](try Data(contentsOf: URL(fileURLWithPath: root + "/" + path)))
        }
        return objects
    }

    func put(foreign bytes: [UInt8], key: String) async throws {
        let path = root + "/" + key
        _ = try platform.files.makeFolder(FilePath.folder(of: path))
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    func faults() async throws -> [ConformanceFault] {
        let (root, files) = (root, platform.files)
        let blocked = root + "/dataexport"
        return [
            ConformanceFault(
                name: "a file where a folder is needed",
                remedy: .waitForChange,
                begin: {
                    _ = try files.makeFolder(root + "/.courant/c")
                    // Hidden from the view on objects by being a link to a file outside.
                    try FileManager.default.createSymbolicLink(atPath: blocked, withDestinationPath: "/dev/null")
                },
                end: { try files.remove(blocked) }
            )
        ]
    }
}

@Suite("The local folder")
struct LocalDestinationTests {
    @Test("passes the suite of all destinations", arguments: ConformanceCheck.allCases)
    func conforms(check: ConformanceCheck) async throws {
        let subject = LocalSubject()
        let suite = DestinationConformance(
            subject,
            platform: subject.platform,
            stagingFolder: subject.root + ".staging"
        )
        try await suite.run(check)
        let left = try? FileManager.default.contentsOfDirectory(atPath: subject.root + "/.courant/c")
        #expect(left ?? [] == [], "temporary files are left")
    }

    @Test("what each refusal of the file system means")
    func remedies() {
        for (code, expected) in [
            (28, DestinationError.Code.full), (122, .full), (13, .denied), (1, .denied), (30, .denied),
            (20, .missing), (5, .unreachable),
        ] as [(Int32, DestinationError.Code)] {
            let error = LocalFault.error(FileError(code: code, operation: "open", path: "/x"))
            #expect(error.code == expected)
            #expect(error.message.contains("/x"))
        }
    }

    /// The machine dies at each operation on the file system in turn; nothing half done may ever show.
    @Test("power loss at any operation leaves no half file, and landing again makes it whole", arguments: 0..<4)
    func powerLoss(seed: UInt64) async throws {
        var operation = 1
        var died = true
        while died {
            let files = FaultyFiles()
            let platform = Platform.testing(files: files)
            let (object, bytes) = try Self.stage(platform)
            let configuration = LocalConfiguration(path: "/lake", connector: "c")
            let before = files.operationCount
            files.fail(operation: before + operation, .crash)
            let destination = LocalDestination(configuration, platform: platform)
            var acknowledged = false
            do throws(DestinationError) {
                try await destination.prepare()
                _ = try await destination.land(object)
                acknowledged = true
            } catch {
                #expect(error.remedy == .retry(after: nil))
            }
            died = files.isDown
            files.restart(seed: seed == 0 ? nil : seed &* 1_000 &+ UInt64(operation))
            let found = files.content("/lake/a/b/c.avro")
            #expect(found == nil || found == bytes, "operation \(operation): half a file")
            #expect(!acknowledged || found == bytes, "operation \(operation): acknowledged and gone")
            let (again, _) = try Self.stage(platform)
            let reborn = LocalDestination(configuration, platform: platform)
            try await reborn.prepare()
            let outcome = try await reborn.land(again)
            #expect(outcome == (found == nil ? .created : .alreadyThere(.checksum)))
            #expect(files.content("/lake/a/b/c.avro") == bytes)
            #expect(try files.list("/lake/.courant/c") == [])
            operation += 1
        }
        #expect(operation > 7)
    }

    @Test("a full disk leaves nothing and is tried again")
    func full() async throws {
        let files = FaultyFiles()
        let platform = Platform.testing(files: files)
        let (object, bytes) = try Self.stage(platform)
        let destination = LocalDestination(LocalConfiguration(path: "/lake", connector: "c"), platform: platform)
        // Staging lies on another file system.
        files.failNext("link", code: Self.otherFileSystem)
        files.setCapacity(bytes.count + 100)
        let error = await #expect(throws: DestinationError.self) { try await destination.land(object) }
        #expect(error?.code == .full)
        #expect(error?.remedy == .retry(after: nil))
        #expect(try files.list("/lake/.courant/c") == [])
        files.setCapacity(nil)
        #expect(try await destination.land(object) == .created)
    }

    private static let otherFileSystem: Int32 = 18

    @Test("a staged file on the same file system is linked, not copied, and is synced before")
    func links() async throws {
        let files = FaultyFiles()
        let platform = Platform.testing(files: files)
        let (object, bytes) = try Self.stage(platform)
        let destination = LocalDestination(LocalConfiguration(path: "/lake", connector: "c"), platform: platform)
        let steps = Locked<[String]>([])
        files.observe { operation, path in steps.withLock { $0.append("\(operation) \(path)") } }
        #expect(try await destination.land(object) == .created)
        files.observe(nil)
        let taken = steps.withLock { $0 }
        #expect(!taken.contains { $0.hasPrefix("write") || $0.hasPrefix("create") }, "\(taken)")
        let sync = try #require(taken.firstIndex(of: "sync \(object.path)"))
        let link = try #require(taken.firstIndex(of: "link /lake/a/b/c.avro"))
        #expect(sync < link)
        #expect(taken.last == "sync of folder /lake/a/b")
        try files.remove(object.path)
        files.restart(seed: nil)
        #expect(files.content("/lake/a/b/c.avro") == bytes)
    }

    @Test("where a link is refused the file is copied, at once the next time", arguments: [18, 1, 31] as [Int32])
    func copies(code: Int32) async throws {
        let files = FaultyFiles()
        let platform = Platform.testing(files: files)
        let (object, bytes) = try Self.stage(platform)
        let destination = LocalDestination(LocalConfiguration(path: "/lake", connector: "c"), platform: platform)
        let links = Locked<[String]>([])
        files.observe { operation, path in if operation == "link" { links.withLock { $0.append(path) } } }
        files.failNext("link", code: code)
        #expect(try await destination.land(object) == .created)
        #expect(files.content("/lake/a/b/c.avro") == bytes)
        #expect(try files.list("/lake/.courant/c") == [])
        #expect(links.withLock { $0.count } == 2)
        try files.remove("/lake/a/b/c.avro")
        #expect(try await destination.land(object) == .created)
        #expect(links.withLock { $0.count } == 3)
    }

    @Test(
        "folders that somebody removed are made again, and files are linked as before",
        arguments: ["", "/a", "/a/b"]
    )
    func removedFolders(removed: String) async throws {
        let subject = LocalSubject()
        let (object, bytes) = try Self.stage(subject.platform, in: subject.root + ".staging")
        let destination = try await subject.makeDestination()
        try await destination.prepare()
        for _ in 0..<2 {
            #expect(try await destination.land(object) == .created)
            #expect(try await subject.objects() == ["a/b/c.avro": bytes])
            let file = try FileManager.default.attributesOfItem(atPath: subject.root + "/a/b/c.avro")
            #expect(file[.referenceCount] as? Int == 2, "it was copied")
            try FileManager.default.removeItem(atPath: subject.root + removed)
        }
    }

    @Test("a start takes away what an earlier process was writing, of its own connector only")
    func clears() async throws {
        let files = FaultyFiles()
        let platform = Platform.testing(files: files)
        for connector in ["c", "d"] {
            _ = try files.makeFolder("/lake/.courant/\(connector)")
            _ = try files.open("/lake/.courant/\(connector)/17-x", .create)
        }
        try await LocalDestination(LocalConfiguration(path: "/lake", connector: "c"), platform: platform).prepare()
        #expect(try files.list("/lake/.courant/c") == [])
        #expect(try files.list("/lake/.courant/d") == ["17-x"])
    }

    private static func stage(
        _ platform: Platform,
        in folder: String = "/staging"
    ) throws -> (LandingObject, [UInt8]) {
        let bytes = (0..<9_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        _ = try platform.files.makeFolder(folder)
        let path = "\(folder)/\(platform.random.next())"
        let file = try platform.files.open(path, .create)
        try file.write(at: 0, bytes)
        try file.synchronize()
        try platform.files.synchronizeFolder(folder)
        var sum = ChecksumStream()
        sum.add(bytes)
        return (
            LandingObject(
                key: "a/b/c.avro",
                size: sum.size,
                checksum: sum.checksum,
                plan: .example,
                path: path,
                platform: platform
            ), bytes
        )
    }
}

/// Which room may import which.
///
/// The design's arrows, as a table: a wing imports from itself and from those before it, Inbound and Outbound never
/// from each other.
enum Arrows {
    static let wings = ["Model", "Support", "Log", "Inbound", "Outbound", "Surface", "Testing"]

    /// Shims and module maps of system libraries: they stand in Support, know nothing, and any wing may use them.
    static let shims: Set = ["CDeflate", "CGlossary", "CRDKafka", "CSimdjson", "CSnappy", "CZstd"]

    /// Modules of the toolchain that need no leave here; `Words.foundation` says where Foundation may be.
    static let free: Set = ["Swift", "Synchronization", "Foundation", "FoundationEssentials"]

    struct Room {
        let wing: String
        var rooms: Set<String> = []
        var others: Set<String> = []
    }

    static let house: [String: Room] = [
        "CAllocations": Room(wing: "Testing"),
        "CSimulation": Room(wing: "Testing"),
        "CDeflate": Room(wing: "Support"),
        "CGlossary": Room(wing: "Model"),
        "CRDKafka": Room(wing: "Support"),
        "CSimdjson": Room(wing: "Support"),
        "CSnappy": Room(wing: "Support"),
        "CZstd": Room(wing: "Support"),
        "Avro": Room(wing: "Model", rooms: ["CDeflate", "CSnappy", "CZstd"]),
        "Glossary": Room(wing: "Model", rooms: ["CGlossary"]),
        "Platform": Room(wing: "Support", others: ["Darwin", "Glibc", "Musl"]),
        "Telemetry": Room(wing: "Support"),
        "Journal": Room(wing: "Log", rooms: ["CDeflate", "Platform", "Telemetry"]),
        "Intake": Room(
            wing: "Inbound",
            rooms: ["Avro", "CDeflate", "CSimdjson", "CZstd", "Glossary", "Journal", "Platform", "Telemetry"],
            others: ["Crypto"]
        ),
        "Tracking": Room(
            wing: "Inbound",
            rooms: ["Avro", "Glossary", "Intake", "Journal", "Platform", "Telemetry"],
            others: ["Crypto", "GRDB"]
        ),
        "Providers": Room(
            wing: "Inbound",
            rooms: ["Avro", "Platform", "Tracking"],
            others: ["Crypto", "SwiftASN1", "X509", "_CryptoExtras"]
        ),
        "Delivery": Room(
            wing: "Outbound",
            rooms: ["Avro", "CDeflate", "Glossary", "Journal", "Platform", "Telemetry"],
            others: ["Crypto", "GRDB"]
        ),
        "CloudHTTP": Room(
            wing: "Outbound",
            rooms: ["Delivery", "Platform"],
            others: ["AsyncHTTPClient", "Crypto", "NIOCore", "NIOHTTP1", "NIOPosix", "NIOSSL"]
        ),
        "DestinationAzure": Room(
            wing: "Outbound",
            rooms: ["CloudHTTP", "Delivery", "Platform"],
            others: ["Crypto"]
        ),
        "DestinationGCS": Room(
            wing: "Outbound",
            rooms: ["CloudHTTP", "Delivery", "Platform"],
            others: ["_CryptoExtras"]
        ),
        "DestinationLocal": Room(wing: "Outbound", rooms: ["CDeflate", "Delivery", "Platform"]),
        "DestinationHTTP": Room(
            wing: "Outbound",
            rooms: ["Avro", "CloudHTTP", "Delivery", "Journal", "Platform"],
            others: ["Crypto"]
        ),
        "DestinationKafka": Room(
            wing: "Outbound",
            rooms: ["Avro", "CRDKafka", "CloudHTTP", "Delivery", "Journal", "Platform", "Telemetry"]
        ),
        "DestinationS3": Room(wing: "Outbound", rooms: ["CloudHTTP", "Delivery", "Platform"], others: ["Crypto"]),
        "Samples": Room(wing: "Surface", rooms: ["Avro", "Glossary", "Platform"], others: surface),
        "Service": Room(
            wing: "Surface",
            rooms: [
                "Avro", "CloudHTTP", "Delivery", "DestinationAzure", "DestinationGCS", "DestinationHTTP",
                "DestinationKafka", "DestinationLocal", "DestinationS3", "Glossary", "Intake", "Journal", "Platform",
                "Providers", "Samples", "Telemetry", "Tracking",
            ],
            others: surface.union([
                "Crypto", "GRDB", "HTTPTypes", "Hummingbird", "HummingbirdCore", "HummingbirdTLS", "Logging", "NIOCore",
                "NIOHTTP1", "NIOHTTPTypes", "NIOHTTPTypesHTTP1", "NIOPosix", "NIOSSL", "ServiceLifecycle",
                "UnixSignals",
                "Yams",
            ])
        ),
        "courant": Room(
            wing: "Surface",
            rooms: [
                "Avro", "CloudHTTP", "Delivery", "Glossary", "Intake", "Journal", "Platform", "Samples", "Service",
                "Telemetry",
            ],
            others: surface.union([
                "ArgumentParser", "AsyncHTTPClient", "Crypto", "HTTPTypes", "Logging", "NIOCore", "NIOHTTP1",
                "ServiceLifecycle", "UnixSignals",
            ])
        ),
        "DestinationConformance": Room(
            wing: "Testing",
            rooms: ["Avro", "CDeflate", "Delivery", "Journal", "Platform", "PlatformTesting", "Telemetry"],
            others: ["Testing"]
        ),
        "StoreDoubles": Room(
            wing: "Testing",
            rooms: ["Avro", "CRDKafka", "CloudHTTP", "Delivery", "DestinationConformance", "Journal", "Platform"],
            others: ["Crypto", "Darwin", "Glibc", "NIOCore", "NIOHTTP1", "NIOPosix", "Testing", "_CryptoExtras"]
        ),
        "PlatformTesting": Room(wing: "Testing", rooms: ["Platform"], others: ["Testing"]),
        "Simulation": Room(
            wing: "Testing",
            rooms: [
                "Avro", "CDeflate", "CSimulation", "CZstd", "CloudHTTP", "Delivery", "Glossary", "Intake", "Journal",
                "Platform", "PlatformTesting", "Providers", "Service", "StoreDoubles", "Tracking",
            ],
            others: ["Logging"]
        ),
        "CourantSimulate": Room(wing: "Testing", rooms: ["Simulation"], others: ["ArgumentParser"]),
    ]

    private static let surface: Set = ["Dispatch", "Darwin", "Glibc", "Musl"]

    /// The table itself obeys the order of the wings.
    static func disorder(in house: [String: Room] = Arrows.house) -> [String] {
        house.sorted { $0.key < $1.key }.flatMap { name, room in
            room.rooms.sorted().compactMap { other -> String? in
                guard !shims.contains(other) else { return nil }
                guard let target = house[other] else { return "\(name) imports \(other), which is no room" }
                return mayImport(room.wing, target.wing)
                    ? nil : "\(name) (\(room.wing)) imports \(other) (\(target.wing))"
            }
        }
    }

    static func mayImport(_ wing: String, _ other: String) -> Bool {
        guard let here = wings.firstIndex(of: wing), let there = wings.firstIndex(of: other) else { return false }
        return there <= here && !(wing == "Outbound" && other == "Inbound")
    }

    static func imports(in file: TreeFile, house: [String: Room] = Arrows.house) -> [Finding] {
        guard let swift = file.swift, let name = file.room, let wing = file.wing else { return [] }
        guard let room = house[name] else {
            return [Finding(path: file.path, message: "the room \(name) is not in the table of arrows")]
        }
        guard room.wing == wing else {
            return [Finding(path: file.path, message: "\(name) stands in \(wing), the table says \(room.wing)")]
        }
        let allowed = room.rooms.union(room.others).union(free).union([name])
        return swift.code.enumerated().compactMap { index, code in
            guard let module = importedModule(code), !allowed.contains(module) else { return nil }
            return Finding(path: file.path, line: index + 1, message: "\(name) must not import \(module)")
        }
    }

    /// `Journal` for `@testable package import struct Journal.Offset`.
    static func importedModule(_ code: String) -> String? {
        guard let first = code.first(where: { $0 != " " }), "@ipfu".contains(first) else { return nil }
        let kinds: Set<Substring> = ["class", "enum", "func", "let", "protocol", "struct", "typealias", "var"]
        let words = code.replacing(/\([^)]*\)/, with: " ").split { !($0.isLetter || $0.isNumber || "_@.".contains($0)) }
        guard let index = words.firstIndex(of: "import") else { return nil }
        let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private", "unsafe"]
        guard words[..<index].allSatisfy({ $0.hasPrefix("@") || modifiers.contains($0) }) else { return nil }
        guard let target = words[(index + 1)...].first(where: { !kinds.contains($0) }) else { return nil }
        return target.split(separator: ".").first.map(String.init)
    }
}

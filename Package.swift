// swift-tools-version: 6.2
import PackageDescription

// The house: a wing is a folder under Sources/, a room is a target in it. Imports go one way,
// Model and Support first, Surface last; the tidy test holds the arrows to docs/design.md.

/// Built to be fuzzed, by `make fuzz`: the rooms are watched for bad reads, count which of their edges run, and check
/// what the standard library leaves unchecked in a release; and one more program is there.
let isFuzzed = Context.environment["COURANT_FUZZ"] == "1"
let watched = ["-sanitize=address"]
let counted = "edge,indirect-calls,inline-8bit-counters,pc-table,trace-cmp"
let fuzzSettings: [SwiftSetting] =
    isFuzzed ? [.unsafeFlags(watched + ["-sanitize-coverage=\(counted)", "-assert-config", "Debug"])] : []

let houseSettings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
        .enableUpcomingFeature("ImmutableWeakCaptures"),
        .treatAllWarnings(as: .error),
        .strictMemorySafety(),
    ] + fuzzSettings

func room(_ wing: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(wing)/\(name)", swiftSettings: houseSettings)
}

func library(_ name: String, pkgConfig: String, package: String) -> Target {
    .systemLibrary(name: name, path: "Sources/Support/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: dependencies,
        path: "Tests/\(name)Tests",
        exclude: exclude,
        swiftSettings: houseSettings
    )
}

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdTLS = Target.Dependency.product(name: "HummingbirdTLS", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "_CryptoExtras", package: "swift-crypto")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "courant",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "courant", targets: ["courant"]),
        .executable(name: "courant-bench", targets: ["CourantBench"]),
        .executable(name: "courant-simulate", targets: ["CourantSimulate"]),
        .library(name: "Avro", targets: ["Avro"]),
        .library(name: "Glossary", targets: ["Glossary"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-crypto.git", "3.12.0"..<"5.0.0"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.0"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.0"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.0"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2"),
    ],
    targets: [
        .target(name: "CGlossary", path: "Sources/Model/CGlossary", exclude: ["glossary.txt", "timezones.txt"]),
        room("Model", "Glossary", ["CGlossary"]),
        library("CDeflate", pkgConfig: "libdeflate", package: "libdeflate-dev"),
        library("CZstd", pkgConfig: "libzstd", package: "libzstd-dev"),
        library("CRDKafka", pkgConfig: "rdkafka", package: "librdkafka-dev"),
        library("CSnappy", pkgConfig: "snappy", package: "libsnappy-dev"),
        .target(
            name: "CSimdjson",
            path: "Sources/Support/CSimdjson",
            cxxSettings: isFuzzed ? [.unsafeFlags(["-fsanitize=address", "-fsanitize-coverage=\(counted)"])] : []
        ),
        room("Model", "Avro", ["CDeflate", "CSnappy", "CZstd"]),
        room("Support", "Platform"),
        room("Support", "Telemetry"),
        room("Log", "Journal", ["CDeflate", "Platform", "Telemetry"]),
        room(
            "Inbound",
            "Intake",
            ["Avro", "CDeflate", "CSimdjson", "CZstd", "Glossary", "Journal", "Platform", "Telemetry", crypto]
        ),
        room("Inbound", "Tracking", ["Avro", "Glossary", "Intake", "Journal", "Platform", "Telemetry", crypto, grdb]),
        room("Inbound", "Providers", ["Avro", "Platform", "Tracking", asn1, crypto, cryptoExtras, x509]),
        room(
            "Outbound",
            "Delivery",
            ["Avro", "CDeflate", "Glossary", "Journal", "Platform", "Telemetry", crypto, grdb]
        ),
        room(
            "Outbound",
            "CloudHTTP",
            ["Delivery", "Platform", crypto, httpClient, nioCore, nioHTTP1, nioPosix, nioSSL]
        ),
        room("Outbound", "DestinationAzure", ["CloudHTTP", "Delivery", "Platform", crypto]),
        room("Outbound", "DestinationGCS", ["CloudHTTP", "Delivery", "Platform", cryptoExtras]),
        room("Outbound", "DestinationHTTP", ["Avro", "CloudHTTP", "Delivery", "Journal", "Platform", crypto]),
        room("Outbound", "DestinationLocal", ["Delivery", "Platform"]),
        room(
            "Outbound",
            "DestinationKafka",
            ["Avro", "CRDKafka", "CloudHTTP", "Delivery", "Journal", "Platform", "Telemetry"]
        ),
        room("Outbound", "DestinationS3", ["CloudHTTP", "Delivery", "Platform", crypto]),
        room("Testing", "PlatformTesting", ["Platform"]),
        .target(name: "CAllocations", path: "Sources/Testing/CAllocations"),
        room("Testing", "DestinationConformance", ["Avro", "Delivery", "Platform"]),
        room(
            "Testing",
            "StoreDoubles",
            [
                "Avro", "CRDKafka", "CloudHTTP", "Delivery", "DestinationConformance", "Journal", "Platform", crypto,
                cryptoExtras, nioCore, nioHTTP1, nioPosix,
            ]
        ),
        room("Surface", "Samples", ["Glossary"]),
        room(
            "Surface",
            "Service",
            [
                "Avro", "CloudHTTP", "Delivery", "DestinationAzure", "DestinationGCS", "DestinationHTTP",
                "DestinationKafka", "DestinationLocal", "DestinationS3", "Glossary", "Intake", "Journal", "Platform",
                "Providers", "Samples", "Telemetry", "Tracking", crypto, grdb, httpTypes, hummingbird, hummingbirdCore,
                hummingbirdTLS,
                lifecycle, logging, nioCore, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1, nioSSL, unixSignals, yams,
            ]
        ),
        .executableTarget(
            name: "courant",
            dependencies: [
                "Avro", "CloudHTTP", "Delivery", "Glossary", "Intake", "Journal", "Platform", "Samples", "Service",
                arguments, crypto, httpClient, nioCore, nioHTTP1, unixSignals,
            ],
            path: "Sources/Surface/courant",
            swiftSettings: houseSettings
        ),
        .executableTarget(
            name: "CourantBench",
            dependencies: [
                "Avro", "CDeflate", "Delivery", "DestinationLocal", "Glossary", "Intake", "Journal", "Platform",
                "PlatformTesting", "Providers", "Telemetry", "Tracking",
            ],
            path: "Benchmarks/Sources/CourantBench",
            swiftSettings: houseSettings
        ),
        .target(
            name: "CSimulation",
            dependencies: [],
            path: "Sources/Testing/CSimulation",
            linkerSettings: [.linkedLibrary("sqlite3")]
        ),
        room(
            "Testing",
            "Simulation",
            [
                "Avro", "CDeflate", "CSimulation", "CZstd", "CloudHTTP", "Delivery", "Glossary", "Intake", "Journal",
                "Platform", "PlatformTesting", "Providers", "Service", "StoreDoubles", "Tracking", logging,
            ]
        ),
        .executableTarget(
            name: "CourantSimulate",
            dependencies: ["Simulation", arguments],
            path: "Sources/Testing/CourantSimulate",
            swiftSettings: houseSettings
        ),
        // Programs that tests run: it meets the real clock and real processes, as no room of the house may.
        .target(
            name: "ProgramTesting",
            dependencies: [subprocess, systemPackage],
            path: "Tests/ProgramTesting",
            swiftSettings: houseSettings
        ),
        tests("Avro", ["Avro", "ProgramTesting"], exclude: ["Python"]),
        tests("Glossary", ["Glossary"]),
        tests("Samples", ["Glossary", "Samples"]),
        tests("Platform", ["Platform", "PlatformTesting"]),
        tests("Telemetry", ["Telemetry"]),
        tests("Journal", ["Journal", "Platform", "PlatformTesting", "Telemetry"]),
        tests(
            "Intake",
            [
                "Avro", "CAllocations", "CDeflate", "CSimdjson", "CZstd", "Glossary", "Intake", "Journal", "Platform",
                "PlatformTesting", "Samples", "Telemetry",
            ]
        ),
        tests(
            "Providers",
            ["Avro", "Platform", "ProgramTesting", "Providers", "Tracking", crypto],
            exclude: ["Python"]
        ),
        tests(
            "Tracking",
            [
                "Avro", "Glossary", "Intake", "Journal", "Platform", "PlatformTesting", "Providers", "Telemetry",
                "Tracking",
            ]
        ),
        tests(
            "Delivery",
            [
                "Avro", "CAllocations", "Delivery", "Glossary", "Journal", "Platform", "PlatformTesting", "Telemetry",
                grdb,
            ]
        ),
        tests(
            "DestinationLocal",
            [
                "Avro", "Delivery", "DestinationConformance", "DestinationLocal", "Journal", "Platform",
                "PlatformTesting",
            ]
        ),
        tests("CloudHTTP", ["CloudHTTP", "Delivery", "Journal", "Platform", "PlatformTesting", "StoreDoubles"]),
        tests(
            "DestinationAzure",
            [
                "CloudHTTP", "Delivery", "DestinationAzure", "DestinationConformance", "Platform", "PlatformTesting",
                "ProgramTesting", "StoreDoubles",
            ],
            exclude: ["Python"]
        ),
        tests(
            "DestinationGCS",
            [
                "CloudHTTP", "Delivery", "DestinationConformance", "DestinationGCS", "Platform", "PlatformTesting",
                "ProgramTesting", "StoreDoubles",
            ],
            exclude: ["Python"]
        ),
        tests(
            "DestinationS3",
            [
                "CloudHTTP", "Delivery", "DestinationConformance", "DestinationS3", "Platform", "PlatformTesting",
                "ProgramTesting", "StoreDoubles",
            ],
            exclude: ["Python"]
        ),
        tests(
            "DestinationHTTP",
            [
                "Avro", "CloudHTTP", "Delivery", "DestinationConformance", "DestinationHTTP", "Glossary", "Journal",
                "Platform", "PlatformTesting", "ProgramTesting", "StoreDoubles",
            ],
            exclude: ["Python"]
        ),
        tests(
            "DestinationKafka",
            [
                "Avro", "CRDKafka", "CloudHTTP", "Delivery", "DestinationConformance", "DestinationKafka", "Glossary",
                "Journal", "Platform", "ProgramTesting", "StoreDoubles", "Telemetry",
            ],
            exclude: ["Python"]
        ),
        tests(
            "Service",
            [
                "Avro", "CRDKafka", "CloudHTTP", "Delivery", "DestinationAzure", "DestinationGCS", "DestinationKafka",
                "DestinationS3", "Glossary", "Intake", "Platform", "ProgramTesting", "Providers", "Service",
                "StoreDoubles", "Telemetry", "Tracking", httpTypes, hummingbird, hummingbirdTesting, lifecycle, logging,
                nioCore, yams,
            ],
            exclude: ["Python"]
        ),
        tests("Command", ["ProgramTesting"]),
        tests("Crash", ["ProgramTesting"]),
        tests("Attack", ["ProgramTesting"]),
        tests("Day", ["ProgramTesting"]),
        tests("Simulation", ["ProgramTesting"]),
        tests("Tidy", ["ProgramTesting"]),
    ],
    cxxLanguageStandard: .cxx17
)

if isFuzzed {
    package.targets += [
        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .executableTarget(
            name: "CourantFuzz",
            dependencies: [
                "Avro", "CDeflate", "CFuzzer", "CloudHTTP", "DestinationHTTP", "DestinationKafka", "Glossary", "Intake",
                "Journal", "Platform", "PlatformTesting", "Providers", "Service", "Telemetry", "Tracking",
            ],
            path: "Tests/Fuzz/CourantFuzz",
            swiftSettings: houseSettings,
            linkerSettings: [.unsafeFlags(watched), .linkedLibrary("stdc++")]
        ),
    ]
    package.products.append(.executable(name: "courant-fuzz", targets: ["CourantFuzz"]))
}

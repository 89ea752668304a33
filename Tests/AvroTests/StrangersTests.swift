import Avro
import Foundation
import Testing

/// The proof that others read what is written here, and the other way round.
struct StrangersTests {
    @Test("fastavro and Apache avro read every file, polars those of every type in each codec but zstandard")
    func everyoneReads() async throws {
        let strangers = try await Strangers.run.value
        let failures = try #require(strangers.report["failures"]?.array).compactMap(\.string)
        #expect(failures.isEmpty, "seed \(strangers.seed), \(failures.count) failures: \(failures.prefix(5))")
        let all = Int64(strangers.cases.count * allCodecs.count)
        let flat = Int64(strangers.cases.filter(\.isFlat).count * 3)
        let evolutions = ResolutionTests.evolutions
        let expected: [String: Int64] = [
            "read.fastavro": all, "read.avro": all, "read.polars": flat,
            "write.fastavro": all, "write.avro": all, "write.polars": flat,
            "resolve.fastavro": Int64(evolutions.count),
            "resolve.avro": Int64(evolutions.count - ResolutionTests.apacheLacks.count),
        ]
        for (what, count) in expected {
            let checked: Int64? = strangers.report["checked"]?[what]?.integer
            #expect(checked == count, "\(what)")
        }
        let cases = 42 + 94 + 60 + 1
        #expect(strangers.cases.count == cases)
        // What the random schemas must show others and hide from fingerprints.
        let schemas = strangers.cases.filter { !$0.isFlat }.map(\.schema.json)
        for word in ["logicalType", "aliases", "default", "doc", "order", "note"] {
            #expect(schemas.contains { $0.contains("\"\(word)\":") }, "seed \(strangers.seed): no \(word)")
        }
    }

    @Test(
        "what fastavro and Apache avro write is read here, and of polars what it can write",
        arguments: ["fastavro", "avro", "polars"]
    )
    func readsEveryone(library: String) async throws {
        let strangers = try await Strangers.run.value
        for item in strangers.cases where item.isFlat || library != "polars" {
            let expected = item.datums.map(\.wideJSON)
            for codec in allCodecs where library != "polars" || codec.name != "zstandard" {
                let found = try strangers.lines(of: item, by: library, codec: codec)
                #expect(found == expected, "seed \(strangers.seed): \(item.name) by \(library), \(codec.name)")
            }
        }
    }

    @Test("canonical forms and fingerprints are the same everywhere")
    func fingerprints() async throws {
        let strangers = try await Strangers.run.value
        let found = try #require(strangers.report["fingerprints"]?.array)
        #expect(found.count == strangers.cases.count)
        for (item, theirs) in zip(strangers.cases, found) {
            let fingerprint = item.schema.fingerprint
            let (name, canonical) = (theirs["name"]?.string, theirs["canonical"]?.string)
            let (fastavro, apache) = (theirs["fastavro"]?.string, theirs["avro"]?.string)
            #expect(name == item.name)
            // Apache leaves {"type":"int"} of an int with attributes, where the specification has "int".
            let mended = canonical?.replacing(/\{"type":("[a-z]+")\}/, with: { $0.output.1 })
            #expect(mended == item.schema.canonicalForm)
            #expect(fastavro == fingerprint.description || fastavro == Self.hex(fingerprint))
            if canonical == mended { #expect(apache == Self.hex(fingerprint)) }
        }
    }

    private static func hex(_ fingerprint: SchemaFingerprint) -> String {
        fingerprint.littleEndianBytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test("polars does not read zstandard: the day it does, the table of codecs in the docs changes")
    func polarsZstandard() async throws {
        let verdict = try #require(try await Strangers.run.value.report["polarsZstandard"]?.string)
        #expect(!verdict.hasPrefix("reads"), "\(verdict)")
    }
}

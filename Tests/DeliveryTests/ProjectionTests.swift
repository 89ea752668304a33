import Avro
import Glossary
import Testing

@testable import Delivery

@Suite("Projection between editions")
struct ProjectionTests {
    private func project(_ datum: [UInt8], _ projection: Projection) -> (bytes: [UInt8], Projection.Obstacle?) {
        var output: [UInt8] = [42]
        var scratch = ProjectionScratch()
        let obstacle = unsafe datum.withUnsafeBytes { raw in
            unsafe projection.append(raw, to: &output, scratch: &scratch)
        }
        return (Array(output.dropFirst()), obstacle)
    }

    private func decode(_ bytes: [UInt8], _ type: EventType) throws -> Datum {
        let header = ContainerHeader(schema: type.journalSchema, codec: .null, sync: [UInt8](repeating: 0, count: 16))
        var file = header.encoded()
        ContainerBlock.append(count: 1, compressed: bytes.span, sync: header.sync.span, to: &file)
        var reader = try ContainerReader(ArraySource(file))
        return try #require(try reader.next())
    }

    @Test(
        "every type that both editions have projects both ways, field by field",
        arguments: [("2021", "v10"), ("v10", "2021")]
    )
    func everyType(from: String, to: String) throws {
        let (source, target) = (
            try #require(Glossary.standard.edition(from)), try #require(Glossary.standard.edition(to))
        )
        var compared = 0
        for type in source.types {
            guard let other = target.type(named: type.name) else { continue }
            let projection = Projection(from: type.fields, to: other.fields)
            let (bytes, obstacle) = project(Records.datum(type, id: "i"), projection)
            #expect(obstacle == nil, "\(type.name): \(String(describing: obstacle))")
            let before = try decode(Records.datum(type, id: "i"), type)
            let after = try decode(bytes, other)
            for field in other.fields {
                let value = try #require(after[field.name])
                if type.field(named: field.name) != nil {
                    #expect(value == before[field.name], "\(type.name) \(field.name)")
                } else {
                    #expect(value == (field.isRequired ? .string("") : .null), "\(type.name) \(field.name)")
                }
            }
            compared += 1
        }
        #expect(compared >= 30)
    }

    @Test("integers widen, and narrow where they fit")
    func integers() throws {
        let glossary = try Glossary(parsing: NarrowAndWide.text)
        let narrow = try #require(glossary.edition("1")?.types.first)
        let wide = try #require(glossary.edition("2")?.types.first)
        for (number, fits) in [
            (0, true), (Int64(Int32.max), true), (Int64(Int32.min), true), (Int64(Int32.max) + 1, false), (.min, false),
        ] as [(Int64, Bool)] {
            let datum = Records.datum(wide, id: "i", time: number)
            let (bytes, obstacle) = project(datum, Projection(from: wide.fields, to: narrow.fields))
            if fits {
                #expect(try decode(bytes, narrow)["time"] == .int(Int32(number)))
                let (back, _) = project(bytes, Projection(from: narrow.fields, to: wide.fields))
                #expect(try decode(back, wide)["time"] == .long(number))
            } else {
                #expect(obstacle == .outOfRange(field: try #require(narrow.position(of: "time"))))
                #expect(bytes.isEmpty)
            }
        }
    }

    @Test("a datum that lies about its lengths is an obstacle, never a trap", arguments: 0..<300)
    func malformed(seed: UInt64) throws {
        var random = SplitMix(seed)
        let type = Records.type(Records.click)
        let other = Records.type(Records.click, edition: "v10")
        var datum = Records.datum(type, id: "i")
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            datum[Int.random(in: 0..<datum.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
        }
        datum.removeLast(Int.random(in: 0...datum.count, using: &random))
        let (bytes, obstacle) = project(datum, Projection(from: type.fields, to: other.fields))
        #expect(bytes.isEmpty == (obstacle != nil))
    }

    @Test("equal fields are copied, not projected")
    func copies() {
        let type = Records.type(Records.open)
        #expect(Projection.isCopy(from: type.fields, to: type.fields))
        #expect(!Projection.isCopy(from: type.fields, to: Records.type(Records.click).fields))
    }
}

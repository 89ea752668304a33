/// Works out the steps of a resolution: one for each pair of writer's and reader's schema that meet.
struct ResolutionBuilder {
    /// More pairs than any honest schema has; each named pair is worked out once.
    static let stepsMax = 1 << 17

    private struct Pair: Hashable {
        let writer: SchemaName
        let reader: SchemaName
        let isSkipped: Bool
    }

    private let writerNames: NamedSchemas
    private let readerNames: NamedSchemas
    private let isIdentity: Bool
    private var known: [Pair: Int] = [:]
    /// A field that only the writer has is read as what it is, and dropped: inside it the writer's schema is both.
    private var isSkipped = false
    private(set) var steps: [Step] = []

    init(writer: Schema, reader: Schema) {
        writerNames = NamedSchemas(of: writer)
        readerNames = NamedSchemas(of: reader)
        isIdentity = writer == reader
    }

    mutating func build(_ writer: Schema, _ reader: Schema) throws(AvroError) -> Int {
        let writer = try writerNames.resolve(writer).base
        let reader = try resolveReader(reader)
        guard let writerName = writer.name, let readerName = reader.name else {
            return try add(try step(writer, reader))
        }
        let pair = Pair(writer: writerName, reader: readerName, isSkipped: isSkipped)
        if let index = known[pair] {
            if case .failure(let message) = steps[index] { throw AvroError(.unresolvable, message) }
            return index
        }
        let index = try add(.null)
        known[pair] = index
        do {
            steps[index] = try step(writer, reader)
        } catch {
            steps[index] = .failure(error.message)
            throw error
        }
        return index
    }

    private func resolveReader(_ schema: Schema) throws(AvroError) -> Schema {
        try (isSkipped ? writerNames : readerNames).resolve(schema).base
    }

    private mutating func add(_ step: Step) throws(AvroError) -> Int {
        guard steps.count < ResolutionBuilder.stepsMax else {
            throw AvroError(.limit, "the schemas need more than \(ResolutionBuilder.stepsMax) steps")
        }
        steps.append(step)
        return steps.count - 1
    }

    private mutating func step(_ writer: Schema, _ reader: Schema) throws(AvroError) -> Step {
        switch (writer, reader) {
        case (.union(let branches), _): return .choose(try branchSteps(branches, reader))
        case (_, .union(let branches)):
            guard let (branch, inner) = try bestBranch(for: writer, of: branches) else {
                throw mismatch(writer, reader)
            }
            return .wrap(branch, inner)
        case (.array(let writerItem), .array(let readerItem)): return .array(try build(writerItem, readerItem))
        case (.map(let writerValue), .map(let readerValue)): return .map(try build(writerValue, readerValue))
        case (.record(let writerRecord), .record(let readerRecord)):
            guard matches(writerRecord.name, readerRecord.name, readerRecord.aliases) else {
                throw mismatch(writer, reader)
            }
            return try recordStep(writerRecord, readerRecord)
        case (.enumeration(let theirs), .enumeration(let ours)):
            guard matches(theirs.name, ours.name, ours.aliases) else { throw mismatch(writer, reader) }
            let known = Set(ours.symbols)
            return .enumeration(theirs.symbols.map { known.contains($0) ? $0 : ours.defaultSymbol })
        case (.fixed(let theirs), .fixed(let ours)):
            guard theirs.size == ours.size, matches(theirs.name, ours.name, ours.aliases) else {
                throw mismatch(writer, reader)
            }
            return .fixed(theirs.size)
        default:
            guard let step = ResolutionBuilder.primitive(writer, reader) else { throw mismatch(writer, reader) }
            return step
        }
    }

    private static func primitive(_ writer: Schema, _ reader: Schema) -> Step? {
        switch (writer, reader) {
        case (.null, .null): .null
        case (.boolean, .boolean): .boolean
        case (.int, .int): .int
        case (.long, .long): .long
        case (.float, .float): .float
        case (.double, .double): .double
        case (.bytes, .bytes): .bytes
        case (.string, .string), (.bytes, .string): .string
        case (.string, .bytes): .stringToBytes
        case (.int, .long): .intToLong
        case (.int, .float): .intToFloat
        case (.int, .double): .intToDouble
        case (.long, .float): .longToFloat
        case (.long, .double): .longToDouble
        case (.float, .double): .floatToDouble
        default: nil
        }
    }

    private mutating func recordStep(_ writer: RecordSchema, _ reader: RecordSchema) throws(AvroError) -> Step {
        // Where each of the writer's fields goes; a field's own name comes before its aliases.
        let writerSlots = Dictionary(writer.fields.indices.map { (writer.fields[$0].name, $0) }) { first, _ in first }
        var slots: [Int: Int] = [:]
        var template: [Datum.Entry] = []
        for (slot, field) in reader.fields.enumerated() {
            let source = ([field.name] + field.aliases).lazy.compactMap { writerSlots[$0] }.first
            var value = Datum.null
            if let source, slots[source] == nil {
                slots[source] = slot
            } else if let json = field.defaultValue {
                value = try Datum(default: json, as: field.schema, named: readerNames)
            } else {
                throw AvroError(
                    .unresolvable,
                    "the reader's '\(reader.name)' needs '\(field.name)', which the writer lacks and has no default"
                )
            }
            template.append(Datum.Entry(field.name, value))
        }
        var fields: [FieldStep] = []
        for (index, field) in writer.fields.enumerated() {
            if let slot = slots[index] {
                fields.append(FieldStep(step: try build(field.schema, reader.fields[slot].schema), slot: slot))
            } else {
                fields.append(FieldStep(step: try skip(field.schema), slot: nil))
            }
        }
        return .record(fields, template: template)
    }

    private mutating func skip(_ schema: Schema) throws(AvroError) -> Int {
        let before = isSkipped
        isSkipped = true
        defer { isSkipped = before }
        return try build(schema, schema)
    }

    private mutating func branchSteps(_ branches: [Schema], _ reader: Schema) throws(AvroError) -> [Int] {
        var result: [Int] = []
        for (index, branch) in branches.enumerated() {
            if isIdentity || isSkipped {
                result.append(try add(.wrap(index, try build(branch, branch))))
                continue
            }
            do {
                result.append(try build(branch, reader))
            } catch {
                // Only a value of this branch is unreadable, not the whole file.
                guard error.code != .limit else { throw error }
                result.append(try add(.failure(error.message)))
            }
        }
        return result
    }

    /// The reader's branch for a writer's schema.
    ///
    /// The same type by full name comes first, then the same type, then the first that it can be promoted to. The
    /// specification takes the first that matches; preferring the same type keeps a long a long under
    /// `["double", "long"]`, as Java's reader does.
    private mutating func bestBranch(
        for writer: Schema,
        of branches: [Schema]
    ) throws(AvroError) -> (branch: Int, step: Int)? {
        for closeness in 0..<3 {
            for (index, branch) in branches.enumerated() {
                let target = try resolveReader(branch)
                let isSame = target.kind == writer.kind
                guard closeness == 2 || isSame && (closeness == 1 || target.name == writer.name) else { continue }
                do {
                    return (index, try build(writer, target))
                } catch {
                    guard error.code != .limit else { throw error }
                }
            }
        }
        return nil
    }

    private func matches(_ writer: SchemaName, _ reader: SchemaName, _ aliases: [SchemaName]) -> Bool {
        writer.simple == reader.simple || aliases.contains(writer)
    }

    private func mismatch(_ writer: Schema, _ reader: Schema) -> AvroError {
        let (theirs, ours) = (writer.name?.full ?? writer.kind, reader.name?.full ?? reader.kind)
        return AvroError(.unresolvable, "what was written as '\(theirs)' cannot be read as '\(ours)'")
    }
}

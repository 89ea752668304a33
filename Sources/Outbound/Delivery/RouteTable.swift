/// Which journal schema goes to which carried type, and how.
///
/// Looked up once for each record: open addressing over a table of at least four times its entries, where the
/// fingerprint's own bits are the hash.
struct RouteTable: Sendable {
    struct Route: Sendable {
        /// Index among the carried types.
        let type: Int
        /// Nil where the bytes are copied as they are.
        let projection: Projection?
    }

    /// Each route's type and whether it copies, apart from the rest: what the loop over records looks at.
    let types: [Int]
    let isCopy: [Bool]
    let projections: [Projection?]
    private let keys: [UInt64]
    /// Number of a route, or -1 where nothing stands.
    private let values: [Int32]
    private let mask: Int

    init(_ entries: [(fingerprint: UInt64, route: Route)]) {
        var size = 64
        while size < entries.count * 4 { size *= 2 }
        mask = size - 1
        var keys = [UInt64](repeating: 0, count: size)
        var values = [Int32](repeating: -1, count: size)
        for (index, entry) in entries.enumerated() {
            var place = Int(truncatingIfNeeded: entry.fingerprint) & mask
            while values[place] >= 0 { place = (place + 1) & mask }
            keys[place] = entry.fingerprint
            values[place] = Int32(index)
        }
        self.keys = keys
        self.values = values
        types = entries.map(\.route.type)
        isCopy = entries.map { $0.route.projection == nil }
        projections = entries.map(\.route.projection)
    }

    /// The routes from every known schema to the carried types that have its name.
    init(book: SchemaBook, types: [CarriedType], privacy: PrivacySettings) throws(PrivacyProblem) {
        var treatments: [[PrivacyTreatment]?] = []
        for type in types { treatments.append(try privacy.treatments(of: type.fields ?? [])) }
        var entries: [(fingerprint: UInt64, route: Route)] = []
        for source in book.sources {
            for (index, type) in types.enumerated() where (source.fields == nil) == (type.fields == nil) {
                guard book.name(of: source, in: type.edition) == type.name else { continue }
                var projection: Projection?
                if let from = source.fields, let to = type.fields,
                    treatments[index] != nil || !Projection.isCopy(from: from, to: to)
                {
                    projection = Projection(from: from, to: to, treatments: treatments[index])
                }
                entries.append((source.fingerprint, Route(type: index, projection: projection)))
            }
        }
        self.init(entries)
    }

    /// The number of a route, or -1 for a schema that is not carried.
    @inline(__always)
    func find(_ fingerprint: UInt64) -> Int {
        var place = Int(truncatingIfNeeded: fingerprint) & mask
        while true {
            let value = values[place]
            if value < 0 || keys[place] == fingerprint { return Int(value) }
            place = (place + 1) & mask
        }
    }
}

import Journal

/// What of a request the journal has made durable.
struct Durable {
    private(set) var acceptedByType: [Int]
    private(set) var accepted = 0
    private(set) var duplicates = 0
    /// Dead letters.
    private(set) var letters = 0

    var events: Int { accepted + duplicates + letters }

    /// Counts the batches that went in; `firstSchema` is the place of the edition's first type.
    init(
        _ batches: [RecordBatch],
        _ results: [Result<AppendResult, JournalError>],
        of edition: CompiledEdition,
        _ firstSchema: Int
    ) {
        acceptedByType = Array(repeating: 0, count: edition.typeCount)
        for (batch, result) in zip(batches, results) {
            guard case .success(let result) = result else { continue }
            for index in batch.entries.indices {
                let schema = batch.entries[index].schema
                if schema == DeadLetter.schemaIndex {
                    letters += 1
                } else {
                    acceptedByType[Int(schema) - firstSchema] += 1
                }
            }
            for place in result.duplicates.indices {
                let index = Int(result.duplicates[place])
                acceptedByType[Int(batch.entries[index].schema) - firstSchema] -= 1
            }
            duplicates += result.duplicates.count
            accepted += batch.entries.count - result.duplicates.count
        }
        accepted -= letters
    }
}

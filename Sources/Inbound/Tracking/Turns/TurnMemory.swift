/// What turns of one read of the state have looked up and may need again, so that each row is read and parsed once.
struct TurnMemory: Sendable {
    /// A receipt of which the row's name is known; the rest is read when a deed may fulfil one of its rules.
    struct ReceiptEntry: Sendable {
        let place: ReceiptPlace
        let name: ReceiptName
        /// The rules that it has fulfilled, as far as it has been read.
        var receipt: Receipt?

        /// Whether all the rules of these bits have been fulfilled.
        func isSpent(_ bits: Int64) -> Bool { receipt.map { $0.converted & bits == bits } ?? false }
    }

    /// The most receipts that are held in mind; then all are forgotten, and read again.
    private static let receiptsMax = 200_000

    /// By user and owner, each in the order of time.
    private(set) var receipts: [String: [MessageOwner: [ReceiptEntry]]] = [:]
    private var receiptsCount = 0
    /// How many receipts may still be decided: what is beyond is left to later turns.
    var receiptsLeft: Int
    /// Whether deeds of a user wait to be gone on with, as far as it has been looked up.
    var isBusy: [String: Bool] = [:]

    init(receiptsLeft: Int) { self.receiptsLeft = receiptsLeft }

    mutating func hold(_ entries: [ReceiptEntry], of user: String) {
        if receiptsCount + entries.count > Self.receiptsMax { (receipts, receiptsCount) = ([:], 0) }
        receiptsCount += entries.count
        receipts[user] = Dictionary(grouping: entries.sorted { $0.name < $1.name }) { $0.name.owner }
    }

    /// Notes a receipt as it is now.
    mutating func note(_ receipt: Receipt, at place: ReceiptPlace, of user: String) {
        guard receipts[user] != nil else { return }
        let entry = ReceiptEntry(place: place, name: receipt.name, receipt: receipt)
        var entries = receipts[user]?.removeValue(forKey: receipt.owner) ?? []
        let index = entries.firstIndex(notBefore: { $0.name < entry.name })
        if index < entries.endIndex, entries[index].name == entry.name {
            entries[index] = entry
        } else {
            entries.insert(entry, at: index)
            receiptsCount += 1
        }
        receipts[user]?[receipt.owner] = entries
    }

    /// Drops receipts that can be fulfilled no more; each owner's come in the order of time.
    mutating func forget(_ names: [ReceiptName], of user: String) {
        guard !names.isEmpty, receipts[user] != nil else { return }
        for (owner, names) in Dictionary(grouping: names, by: \.owner) {
            var entries = receipts[user]?.removeValue(forKey: owner) ?? []
            let before = entries.count
            var left = names[...]
            entries.removeAll { entry in
                guard entry.name == left.first else { return false }
                left = left.dropFirst()
                return true
            }
            receiptsCount -= before - entries.count
            receipts[user]?[owner] = entries
        }
    }
}

extension Array {
    /// The first place whose element does not come before what is sought, in an array in that order.
    func firstIndex(notBefore isBefore: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

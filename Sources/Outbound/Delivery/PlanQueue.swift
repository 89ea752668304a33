/// Hands the open plans of one connector to those who land them, each once in a run, in the order of their commits.
///
/// Plans are fetched from state a few at a time: an outage of a month must not fill memory.
actor PlanQueue {
    private static let pageSize = 16

    private let context: ConnectorContext
    private var fetched: [Plan] = []
    private var newest = PlanID(rawValue: 0)
    private var isFetching = false

    init(_ context: ConnectorContext) {
        self.context = context
    }

    /// The next plan; nil when the task is cancelled.
    func next() async throws(DeliveryError) -> Plan? {
        while !Task.isCancelled {
            if !fetched.isEmpty { return fetched.removeFirst() }
            let generation = context.control.changes.generation
            if !isFetching, try await fetch() { continue }
            await context.control.changes.wait(past: generation)
        }
        return nil
    }

    private func fetch() async throws(DeliveryError) -> Bool {
        isFetching = true
        defer { isFetching = false }
        let page = try await context.state.openPlans(
            connector: context.settings.id,
            partition: nil,
            after: newest,
            limit: Self.pageSize
        )
        // State knows a plan a moment before the books do. Who books it raises the signal that brings us back.
        let booked = page.prefix { context.ledger.isOpen($0.id) }
        guard let last = booked.last else { return false }
        newest = last.id
        fetched += booked
        context.control.changes.raise()
        return true
    }
}

internal import Journal
internal import Platform

/// What the workers of one connector share.
struct ConnectorContext: Sendable {
    let settings: ConnectorSettings
    let location: String
    let book: SchemaBook
    let types: [CarriedType]
    let routes: RouteTable
    let keys: KeyMaker
    let journal: any Journal
    let state: any DeliveryState
    let owner: OwnerToken
    let platform: Platform
    let staging: StagingFolder
    let memory: StagingMemory
    let ledger: Ledger
    let control: ConnectorControl
    let metrics: DeliveryMetrics

    /// What an error means for a worker: the state's end the process, others are tried again.
    static func isFatal(_ error: DeliveryError) -> Bool {
        error.code == .state || error.code == .ownerLost
    }

    /// Waits, but not longer than until somebody asks to hurry.
    func pause(for duration: Duration) async {
        let generation = control.hurry.generation
        let clock = platform.clock
        let hurry = control.hurry
        await firstOf([
            { try? await clock.sleep(for: duration) },
            { await hurry.wait(past: generation) },
        ])
    }
}

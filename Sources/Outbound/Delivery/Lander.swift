internal import Journal
internal import Platform
internal import Telemetry

/// Lands plans, one at a time, until they are landed or in conflict.
struct Lander: Sendable {
    let context: ConnectorContext
    let destination: any ObjectDestination
    let queue: PlanQueue

    private enum Attempt {
        case done(landed: Int, lost: Int)
        case failed(DestinationError)
    }

    /// Lands plan after plan; returns when the task is cancelled.
    func run() async throws(DeliveryError) {
        while let plan = try await queue.next() {
            try await land(plan)
        }
    }

    private func land(_ given: Plan) async throws(DeliveryError) {
        var plan = given
        var retry = context.settings.retry
        while !Task.isCancelled, context.control.beginCall() {
            guard let error = try await call(&plan) else { return }
            guard await handle(error, of: plan, &retry) else { return }
        }
    }

    /// One attempt, up to where state knows that it has landed; nil if it has.
    private func call(_ plan: inout Plan) async throws(DeliveryError) -> DestinationError? {
        defer { context.control.endCall() }
        switch try await attempt(&plan) {
        case .failed(let error): return error
        case .done(let landed, let lost):
            try await close(plan, landed: landed, lost: lost)
            return nil
        }
    }

    private func attempt(_ plan: inout Plan) async throws(DeliveryError) -> Attempt {
        do throws(DeliveryError) {
            try await restoreStaged(&plan)
        } catch {
            if ConnectorContext.isFatal(error) { throw error }
            return .failed(DestinationError(.unreachable, error.message, remedy: .retry(after: nil)))
        }
        guard !plan.objects.isEmpty else { return .done(landed: 0, lost: plan.count) }
        var landed = 0
        for object in plan.objects {
            var tag = plan.tag(journal: context.journal.id)
            tag.count = object.count
            let landing = LandingObject(
                key: object.key,
                size: object.size,
                checksum: object.checksum,
                plan: tag,
                path: context.staging.path(of: object.staged),
                platform: context.platform
            )
            do throws(DestinationError) {
                let started = context.platform.clock.uptime()
                let outcome = try await destination.land(landing)
                context.metrics.landSeconds.observe(context.platform.clock.uptime() - started)
                // An earlier making of the plan stands there whole, even if this one misses records.
                let isEarlier = outcome == .alreadyThere(.plan) && plan.objects.count == 1
                landed += isEarlier ? plan.count : object.count
            } catch {
                if error.code == .stagedFileDamaged {
                    // Gone before the next attempt looks, so that it is made again.
                    try? await context.staging.remove([object.staged])
                }
                return .failed(error)
            }
        }
        return .done(landed: landed, lost: max(0, plan.count - landed))
    }

    /// Makes the plan's files again if one is missing or has another size.
    private func restoreStaged(_ plan: inout Plan) async throws(DeliveryError) {
        for object in plan.objects where try await context.staging.size(of: object.staged) != object.size {
            let old = plan.objects.map(\.staged)
            plan = try await PlanRemaking(context: context).remake(plan)
            try await context.state.replaceObjects(of: plan, owner: context.owner)
            try await context.staging.remove(old)
            return
        }
    }

    private func close(_ plan: Plan, landed: Int, lost: Int) async throws(DeliveryError) {
        try await context.state.close(plan, landed: landed, lost: lost, owner: context.owner)
        let bytes = plan.objects.reduce(0) { $0 + $1.size }
        context.ledger.closed(plan, landed: landed, lost: lost, bytes: bytes)
        context.ledger.recovered(.destination)
        context.metrics.landedFiles.add(plan.objects.count)
        context.metrics.landedBytes.add(Int(bytes))
        // What is left behind here is cleared at the next start.
        try? await context.staging.remove(plan.objects.map(\.staged))
        context.control.changes.raise()
    }

    /// Shows the error and waits; false if this plan is not tried again in this run.
    private func handle(_ error: DestinationError, of plan: Plan, _ retry: inout RetryPolicy) async -> Bool {
        guard error.code != .cancelled else { return !Task.isCancelled }
        let place = Trouble.Place.plan(plan.id)
        let now = context.platform.clock.now()
        context.metrics.retried(error.code)
        if error.code == .conflict || error.remedy == .setAside {
            context.ledger.trouble(.conflict, at: place, reason: error.message, now: now)
            return false
        }
        let random = context.platform.random.next()
        switch error.remedy {
        case .retry(let after):
            context.ledger.trouble(.retrying, at: place, reason: error.message, now: now)
            await context.pause(for: retry.wait(random: random, asked: after))
        case .waitForChange, .setAside:
            context.ledger.trouble(.waitingForChange, at: place, reason: error.message, now: now)
            await context.pause(for: retry.waitForChange(random: random))
        }
        return true
    }
}

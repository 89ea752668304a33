import Testing

@testable import DestinationHTTP

@Suite("The pause between requests to an endpoint that fails")
struct PauseTests {
    @Test("is what the endpoint asks for, and not longer than an hour")
    func asked() {
        var pause = PauseBetweenRequests()
        pause.failed(at: .seconds(10), asked: .seconds(7))
        #expect(pause.left(at: .seconds(10)) == .seconds(7))
        pause.succeeded()
        #expect(pause.left(at: .seconds(16)) == .seconds(1))
        #expect(pause.left(at: .seconds(17)) == nil)
        pause.failed(at: .seconds(20), asked: .seconds(86_400))
        #expect(pause.left(at: .seconds(20)) == .seconds(3_600))
    }

    @Test("doubles with each failure from the third on, up to its cap, and is gone with a success")
    func doubles() {
        var pause = PauseBetweenRequests()
        var lefts: [Duration?] = []
        for failure in 1...10 {
            let now = Duration.seconds(failure * 100)
            pause.failed(at: now, asked: nil)
            lefts.append(pause.left(at: now))
        }
        #expect(lefts == [nil, nil] + [1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
        pause.succeeded()
        pause.failed(at: .seconds(5_000), asked: nil)
        #expect(pause.left(at: .seconds(5_000)) == nil)
    }
}

internal import Platform
internal import StoreDoubles
internal import Synchronization

/// The services that the simulated one speaks to: a bucket, whose credentials run out, and a partner's endpoint.
final class Elsewhere: Sendable {
    static let store = "store.test"
    static let partner = "partner.test"
    /// Hands out the bucket's credentials, as a container's surroundings do.
    static let credentials = "localhost"

    let bucket: S3Double
    let endpoint: EndpointDouble
    private let clock: TrueClock
    private let dice: Dice
    private let mishaps: Mishaps
    private let token: Mutex<String>
    private let poison = Mutex<Set<String>>([])
    private let deleted = Mutex<[String]>([])
    private let aliens = Mutex<(perMille: Int, keys: Set<String>, spared: Set<String>)>((0, [], []))

    init(clock: TrueClock, dice: Dice, _ mishaps: Mishaps) {
        self.clock = clock
        self.dice = dice
        self.mishaps = mishaps
        bucket = S3Double(clock: clock)
        endpoint = EndpointDouble(isSigned: false, clock: clock)
        token = Mutex("")
        renew()
    }

    /// The credentials that were handed out so far are good no more.
    func renew() {
        let new = Hex.text(dice.word())
        token.withLock { $0 = new }
        bucket.setSessionToken(new)
    }

    /// The partner refuses that event from now on.
    func refuse(_ id: String) {
        let all = poison.withLock { poison in
            poison.insert(id)
            return poison
        }
        endpoint.refuse(all)
    }

    /// The partner takes that event from now on.
    func accept(_ id: String) {
        let all = poison.withLock { poison in
            poison.remove(id)
            return poison
        }
        endpoint.refuse(all)
    }

    /// Whether the partner refuses that event.
    func refuses(_ id: String) -> Bool { poison.withLock { $0.contains(id) } }

    func connect(to network: SimulatedNetwork) {
        let handler = bucket.handler()
        network.connect(Self.store) { request in
            if request.method == "DELETE" { self.deleted.withLock { $0.append(request.uri) } }
            self.perhapsPutAlien(before: request)
            return handler(request)
        }
        network.connect(Self.partner, to: endpoint.handler())
        network.connect(Self.credentials) { _ in self.handOut() }
        network.onExpiry { self.renew() }
    }

    /// What came that must never come: the service deletes nothing, whoever's it is.
    var complaints: [String] {
        bucket.complaints + deleted.withLock { $0 }.map { "\($0) was deleted" } + endpoint.complaints
    }

    // MARK: - Others who write into the bucket

    /// From now on so many of a thousand keys are taken when the service comes with its file.
    func letAliensIn(_ perMille: Int) {
        aliens.withLock { $0.perMille = perMille }
    }

    private func perhapsPutAlien(before request: DoubleServer.Request) {
        guard request.method == "PUT", let key = PercentEncoding.decode(request.uri.dropFirst("/lake/".count)) else {
            return
        }
        let comes = aliens.withLock { aliens in
            guard aliens.spared.insert(key).inserted, bucket.objects[key] == nil, dice.chance(aliens.perMille) else {
                return false
            }
            aliens.keys.insert(key)
            return true
        }
        guard comes else { return }
        mishaps.count(.alien)
        bucket.put(Array("not a file of the service".utf8), key: key)
    }

    /// Takes them away; false if there are none.
    func removeAliens() -> Bool {
        let keys = aliens.withLock { aliens in
            defer { aliens.keys = [] }
            return aliens.keys
        }
        for key in keys { bucket.remove(key) }
        return !keys.isEmpty
    }

    private func handOut() -> DoubleServer.Answer {
        let expires = CalendarTime(clock.now() + .seconds(3_600)).extended
        let body = """
            {"AccessKeyId":"\(S3Double.accessKeyID)","SecretAccessKey":"secret","Token":"\(token.withLock(\.self))",\
            "Expiration":"\(expires)"}
            """
        return .respond(status: 200, headers: [("Content-Type", "application/json")], body: Array(body.utf8))
    }
}

import Avro

/// What a server says of itself at `GET /v1/connectors`: its sources and connectors with both balances; and at
/// `GET /v1/status`, which says more.
struct ServerReport {
    /// One source with its balance: received = accepted + duplicates + rejected + set aside.
    struct Source {
        let json: JSONValue

        var name: String { json["name"]?.string ?? "" }
        var received: Int { json.count("received") }
        var accepted: Int { json.count("accepted") }
        var duplicates: Int { json.count("duplicates") }
        var rejected: Int { json.count("rejected") }
        var setAside: Int { json.count("set_aside") }
        var balances: Bool { received == accepted + duplicates + rejected + setAside }
    }

    /// A connector's terms: carried = landed + pending + set aside + lost.
    struct Balance {
        let json: JSONValue

        var carried: Int { json.count("carried") }
        var landed: Int { json.count("landed") }
        var pending: Int { json.count("pending") }
        var setAside: Int { json.count("set_aside") }
        var lost: Int { json.count("lost") }
        var balances: Bool { carried == landed + pending + setAside + lost }
        var cells: [String] { [carried, landed, pending, setAside, lost].map { Figures.count($0) } }
    }

    /// One connector.
    struct Connector {
        let json: JSONValue

        var name: String { json["name"]?.string ?? "" }
        var state: String { json["state"]?.string ?? "" }
        var balance: Balance { Balance(json: json["balance"] ?? .null) }
        var types: [JSONValue] { json["types"]?.array ?? [] }
        /// What keeps it from delivering; nil while nothing does.
        var trouble: String? {
            let reason = json["reason"]?.string ?? json["last_error"]?.string
            guard state != "running", let reason else { return nil }
            return "\(name) is \(state): \(reason)"
        }
        var lagText: String {
            let events = Figures.count(json.count("lag_events"))
            guard let seconds = json["lag_seconds"]?.double, seconds > 0 else { return events }
            return "\(events) (\(Figures.duration(.milliseconds(Int64(seconds * 1000)))))"
        }

        var page: [String] {
            var head = Table()
            head.row("name", name)
            for key in ["id", "kind", "location", "state", "since", "reason", "last_error", "last_error_at"] {
                if key != "name", let text = json[key]?.string { head.row(key.replacing("_", with: " "), text) }
            }
            head.row("lag", lagText)
            for partition in json["partitions"]?.array ?? [] {
                let figures = ["scanned", "position", "end"].compactMap { key in
                    partition[key]?.integer.map { "\(key) \(Figures.count(Int($0)))" }
                }
                head.row("partition \(partition.count("partition"))", figures.joined(separator: ", "))
            }
            var table = Table(rightAligned: [1, 2, 3, 4, 5])
            table.row("TYPE", "CARRIED", "LANDED", "PENDING", "SET ASIDE", "LOST")
            for type in types {
                table.row(cells: [type["type"]?.string ?? ""] + Balance(json: type).cells)
            }
            table.row(cells: ["all"] + balance.cells)
            return head.lines + [""] + table.lines
        }
    }

    let json: JSONValue

    var sources: [Source] { (json["sources"]?.array ?? []).map { Source(json: $0) } }
    var connectors: [Connector] { (json["connectors"]?.array ?? []).map { Connector(json: $0) } }

    /// When the process started, where it was asked.
    var started: String? { json["started"]?.string }
    /// Whether the disk has room for events; true where it was not asked.
    var hasRoom: Bool { json["disk"]?["has_room"] != .boolean(false) }

    /// Connectors that are not configured any more.
    var retired: [JSONValue] { json["retired"]?.array ?? [] }

    /// What retired connectors left, a line for each that left something.
    var retiredLines: [String] {
        retired.compactMap { connector in
            let (pending, refused) = (connector.count("pending_records"), connector.count("refused_records"))
            guard pending + refused > 0, let name = connector["name"]?.string else { return nil }
            return "\(name) is not configured any more and left \(Figures.count(pending, "record")) unlanded, "
                + "\(Figures.count(refused)) refused. Configure it again with id \(connector["id"]?.string ?? ""), or "
                + "give them up: courant connector forget \(name) --yes"
        }
    }

    func connector(named name: String) throws -> Connector {
        if let found = connectors.first(where: { $0.name == name }) { return found }
        let names = connectors.map(\.name)
        let known = names.isEmpty ? "the server has none" : "there are \(names.joined(separator: ", "))"
        throw CommandFailure(.rejected, "There is no connector `\(name)`; \(known).")
    }

    static func fetch(_ client: ServerClient, _ path: String = "/v1/connectors") async throws -> ServerReport {
        let answer = try await client.exchange(.get(path))
        return ServerReport(json: try answer.expectingSuccess(asking: client.address).json())
    }

    /// Rolls now and waits until everything has landed, or the time is up.
    static func flush(_ connector: String, timeout: Int, _ client: ServerClient) async throws -> JSONValue {
        let path = "/v1/connectors/\(ServerCall.part(connector))/flush"
        var call = ServerCall.post(path, query: [("timeout", "\(timeout)s")])
        // The server answers by its own timeout; ours is there for a server that does not.
        call.timeout = .seconds(timeout + 15)
        return try await client.exchange(call).expectingSuccess(asking: client.address).json()
    }

    static func act(_ verb: String, on connector: String, _ client: ServerClient) async throws {
        let answer = try await client.exchange(.post("/v1/connectors/\(ServerCall.part(connector))/\(verb)"))
        _ = try answer.expectingSuccess(asking: client.address)
    }
}

extension JSONValue {
    /// A whole number under a key; 0 where there is none.
    func count(_ key: String) -> Int { self[key]?.integer.map { Int($0) } ?? 0 }

    var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }
}

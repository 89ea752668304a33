internal import Avro
internal import CloudHTTP
internal import Delivery

/// A network stack with a care undone.
struct BrokenTransport: OwnedTransport {
    let base: any OwnedTransport
    let variant: BrokenVariant

    func shutdown() async throws { try await base.shutdown() }

    func exchange(_ request: CloudRequest) async throws(DestinationError) -> CloudResponse {
        var request = request
        if variant == .overwrites { request.headers.removeAll { $0.name == "If-None-Match" } }
        if variant == .reordersEndpoint, case .bytes(let bytes) = request.body {
            request.body = .bytes(Self.reversed(bytes))
        }
        var response: CloudResponse
        do throws(DestinationError) {
            response = try await base.exchange(request)
        } catch {
            guard variant == .believesSilence, request.method != "GET", error.code == .unreachable else { throw error }
            return CloudResponse(status: 200)
        }
        if variant == .believesAlreadyThere, response.status == 412 { return CloudResponse(status: 200) }
        if variant == .clearsTheWay, response.status == 412 {
            var deletion = CloudRequest("DELETE", request.url)
            // As a signature of its own would have it; the double does not check it.
            deletion.headers = request.headers.filter { header in
                ["authorization", "x-amz-date", "x-amz-security-token"].contains(header.name.lowercased())
            }
            deletion.headers.append(("x-amz-content-sha256", "UNSIGNED-PAYLOAD"))
            _ = try await base.exchange(deletion)
            return try await base.exchange(request)
        }
        if variant == .knowsBytesOnly {
            response.headers.removeAll { $0.name.lowercased() == "x-amz-meta-courant-plan" }
        }
        return response
    }

    /// The events of an envelope the other way round; anything else as it is.
    private static func reversed(_ body: [UInt8]) -> [UInt8] {
        guard let json = try? JSONValue(parsing: String(decoding: body, as: UTF8.self)),
            let events = json["events"]?.array
        else { return body }
        return Array(JSONValue.object([JSONValue.Member("events", .array(events.reversed()))]).text.utf8)
    }
}

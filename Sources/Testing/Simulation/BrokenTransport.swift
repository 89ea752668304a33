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
        var response: CloudResponse
        do throws(DestinationError) {
            response = try await base.exchange(request)
        } catch {
            guard variant == .believesSilence, request.method != "GET", error.code == .unreachable else { throw error }
            return CloudResponse(status: 200)
        }
        if variant == .believesAlreadyThere, response.status == 412 { return CloudResponse(status: 200) }
        if variant == .knowsBytesOnly {
            response.headers.removeAll { $0.name.lowercased() == "x-amz-meta-courant-plan" }
        }
        return response
    }
}

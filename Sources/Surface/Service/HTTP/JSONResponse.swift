import Foundation
import HTTPTypes
import Hummingbird

extension Response {
    /// The value as JSON, its keys in alphabetical order and in snake_case.
    static func json(encoding value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return json(Array(try encoder.encode(value)), status: status)
    }
}

extension Request {
    /// The body of a request that is answered by a few lines of JSON.
    static let smallBodyBytesMax = 64 << 10

    /// Reads a small JSON body; every fault in it is the sender's and says where it lies.
    func decoded<Value: Decodable>(_ type: Value.Type) async throws(RouteError) -> Value {
        let bytes = try await bytes(upTo: Self.smallBodyBytesMax)
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            return try decoder.decode(type, from: Data(bytes))
        } catch let error as DecodingError {
            throw .bad("body_invalid", Self.message(error))
        } catch {
            throw .bad("body_invalid", "The body is not the JSON that this address takes.")
        }
    }

    /// The whole body, if it is not longer than that; what has arrived of it is held, where there is something to hold.
    func bytes(upTo bytesMax: Int, holding held: HeldBytes? = nil) async throws(RouteError) -> [UInt8] {
        let tooLarge = RouteError(.contentTooLarge, "body_too_large", "The body may have \(bytesMax) bytes.")
        if let announced = headers[.contentLength].flatMap(Int.init), announced > bytesMax { throw tooLarge }
        var bytes: [UInt8] = []
        do {
            for try await chunk in body {
                guard bytes.count + chunk.readableBytes <= bytesMax else { throw tooLarge }
                guard held?.take(chunk.readableBytes) ?? true else { throw RouteError.busy }
                bytes += chunk.readableBytesView
            }
        } catch let error as RouteError {
            throw error
        } catch {
            throw .incomplete
        }
        return bytes
    }

    /// Refuses a body where an address takes none: what it asks for would be ignored.
    func refuseBody() async throws(RouteError) {
        do {
            guard try await body.collect(upTo: Self.smallBodyBytesMax).readableBytes > 0 else { return }
        } catch {
            // Too large to be none.
        }
        throw .bad("body_unexpected", "This address takes no body; what there is to say goes into the parameters.")
    }

    private static func message(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let key, _): "The body lacks \(key.stringValue)."
        case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
            "\(path(context)) in the body is no \(type)."
        case .dataCorrupted(let context):
            context.codingPath.isEmpty
                ? "The body is not JSON." : "\(path(context)) in the body is none of the values it may have."
        @unknown default: "The body is not the JSON that this address takes."
        }
    }
}

import CloudHTTP
package import Delivery
package import DestinationHTTP

/// A partner's HTTP endpoint.
package struct HTTPDestinationPart: DestinationPart {
    package static let type = "http"
    package static let kind = DestinationKind.http
    /// Of files, which a stream does not have.
    package static let defaults = DestinationDefaults.objectStore
    package static let hasFiles = false

    package let configuration: HTTPConfiguration

    package var location: String { configuration.location }

    package func makeDestination(
        connector id: String,
        in surroundings: DestinationSurroundings
    ) throws -> Destination {
        .stream(
            HTTPDestination(
                configuration,
                connector: id,
                transport: surroundings.transport,
                platform: surroundings.platform
            )
        )
    }

    package init?(_ section: ConfigurationSection, folder: String) {
        let example = "an address such as https://partner.example.com/events"
        let url =
            section.required("url", expected: example) == nil
            ? nil : section.value("url", expected: example, Self.address)
        let token = section.value("token", expected: "a bearer token on one line, best as ${NAME}") { text in
            text.isEmpty || text.contains(where: \.isWhitespace) ? nil : text
        }
        let signing = section.value(
            "signing_secret",
            expected: "whsec_ and 24 to 64 bytes in Base64, best as ${NAME}",
            WebhookSigning.init
        )
        let headers = section.texts("headers", expected: "a header's value") { name, value in
            let isLine = value.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value < 127 }
            return HTTPConfiguration.complaint(aboutHeader: name) ?? (isLine ? nil : "has a value that is no header's")
        }
        let standard = HTTPConfiguration(url: "")
        let configuration = HTTPConfiguration(
            url: url ?? "",
            token: token,
            signing: signing,
            headers: headers.map { HTTPConfiguration.Header($0.name, $0.value) },
            batch: section.integer("batch", default: standard.batch, in: 1...HTTPConfiguration.batchMax),
            concurrency: section.integer(
                "concurrency",
                default: standard.concurrency,
                in: 1...HTTPConfiguration.concurrencyMax
            ),
            timeout: section.duration(
                "timeout",
                default: standard.timeout,
                example: "30s",
                atLeast: .seconds(1),
                atMost: .seconds(3_600)
            )
        )
        self.configuration = configuration
        guard url != nil else { return nil }
    }

    private static func address(_ text: String) -> String? {
        let isPlain = !text.contains { $0.isWhitespace || $0 == "#" }
        return isPlain && CloudEndpoint(text) != nil ? text : nil
    }
}

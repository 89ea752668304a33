import Service

/// A configuration file: it is read, or every problem is told, and never what the environment holds.
struct ConfigurationTarget: FuzzTarget {
    static let name = "configuration"

    private static let secret = "Vq7-environment-secret"

    init() {}

    func take(_ input: FuzzInput) {
        guard let text = input.restAsText else { return }
        do {
            _ = try Configuration.read(
                text,
                file: "/etc/courant/courant.yaml",
                environment: ["SECRET": Self.secret, "S": Self.secret, "HOME": "kim"],
                canRead: { !$0.hasSuffix("missing") }
            )
        } catch {
            demand(!error.problems.isEmpty, "a file is refused without a reason")
            demand(error.problems.allSatisfy { !$0.message.isEmpty }, "a problem says what is wrong")
            demand(!error.description.contains(Self.secret), "a problem tells what the environment holds")
        }
    }
}

package import Platform
import Synchronization

/// All tokens of the service, in memory for every request, in the store for the next start.
package final class TokenBook: Sendable {
    /// More than anybody gives out; each is looked at when one is made.
    static let tokensMax = 1_000

    /// By the first eight bytes of the hash, so that a look-up touches one token; the whole hash decides.
    private let tokens = Mutex<[UInt64: [AccessToken]]>([:])
    private let store: any TokenStore
    private let platform: Platform
    private let sources: Set<String>

    /// Makes an empty book; `sources` are those that a token may name.
    package init(store: any TokenStore, sources: some Sequence<String>, platform: Platform) {
        self.store = store
        self.sources = Set(sources)
        self.platform = platform
    }

    /// Reads the stored tokens.
    package func load() async throws {
        let stored = try await store.tokens()
        tokens.withLock { tokens in
            tokens = Dictionary(grouping: stored) { $0.hash.head }
        }
    }

    package var isEmpty: Bool {
        tokens.withLock { $0.isEmpty }
    }

    /// By name.
    package var all: [AccessToken] {
        tokens.withLock { $0.values.flatMap { $0 } }.sorted { $0.name < $1.name }
    }

    /// The token that has this text.
    func token(presented text: some StringProtocol) -> AccessToken? {
        let hash = AccessToken.hash(of: text)
        return tokens.withLock { $0[hash.head] }?.first { $0.hash == hash }
    }

    /// Makes a token and answers its text, which nobody can ask for again.
    package func create(
        name: String,
        source: String?,
        scopes: [AccessToken.Scope]
    ) async throws -> (token: AccessToken, text: String) {
        guard ConfigurationSection.isName(name) else {
            let message = "The name of a token is \(ConfigurationSection.nameRule)."
            throw TokenError(code: .nameInvalid, message: message)
        }
        guard !scopes.isEmpty else {
            let scopes = AccessToken.Scope.allCases.map(\.rawValue).joined(separator: ", ")
            throw TokenError(code: .scopesMissing, message: "A token carries at least one scope of \(scopes).")
        }
        let source = scopes.contains(.ingest) ? source ?? "default" : nil
        if let source, !sources.contains(source) {
            let known = sources.sorted().joined(separator: ", ")
            throw TokenError(code: .sourceUnknown, message: "There is no source \(source); the sources are \(known).")
        }
        guard scopes.contains(.admin) || all.contains(where: { $0.allows(.admin) }) else {
            let message = "The first token carries the scope admin: with any other nobody could make a second one."
            throw TokenError(code: .adminNeeded, message: message)
        }
        guard all.count < Self.tokensMax else {
            let message = "There are \(Self.tokensMax) tokens, which is the most; revoke one that is not used."
            throw TokenError(code: .tooMany, message: message)
        }
        let text = AccessToken.makeText(name: name, random: platform.random)
        let token = AccessToken(
            name: name,
            source: source,
            scopes: AccessToken.Scope.allCases.filter(scopes.contains),
            created: platform.clock.now(),
            lastFour: String(text.suffix(4)),
            hash: AccessToken.hash(of: text)
        )
        guard try await store.insert(token) else {
            throw TokenError(
                code: .nameTaken,
                message: "There is a token \(name) already; revoke it or choose another name."
            )
        }
        tokens.withLock { $0[token.hash.head, default: []].append(token) }
        return (token, text)
    }

    /// From the next request on the token opens nothing.
    package func revoke(_ name: String) async throws {
        let others = all.filter { $0.name != name }
        guard others.isEmpty || others.contains(where: { $0.allows(.admin) }) else {
            let message =
                "\(name) is the last token with the scope admin; make another one first, or revoke the others."
            throw TokenError(code: .adminNeeded, message: message)
        }
        let isRemoved = try await store.remove(named: name)
        tokens.withLock { tokens in
            for key in tokens.keys {
                tokens[key]?.removeAll { $0.name == name }
                if tokens[key]?.isEmpty == true { tokens[key] = nil }
            }
        }
        guard isRemoved else { throw TokenError(code: .notFound, message: "There is no token \(name).") }
    }
}

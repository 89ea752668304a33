import HTTPTypes
import Hummingbird
import Logging
import Platform

/// One route of the service, declared in one place: address, who may ask, where it answers, what it does.
struct Route: Sendable {
    /// Which listener answers, where the admin routes have one of their own.
    enum Listener: Sendable, CaseIterable {
        /// The one that senders reach.
        case open
        /// The operator's.
        case admin
        case both
    }

    let method: HTTPRequest.Method
    /// As in OpenAPI: `/v1/connectors/{name}/flush`.
    let path: String
    /// What a token must carry; nil: anybody may ask.
    let scope: AccessToken.Scope?
    let listener: Listener
    let handle: @Sendable (Request, CourantContext) async throws -> Response

    init(
        _ method: HTTPRequest.Method,
        _ path: String,
        scope: AccessToken.Scope?,
        on listener: Listener,
        handle: @escaping @Sendable (Request, CourantContext) async throws -> Response
    ) {
        self.method = method
        self.path = path
        self.scope = scope
        self.listener = listener
        self.handle = handle
    }
}

/// All routes of one listener, made into a router.
struct RouteTable: Sendable {
    let routes: [Route]
    private let access: AccessControl
    private let budgets: BodyBudgets
    private let metrics: RequestMetrics

    init(_ routes: [Route], access: AccessControl, budgets: BodyBudgets, metrics: RequestMetrics) {
        self.routes = routes
        self.access = access
        self.budgets = budgets
        self.metrics = metrics
    }

    func makeRouter() -> Router<CourantContext> {
        let router = Router(context: CourantContext.self, options: [.autoGenerateHeadEndpoints])
        router.add(middleware: ErrorShape(routes: routes, metrics: metrics))
        for route in routes {
            let guarded = GuardedRoute(
                route: route,
                access: access,
                answers: budgets.answers(to: BodyBudgets.Asker(of: route.scope)),
                figures: metrics.figures(for: route)
            )
            router.on(RouterPath(route.path), method: route.method) { request, context in
                await guarded.respond(to: request, context: context)
            }
        }
        return router
    }
}

/// A route behind its access check, measured, with every failure in the common shape.
struct GuardedRoute: Sendable {
    let route: Route
    let access: AccessControl
    let answers: BodyBudget
    let figures: RequestMetrics.Figures

    func respond(to request: Request, context: CourantContext) async -> Response {
        let started = figures.start()
        var response: Response
        do {
            var context = context
            context.token = try access.admit(request, context, to: route)
            response = try await route.handle(request, context)
                .held(by: answers, on: context.channel)
        } catch let error as RouteError {
            response = error.response
        } catch {
            context.logger.error(
                "A request failed by a fault of the service.",
                metadata: ["http.route": "\(route.path)", "error": "\(error)"]
            )
            response = RouteError.fault("The service could not do this now; try again.").response
        }
        figures.finish(started, status: response.status.code)
        return response
    }
}

/// Answers what no route answers: 405 where the address has other methods, else 404.
struct ErrorShape: RouterMiddleware {
    typealias Context = CourantContext

    private let methods: [(pattern: [Substring], method: HTTPRequest.Method)]
    private let metrics: RequestMetrics

    init(routes: [Route], metrics: RequestMetrics) {
        methods = routes.map { ($0.path.split(separator: "/"), $0.method) }
        self.metrics = metrics
    }

    @concurrent
    func handle(
        _ request: Request,
        context: CourantContext,
        next: @concurrent (Request, CourantContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            metrics.countUnrouted()
            let allowed = allowedMethods(at: request.uri.path)
            guard !allowed.isEmpty else { return RouteError.notFound(near: address(near: request.uri.path)).response }
            let list = allowed.joined(separator: ", ")
            let message = "\(request.method.rawValue) is not for this address; it takes \(list)."
            return RouteError(.methodNotAllowed, "method_not_allowed", message, headers: [.allow: list]).response
        }
    }

    /// Bytes of a part that is compared: what is longer is no slip.
    private static let comparedMax = 40

    /// The address that differs in one part alone, and there by a slip.
    private func address(near path: String) -> String? {
        let parts = path.split(separator: "/")
        for place in parts.indices where parts[place].utf8.count <= Self.comparedMax {
            let patterns = methods.map(\.pattern).filter { pattern in
                pattern.count == parts.count && !pattern[place].hasPrefix("{")
                    && parts.indices.allSatisfy {
                        $0 == place || pattern[$0].hasPrefix("{") || pattern[$0] == parts[$0]
                    }
            }
            let names = patterns.map { String($0[place]) }
            guard let near = NearMiss.suggestion(for: String(parts[place]), among: names),
                let pattern = patterns.first(where: { $0[place] == near })
            else { continue }
            return "/" + pattern.joined(separator: "/")
        }
        return nil
    }

    private func allowedMethods(at path: String) -> [String] {
        let parts = path.split(separator: "/")
        let matching = methods.filter { pattern, _ in
            pattern.count == parts.count && zip(pattern, parts).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
        return Set(matching.map(\.method.rawValue)).sorted()
    }
}

import Foundation
import ProgramTesting
import Testing

/// A server in Python that answers as a script says: it shows what a sender does with answers that the real server
/// gives only in trouble.
final class ScriptedServer {
    let address: String
    private let program: RunningProgram
    private let scratch: URL

    /// Runs `body` beside a server that gives one answer for each request in turn, then 200 for ever.
    ///
    /// An answer is `STATUS` or `STATUS:RETRY-AFTER`; `big` and `bad` answer 413 and 400 to every body of more than one
    /// event.
    static func with<Value>(_ script: [String], _ body: (ScriptedServer) async throws -> Value) async throws -> Value {
        try await TemporaryFolder.with { scratch in
            let server = try await ScriptedServer(script, scratch: scratch)
            do {
                let value = try await body(server)
                try await server.program.stop()
                return value
            } catch {
                try await server.program.stop()
                throw error
            }
        }
    }

    private init(_ script: [String], scratch: URL) async throws {
        self.scratch = scratch
        program = try await RunningProgram.start(
            testPython(),
            ["-c", Self.script] + script,
            environment: ["SCRATCH": scratch.path]
        )
        address = "http://127.0.0.1:" + (try await program.line(after: "port "))
    }

    /// One request as it came.
    struct Seen: Decodable {
        let path: String
        let key: String
        let authorization: String?
        let type: String
        let body: String
        let time: Double
        let status: Int

        var events: [String] { body.split(separator: "\n").map(String.init) }
    }

    func seen() throws -> [Seen] {
        let text = try String(contentsOf: scratch.appending(path: "seen"), encoding: .utf8)
        return try text.split(separator: "\n").map { try JSONDecoder().decode(Seen.self, from: Data($0.utf8)) }
    }

    private static let script = """
        import json, os, sys, threading, time
        from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
        script, lock = sys.argv[1:], threading.Lock()
        seen = open(os.environ["SCRATCH"] + "/seen", "w")
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, *a): pass
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                events = body.strip().split("\\n")
                with lock: step = script.pop(0) if script and script[0] not in ("big", "bad") else (script[0] if script else "200")
                if step in ("big", "bad"): step = ("413" if step == "big" else "400") if len(events) > 1 else ("200" if "poison" not in body else "422" if step == "big" else "400")
                status, _, after = step.partition(":")
                status = int(status)
                with lock:
                    seen.write(json.dumps({"path": self.path, "key": self.headers["idempotency-key"], "type": self.headers["content-type"],
                      "authorization": self.headers["authorization"], "body": body, "time": time.time(), "status": status}) + "\\n")
                    seen.flush()
                if status in (200, 422):
                    rejected = [{"index": i, "id": None, "code": "event_type_unknown", "field": "event_type", "message": "Poison."}
                                for i, e in enumerate(events) if "poison" in e]
                    answer = {"accepted": len(events) - len(rejected), "duplicates": 0, "rejected": rejected}
                    if rejected: status = 207
                    strays = [json.loads(e).get("stray") for e in events]
                    answer["left_out"] = [{"field": f, "events": strays.count(f)} for f in sorted(set(filter(None, strays)))]
                else: answer = {"error": {"code": "x", "message": "Answer %d." % status}}
                answer = json.dumps(answer).encode()
                self.send_response(status)
                if after: self.send_header("Retry-After", after)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print("port", server.server_port, flush=True)
        server.serve_forever()
        """
}

import Foundation
import Testing

@testable import Service

@Suite struct TLSTests {
    /// A certificate for 127.0.0.1 that signs itself, and its key.
    static func makeCertificate(in folder: TestFolder, _ name: String) async throws -> Configuration.TLSFiles {
        let files = Configuration.TLSFiles(certificate: folder.file("\(name).pem"), key: folder.file("\(name).key"))
        let said = try await run(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=IP:127.0.0.1", "-keyout", files.key, "-out", files.certificate,
            ]
        )
        #expect(FileManager.default.fileExists(atPath: files.certificate), "\(said)")
        return files
    }

    @Test("with a certificate the service speaks HTTPS, and nothing else")
    func https() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let files = try await Self.makeCertificate(in: folder, "one")
        let one = try event("a")
        try await withService(settings(in: folder) { $0.tls = files }) { service async throws in
            #expect(service.url.hasPrefix("https://127.0.0.1:"))
            let trust = ["--cacert", files.certificate]
            let answer = try await ask("POST", "\(service.url)/v1/events", body: one, options: trust)
            #expect(answer.status == 200)
            let status = try await ask("GET", "\(service.url)/v1/status", options: trust)
            #expect(status["url"] as? String == service.url)
            // curl does not know who signed it, and plain HTTP is not answered.
            #expect(try await ask("GET", "\(service.url)/healthz").status == 0)
            let plain = service.url.replacingOccurrences(of: "https://", with: "http://")
            #expect(try await ask("GET", "\(plain)/healthz").status != 200)
            let old = try await ask("GET", "\(service.url)/healthz", options: trust + ["--tls-max", "1.1"])
            #expect(old.status == 0)
        }
    }

    @Test("a certificate or key that cannot be used is refused before anything listens")
    func refused() async throws {
        let folder = try TestFolder()
        defer { folder.remove() }
        let (one, other) = (
            try await Self.makeCertificate(in: folder, "one"), try await Self.makeCertificate(in: folder, "other")
        )
        let unusable = [
            Configuration.TLSFiles(certificate: one.certificate, key: other.key),
            Configuration.TLSFiles(certificate: folder.file("nothing"), key: one.key),
            Configuration.TLSFiles(certificate: one.key, key: one.key),
        ]
        for files in unusable {
            let refusal = await #expect(throws: ServiceError.self) {
                try await withService(settings(in: folder) { $0.tls = files }) { _ in }
            }
            #expect(refusal?.code == .tls)
            #expect(refusal?.message.contains(files.certificate) == true)
        }
    }
}

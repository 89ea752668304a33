import CloudHTTP
import DestinationHTTP
import DestinationKafka
import Glossary
import Platform
import Service
import Tracking

/// The small readers of text: encodings, times, addresses, templates, keywords.
///
/// What they write, they read again.
struct TextTarget: FuzzTarget {
    static let name = "text"

    init() {}

    func take(_ input: FuzzInput) {
        encodings(input.rest)
        guard let text = input.restAsText else { return }
        times(text)
        places(text)
        _ = Keywords.standard.word(in: text)
        _ = NearMiss.suggestion(for: String(text.prefix(40)), among: ["currents", "events", "text"])
        _ = XMLText.first("Code", in: input.rest)
        for edition in Glossary.standard.editions { _ = edition.type(named: text) }
    }

    private func encodings(_ bytes: [UInt8]) {
        demand(Base64.decode(Base64.encode(bytes)) == bytes, "base64 does not read what it wrote")
        demand(Hex.bytes(Hex.text(bytes)) == bytes, "hexadecimal does not read what it wrote")
        guard let text = String(validating: bytes, as: UTF8.self) else { return }
        _ = Base64.decode(text)
        _ = Hex.bytes(text)
        if let bytes = UUIDText.bytes(text) {
            demand(UUIDText.text(bytes) == text.lowercased(), "a UUID does not read what it wrote")
        }
        demand(
            PercentEncoding.decode(PercentEncoding.encode(text)) == text,
            "percent signs do not read what they wrote"
        )
        _ = PercentEncoding.decode(text)
    }

    private func times(_ text: String) {
        if let time = CalendarTime.parse(extended: text) {
            let written = CalendarTime(time).extended
            demand(CalendarTime.parse(extended: written).map { CalendarTime($0).extended } == written, "not \(written)")
        }
        if let time = CalendarTime.parse(http: text) {
            let written = CalendarTime(time).http
            demand(CalendarTime.parse(http: written).map { CalendarTime($0).http } == written, "not \(written)")
        }
        let response = CloudResponse(status: 503, headers: [("Retry-After", text)])
        if let wait = response.retryAfter(now: Timestamp(seconds: 1_767_225_600)) {
            demand(wait >= .zero && wait <= .seconds(86_400), "a service makes us wait for \(wait)")
        }
    }

    private func places(_ text: String) {
        if let address = ListenAddress(text) { _ = address.description }
        if let range = AddressRange(text) {
            _ = range.contains("10.1.2.3")
            _ = range.contains(text)
        }
        _ = CloudEndpoint(text)
        _ = CloudEndpoint.place(of: text)
        _ = TopicTemplate(text)
        _ = WebhookSigning(text)
    }
}

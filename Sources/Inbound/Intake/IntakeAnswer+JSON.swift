import Platform

extension IntakeAnswer {
    /// `{"error":{"code","message"}}`, the shape of every answer that is no verdict on events.
    static func error(_ status: Int, _ code: String, _ message: String, retryAfter: Int? = nil) -> IntakeAnswer {
        var text = Array("{\"error\":{\"code\":".utf8)
        TapeText.append(quoted: code, to: &text)
        text.append(contentsOf: ",\"message\":".utf8)
        TapeText.append(quoted: message, to: &text)
        text.append(contentsOf: "}}".utf8)
        return IntakeAnswer(status: status, retryAfter: retryAfter, body: text)
    }

    static func error(_ error: BodyError) -> IntakeAnswer {
        .error(error.status, error.code, error.message, retryAfter: error.retryAfter)
    }

    /// Rejected events that an answer tells all about, while its bytes are not yet so many.
    ///
    /// Of the others it tells their places, so that a small body does not become a large answer.
    private static let rejectionsTold = (countMax: 1_000, bytesMax: 1 << 20)

    /// Names of fields that an answer says were left out; the metric has all.
    private static let leftOutTold = 20

    /// What became of each event: 200 nothing rejected, 207 some, 422 all.
    ///
    /// The sender of an envelope gets 200: what could not be stored stands in the journal as a dead letter, so it must
    /// not be sent again.
    static func verdict(
        _ parsed: ParsedBody,
        accepted: Int,
        duplicates: Int,
        format: SourceSettings.Format
    ) -> IntakeAnswer {
        var text = Array("{\"accepted\":\(accepted),\"duplicates\":\(duplicates)".utf8)
        if format == .currents {
            text.append(contentsOf: ",\"set_aside\":\(parsed.setAside)}".utf8)
            return IntakeAnswer(status: 200, body: text)
        }
        appendLeftOut(parsed.findings.unknownFields, to: &text)
        let status = parsed.rejections.isEmpty ? 200 : parsed.rejections.count == parsed.received ? 422 : 207
        var brief = text
        append(parsed.rejections, toldMax: rejectionsTold.countMax, to: &text)
        guard text.count > smallBytesMax else { return IntakeAnswer(status: status, body: text) }
        append(parsed.rejections, toldMax: 0, to: &brief)
        return IntakeAnswer(status: status, body: text, brief: brief)
    }

    /// Appends which fields of taken events their types do not have: a slip in a name would be lost in silence.
    private static func appendLeftOut(_ fields: [(name: String, events: Int)], to text: inout [UInt8]) {
        guard !fields.isEmpty else { return }
        text.append(contentsOf: ",\"left_out\":[".utf8)
        for (index, field) in fields.prefix(leftOutTold).enumerated() {
            text.append(contentsOf: "\(index > 0 ? "," : ""){\"field\":".utf8)
            TapeText.append(quoted: field.name.cut(), to: &text)
            text.append(contentsOf: ",\"events\":\(field.events)}".utf8)
        }
        text.append(UInt8(ascii: "]"))
    }

    /// Appends what was rejected, and the end of the object.
    private static func append(_ rejections: [Rejection], toldMax: Int, to text: inout [UInt8]) {
        text.append(contentsOf: ",\"rejected\":[".utf8)
        var rest = rejections[...]
        while let rejection = rest.first, rest.startIndex < toldMax, text.count < rejectionsTold.bytesMax {
            if rest.startIndex > 0 { text.append(UInt8(ascii: ",")) }
            append(rejection, to: &text)
            rest.removeFirst()
        }
        if !rest.isEmpty {
            text.append(contentsOf: "],\"also_rejected\":[".utf8)
            text.append(contentsOf: rest.map { "\($0.index)" }.joined(separator: ",").utf8)
        }
        text.append(contentsOf: "]}".utf8)
    }

    private static func append(_ rejection: Rejection, to text: inout [UInt8]) {
        text.append(contentsOf: "{\"index\":\(rejection.index),\"id\":".utf8)
        append(rejection.id, to: &text)
        text.append(contentsOf: ",\"code\":".utf8)
        TapeText.append(quoted: rejection.code, to: &text)
        text.append(contentsOf: ",\"field\":".utf8)
        append(rejection.field, to: &text)
        text.append(contentsOf: ",\"message\":".utf8)
        TapeText.append(quoted: rejection.message, to: &text)
        text.append(UInt8(ascii: "}"))
    }

    private static func append(_ optional: String?, to text: inout [UInt8]) {
        guard let optional else { return text.append(contentsOf: "null".utf8) }
        TapeText.append(quoted: optional, to: &text)
    }
}

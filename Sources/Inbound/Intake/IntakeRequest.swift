import CSimdjson

/// The bytes of one request, with room behind them for a parser that reads ahead.
///
/// Has one owner, the request's task, which fills it before it hands it on.
@safe
package struct Body: ~Copyable {
    /// Readable bytes behind the text.
    static let padding = Int(COURANT_JSON_PADDING)

    private var storage: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    package private(set) var count = 0

    package init(capacity: Int = 0) {
        self.capacity = max(capacity, 1024)
        unsafe storage = .allocate(capacity: self.capacity + Self.padding)
    }

    package init(_ bytes: some Collection<UInt8>) {
        self.init(capacity: bytes.count)
        let copied = Array(bytes)
        unsafe copied.withUnsafeBytes { unsafe append($0) }
    }

    deinit { unsafe storage.deallocate() }

    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        if let base = bytes.baseAddress {
            unsafe UnsafeMutableRawPointer(storage + count).copyMemory(from: base, byteCount: bytes.count)
        }
        count += bytes.count
    }

    /// Lets `fill` write up to `room` bytes behind those there are; it answers how many it wrote.
    mutating func append<E: Error>(
        room: Int,
        _ fill: (UnsafeMutableRawBufferPointer) throws(E) -> Int
    ) throws(E) {
        reserve(room)
        count += unsafe try fill(UnsafeMutableRawBufferPointer(start: storage + count, count: room))
    }

    /// The text; the padding behind it is readable.
    var text: UnsafeBufferPointer<UInt8> {
        unsafe UnsafeBufferPointer(start: storage, count: count)
    }

    /// What the capacity will be once there is room for `more` bytes.
    func capacity(for more: Int) -> Int {
        count + more > capacity ? max(count + more, capacity * 2) : capacity
    }

    private mutating func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let grown = capacity(for: more)
        let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: grown + Self.padding)
        unsafe moved.update(from: storage, count: count)
        unsafe storage.deallocate()
        unsafe storage = moved
        capacity = grown
    }
}

/// A request for a source, beneath HTTP.
package struct IntakeRequest: ~Copyable {
    package var source: String
    package var format: SourceSettings.Format
    package var contentType: String?
    package var contentEncoding: String?
    package var idempotencyKey: String?
    /// Whether requests were taken when its first bytes came: a stop that has begun since does not turn it away.
    package var isUnderWay: Bool
    package var body: Body

    package init(
        source: String,
        format: SourceSettings.Format,
        contentType: String? = nil,
        contentEncoding: String? = nil,
        idempotencyKey: String? = nil,
        isUnderWay: Bool = false,
        body: consuming Body
    ) {
        self.source = source
        self.format = format
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        self.idempotencyKey = idempotencyKey
        self.isUnderWay = isUnderWay
        self.body = body
    }
}

/// What the sender is told.
package struct IntakeAnswer: Sendable {
    /// The HTTP status.
    package let status: Int
    /// Seconds for a Retry-After header.
    package let retryAfter: Int?
    /// JSON.
    package let body: [UInt8]
    /// The same verdict, the rejected events told by their places alone, for where a large answer cannot be given; nil:
    /// the answer is not large.
    package let brief: [UInt8]?

    /// What is no large answer: it is always given.
    package static let smallBytesMax = 64 << 10

    package init(status: Int, retryAfter: Int? = nil, body: [UInt8], brief: [UInt8]? = nil) {
        self.status = status
        self.retryAfter = retryAfter
        self.body = body
        self.brief = brief
    }
}

internal import CRDKafka
internal import Synchronization

/// One message as a producer takes it.
struct KafkaMessage: Sendable {
    var topic: String
    var key: [UInt8]?
    var value: [UInt8]
    /// Names and values, in their order.
    var headers: [(name: String, value: [UInt8])]
}

/// librdkafka's producer.
///
/// `@unchecked Sendable`: the handle has locks of its own, and nothing else here changes.
@safe
final class KafkaProducer: @unchecked Sendable {
    /// What became of the attempt to queue a message.
    enum Queueing: Sendable {
        case queued
        /// There is no room before some of the messages on their way are reported.
        case full
        case failed(KafkaFault)
    }

    private let handle: OpaquePointer
    /// What librdkafka's thread holds of the reports, as long as that thread is there.
    private let held: Unmanaged<DeliveryReports>
    let reports: DeliveryReports

    /// Makes a producer; it connects by itself, and again after each failure.
    ///
    /// Blocks while certificates are read.
    init(_ settings: [KafkaSetting], reports: DeliveryReports) throws(KafkaFault) {
        let configuration = try unsafe ProducerSettings.make(settings)
        let held = unsafe Unmanaged.passRetained(reports)
        unsafe rd_kafka_conf_set_opaque(configuration, held.toOpaque())
        unsafe rd_kafka_conf_set_events(configuration, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS)
        unsafe rd_kafka_conf_set_background_event_cb(configuration) { handle, event, opaque in
            guard let handle = unsafe handle, let event = unsafe event, let opaque = unsafe opaque else { return }
            let reports = unsafe Unmanaged<DeliveryReports>.fromOpaque(opaque).takeUnretainedValue()
            unsafe KafkaProducer.serve(event, of: handle, for: reports)
        }
        var reason = ErrorText()
        guard let handle = unsafe reason.fill({ unsafe rd_kafka_new(RD_KAFKA_PRODUCER, configuration, $0, $1) }) else {
            unsafe rd_kafka_conf_destroy(configuration)
            unsafe held.release()
            throw KafkaFault(RD_KAFKA_RESP_ERR__INVALID_ARG, reason.text)
        }
        // Everything that the producer has to say goes to librdkafka's own background thread.
        let (main, background) = unsafe (rd_kafka_queue_get_main(handle), rd_kafka_queue_get_background(handle))
        unsafe rd_kafka_queue_forward(main, background)
        unsafe rd_kafka_queue_destroy(background)
        unsafe rd_kafka_queue_destroy(main)
        unsafe self.handle = handle
        unsafe self.held = held
        self.reports = reports
    }

    deinit {
        // Joins librdkafka's threads: after it nobody calls in any more.
        unsafe rd_kafka_destroy(handle)
        unsafe held.release()
    }

    /// Messages whose report has not been taken yet.
    var waiting: Int { Int(unsafe rd_kafka_outq_len(handle)) }

    /// Queues a message, whose report will come under `number`.
    func queue(_ message: KafkaMessage, number: UInt64) -> Queueing {
        let headers = unsafe rd_kafka_headers_new(message.headers.count)
        for header in message.headers {
            let code = unsafe header.value.withUnsafeBytes { value in
                unsafe rd_kafka_header_add(headers, header.name, -1, value.baseAddress, value.count)
            }
            precondition(code == RD_KAFKA_RESP_ERR_NO_ERROR, "headers of their own can be added to")
        }
        let code = unsafe (message.key ?? []).withUnsafeBytes { key in
            unsafe message.value.withUnsafeBytes { value in
                // A key of no bytes is not the same as no key.
                let start = unsafe message.key == nil ? nil : key.baseAddress ?? value.baseAddress
                return unsafe courant_kafka_produce(
                    handle,
                    message.topic,
                    start,
                    key.count,
                    value.baseAddress,
                    value.count,
                    headers,
                    UnsafeMutableRawPointer(bitPattern: UInt(number))
                )
            }
        }
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { return .queued }
        unsafe rd_kafka_headers_destroy(headers)
        if code == RD_KAFKA_RESP_ERR__FATAL, let fatal = unsafe Self.fatal(handle) { reports.take(fatal) }
        return code == RD_KAFKA_RESP_ERR__QUEUE_FULL ? .full : .failed(KafkaFault(code))
    }

    /// What a broker says of its cluster.
    struct View: Sendable {
        struct Topic: Sendable {
            var name: String
            var partitions: Int
            var fault: KafkaFault?
        }

        var brokers: Int
        var topics: [Topic]
    }

    /// Asks for all topics that this user may see.
    ///
    /// Creates none. Blocks.
    func look(atMost time: Duration) throws(KafkaFault) -> View {
        var answer: UnsafePointer<rd_kafka_metadata>?
        let milliseconds = Int32(time / .milliseconds(1))
        let code = unsafe rd_kafka_metadata(handle, 1, nil, &answer, milliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let answer = unsafe answer else { throw KafkaFault(code) }
        defer { unsafe rd_kafka_metadata_destroy(answer) }
        let all = unsafe UnsafeBufferPointer(start: answer.pointee.topics, count: Int(answer.pointee.topic_cnt))
        var topics: [View.Topic] = []
        for index in 0..<all.count {
            let topic = unsafe all[index]
            topics.append(
                View.Topic(
                    name: unsafe String(cString: topic.topic),
                    partitions: unsafe Int(topic.partition_cnt),
                    fault: unsafe topic.err == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaFault(topic.err)
                )
            )
        }
        return View(brokers: unsafe Int(answer.pointee.broker_cnt), topics: topics)
    }

    /// Why the producer is of no more use, if it is not.
    private static func fatal(_ handle: OpaquePointer) -> KafkaFault? {
        var reason = ErrorText()
        let code = unsafe reason.fill { unsafe rd_kafka_fatal_error(handle, $0, $1) }
        return code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaFault(code, reason.text, isFatal: true)
    }

    /// Makes the producer fail for good, as a broker can; for tests.
    func failForGood(_ code: rd_kafka_resp_err_t) {
        unsafe rd_kafka_test_fatal_error(handle, code, "asked for")
    }

    /// Runs on librdkafka's thread.
    private static func serve(_ event: OpaquePointer, of handle: OpaquePointer, for reports: DeliveryReports) {
        switch unsafe rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_DR:
            var taken: [DeliveryReports.Report] = []
            unsafe taken.reserveCapacity(rd_kafka_event_message_count(event))
            while let message = unsafe rd_kafka_event_message_next(event) {
                let code = unsafe message.pointee.err
                let number = unsafe UInt64(UInt(bitPattern: message.pointee._private))
                // Not `rd_kafka_message_errstr`: for a message that was produced it returns the message's own value.
                let fault = code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaFault(code)
                taken.append(DeliveryReports.Report(number: number, fault: fault))
            }
            // Frees the messages' room in the queue, for which somebody may be waiting.
            unsafe rd_kafka_event_destroy(event)
            reports.take(taken)
            return
        case RD_KAFKA_EVENT_ERROR:
            let text = unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) }
            let code = unsafe rd_kafka_event_error(event)
            unsafe reports.take(fatal(handle) ?? KafkaFault(code, text))
        case RD_KAFKA_EVENT_STATS:
            if let text = unsafe rd_kafka_event_stats(event) { unsafe reports.take(statistics: String(cString: text)) }
        default: break
        }
        unsafe rd_kafka_event_destroy(event)
    }
}

/// The room that librdkafka writes a sentence into.
struct ErrorText {
    private static let bytesMax = 512
    private(set) var text = ""

    mutating func fill<Result>(_ call: (UnsafeMutablePointer<CChar>?, Int) -> Result) -> Result {
        var bytes = [CChar](repeating: 0, count: Self.bytesMax)
        let result = unsafe bytes.withUnsafeMutableBufferPointer { unsafe call($0.baseAddress, $0.count) }
        text = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return result
    }
}

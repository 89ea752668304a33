package import CRDKafka
internal import Synchronization

#if canImport(Darwin)
internal import Darwin
#else
internal import Glibc
#endif

/// librdkafka's cluster of brokers in memory, on real sockets, with one replica of each partition.
///
/// `@unchecked Sendable`: the cluster has locks of its own, and nothing else here changes.
@safe
package final class KafkaCluster: @unchecked Sendable {
    /// Requests by their number in Kafka's protocol.
    package enum Request: Int16, Sendable {
        case produce = 0
        case metadata = 3
        case initProducerID = 22
    }

    private let host: OpaquePointer
    private let cluster: OpaquePointer
    /// By broker that is down: what holds its port, so that nobody else has it when the broker comes back.
    private let held = Mutex<[Int32: Int32]>([:])

    package init(brokers: Int32 = 3) {
        guard let settings = unsafe rd_kafka_conf_new() else { preconditionFailure("librdkafka has no memory") }
        unsafe rd_kafka_conf_set_log_cb(settings, nil)
        guard let host = unsafe rd_kafka_new(RD_KAFKA_PRODUCER, settings, nil, 0),
            let cluster = unsafe rd_kafka_mock_cluster_new(host, brokers)
        else { preconditionFailure("librdkafka makes no cluster") }
        unsafe self.host = host
        unsafe self.cluster = cluster
    }

    deinit {
        for socket in held.withLock(\.self).values { close(socket) }
        unsafe rd_kafka_mock_cluster_destroy(cluster)
        unsafe rd_kafka_destroy(host)
    }

    /// `HOST:PORT` of each broker.
    package var brokers: [String] {
        unsafe String(cString: rd_kafka_mock_cluster_bootstraps(cluster)).split(separator: ",").map(String.init)
    }

    package func makeTopic(_ name: String, partitions: Int32 = 1) {
        expectSuccess(unsafe rd_kafka_mock_topic_create(cluster, name, partitions, 1))
    }

    /// What the brokers answer to the next requests of that kind.
    package func answer(_ request: Request, with codes: [rd_kafka_resp_err_t]) {
        unsafe codes.withUnsafeBufferPointer {
            unsafe rd_kafka_mock_push_request_errors_array(cluster, request.rawValue, $0.count, $0.baseAddress)
        }
    }

    package func clearAnswers(to request: Request) {
        unsafe rd_kafka_mock_clear_request_errors(cluster, request.rawValue)
    }

    /// What the brokers say of a topic from now on.
    package func setError(_ code: rd_kafka_resp_err_t, ofTopic topic: String) {
        unsafe rd_kafka_mock_topic_set_error(cluster, topic, code)
    }

    package func setLeader(_ broker: Int32, of topic: String, partition: Int32 = 0) {
        expectSuccess(unsafe rd_kafka_mock_partition_set_leader(cluster, topic, partition, broker))
    }

    /// From now on the broker, one of 1, 2, …, refuses connections.
    package func setDown(_ broker: Int32) {
        expectSuccess(unsafe rd_kafka_mock_broker_set_down(cluster, broker))
        held.withLock { $0[broker] = Self.hold(port: ports[Int(broker) - 1]) }
    }

    package func setUp(_ broker: Int32) {
        expectSuccess(unsafe rd_kafka_mock_broker_set_up(cluster, broker))
        if let socket = held.withLock({ $0.removeValue(forKey: broker) }) { close(socket) }
    }

    private var ports: [UInt16] { brokers.compactMap { UInt16($0.split(separator: ":").last ?? "") } }

    /// A socket that is bound and does not listen: it refuses connections, keeps the port from others, and lets the
    /// broker have it all the same.
    private static func hold(port: UInt16) -> Int32 {
        #if canImport(Darwin)
        let socket = socket(AF_INET, SOCK_STREAM, 0)
        #else
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
        var yes: Int32 = 1
        unsafe setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(socket, pointer, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(bound == 0, "the port of a broker that went down is free")
        return socket
    }

    private func expectSuccess(_ code: rd_kafka_resp_err_t) {
        precondition(code == RD_KAFKA_RESP_ERR_NO_ERROR, "the cluster knows that topic, partition or broker")
    }
}

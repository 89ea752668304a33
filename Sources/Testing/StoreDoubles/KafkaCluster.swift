package import CRDKafka

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

    package func setDown(_ broker: Int32) { expectSuccess(unsafe rd_kafka_mock_broker_set_down(cluster, broker)) }
    package func setUp(_ broker: Int32) { expectSuccess(unsafe rd_kafka_mock_broker_set_up(cluster, broker)) }

    private func expectSuccess(_ code: rd_kafka_resp_err_t) {
        precondition(code == RD_KAFKA_RESP_ERR_NO_ERROR, "the cluster knows that topic, partition or broker")
    }
}

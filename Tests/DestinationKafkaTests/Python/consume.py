"""Reads topics to their ends and prints one JSON object for each message.

consume.py BROKERS [TOPIC ...]; without topics all of the cluster's. Values and keys are shown in hexadecimal.
"""

import json
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

brokers, names = sys.argv[1], sys.argv[2:]
consumer = Consumer({"bootstrap.servers": brokers, "group.id": "test", "enable.auto.commit": False})
topics = consumer.list_topics(timeout=30).topics
ends = {}
for name in names or sorted(topics):
    for partition in topics[name].partitions:
        place = TopicPartition(name, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=30, cached=False)
        if high > low:
            ends[name, partition] = high
consumer.assign([TopicPartition(name, partition, OFFSET_BEGINNING) for name, partition in ends])
messages = []
while ends:
    message = consumer.poll(30)
    if message is None:
        sys.exit(f"no message within 30 s; missing {ends}")
    if message.error():
        raise KafkaException(message.error())
    place = message.topic(), message.partition()
    messages.append(
        {
            "topic": message.topic(),
            "partition": message.partition(),
            "offset": message.offset(),
            "key": message.key().hex() if message.key() is not None else None,
            "headers": [[name, value.decode()] for name, value in message.headers() or []],
            "value": message.value().hex(),
        }
    )
    if message.offset() + 1 >= ends[place]:
        del ends[place]
messages.sort(key=lambda m: (m["topic"], m["partition"], m["offset"]))
for message in messages:
    print(json.dumps(message))

"""What the server lands in besides folders: moto's S3, librdkafka's mock cluster, an HTTP endpoint. All outlive its
crashes."""
import collections
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from ledger import Landing

READY_SECONDS_MAX = 60
STREAM_SECONDS_MAX = 30
TOPIC = "events"


class ObjectStore:
    """moto's server in a process of its own."""

    def __init__(self, log):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output)
        self.client = boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="courant",
            aws_secret_access_key="courant")
        self._wait_until_ready()

    def _wait_until_ready(self):
        began = time.monotonic()
        while True:
            try:
                self.client.list_buckets()
                return
            except (BotoCoreError, ClientError):
                if time.monotonic() - began > READY_SECONDS_MAX:
                    self.end()
                    raise
                time.sleep(0.1)

    def end(self):
        self.process.kill()
        self.process.wait()


class Bucket(Landing):
    """A bucket that keeps every version of an object, so that none can be overwritten unseen."""

    def __init__(self, client, name):
        super().__init__()
        self.client, self.name = client, name

    def make(self):
        self.client.create_bucket(Bucket=self.name)
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def _files(self):
        versions = collections.defaultdict(list)
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for item in page.get("Versions", []):
                versions[item["Key"]].append((item["VersionId"], item["ETag"], item["Size"]))
            for item in page.get("DeleteMarkers", []):
                self.faults.append(f"{item['Key']} was deleted")
        for key, found in sorted(versions.items()):
            if len(found) > 1:
                self.faults.append(f"{key} was written {len(found)} times")
            yield key, found[0], lambda key=key: self._get(key)

    def _get(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()


class Stream:
    """A topic of a mock cluster, read while it is written: the cluster keeps the last few megabytes only."""

    def __init__(self):
        quiet = logging.getLogger("crash.stream")
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False
        self.cluster = Producer({"test.mock.num.brokers": 1}, logger=quiet)
        broker = next(iter(self.cluster.list_topics(timeout=30).brokers.values()))
        self.brokers = f"{broker.host}:{broker.port}"
        self.consumer = Consumer(
            {"bootstrap.servers": self.brokers, "group.id": "crash", "enable.auto.commit": False,
             "auto.offset.reset": "error"},
            logger=quiet)
        # The first message makes the topic.
        self.cluster.produce(TOPIC, b"")
        self.cluster.flush(30)
        self.partitions = list(self.consumer.list_topics(timeout=30).topics[TOPIC].partitions)
        self.consumer.assign([TopicPartition(TOPIC, number, OFFSET_BEGINNING) for number in self.partitions])
        self.found, self.faults = collections.Counter(), []
        self.ends = {}
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while not self.stop.is_set():
            for message in self.consumer.consume(1000, 0.2):
                if message.error():
                    self.faults.append(f"the stream cannot be read: {message.error()}")
                    continue
                if message.headers():
                    headers = {name: value.decode() for name, value in message.headers()}
                    self.found[headers["event_type"], headers["id"]] += 1
                self.ends[message.partition()] = message.offset() + 1

    def look(self):
        """Waits until all that the brokers hold has been read: up to a message of our own in each partition."""
        marks = {}

        def note(error, message):
            if error:
                self.faults.append(f"the stream takes no message: {error}")
            else:
                marks[message.partition()] = message.offset()

        for partition in self.partitions:
            self.cluster.produce(TOPIC, b"", partition=partition, on_delivery=note)
        self.cluster.flush(STREAM_SECONDS_MAX)
        began = time.monotonic()
        for partition in self.partitions:
            while partition not in marks or self.ends.get(partition, 0) <= marks[partition]:
                if time.monotonic() - began > STREAM_SECONDS_MAX:
                    self.faults.append(f"partition {partition} of the stream was not read to its end")
                    return
                time.sleep(0.01)

    def end(self):
        self.stop.set()
        self.thread.join(10)
        self.consumer.close()


class Partner:
    """An HTTP endpoint that keeps what it takes, and answers 503 while it is down."""

    def __init__(self):
        self.found, self.faults = collections.Counter(), []
        self.is_down = False
        self.lock = threading.Lock()
        partner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:
                    # The server was killed on the way.
                    self.close_connection = True
                    return
                self.send_response(partner.take(body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, address):
                problem = sys.exc_info()[1]
                # A server that was killed ends its connections so.
                if not isinstance(problem, OSError):
                    partner.faults.append(f"the partner's endpoint: {problem!r}")

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, body):
        if self.is_down:
            return 503
        with self.lock:
            self.found.update((event["event_type"], event["id"]) for event in json.loads(body)["events"])
        return 200

    def look(self):
        """What it took was counted as it came."""

    def end(self):
        self.server.shutdown()
        self.server.server_close()

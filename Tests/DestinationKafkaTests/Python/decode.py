"""Decodes Avro values with fastavro: reads JSON lines {"schema": …, "datum": hex}, prints the records as JSON lines."""

import io
import json
import sys

import fastavro

for line in sys.stdin:
    value = json.loads(line)
    source = io.BytesIO(bytes.fromhex(value["datum"]))
    record = fastavro.schemaless_reader(source, fastavro.parse_schema(json.loads(value["schema"])))
    if source.read(1):
        sys.exit("bytes are left over after the record")
    print(json.dumps(record))

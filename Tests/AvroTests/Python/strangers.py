"""Reads files that the tests wrote with three readers that nobody here wrote, and writes files for the tests to read.

Called once, with a folder: cases.json names the cases; for each there is <name>.jsonl, the values expected, and
<name>.<codec>.avro. It leaves <name>.by-<library>.<codec>.avro and report.json: what failed, how much was checked,
fingerprints and canonical forms. Floats in the .jsonl files are doubles, bytes are Latin-1, NaN and infinities text.
"""

import collections
import io
import json
import math
import pathlib
import sys

import avro.datafile
import avro.io
import avro.schema
import fastavro
import fastavro.schema
import polars

# What is compared is the encoding: values stay of the type beneath a logical type, in fastavro and in avro.
fastavro.read.LOGICAL_READERS.clear()
fastavro.write.LOGICAL_WRITERS.clear()
avro.schema.make_logical_schema = lambda *_: None

folder = pathlib.Path(sys.argv[1])
failures: list[str] = []
checked: collections.Counter = collections.Counter()
CODECS = ["null", "deflate", "snappy", "zstandard"]
POLARS_CODECS = {"null": "uncompressed", "deflate": "deflate", "snappy": "snappy"}


def plain(value):
    """A value as the .jsonl files have it."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def same(left, right):
    """Equal in value and in type: 1, 1.0 and True are three things."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def attempt(what, count, action):
    try:
        action()
        checked[count] += 1
    except Exception as error:  # every failure goes into the report
        failures.append(f"{what}: {type(error).__name__}: {error}"[:1000])


def sort(value):
    """The value with its keys in order: the libraries keep the writer's order of fields where we take the reader's."""
    return json.loads(json.dumps(value, sort_keys=True))


def expect(found, expected, is_ordered=True):
    found = plain(found)
    if not is_ordered:
        found, expected = sort(found), sort(expected)
    assert len(found) == len(expected), f"{len(found)} records instead of {len(expected)}"
    for number, (left, right) in enumerate(zip(found, expected)):
        assert same(left, right), f"record {number}: {left!r} instead of {right!r}"


def read_fastavro(path):
    with open(path, "rb") as file:
        return list(fastavro.reader(file))


def read_avro(path):
    with avro.datafile.DataFileReader(open(path, "rb"), avro.io.DatumReader()) as reader:
        return list(reader)


def write_avro(path, schema, codec, records):
    with avro.datafile.DataFileWriter(open(path, "wb"), avro.io.DatumWriter(), schema, codec) as writer:
        for record in records:
            writer.append(record)


def write_fastavro(path, schema, codec, records):
    with open(path, "wb") as file:
        fastavro.writer(file, schema, records, codec=codec, sync_interval=500)


def check(case):
    name = case["name"]
    expected = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text("utf-8").split("\n")[:-1]]
    official = avro.schema.parse(case["schema"])
    fast = fastavro.parse_schema(json.loads(case["schema"]))
    records = None
    for codec in CODECS:
        path = folder / f"{name}.{codec}.avro"
        attempt(f"fastavro reads {path.name}", "read.fastavro", lambda: expect(read_fastavro(path), expected))
        attempt(f"avro reads {path.name}", "read.avro", lambda: expect(read_avro(path), expected))
        if case["polars"] and codec in POLARS_CODECS:
            attempt(f"polars reads {path.name}", "read.polars",
                    lambda: expect(polars.read_avro(path).to_dicts(), expected))
        if records is None:
            records = read_fastavro(path)
        out = {library: folder / f"{name}.by-{library}.{codec}.avro" for library in ("fastavro", "avro", "polars")}
        attempt(f"fastavro writes {name} {codec}", "write.fastavro",
                lambda: write_fastavro(out["fastavro"], fast, codec, records))
        attempt(f"avro writes {name} {codec}", "write.avro", lambda: write_avro(out["avro"], official, codec, records))
        if case["polars"] and codec in POLARS_CODECS:
            frame = polars.read_avro(folder / f"{name}.null.avro")
            attempt(f"polars writes {name} {codec}", "write.polars",
                    lambda: frame.write_avro(out["polars"], compression=POLARS_CODECS[codec], name="R"))
    return {
        "name": name,
        "fastavro": fastavro.schema.fingerprint(
            fastavro.schema.to_parsing_canonical_form(json.loads(case["schema"])), "CRC-64-AVRO"),
        "avro": official.fingerprint("CRC-64-AVRO").hex(),
        "canonical": official.canonical_form,
    }


def evolve(case):
    """Reads one value under another schema, with both libraries."""
    data, expected = bytes.fromhex(case["bytes"]), [json.loads(case["json"])]
    writer, reader = json.loads(case["writer"]), json.loads(case["reader"])
    attempt(f"fastavro resolves {case['about']}", "resolve.fastavro", lambda: expect(
        [fastavro.schemaless_reader(io.BytesIO(data), writer, reader)], expected, is_ordered=False))
    if case["isForApache"]:
        datum_reader = avro.io.DatumReader(avro.schema.parse(case["writer"]), avro.schema.parse(case["reader"]))
        attempt(f"avro resolves {case['about']}", "resolve.avro", lambda: expect(
            [datum_reader.read(avro.io.BinaryDecoder(io.BytesIO(data)))], expected, is_ordered=False))


def polars_zstandard(name):
    try:
        return f"reads {len(polars.read_avro(folder / f'{name}.zstandard.avro'))} records"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]


cases = json.loads((folder / "cases.json").read_text("utf-8"))
prints = [check(case) for case in cases["cases"]]
for case in cases["evolutions"]:
    evolve(case)
report = {"failures": failures, "checked": dict(checked), "fingerprints": prints,
          "polarsZstandard": polars_zstandard(next(case["name"] for case in cases["cases"] if case["polars"]))}
(folder / "report.json").write_text(json.dumps(report), "utf-8")

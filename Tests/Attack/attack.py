#!/usr/bin/env python3
"""Attacks a running server as a stranger can, and looks at what it costs.

usage: attack.py --courant .build/debug/courant ATTACK [--connections 3000]

crowd    thousands of idle connections: others are served, memory and descriptors stay bounded and come back
bombs    small bodies that become large ones: refused, in bounded memory
flood    bytes behind requests that nobody will read: not kept
secrets  everything that a run prints and answers, searched for every secret that it was given
"""
import argparse
import base64
import concurrent.futures
import gzip
import json
import os
import pathlib
import resource
import socket
import struct
import tempfile
import time
import urllib.parse
import zlib

import secrets_given
from target import Target, eventually

MIB = 1 << 20
JSON = {"Content-Type": "application/json"}
# What http.connections_max is where nobody sets it, and the descriptors that this program needs besides.
CONNECTIONS_MAX = 4096
DESCRIPTORS_SPARE = 1000
# Nobody's patience is measured here: a machine may be slow. Who waits this long was kept out.
WAIT_SECONDS_MAX = 10


def event(number):
    """One that is taken."""
    return b'{"event_type":"users.messages.email.Click","id":"%d","user_id":"u","time":1700000000,' \
           b'"email_address":"a@b.example"}' % number


def crowd(binary, folder, options):
    """Three times as many connections as may be, and a thousand more than may be where nothing is configured."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    runs = [(options.connections // 3, options.connections), (None, CONNECTIONS_MAX + 1000)]
    for number, (most, wanted) in enumerate(runs):
        if wanted + DESCRIPTORS_SPARE > hard:
            print(f"crowd: {wanted} connections are more than the hard limit of {hard} descriptors lets be tried")
            continue
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + DESCRIPTORS_SPARE, hard))
        place = folder / str(number)
        place.mkdir()
        crowd_of(wanted, binary, place, most)


def crowd_of(wanted, binary, folder, configured):
    """Idle connections: half of them silent, half in the middle of a head."""
    most = configured or CONNECTIONS_MAX
    configuration = f"http: {{connections_max: {configured}}}\n" if configured else ""
    with Target(binary, folder, configuration) as target:
        target.ask("GET", "/v1/glossary")
        before, memory = target.descriptors(), target.memory()
        held, slowest = [], 0
        for number in range(wanted):
            connection = target.connect()
            if number % 2:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: loc")
            held.append(connection)
            if number % 100 == 99:
                began = time.monotonic()
                status, text = target.ask("POST", "/v1/events", event(number), JSON)
                assert (status, json.loads(text)["accepted"]) == (200, 1), (status, text)
                slowest = max(slowest, time.monotonic() - began)
        eventually(lambda: target.descriptors() <= before + most + 8, f"{target.descriptors()} descriptors")
        grown = target.memory() - memory
        # As many are held as may be, but for one that makes room for who asks.
        assert most - 1 <= target.metric("courant_service_connections{") <= most
        crowded = target.metric('courant_service_closed_connections_total{listener="open",reason="crowded"}')
        assert crowded >= wanted - most, crowded
        for connection in held:
            connection.close()
        eventually(lambda: target.descriptors() <= before + 8, "descriptors come back")
        assert target.ask("GET", "/healthz")[0] == 200
        print(f"crowd: {wanted} connections, {most} kept, {grown / most / 1024:.0f} KiB each, "
              f"others waited {slowest * 1000:.0f} ms at most")
        assert grown / most < 128 << 10, f"{grown / most} bytes a connection"
        assert slowest < WAIT_SECONDS_MAX, f"somebody waited {slowest} s"


def zstd_head(exponent, eighths=0):
    """A frame's head that asks for a window of 2 to that power, and so many eighths of it more."""
    return bytes.fromhex("28b52ffd00") + bytes([exponent - 10 << 3 | eighths])


def zstd_plain(head, text):
    """A frame of one block that is not compressed."""
    return head + struct.pack("<I", len(text) << 3 | 1)[:3] + text


def zstd_bomb(size):
    """Blocks of one byte, repeated: four bytes for each 128 KiB."""
    frame, left = bytearray(zstd_head(21)), size
    while left:
        block = min(left, 128 << 10)
        left -= block
        frame += struct.pack("<I", block << 3 | 1 << 1 | (left == 0))[:3] + b" "
    return bytes(frame)


def bombs(binary, folder, options):
    """Each body is a few kilobytes, and far more than is allowed or what is just allowed once decompressed."""
    allowed, budget = 16 * MIB, 64 * MIB
    spaces = b" " * (256 * MIB)
    large = [("gzip", gzip.compress(spaces, 6)), ("deflate", zlib.compress(spaces, 6)), ("zstd", zstd_bomb(1 << 30))]
    del spaces
    one = event(0)
    within = gzip.compress(one + b" " * (allowed - len(one)), 9)
    with Target(binary, folder, f"intake: {{in_flight_bytes_max: {budget}}}\n") as target:
        def post(encoding, body, path="/v1/events"):
            return target.ask("POST", path, body, dict(JSON, **{"Content-Encoding": encoding}))

        def refused(encoding, body):
            status, text = post(encoding, body)
            return status, json.loads(text)["error"]["code"]

        target.ask("GET", "/v1/glossary")
        target.forget_peak()
        before = target.memory()
        for encoding, body in large:
            assert len(body) < 2 * MIB
            for path in ("/v1/events", "/v1/currents"):
                status, text = post(encoding, body, path)
                assert (status, b"body_too_large" in text) == (413, True), (encoding, status, text)
        with concurrent.futures.ThreadPoolExecutor(32) as pool:
            several = [pool.submit(post, "gzip", within) for _ in range(64)]
            several += [pool.submit(post, *large[number % 3]) for number in range(32)]
            statuses = {one.result()[0] for one in several}
        # 503 and 429: as many are under way as may be.
        assert {200, 413} <= statuses <= {200, 413, 429, 503}, statuses
        peak = target.memory(peak=True)
        # What was just allowed is so, however many bytes it was; one more is not.
        status, text = post("gzip", within)
        assert (status, json.loads(text)["duplicates"]) == (200, 1), (status, text)
        assert refused("gzip", gzip.compress(one + b" " * (allowed + 1 - len(one)), 9)) == (413, "body_too_large")
        nested = gzip.compress(gzip.compress(one))
        assert refused("gzip, gzip", nested) == (415, "encoding_unsupported")
        assert refused("gzip,gzip", nested) == (415, "encoding_unsupported")
        assert refused("gzip", nested) == (400, "not_json")
        # Members one behind the other count together.
        assert refused("gzip", gzip.compress(b" " * 9 * MIB) * 2) == (413, "body_too_large")
        # The same event in a frame whose head asks for 8 MiB, for an eighth more, for 2 GiB.
        assert post("zstd", zstd_plain(zstd_head(23), event(1)))[0] == 200
        for head in (zstd_head(23, 1), zstd_head(24), zstd_head(31)):
            assert refused("zstd", zstd_plain(head, event(1))) == (400, "encoding_broken"), head
        assert target.metric("courant_intake_in_flight_bytes") == 0
        print(f"bombs: {(peak - before) / MIB:.0f} MiB more at most, of a budget of {budget / MIB:.0f}")
        assert peak - before < budget + 96 * MIB, f"{(peak - before) / MIB} MiB"


def flood(binary, folder, options):
    """What comes behind a request that is refused, or wants another protocol, or has its answer."""
    get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    post = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\n"
    openings = [
        get + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
        get + b"Connection: close\r\n\r\n", get + b"Content-Length: +1\r\n\r\n",
        post + b"Content-Length: 9223372036854775807\r\n\r\n",
        post + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffff\r\n",
        post + b"Transfer-Encoding: chunked\r\n\r\n1;", get, b"GET /",
    ]
    with Target(binary, folder, "http: {request_timeout: 2s}\n") as target:
        target.ask("GET", "/v1/glossary")
        before, piece, worst = target.memory(), b"x" * MIB, (0, b"")
        for opening in openings:
            target.forget_peak()
            with target.connect(20) as connection:
                connection.sendall(opening)
                try:
                    for _ in range(512):
                        connection.sendall(piece)
                except (ConnectionError, socket.timeout):
                    pass
            assert target.ask("GET", "/healthz")[0] == 200
            worst = max(worst, (target.memory(peak=True) - before, opening))
        more, opening = worst
        print(f"flood: {more / MIB:.0f} MiB more at most, behind {opening.splitlines()[-1]}")
        # One body of 16 MiB as it grows, at most.
        assert more < 96 * MIB, f"{more / MIB} MiB behind {opening}"
        eventually(lambda: target.metric("courant_service_connections{") <= 1, "connections end")


def secrets(binary, folder, options):
    """One of each kind of secret, in a run at the log level `trace` in which everything fails."""
    given = secrets_given.Secrets(folder)
    seen = []
    with Target(binary, folder, given.configuration, dict(os.environ, **given.environment)) as target:
        def ask(method, path, body=None, **headers):
            answer = target.ask(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            seen.append(answer[1])
            return answer

        admin = given.add(target.json("POST", "/v1/tokens", '{"name":"ops","scopes":["admin"]}')[1]["token"])
        bearer = {"Authorization": f"Bearer {admin}"}
        made = '{"name":"in","scopes":["ingest"],"source":"default"}'
        ingest = given.add(target.json("POST", "/v1/tokens", made, bearer)[1]["token"])
        sender = {"Authorization": f"Bearer {ingest}", "Content_Type": "application/json"}
        for number in range(20):
            assert ask("POST", "/v1/events", event(number), **sender)[0] == 200
        for name in given.connectors:
            ask("POST", f"/v1/connectors/{name}/test?events=true&timeout=3s", **bearer)
            ask("POST", f"/v1/connectors/{name}/flush?timeout=1s", **bearer)
            ask("POST", f"/v1/connectors/{name}/preview", **bearer)
        # A token where none belongs, tokens of others, and half a token.
        for text in (ingest, admin[:-1], "Basic " + admin, f"Bearer {admin}x"):
            ask("GET", "/v1/status", Authorization=text)
        ask("GET", f"/v1/status?token={urllib.parse.quote(admin)}x", **bearer)
        for provider in ("twilio", "sendgrid", "ses"):
            ask("POST", f"/v1/webhooks/{provider}/default", b"From=a&To=b", X_Twilio_Signature="bm8=",
                Content_Type="application/x-www-form-urlencoded")
            ask("POST", f"/v1/webhooks/{provider}/default/sample", **bearer)
        for path in ("/v1/status", "/v1/connectors", "/v1/tokens", "/metrics", "/v1/dead-letters?bytes=true",
                     "/v1/replays", "/readyz"):
            assert ask("GET", path, **bearer)[0] == 200, path
        for _ in given.break_configuration():
            assert ask("POST", "/v1/config/reload", **bearer)[0] != 200
        given.mend_configuration()
        ask("POST", "/v1/config/reload", **bearer)
        # Long enough for each connector to fail several times, and to say so.
        time.sleep(3)
        for path in ("/v1/status", "/v1/connectors", "/metrics"):
            ask("GET", path, **bearer)
        troubled = [each["name"] for each in json.loads(seen[-2])["connectors"] if each.get("last_error")]
        assert set(troubled) >= set(given.connectors) - {"files"}, troubled
    seen.append(target.log.read_bytes())
    seen += given.command_outputs(binary)
    leaks = [name for name, forms in given.forms() for form in forms for text in seen if form in text]
    assert not leaks, f"shown: {sorted(set(leaks))}"
    # The search finds what is there.
    assert any(b"request came with an unknown token" in text for text in seen)
    assert given.is_found_in(seen + [next(iter(given.values.values())).encode()])
    print(f"secrets: {len(given.values)} secrets, {sum(map(len, seen))} bytes searched")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("attack", choices=["crowd", "bombs", "flood", "secrets"])
    parser.add_argument("--courant", type=pathlib.Path, required=True)
    parser.add_argument("--connections", type=int, default=3000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="courant-attack-") as folder:
        globals()[options.attack](options.courant.resolve(), pathlib.Path(folder), options)


if __name__ == "__main__":
    main()

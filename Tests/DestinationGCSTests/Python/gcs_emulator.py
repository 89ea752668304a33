"""gcp-storage-emulator, in memory, with one bucket.

Prints one line of JSON behind `ready ` with `url` and `bucket`. It asks for no credentials, and it does not know
`ifGenerationMatch`: what is put a second time overwrites. Runs until killed.
"""

import json
import sys
import threading

from gcp_storage_emulator.server import create_server

BUCKET = "lake"


def main():
    server = create_server("127.0.0.1", 0, in_memory=True, default_bucket=BUCKET)
    server.start()
    port = server._api._httpd.server_address[1]
    print("ready " + json.dumps({"url": f"http://127.0.0.1:{port}", "bucket": BUCKET}), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())

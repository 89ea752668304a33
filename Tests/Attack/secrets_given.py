"""One secret of each kind that a configuration can hold, and the search for them."""
import base64
import http.server
import json
import os
import subprocess
import threading
import urllib.parse

# Nothing listens there: what fails is told in full.
NOWHERE = "127.0.0.1:1"


class Echo(http.server.BaseHTTPRequestHandler):
    """A store that refuses everything, and says in its answer all that it was told."""
    protocol_version = "HTTP/1.1"

    def refuse(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = f"{self.requestline}\n{self.headers}".encode()
        self.send_response(403)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = refuse

    def log_message(self, *arguments):
        pass

CONFIGURATION = """\
log: {{level: trace, format: json}}
publicURL: https://events.example.com
sources:
  default:
    webhooks:
      twilio: {{auth_tokens: ["${{TWILIO}}", "{twilio_literal}"]}}
connectors:
  files:
    destination: {{type: local, path: {folder}/files}}
    events: ["users.messages.email.*"]
    privacy: {{pii: hmac_sha256, hmac_key: "{privacy}"}}
    roll: {{every: 1s}}
  s3:
    destination:
      type: s3
      bucket: lake
      region: eu-central-1
      endpoint: http://{echo}
      credentials: {{access_key_id: AKIAEXAMPLE, secret_access_key: "{s3}", session_token: "{s3_session}"}}
    roll: {{every: 1s}}
  gcs:
    destination: {{type: gcs, bucket: lake, endpoint: "http://{echo}", credentials: {{json: '${{GCS}}'}}}}
    roll: {{every: 1s}}
  azure:
    destination:
      type: azure
      account: lake
      container: events
      endpoint: http://{echo}/lake
      credentials: {{account_key: "{azure_key}"}}
    roll: {{every: 1s}}
  azure-sas:
    destination:
      type: azure
      account: lake
      container: events
      endpoint: http://{echo}/lake
      credentials: {{sas: "sv=2024-11-04&sp=rcw&sig={azure_sas}"}}
    roll: {{every: 1s}}
  azure-entra:
    destination:
      type: azure
      account: lake
      container: events
      endpoint: http://{echo}/lake
      credentials:
        authority: http://{echo}
        tenant_id: 11111111-2222-3333-4444-555555555555
        client_id: 11111111-2222-3333-4444-555555555556
        client_secret: "{entra}"
    roll: {{every: 1s}}
  kafka:
    destination:
      type: kafka
      brokers: {nowhere}
      topic: events
      value: confluent_avro
      schema_registry: {{url: "http://{echo}", user: courant, password: "{registry}"}}
      librdkafka:
        security.protocol: sasl_plaintext
        sasl.mechanism: PLAIN
        sasl.username: courant
        sasl.password: "{kafka}"
  partner:
    destination:
      type: http
      url: http://{echo}/in?key={url_key}
      token: "{partner}"
      signing_secret: "whsec_{signing}"
      headers: {{X-Api-Key: "{header}"}}
"""


class Secrets:
    def __init__(self, folder):
        self.folder = folder
        # Ends with the program.
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        echo = f"127.0.0.1:{server.server_port}"
        names = ["twilio_literal", "privacy", "s3", "s3_session", "entra", "registry", "kafka", "url_key", "partner",
                 "header", "azure_sas"]
        self.values = {name: f"hush-{name.replace('_', '-')}-7f3a91c2d4" for name in names}
        self.values["azure_key"] = base64.b64encode(b"hush" * 16).decode()
        self.values["signing"] = base64.b64encode(b"hush-signing-secret-of-32-bytes!").decode()
        key = subprocess.run(
            ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            check=True, capture_output=True, text=True).stdout
        account = {
            "type": "service_account", "client_email": "a@b.example", "private_key_id": "1", "private_key": key,
            "token_uri": f"http://{echo}/token", "project_id": "p"}
        self.environment = {"TWILIO": "hush-twilio-7f3a91c2d4", "GCS": json.dumps(account)}
        self.configuration = CONFIGURATION.format(folder=folder, nowhere=NOWHERE, echo=echo, **self.values)
        self.values["twilio"] = self.environment["TWILIO"]
        # Any line of it would do for a thief to begin with.
        self.values["gcs"] = key.splitlines()[3]
        self.connectors = [line[2:-1] for line in self.configuration.split("connectors:\n")[1].splitlines()
                           if line.startswith("  ") and line[2] != " "]

    def add(self, token):
        self.values[token[:16]] = token
        return token

    def forms(self):
        """The name of each secret, and the ways in which it could be written."""
        for name, value in self.values.items():
            raw = value.encode()
            yield name, {raw, urllib.parse.quote(value, safe="").encode(), json.dumps(value)[1:-1].encode(),
                         base64.b64encode(raw).rstrip(b"=")[:-1],
                         base64.b64encode(b"courant:" + raw).rstrip(b"=")[:-1]}

    def is_found_in(self, texts):
        return any(form in text for _, forms in self.forms() for form in forms for text in texts)

    def break_configuration(self):
        """Each secret where it is refused: of the wrong kind, or under a key that is none."""
        region = "region: eu-central-1"
        text = self.configuration.replace(region, f"{region}\n      nothing: {self.values['s3']}")
        text = text.replace("account_key:", "acount_key:").replace("signing_secret: \"whsec_", "signing_secret: \"")
        text = text.replace("credentials: {json: '${GCS}'}", "credentials: {json: '{\"x\": \"${TWILIO}\"}'}")
        text = text.replace("X-Api-Key:", "\"X Api Key\":").replace("sasl.password:", "sasl.pasword:")
        assert text.count("pasword") == 1 and "acount_key" in text and "X Api Key" in text
        (self.folder / "courant.yaml").write_text(text)

    def mend_configuration(self):
        (self.folder / "courant.yaml").write_text(self.configuration)

    def command_outputs(self, binary):
        """What the command line says of the file, whole and broken."""
        outputs = []
        for prepare in (self.mend_configuration, self.break_configuration):
            prepare()
            done = subprocess.run(
                [str(binary), "config", "check", str(self.folder / "courant.yaml")], capture_output=True,
                env=dict(os.environ, **self.environment))
            outputs += [done.stdout, done.stderr]
        return outputs

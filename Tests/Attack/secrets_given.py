"""One secret of each kind that a configuration can hold, and the search for them."""
import base64
import html
import http.server
import itertools
import json
import os
import subprocess
import threading
import urllib.parse

# Nothing listens there: what fails is told in full.
NOWHERE = "127.0.0.1:1"


def escaped(text):
    """The text as it is, and as writers of JSON, of addresses and of XML escape it."""
    in_json = json.dumps(text)[1:-1]
    in_url = urllib.parse.quote(text, safe="")
    in_xml = ["".join(f"&#{mark}{ord(one):0{width}{form}};" if one in "/\"&%+=" else one for one in text)
              for mark, width, form in [("", 4, "d"), ("x", 1, "x"), ("X", 6, "X")]]
    return [text, in_json, in_json.replace("/", "\\/"), in_url, in_url.lower(), html.escape(text), *in_xml]


class Echo(http.server.BaseHTTPRequestHandler):
    """A store that refuses everything, and says in its answer all that it was told, in every form."""
    protocol_version = "HTTP/1.1"
    turns = itertools.count()

    def refuse(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        # Messages quote the beginning of an answer: what is told in confidence comes first, each in its turn.
        told = [value for name, value in self.headers.items()
                if name.lower() in ("authorization", "x-api-key", "x-amz-security-token")]
        query = urllib.parse.urlsplit(self.path).query
        told += [part.partition("=")[2] for part in query.split("&") if part]
        turn = next(self.turns) % max(1, len(told))
        told = told[turn:] + told[:turn]
        lines = [form for value in told for form in escaped(value)] + [self.requestline, str(self.headers)]
        text = "\n".join(lines).encode()
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
      headers: {{X-Api-Key: '{header}'}}
"""

DESTINATION = "connectors: {a: {destination: {KEYS}}}"
PARTNER = "type: http, url: 'https://partner.example.com/in', "
AZURE = "type: azure, account: lake, container: events, "
S3 = "type: s3, bucket: lake, region: eu-central-1, "
GCS = "type: gcs, bucket: lake, "
KAFKA = "type: kafka, topic: events, "
# A secret under its own key, but of a form that is refused, or one slip away from where it belongs. Each is a
# configuration of its own: what is no YAML hides what else is wrong.
SLIPS = [
    *(DESTINATION.replace("KEYS", keys) for keys in [
        PARTNER + 'token: "SECRET${x"', PARTNER + 'token: "a${SECRET}b"', PARTNER + 'token: "SECRET\a"',
        PARTNER + "token SECRET", PARTNER + "token: @SECRET", PARTNER + "token: *SECRET",
        PARTNER + 'headers: "X-Api-Key: SECRET"', PARTNER + 'headers: ["X-Api-Key: SECRET"]',
        S3 + 'credentials: "AKIA:SECRET"', S3 + "endpoint: AK:SECRET@s3.example.com", S3 + 'tags: ["SECRET"]',
        AZURE + 'credentials: "AccountName=lake;AccountKey=SECRET"',
        AZURE + 'endpoint: "lake.blob.core.windows.net/?sv=1&sig=SECRET"',
        AZURE + 'credentials: {connection_string: "AccountName=lake;AccuntKey=SECRET"}',
        GCS + 'credentials: \'{"private_key": "SECRET"}\'', GCS + 'credentials: {json: \'{"private_key": "SECRET"\'}',
        GCS + 'credentials: {file: \'{"private_key": "SECRET"}\'}',
        KAFKA + 'brokers: "user:SECRET@k.example.com:9092"', KAFKA + 'brokers: "SECRET@k.example.com:9092"',
        KAFKA + 'brokers: "k.example.com:9092", librdkafka: "sasl.password=SECRET"',
        "type: local, path: files}, privacy: SECRET, roll: {every: 1s",
        "type: local, path: files}, privacy: {pii: hmac_sha256, hmac_key: SHORT}, roll: {every: 1s",
        "type: local, path: files}, privacy: {pii: 'hmac_sha256:SECRET'}, roll: {every: 1s",
    ]),
    "connectors: {a: {destination: 'https://user:SECRET@partner.example.com'}}",
    "publicURL: https://events.example.com\nsources: {default: {webhooks: {twilio: SECRET}}}",
    "publicURL: https://events.example.com\nsources: {default: {webhooks: {twilio: [SECRET]}}}",
    'tls: {certificate: courant.yaml, key: "-----BEGIN PRIVATE KEY-----\\nSECRET"}',
]


class Secrets:
    def __init__(self, folder):
        self.folder = folder
        # Ends with the program.
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        echo = f"127.0.0.1:{server.server_port}"
        names = ["twilio_literal", "privacy", "s3", "s3_session", "entra", "registry", "kafka", "url_key", "partner",
                 "header", "azure_sas"]
        # With what Base64 has and escapes change.
        self.values = {name: f"hush-{name.replace('_', '-')}/7f3a+91c2d4=" for name in names}
        self.values["header"] = 'hush-header/7f3a"91c2&d4%25='
        # Shorter than a key of HMAC may be.
        self.values["slip"], self.values["short"] = "hush-slip-7f3a91c2d4", "hush-8d2b77"
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
            yield name, {*(form.encode() for form in escaped(value)),
                         base64.b64encode(raw).rstrip(b"=")[:-1],
                         base64.b64encode(b"courant:" + raw).rstrip(b"=")[:-1]}

    def is_found_in(self, texts):
        return any(form in text for _, forms in self.forms() for form in forms for text in texts)

    def break_configuration(self):
        """Puts there, one after the other, configurations that are refused, with secrets in them."""
        self.misspell()
        yield
        for slip in SLIPS:
            text = slip.replace("SECRET", self.values["slip"]).replace("SHORT", self.values["short"])
            (self.folder / "courant.yaml").write_text(text)
            yield

    def misspell(self):
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
        def check(status):
            done = subprocess.run(
                [str(binary), "config", "check", str(self.folder / "courant.yaml")], capture_output=True,
                env=dict(os.environ, **self.environment))
            assert (done.returncode == 0) == (status == 0), (self.folder / "courant.yaml").read_text()
            return [done.stdout, done.stderr]

        self.mend_configuration()
        outputs = check(0)
        for _ in self.break_configuration():
            outputs += check(1)
        return outputs

"""Verifies a signed request with the reference library: verify.py SECRET < request, headers and body as JSON."""
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

request = json.load(sys.stdin)
body = request["body"].encode()
hook = Webhook(sys.argv[1])
hook.verify(body, request["headers"])
for headers, changed in [
    (request["headers"], body + b" "),
    ({**request["headers"], "webhook-id": "another"}, body),
    ({**request["headers"], "webhook-timestamp": str(int(request["headers"]["webhook-timestamp"]) + 1)}, body),
]:
    try:
        hook.verify(changed, headers)
    except WebhookVerificationError:
        continue
    sys.exit("what was changed passes for genuine")
print("genuine")

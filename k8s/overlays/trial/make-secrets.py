"""Makes the Secret `site` of a trial in its own namespace, once; one that is there is left as it is."""

import base64
import json
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from credentials import missing

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc/api/v1/namespaces"

secret = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "site", "labels": {"app.kubernetes.io/part-of": "twinpool"}},
    "data": {name: base64.b64encode(value.encode()).decode() for name, value in missing({}).items()},
}
request = urllib.request.Request(  # noqa: S310 - a fixed https address
    f"{API}/{(ACCOUNT / 'namespace').read_text()}/secrets",
    data=json.dumps(secret).encode(),
    headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}", "Content-Type": "application/json"},
)
try:
    urllib.request.urlopen(  # noqa: S310
        request, context=ssl.create_default_context(cafile=ACCOUNT / "ca.crt"), timeout=20
    )
    print("the Secret `site` is made")
except urllib.error.HTTPError as error:
    if error.code != 409:
        sys.exit(f"the Secret `site` was not made: {error.code} {error.read().decode()[:300]}")
    print("the Secret `site` is there already, and left as it is")

"""Makes the Secret `site` of a trial in its own namespace, once; one that is there is left as it is."""

import base64
import hashlib
import json
import secrets
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
API = "https://kubernetes.default.svc/api/v1/namespaces"

postgres, redis = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
values = {
    "secret_key": secrets.token_urlsafe(48),
    "probe_secret": secrets.token_urlsafe(32),
    "postgres_password": postgres,
    "database_url": f"postgres://app:{postgres}@postgres:5432/app",
    "redis_url": f"redis://:{redis}@redis:6379/0",
    "redis_acl": f"user default on #{hashlib.sha256(redis.encode()).hexdigest()} ~* &* +@all -@admin\n",
}
secret = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "site", "labels": {"app.kubernetes.io/part-of": "twinpool"}},
    "data": {name: base64.b64encode(value.encode()).decode() for name, value in values.items()},
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

"""A metrics adapter as small as it can be: what the pods of one namespace say at /-/metrics, as custom.metrics.k8s.io.

Runs in a pod (adapter.yaml) with the token of its service account; a site uses one of those that exist, by that API.
"""

import json
import ssl
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

GROUP = "custom.metrics.k8s.io/v1beta2"
ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
CERTIFICATE = "/srv/tls"


def pods(namespace: str, labels: str) -> dict[str, str]:
    """Addresses of the pods that run, by name."""
    url = f"https://kubernetes.default.svc/api/v1/namespaces/{namespace}/pods?" + urllib.parse.urlencode(
        {"labelSelector": labels, "fieldSelector": "status.phase=Running"}
    )
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}"})
    trusted = ssl.create_default_context(cafile=ACCOUNT / "ca.crt")
    with urllib.request.urlopen(asked, context=trusted, timeout=5) as answer:
        return {one["metadata"]["name"]: one["status"]["podIP"] for one in json.load(answer)["items"]}


def figure(address: str, metric: str) -> float | None:
    try:
        with urllib.request.urlopen(f"http://{address}:8000/-/metrics", timeout=3) as answer:
            text = answer.read().decode()
    except OSError:
        return None
    lines = (line.rpartition(" ") for line in text.splitlines())
    return sum(float(value) for name, _, value in lines if name.split("{")[0] == metric)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        words = urllib.parse.unquote(path).strip("/").split("/")
        if path == f"/apis/{GROUP}":
            named = {"name": "pods/twinpool_connections", "singularName": "", "namespaced": True, "verbs": ["get"]}
            resources = [{**named, "kind": "MetricValueList"}]
            self.tell({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP, "resources": resources})
        elif words[3:4] == ["namespaces"] and words[5:7] == ["pods", "*"]:
            labels = urllib.parse.parse_qs(query).get("labelSelector", [""])[0]
            self.tell({"kind": "MetricValueList", "apiVersion": GROUP, "metadata": {},
                       "items": items(words[4], words[7], labels)})  # fmt: skip
        else:
            self.send_error(404)

    def tell(self, what: object) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def items(namespace: str, metric: str, labels: str) -> list[dict[str, object]]:
    found = [(name, figure(address, metric)) for name, address in pods(namespace, labels).items()]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [
        {
            "describedObject": {"kind": "Pod", "apiVersion": "/v1", "namespace": namespace, "name": name},
            "metric": {"name": metric},
            "timestamp": now,
            "value": str(int(value)),
        }
        for name, value in found
        if value is not None
    ]


if __name__ == "__main__":
    server = ThreadingHTTPServer(("", 8443), Handler)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{CERTIFICATE}/tls.crt", f"{CERTIFICATE}/tls.key")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.serve_forever()

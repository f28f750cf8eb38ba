"""A small client of the Kubernetes API: HTTPS, JSON, watches. Knows no more than the tests need."""

import base64
import http.client
import json
import pathlib
import re
import socket
import ssl
import threading
import time
import urllib.parse

# kind -> group/version, plural, namespaced
RESOURCES = {
    "Namespace": ("v1", "namespaces", False),
    "Secret": ("v1", "secrets", True),
    "ConfigMap": ("v1", "configmaps", True),
    "Service": ("v1", "services", True),
    "Pod": ("v1", "pods", True),
    "Event": ("v1", "events", True),
    "CustomResourceDefinition": ("apiextensions.k8s.io/v1", "customresourcedefinitions", False),
    "GatewayClass": ("gateway.networking.k8s.io/v1", "gatewayclasses", False),
    "Gateway": ("gateway.networking.k8s.io/v1", "gateways", True),
    "HTTPRoute": ("gateway.networking.k8s.io/v1", "httproutes", True),
    "ReferenceGrant": ("gateway.networking.k8s.io/v1beta1", "referencegrants", True),
    "Backend": ("gateway.kgateway.dev/v1alpha1", "backends", True),
    "ModelConfig": ("kagent.dev/v1alpha2", "modelconfigs", True),
    "Agent": ("kagent.dev/v1alpha2", "agents", True),
    # From the CustomResourceDefinitions in objects.py.
    "Widget": ("example.test/v1", "widgets", True),
    "Gizmo": ("example.test/v1", "gizmos", False),
}

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PATCH_TYPES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


def path_of(kind, namespace=None, name=None, sub=None):
    """The URL path of a collection or an object; namespace None is all namespaces."""
    version, plural, namespaced = RESOURCES[kind]
    parts = ["", "apis", version] if "/" in version else ["", "api", version]
    if namespaced and namespace:
        parts += ["namespaces", namespace]
    parts.append(plural)
    parts += [part for part in (name, sub) if part]
    return "/".join(parts)


def tls_context(ca_pem):
    context = ssl.create_default_context(cadata=ca_pem)
    context.set_alpn_protocols(["http/1.1"])
    return context


class Answer:
    """An HTTP answer."""

    def __init__(self, status, headers, body, what):
        self.status, self.headers, self.body, self.what = status, headers, body, what

    @property
    def object(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def message(self):
        return self.object.get("message", "")

    @property
    def reason(self):
        return self.object.get("reason", "")

    @property
    def causes(self):
        return self.object.get("details", {}).get("causes", [])

    @property
    def warnings(self):
        return self.headers.get_all("Warning") or []

    def expect(self, *statuses):
        """This answer, which must have one of the statuses."""
        if self.status not in statuses:
            raise AssertionError(f"{self.what}: {self.status}, expected {statuses}: {self.text[:2000]}")
        return self

    def __repr__(self):
        return f"{self.what}: {self.status} {self.text[:1500]}"


class Client:
    """One connection, reused; for one thread. Watches open their own."""

    def __init__(self, url, ca_pem, token):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        self.ca_pem, self.token = ca_pem, token
        self._connection = None

    @classmethod
    def from_kubeconfig(cls, path):
        text = pathlib.Path(path).read_text()

        def field(name):
            found = re.search(rf"[\"']?{name}[\"']?\s*:\s*[\"']?([^\s\"',}}]+)", text)
            return found.group(1) if found else None

        data = field("certificate-authority-data")
        ca = base64.b64decode(data).decode() if data else pathlib.Path(field("certificate-authority")).read_text()
        return cls(field("server"), ca, field("token"))

    def copy(self):
        return Client(f"https://{self.host}:{self.port}", self.ca_pem, self.token)

    def connect(self, timeout=30):
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=tls_context(self.ca_pem))

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def headers(self, accept="application/json", content_type=None, extra=None, token=None):
        out = {"Accept": accept, "User-Agent": "integration-test/1.0"}
        token = self.token if token is None else token
        if token:
            out["Authorization"] = f"Bearer {token}"
        if content_type:
            out["Content-Type"] = content_type
        out.update(extra or {})
        return out

    def call(self, method, path, body=None, *, content_type="application/json", accept="application/json",
             extra=None, token=None, **query):
        """One request. A dict or list becomes JSON; text and bytes go as they are. token="" sends none."""
        if query:
            path += ("&" if "?" in path else "?") + urllib.parse.urlencode(query, doseq=True)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        headers = self.headers(accept, content_type if body is not None else None, extra, token)
        for last in (False, True):
            fresh = self._connection is None
            if fresh:
                self._connection = self.connect()
            try:
                return self._exchange(method, path, body, headers)
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                self.close()  # the server may close an idle connection; that is worth one more try
                if fresh or last:
                    raise
            except BaseException:
                self.close()
                raise
        raise AssertionError("not reached")

    def _exchange(self, method, path, body, headers):
        connection = self._connection
        try:
            connection.request(method, path, body, headers)
        except OSError:
            if not body or connection.sock is None:
                raise
            # A body may be refused before all of it was sent: then the answer is there to read.
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read(), f"{method} {path[:300]}")

    def create(self, obj, **query):
        namespace = obj["metadata"].get("namespace")
        return self.call("POST", path_of(obj["kind"], namespace), obj, **query)

    def must_create(self, obj, **query):
        return self.create(obj, **query).expect(201).object

    def get(self, kind, namespace, name, **query):
        return self.call("GET", path_of(kind, namespace, name), **query)

    def read(self, kind, namespace, name):
        return self.get(kind, namespace, name).expect(200).object

    def exists(self, kind, namespace, name):
        return self.get(kind, namespace, name).expect(200, 404).status == 200

    def list(self, kind, namespace=None, **query):
        return self.call("GET", path_of(kind, namespace), **query)

    def items(self, kind, namespace=None, **query):
        return self.list(kind, namespace, **query).expect(200).object["items"]

    def names(self, kind, namespace=None, **query):
        return [item["metadata"]["name"] for item in self.items(kind, namespace, **query)]

    def replace(self, obj, sub=None, **query):
        meta = obj["metadata"]
        return self.call("PUT", path_of(obj["kind"], meta.get("namespace"), meta["name"], sub), obj, **query)

    def patch(self, kind, namespace, name, patch, how="merge", sub=None, **query):
        return self.call("PATCH", path_of(kind, namespace, name, sub), patch, content_type=PATCH_TYPES[how], **query)

    def must_patch(self, kind, namespace, name, patch, how="merge", **query):
        return self.patch(kind, namespace, name, patch, how, **query).expect(200, 201).object

    def apply(self, obj, manager, sub=None, **query):
        meta = obj["metadata"]
        return self.patch(obj["kind"], meta.get("namespace"), meta["name"], obj, "apply", sub,
                          fieldManager=manager, **query)

    def delete(self, kind, namespace, name, body=None, **query):
        return self.call("DELETE", path_of(kind, namespace, name), body, **query)

    def watch(self, kind, namespace=None, **query):
        return Watch(self, path_of(kind, namespace), **query)


class Watch:
    """A running watch: `events` grows, `ended` turns true; `status` and `error` of an answer that is no watch."""

    def __init__(self, client, path, accept="application/json", **query):
        self.events, self.ended, self.clean = [], False, False
        self._connection = client.connect(timeout=None)
        query["watch"] = "true"
        self._connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}", headers=client.headers(accept))
        self._socket = self._connection.sock  # the connection forgets it when the answer says Connection: close
        self._answer = self._connection.getresponse()
        self.status = self._answer.status
        self.error = None
        if self.status != 200:
            self.error = json.loads(self._answer.read())
            self.ended = True
            self._connection.close()
            return
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        pending = b""
        try:
            while True:
                data = self._answer.read1(65536)
                if not data:
                    self.clean = not pending
                    break
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    if line.strip():
                        self.events.append(json.loads(line))
        except (OSError, ValueError, http.client.HTTPException):
            pass
        self.ended = True

    def wait_for(self, check, timeout=20, what="watch events"):
        """Polls until `check(events)` is true; returns it."""
        deadline = time.monotonic() + timeout
        while True:
            found = check(list(self.events))
            if found:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {timeout} s: {what}; ended={self.ended}; last events: "
                                     f"{json.dumps(self.events[-5:])[:2000]}")
            time.sleep(0.02)

    def wait_end(self, timeout=20):
        return self.wait_for(lambda _: self.ended, timeout, "the end of the watch")

    def seen(self, name=None):
        """(type, name) of the events, bookmarks left out; or the types for one name."""
        pairs = [(e["type"], e["object"]["metadata"].get("name")) for e in list(self.events) if e["type"] != "BOOKMARK"]
        return [kind for kind, n in pairs if n == name] if name else pairs

    def close(self):
        if not self.ended:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._thread.join(5)
        self._answer.close()
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

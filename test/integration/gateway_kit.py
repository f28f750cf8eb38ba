"""For the tests of the gateway: raw HTTP/1.1 on sockets, upstreams whose every byte a test decides, log lines."""

import json
import re
import shlex
import socket
import struct
import threading

import harness
import objects
from conditions import ConditionsTest
from harness import wait_until


class Closed(Exception):
    """The peer closed, or reset, before the message was whole."""


class Message:
    """A request or an answer: first line, fields as (lower-case name, value), body."""

    def __init__(self, line, fields):
        self.line, self.fields, self.body, self.whole = line, fields, b"", False

    @property
    def status(self):
        return int(self.line.split(" ")[1])

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def get(self, name, default=None):
        return next(iter(self.all(name)), default)

    @property
    def object(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.line} {self.fields} {self.body[:500]!r} whole={self.whole}"


class Wire:
    """One connection; reads HTTP messages."""

    def __init__(self, sock):
        self.sock, self.pending, self.closed = sock, b"", False
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def to(cls, host, port, timeout=20, receive_buffer=None):
        sock = socket.socket()
        if receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(timeout)
        sock.connect((host, port))
        return cls(sock)

    def send(self, data):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def more(self):
        try:
            data = self.sock.recv(65536)
        except (ConnectionError, BrokenPipeError) as error:
            raise Closed(str(error)) from None
        if not data:
            raise Closed("end of the connection")
        self.pending += data

    def line(self):
        while b"\r\n" not in self.pending:
            self.more()
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line

    def take(self, size):
        while len(self.pending) < size:
            self.more()
        data, self.pending = self.pending[:size], self.pending[size:]
        return data

    def head(self):
        first, fields = self.line().decode("latin-1"), []
        while line := self.line().decode("latin-1"):
            name, _, value = line.partition(":")
            fields.append((name.strip().lower(), value.strip()))
        return Message(first, fields)

    def body(self, message, until_close=False):
        """Reads the body as the fields frame it; a cut one leaves `whole` False and what came in `body`."""
        parts = []
        try:
            if message.get("transfer-encoding", "").lower() == "chunked":
                while size := int(self.line().split(b";")[0], 16):
                    parts.append(self.take(size))
                    self.take(2)
                while self.line():
                    pass
            elif message.get("content-length") is not None:
                parts.append(self.take(int(message.get("content-length"))))
            elif until_close:
                while True:
                    self.more()
        except Closed:
            parts.append(self.pending)
            self.pending = b""
            message.body = b"".join(parts)
            message.whole = until_close and not message.all("transfer-encoding") + message.all("content-length")
            return message
        message.body, message.whole = b"".join(parts), True
        return message

    def answer(self, to="GET"):
        """The next final answer."""
        while True:
            message = self.head()
            if message.status >= 200:
                break
        if to == "HEAD" or message.status in (204, 304):
            message.whole = True
            return message
        return self.body(message, until_close=True)

    def at_end(self):
        """True when the peer closes and sends nothing more."""
        try:
            self.more()
        except Closed:
            return True
        return False

    def reset(self):
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Upstream:
    """A backend. Plays `plays[path]` (a function of wire, request and upstream) or echoes the request as JSON.

    A play that returns "close" ends the connection. `seen` holds every request head with its body, in order.
    """

    def __init__(self, name="echo", context=None):
        self.name, self.plays, self.seen, self.connections, self.begun = name, {}, [], 0, 0
        self.context, self.stop_reading = context, set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open, self._stopped = set(), False
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock, self.connections), daemon=True).start()

    def _serve(self, sock, number):
        try:
            if self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
                self.on_handshake(sock)
            self._open.add(sock)
            wire = Wire(sock)
            wire.number = number
            while not self._stopped:
                request = wire.head()
                request.connection = number
                self.begun += 1
                method, request.path, _ = request.line.split(" ")
                request.method = method
                play = self.plays.get(request.path.split("?")[0])
                if play is None or not getattr(play, "reads_itself", False):
                    wire.body(request)
                self.seen.append(request)
                if (play or echo)(wire, request, self) == "close":
                    return
        except (Closed, OSError, ValueError):
            pass
        finally:
            self._open.discard(sock)
            sock.close()

    def on_handshake(self, sock):
        pass

    def close_all(self):
        """Closes the connections that are open, as an idle timeout would."""
        for sock in list(self._open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def open_count(self):
        return len(self._open)

    def paths(self):
        return [request.path for request in list(self.seen)]

    def stop(self):
        self._stopped = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self.close_all()


def echo(wire, request, upstream):
    text = json.dumps({"upstream": upstream.name, "method": request.method, "path": request.path, "fields": request.fields,
                       "size": len(request.body), "body": request.body[:1000].decode("latin-1"),
                       "connection": request.connection}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Upstream: {upstream.name}\r\n"
    wire.send(f"{head}Content-Length: {len(text)}\r\n\r\n".encode() + (b"" if request.method == "HEAD" else text))


def says(text):
    """A play that sends these bytes and keeps the connection."""
    return lambda wire, request, upstream: wire.send(text) and None


def says_and_closes(text):
    return lambda wire, request, upstream: wire.send(text) and "close"


def reading_itself(play):
    """The play gets the request before its body was read."""
    play.reads_itself = True
    return play


def request_text(path="/", method="GET", host="gw.test", fields=(), body=None, version="HTTP/1.1"):
    lines = [f"{method} {path} {version}", f"Host: {host}"] + [f"{k}: {v}" for k, v in fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def log_fields(line):
    """The keys and values of an access log line, in order, after the word `request`."""
    words = shlex.split(line[line.index(" request ") + 9:], posix=True)
    return [tuple(word.split("=", 1)) for word in words]


class GatewayTest(ConditionsTest):
    """A server with one Gateway `gw`, an upstream with Backend `be`, and requests through them."""

    gateway_ns, port_number = None, None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.host = cls.server.listen_host
        cls.gateway_ns = cls.new_namespace()
        cls.port_number = harness.free_port(cls.host)
        cls.upstream = Upstream("echo")
        cls.addClassCleanup(cls.upstream.stop)
        cls.api.must_create(objects.gateway(cls.gateway_ns, "gw",
                                            objects.listener(cls.port_number, **objects.allow("All"))))
        wait_until(lambda: f"{cls.gateway_ns}/gw/http" in cls.server.endpoints()["gateways"])

    def setUp(self):
        super().setUp()
        self.site = f"{self.ns}.test"  # the host name of this test's routes, unless it names others
        self.backend("be", self.upstream.port)

    def backend(self, name, port):
        self.api.must_create(objects.static_backend(self.ns, name, port=port))
        return objects.backend_ref(name)

    def rules(self, name, *rules, hostnames=None, gateway="gw"):
        """An HTTPRoute of these rules; returns when it is accepted, and so live."""
        obj = objects.route(self.ns, name, [objects.parent(gateway, self.gateway_ns)],
                            hostnames=[self.site] if hostnames is None else hostnames)
        obj["spec"]["rules"] = list(rules)
        self.api.must_create(obj)
        self.addCleanup(lambda: self.api.delete("HTTPRoute", self.ns, name))
        self.route_is(name, {"Accepted": "True"}, gateway)

    def rule(self, path=None, kind="PathPrefix", backend="be", **more):
        match = {**({"path": {"type": kind, "value": path}} if path else {}), **more.pop("match", {})}
        return {"matches": [match], "backendRefs": [objects.backend_ref(backend)] if backend else [], **more}

    def wire(self, **more):
        wire = Wire.to(self.host, self.port_number, **more)
        self.addCleanup(wire.close)
        return wire

    def ask(self, path="/", method="GET", **more):
        """One request on a connection of its own."""
        with Wire.to(self.host, self.port_number) as wire:
            return wire.send(self.text(path, method, **more)).answer(method)

    def text(self, path="/", method="GET", **more):
        return request_text(path, method, **{"host": self.site, **more})

    def echoed(self, path="/", method="GET", **more):
        answer = self.ask(path, method, **more)
        self.assertEqual(200, answer.status, answer)
        return answer.object

    def logged(self, contains, timeout=10):
        """The access log line of this test's host, once there, that holds this text (which may name another host)."""
        site = "" if "http.host=" in contains else self.site

        def look():
            lines = self.server.stderr().splitlines()
            return next((x for x in lines if " request " in x and contains in x and site in x), None)

        return wait_until(look, timeout, lambda: f"an access log line with {contains}\n{self.server.stderr()[-3000:]}")

    def metrics(self):
        return get_text(self.server.endpoints()["metrics"] + "/metrics")


def get_text(url):
    host, port, path = re.fullmatch(r"http://([^:]+):(\d+)(/.*)", url).groups()
    with Wire.to(host, int(port)) as wire:
        answer = wire.send(request_text(path, host=f"{host}:{port}")).answer()
    if answer.status != 200:
        raise AssertionError(f"{url}: {answer}")
    return answer.body.decode()

"""Clients that leave before their request reached a backend: the wait ends with them, and nothing is sent in their name."""

import errno
import json
import os
import socket
import unittest

from gateway_kit import Wire, request_text
from harness import wait_until
from test_gateway_standalone import StandaloneTest, route, spec

SOON_SECONDS = 5  # the connect timeout is 10 s
QUESTION = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
SYN_SENT = "02"


def dialling(pid, port):
    """How many connections to this local port the process is opening and has not got yet."""
    own = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            own.add(os.readlink(entry.path))
        except OSError:
            pass  # closed meanwhile
    count = 0
    with open("/proc/net/tcp") as table:
        for line in list(table)[1:]:
            words = line.split()
            if words[2].endswith(f":{port:04X}") and words[3] == SYN_SENT and f"socket:[{words[9]}]" in own:
                count += 1
    return count


class Busy:
    """A listener that answers no more connections once `fill` was called: its backlog is full."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []

    def fill(self):
        for _ in range(4):
            sock = socket.socket()
            self.fillers.append(sock)
            sock.setblocking(False)
            assert sock.connect_ex(("127.0.0.1", self.port)) in (0, errno.EINPROGRESS)
        wait_until(lambda: dialling(os.getpid(), self.port) > 0, what="a full backlog")

    def accept(self):
        """The next connection, or None when there is none now."""
        self.listener.setblocking(False)
        try:
            sock, _ = self.listener.accept()
        except BlockingIOError:
            return None
        sock.settimeout(10)
        return Wire(sock)

    def empty(self):
        """Takes everything out of the backlog; returns what was sent on it."""
        for sock in self.fillers:
            sock.close()
        sent = []
        while wire := self.accept():
            data = wire.sock.recv(65536)
            wire.close()
            if data:
                sent.append(data)
        return sent

    def close(self):
        for sock in [*self.fillers, self.listener]:
            sock.close()


class Leaving(StandaloneTest):
    def setUp(self):
        super().setUp()
        self.busy = Busy()
        self.addCleanup(self.busy.close)
        self.there = self.backend("local/there")

    def serve(self, **more):
        backend = {"name": "local/be", "endpoints": [{"host": "127.0.0.1", "port": self.busy.port}], **more}
        there = route("local/there", "local/there", "/there")
        self.start(spec(route(), there, backends=[backend, self.there]), "--workers", "1")

    def open(self):
        wire = Wire.to(self.host, self.port, timeout=10)
        self.addCleanup(wire.close)
        return wire

    def line_of(self, path):
        def look():
            lines = self.process.stderr().splitlines()
            return next((x for x in lines if " request " in x and f"http.path={path} " in x), None)

        return wait_until(look, SOON_SECONDS, lambda: f"a line of {path}\n{self.process.stderr()[-2000:]}")

    def check_left(self, path):
        self.assertIn("http.status=499", self.line_of(path))
        wait_until(lambda: dialling(self.process.pid, self.busy.port) == 0, SOON_SECONDS, "the connecting ends")
        self.assertEqual("/there", self.ask("/there").object["path"])

    def check_next_is_the_first(self):
        """With room in the backlog again, the next request is the first that the backend sees."""
        self.assertEqual([], self.busy.empty())
        client = self.open().send(request_text("/next"))
        backend = wait_until(self.busy.accept)
        self.addCleanup(backend.close)
        self.assertEqual("GET /next HTTP/1.1", backend.head().line)
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.assertEqual(200, client.answer().status)

    def test_while_connecting(self):
        self.serve()
        self.busy.fill()
        for path, leave in (("/closed", Wire.close), ("/reset", Wire.reset)):
            with self.subTest(path):
                wire = self.open().send(request_text(path))
                wait_until(lambda: dialling(self.process.pid, self.busy.port) == 1)
                leave(wire)
                self.check_left(path)
        self.check_next_is_the_first()

    def test_while_connecting_to_a_model(self):
        self.serve(ai={"provider": "openai"})
        self.busy.fill()
        wire = self.open().send(request_text("/left", "POST", body=QUESTION))
        wait_until(lambda: dialling(self.process.pid, self.busy.port) == 1)
        wire.close()
        self.check_left("/left")
        self.assertEqual([], self.busy.empty(), "a model call is paid for")

    def test_in_the_handshake_of_tls(self):
        self.serve(tls=True)
        wire = self.open().send(request_text("/left"))
        backend = wait_until(self.busy.accept)
        self.addCleanup(backend.close)
        self.assertEqual(22, backend.take(1)[0], "the gateway's hello, to which nothing comes back")
        wire.close()
        self.check_left("/left")

    def test_while_a_request_is_tried_again(self):
        self.serve()
        client = self.open().send(request_text("/first"))
        backend = wait_until(self.busy.accept)
        self.addCleanup(backend.close)
        backend.head()
        backend.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.assertEqual(b"ok", client.answer().body)
        self.busy.fill()
        client.send(request_text("/again"))
        self.assertEqual("GET /again HTTP/1.1", backend.head().line)
        backend.close()  # unanswered, on a kept connection: the gateway connects anew
        wait_until(lambda: dialling(self.process.pid, self.busy.port) == 1)
        client.close()
        self.check_left("/again")
        self.check_next_is_the_first()
        self.assertEqual(0, self.process.end())

    def test_many_while_connecting_leave_nothing_behind(self):
        self.serve()
        self.busy.fill()

        def descriptors():
            return len(os.listdir(f"/proc/{self.process.pid}/fd"))

        self.assertEqual(200, self.ask("/there").status)
        before = descriptors()
        wires = [self.open().send(request_text(f"/left/{i}")) for i in range(20)]
        wait_until(lambda: dialling(self.process.pid, self.busy.port) == 20)
        [wire.close() for wire in wires]
        wait_until(lambda: dialling(self.process.pid, self.busy.port) == 0, SOON_SECONDS, "the connecting ends")
        wait_until(lambda: descriptors() <= before + 2, SOON_SECONDS, lambda: f"{before} descriptors, now {descriptors()}")


if __name__ == "__main__":
    unittest.main()

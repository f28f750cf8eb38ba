"""HTTP of the API, byte by byte: old clients, HEAD, heads and bodies that are too large."""

import json
import socket
import unittest

import kube
import objects
from gateway_kit import Wire
from harness import ServerTest

WATCH = "?watch=true&timeoutSeconds=1"
OVER_THE_LIMIT = 9_000_000


class HttpTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = cls.new_namespace()
        cls.path = kube.path_of("ConfigMap", cls.ns)
        for name in ("a", "b"):
            cls.api.must_create(objects.config_map(cls.ns, name))

    def connect(self):
        sock = socket.create_connection((self.api.host, self.api.port), timeout=20)
        wire = Wire(kube.tls_context(self.api.ca_pem).wrap_socket(sock, server_hostname=self.api.host))
        self.addCleanup(wire.close)
        return wire

    def head(self, method, path, version, *lines):
        lines = [f"{method} {path} {version}", "Host: x", f"Authorization: Bearer {self.api.token}", *lines]
        return "\r\n".join(lines) + "\r\n\r\n"

    def names(self, answer):
        return [item["metadata"]["name"] for item in answer.object["items"]]


class Old(HttpTest):
    """HTTP/1.0."""

    def ask(self, wire, *lines, path=None):
        return wire.send(self.head("GET", path or self.path, "HTTP/1.0", *lines)).answer()

    def test_keep_alive_is_announced(self):
        wire = self.connect()
        for _ in range(3):
            answer = self.ask(wire, "Connection: keep-alive")
            self.assertEqual((200, "keep-alive"), (answer.status, answer.get("connection", "").lower()), answer)
            self.assertEqual([], answer.all("transfer-encoding"))
            self.assertIsNotNone(answer.get("content-length"))
            self.assertEqual(["a", "b"], self.names(answer))

    def test_without_it_the_connection_ends(self):
        wire = self.connect()
        answer = self.ask(wire)
        self.assertEqual((200, ["a", "b"]), (answer.status, self.names(answer)))
        self.assertNotEqual("keep-alive", answer.get("connection", "").lower())
        self.assertTrue(wire.at_end())

    def test_a_new_client_is_not_told(self):
        answer = self.connect().send(self.head("GET", self.path, "HTTP/1.1")).answer()
        self.assertEqual((200, []), (answer.status, answer.all("connection")))

    def test_a_watch_has_no_chunks(self):
        for lines in ((), ("Connection: keep-alive",)):
            with self.subTest(lines):
                answer = self.ask(self.connect(), *lines, path=self.path + WATCH)
                self.assertEqual((200, []), (answer.status, answer.all("transfer-encoding")))
                self.assertNotEqual("keep-alive", answer.get("connection", "").lower())
                self.assertTrue(answer.whole)  # it ended with the connection
                events = [json.loads(line) for line in answer.body.splitlines()]
                self.assertEqual([("ADDED", "a"), ("ADDED", "b")],
                                 [(e["type"], e["object"]["metadata"]["name"]) for e in events])

    def test_a_new_client_gets_chunks(self):
        answer = self.connect().send(self.head("GET", self.path + WATCH, "HTTP/1.1")).answer()
        self.assertEqual(("chunked", True), (answer.get("transfer-encoding"), answer.whole))
        self.assertEqual(2, len(answer.body.splitlines()))


class Head(HttpTest):
    def test_of_a_list(self):
        wire = self.connect()
        answer = wire.send(self.head("HEAD", self.path, "HTTP/1.1")).answer("HEAD")
        self.assertEqual((200, "application/json"), (answer.status, answer.get("content-type")))
        after = wire.send(self.head("GET", self.path, "HTTP/1.1")).answer()  # nothing stands in between
        self.assertEqual((200, ["a", "b"]), (after.status, self.names(after)))
        self.assertEqual(answer.get("content-length"), after.get("content-length"))

    def test_of_a_watch(self):
        wire = self.connect()
        answer = wire.send(self.head("HEAD", self.path + WATCH, "HTTP/1.1")).answer("HEAD")
        self.assertEqual(200, answer.status)
        self.assertEqual(b"", wire.pending)
        after = wire.send(self.head("GET", self.path, "HTTP/1.1")).answer()  # nothing of a stream stands in between
        self.assertEqual((200, ["a", "b"]), (after.status, self.names(after)))


class TooLarge(HttpTest):
    def status_of(self, answer, code):
        self.assertEqual((code, "application/json"), (answer.status, answer.get("content-type")), answer)
        self.assertTrue(answer.whole)
        status = answer.object
        self.assertEqual(("Status", "v1", "Failure", code),
                         tuple(status[key] for key in ("kind", "apiVersion", "status", "code")))
        return status

    def body_refused(self, answer):
        status = self.status_of(answer, 413)
        self.assertEqual("RequestEntityTooLarge", status["reason"])
        self.assertIn("limit is", status["message"])

    def test_a_body_that_says_its_length(self):
        lines = ("Content-Type: application/json", f"Content-Length: {OVER_THE_LIMIT}")
        self.body_refused(self.connect().send(self.head("POST", self.path, "HTTP/1.1", *lines)).answer())

    def test_a_body_that_is_sent(self):
        obj = objects.config_map(self.ns, "large", {"k": "x" * OVER_THE_LIMIT})
        answer = self.api.create(obj).expect(413)
        self.assertEqual("application/json", answer.headers["content-type"])
        self.assertEqual(("Status", "RequestEntityTooLarge", 413),
                         tuple(answer.object[key] for key in ("kind", "reason", "code")))
        self.assertEqual(["a", "b"], self.api.names("ConfigMap", self.ns))

    def test_a_body_in_chunks(self):
        wire = self.connect()
        lines = ("Content-Type: application/json", "Transfer-Encoding: chunked")
        wire.send(self.head("POST", self.path, "HTTP/1.1", *lines))
        piece = f"{1 << 16:x}\r\n" + "x" * (1 << 16) + "\r\n"
        try:
            for _ in range(OVER_THE_LIMIT >> 16):
                wire.send(piece)
        except OSError:
            pass  # refused before all of it was sent: the answer is there to read
        self.body_refused(wire.answer())

    def test_a_head(self):
        wire = self.connect()
        try:
            wire.send(self.head("GET", self.path, "HTTP/1.1", f"X-Long: {'y' * 200_000}"))
        except OSError:
            pass
        status = self.status_of(wire.answer(), 431)
        self.assertIn("head", status["message"])
        self.assertNotIn("yyyy", status["message"])


if __name__ == "__main__":
    unittest.main()

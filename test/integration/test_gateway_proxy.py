"""Carrying plain HTTP: connections on both sides, bodies of every framing, back-pressure, upstreams that misbehave."""

import hashlib
import json
import pathlib
import socket
import tempfile
import threading
import time
import unittest

import harness
import objects
from gateway_kit import Closed, GatewayTest, Upstream, Wire, reading_itself, request_text, says, says_and_closes
from harness import wait_until

MIB = 1 << 20


def digest(wire, request, upstream):
    """Answers with the size and hash of the body, read piece by piece."""
    wire.body(request)
    text = f"{len(request.body)} {hashlib.sha256(request.body).hexdigest()}".encode()
    wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(text) + text)


class Plain(GatewayTest):
    """One route for every path of the test's host to an upstream of the test's own."""

    def setUp(self):
        super().setUp()
        self.up = Upstream("own")
        self.addCleanup(self.up.stop)
        self.backend("own", self.up.port)
        self.rules("r", self.rule("/", backend="own"))


class Connections(Plain):
    def test_both_sides_are_kept(self):
        wire = self.wire()
        answers = [wire.send(self.text(f"/{i}")).answer() for i in range(20)]
        self.assertEqual([f"/{i}" for i in range(20)], [a.object["path"] for a in answers])
        self.assertEqual({1}, {a.object["connection"] for a in answers}, "one upstream connection serves them all")
        self.assertEqual([], [a.get("connection") for a in answers if a.get("connection") == "close"])

    def test_pipelined_requests_are_answered_in_order(self):
        wire = self.wire()
        wire.send(b"".join(self.text(f"/{i}", "POST", body=b"x" * i) if i % 2 else self.text(f"/{i}") for i in range(30)))
        got = [wire.answer().object for _ in range(30)]
        self.assertEqual([(f"/{i}", i if i % 2 else 0) for i in range(30)], [(g["path"], g["size"]) for g in got])

    def test_pipelined_requests_byte_by_byte(self):
        wire = self.wire()
        for byte in self.text("/a", "POST", body=b"hello") + self.text("/b"):
            wire.send(bytes([byte]))
        self.assertEqual(["hello", "/b"], [wire.answer().object["body"], wire.answer().object["path"]])

    def test_close_is_honoured(self):
        wire = self.wire()
        answer = wire.send(self.text("/", fields=[("Connection", "close")])).answer()
        self.assertEqual((200, "close"), (answer.status, answer.get("connection")))
        self.assertTrue(wire.at_end())

    def test_http_1_0(self):
        wire = self.wire()
        self.assertEqual(200, wire.send(self.text("/", version="HTTP/1.0")).answer().status)
        self.assertTrue(wire.at_end())
        wire = self.wire()
        for _ in range(2):
            answer = wire.send(self.text("/", version="HTTP/1.0", fields=[("Connection", "keep-alive")])).answer()
            self.assertEqual((200, "keep-alive"), (answer.status, answer.get("connection").lower()))

    def test_a_chunked_answer_to_http_1_0_ends_with_the_connection(self):
        self.up.plays["/c"] = says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n")
        wire = self.wire()
        answer = wire.send(self.text("/c", version="HTTP/1.0")).answer()
        self.assertEqual((b"abcdef", None), (answer.body, answer.get("transfer-encoding")))

    def test_an_upstream_that_closed_idle_connections_is_asked_on_a_new_one(self):
        wire = self.wire()
        for method, body in (("GET", None), ("POST", b"once")):
            self.assertEqual(200, wire.send(self.text("/first")).answer().status)
            self.up.close_all()
            wait_until(lambda: self.up.open_count() == 0)
            self.assertEqual(200, wire.send(self.text("/second", method, body=body)).answer().status)
        self.assertEqual(2, self.up.paths().count("/second"))

    def test_a_get_that_met_a_closing_connection_is_sent_again(self):
        def closes_if_reused(wire, request, upstream):
            if not getattr(wire, "fresh", True):
                return "close"
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            wire.fresh = False
            return None

        self.up.plays["/x"] = closes_if_reused
        wire = self.wire()
        self.assertEqual([200, 200], [wire.send(self.text("/x")).answer().status for _ in range(2)])
        self.assertEqual(3, self.up.paths().count("/x"))

    def test_connections_through_many_clients_at_once(self):
        failures = []

        def client(n):
            try:
                with Wire.to(self.host, self.port_number) as wire:
                    for i in range(40):
                        answer = wire.send(self.text(f"/{n}/{i}", "POST", body=b"%d-%d" % (n, i))).answer()
                        if answer.object["path"] != f"/{n}/{i}" or answer.object["body"] != f"{n}-{i}":
                            failures.append(answer)
            except (Closed, OSError, ValueError) as error:
                failures.append(error)

        threads = [threading.Thread(target=client, args=(n,)) for n in range(25)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        self.assertEqual([], failures)
        self.assertLessEqual(self.up.connections, 60)


class Circles(Plain):
    def test_a_route_that_leads_back_to_its_gateway(self):
        self.api.must_create(objects.static_backend(self.ns, "self", self.host, self.port_number))
        self.rules("circle", self.rule("/circle", backend="self"))
        answer = self.ask("/circle")
        self.assertEqual(502, answer.status, answer)
        self.assertIn(b"leads back", answer.body)
        self.logged("http.path=/circle ")
        self.assertLessEqual(sum("http.path=/circle " in line and self.site in line for line in self.server.stderr().splitlines()), 12)

    def test_a_name_that_leads_back(self):
        """Whose address is known only once it is looked up; also where nobody said that the backend is this program."""
        port = harness.free_port()
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "gateway.json")
            file.write_text(json.dumps({
                "apiVersion": "sightline/v1", "listeners": [{"gateway": "l/gw", "name": "http", "host": "127.0.0.1", "port": port}],
                "routes": [{"name": "l/r", "listeners": ["l/gw/http"], "rules": [{"matches": [], "backends": [{"backend": "l/be"}]}]}],
                "backends": [{"name": "l/be", "endpoints": [{"host": "localhost", "port": port}]}]}))
            process = harness.Process([harness.need_binary(), "gateway", "--config", file])
            self.addCleanup(process.kill)
            process.wait_line("ready")
            for _ in range(3):
                with Wire.to("127.0.0.1", port) as wire:
                    answer = wire.send(request_text("/circle")).answer()
                self.assertEqual(502, answer.status, answer)
                self.assertIn(b"leads back", answer.body)
            self.assertEqual(0, process.end())
            self.assertLess(process.stderr().count("http.path=/circle "), 60)

    def test_one_gateway_before_another_rule(self):
        change = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/inner"}}}
        self.api.must_create(objects.static_backend(self.ns, "self", self.host, self.port_number))
        self.rules("outer", self.rule("/outer", backend="self", filters=[change]))
        self.assertEqual("/inner", self.echoed("/outer")["path"])

    def test_the_trace_of_the_client(self):
        trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
        for parent, sent in ((f"00-{trace}-{span}-00", True), (f"00-{trace}-{span}-01", True), ("broken", False), (None, False)):
            fields = [("tracestate", "vendor=a1")] + ([("traceparent", parent)] if parent else [])
            got = {k.lower(): v for k, v in self.echoed("/t", fields=fields)["fields"]}
            self.assertEqual(sent, "tracestate" in got, parent)
            self.assertEqual("00" if parent and parent.endswith("-00") else "01", got["traceparent"][-2:])
            self.assertEqual(sent, trace in got["traceparent"])


class Bodies(Plain):
    def setUp(self):
        super().setUp()
        self.up.plays["/digest"] = reading_itself(digest)
        self.data = hashlib.sha256(b"seed").digest() * (MIB // 32)

    def chunked(self, data, size, extension=b""):
        parts = [data[i:i + size] for i in range(0, len(data), size)]
        return b"".join(b"%x%s\r\n%s\r\n" % (len(p), extension, p) for p in parts) + b"0\r\n\r\n"

    def post_chunked(self, wire, framed, path="/digest"):
        head = self.text(path, "POST", fields=[("Transfer-Encoding", "chunked")])
        return wire.send(head + framed).answer()

    def test_up_with_a_length_and_in_chunks(self):
        want = f"{MIB} {hashlib.sha256(self.data).hexdigest()}".encode()
        wire = self.wire()
        self.assertEqual(want, wire.send(self.text("/digest", "POST", body=self.data)).answer().body)
        self.assertEqual(want, self.post_chunked(wire, self.chunked(self.data, 70000)).body)
        self.assertEqual(want, self.post_chunked(wire, self.chunked(self.data, 999, b";x=1")).body)
        self.assertEqual(b"0 " + hashlib.sha256(b"").hexdigest().encode(), self.post_chunked(wire, b"0\r\n\r\n").body)
        trailers = self.chunked(b"abc", 3)[:-2] + b"X-Trailer: 1\r\n\r\n"
        self.assertTrue(self.post_chunked(wire, trailers).body.startswith(b"3 "))

    def test_down_in_every_framing(self):
        ok = b"HTTP/1.1 200 OK\r\n"
        self.up.plays["/length"] = says(ok + b"Content-Length: %d\r\n\r\n" % MIB + self.data)
        self.up.plays["/chunks"] = says(ok + b"Transfer-Encoding: chunked\r\n\r\n" + self.chunked(self.data, 33333))
        self.up.plays["/close"] = says_and_closes(ok + b"\r\n" + self.data)
        self.up.plays["/old"] = says_and_closes(b"HTTP/1.0 200 OK\r\n\r\n" + self.data)
        self.up.plays["/trailers"] = says(ok + b"Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX-T: 1\r\n\r\n")
        wire = self.wire()
        for path in ("/length", "/chunks", "/close", "/old"):
            answer = wire.send(self.text(path)).answer()
            self.assertEqual((200, True), (answer.status, answer.whole), path)
            self.assertEqual(hashlib.sha256(self.data).digest(), hashlib.sha256(answer.body).digest(), path)
        self.assertEqual(b"abc", wire.send(self.text("/trailers")).answer().body)

    def test_pieces_are_passed_on_at_once(self):
        go_on = threading.Event()

        def play(wire, request, upstream):
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            go_on.wait(10)
            wire.send("4\r\nlast\r\n0\r\n\r\n")

        self.up.plays["/drip"] = play
        wire = self.wire().send(self.text("/drip"))
        wire.head()
        self.assertEqual((b"5", b"first"), (wire.line(), wire.take(5)))
        go_on.set()
        self.assertEqual((b"", b"4", b"last"), (wire.line(), wire.line(), wire.take(4)))

    def test_the_answer_may_come_before_the_body_is_through(self):
        def play(wire, request, upstream):
            first = wire.take(5)
            wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n" + first + b"\r\n")
            wire.send(b"5\r\n" + wire.take(5) + b"\r\n0\r\n\r\n")

        self.up.plays["/duplex"] = reading_itself(play)
        wire = self.wire().send(self.text("/duplex", "POST", fields=[("Content-Length", "10")])).send(b"hello")
        wire.head()
        self.assertEqual((b"5", b"hello", b""), (wire.line(), wire.take(5), wire.line()))
        wire.send(b"world")
        self.assertEqual((b"5", b"world"), (wire.line(), wire.take(5)))

    def test_head(self):
        self.up.plays["/length"] = says("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n")
        self.up.plays["/chunks"] = says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire = self.wire()
        answer = wire.send(self.text("/length", "HEAD")).answer("HEAD")
        self.assertEqual((200, "1234", '"a"'), (answer.status, answer.get("content-length"), answer.get("etag")))
        self.assertEqual(200, wire.send(self.text("/x")).answer().status)
        answer = wire.send(self.text("/chunks", "HEAD")).answer("HEAD")
        self.assertNotEqual("0", answer.get("content-length"), "RFC 9110 8.6: not a length that a GET would not have")
        self.assertEqual(200, wire.send(self.text("/x")).answer().status)

    def test_answers_without_a_body(self):
        wire = self.wire()
        for status, fields in (("204 No Content", ""), ("304 Not Modified", "ETag: \"a\"\r\nContent-Length: 55\r\n")):
            self.up.plays["/none"] = says(f"HTTP/1.1 {status}\r\n{fields}\r\n")
            answer = wire.send(self.text("/none")).answer()
            self.assertEqual((status[:3], None), (str(answer.status), answer.get("transfer-encoding")))
            if status.startswith("204"):
                self.assertIsNone(answer.get("content-length"))
            self.assertEqual(200, wire.send(self.text("/x")).answer().status)

    def test_interim_answers_are_not_the_answer(self):
        self.up.plays["/early"] = says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        wire = self.wire()
        self.assertEqual((200, b"ok"), (lambda a: (a.status, a.body))(wire.send(self.text("/early")).answer()))
        self.assertEqual(200, wire.send(self.text("/x")).answer().status)

    def test_expect_100_continue(self):
        wire = self.wire()
        wire.send(self.text("/digest", "POST", fields=[("Expect", "100-continue"), ("Content-Length", "5")]))
        self.assertEqual(100, wire.head().status)
        self.assertTrue(wire.send(b"hello").answer().body.startswith(b"5 "))
        wire.send(self.text("/digest", "POST", fields=[("Expect", "100-continue")], body=b"whole"))
        self.assertTrue(wire.answer().body.startswith(b"5 "), "the body came along: whether 100 is sent is open")

    def test_expect_100_continue_of_what_nobody_serves(self):
        wire = self.wire().send(request_text("/", "POST", host="no.such.test",
                                             fields=[("Expect", "100-continue"), ("Content-Length", "5")]))
        self.assertEqual(404, wire.head().status, "no 100 for a request that is refused anyway")

    def test_other_methods(self):
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            with self.subTest(method=method):
                got = self.echoed("/m", method, body=b"body")
                self.assertEqual((method, 4), (got["method"], got["size"]))
        self.assertEqual(0, self.echoed("/m", "POST", body=b"")["size"])


class BackPressure(Plain):
    def growth(self, baseline):
        return harness.resident_bytes(self.server.pid) - baseline

    def test_a_slow_reader_of_20_mib(self):
        sent, total = [0], 20 * MIB

        def play(wire, request, upstream):
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            wire.send(f"HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n")
            while sent[0] < total:
                wire.send(b"z" * 65536)
                sent[0] += 65536

        self.up.plays["/big"] = play
        self.assertEqual(200, self.ask("/warm").status)
        baseline = harness.resident_bytes(self.server.pid)
        wire = self.wire(receive_buffer=65536).send(self.text("/big"))
        head = wire.head()
        stalled = self.settled(lambda: sent[0])
        self.assertLess(stalled, 15 * MIB, "the upstream is not read faster than the client reads")
        self.assertLess(self.growth(baseline), 8 * MIB)
        answer = wire.body(head)
        self.assertEqual((total, True), (len(answer.body), answer.whole))
        self.assertLess(self.growth(baseline), 8 * MIB)

    def test_a_slow_upstream_of_20_mib(self):
        go_on, sent, total = threading.Event(), [0], 20 * MIB

        def play(wire, request, upstream):
            wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            go_on.wait(20)
            digest(wire, request, upstream)

        self.up.plays["/big"] = reading_itself(play)
        self.assertEqual(200, self.ask("/warm").status)
        baseline = harness.resident_bytes(self.server.pid)
        wire = self.wire()
        wire.send(self.text("/big", "POST", fields=[("Content-Length", str(total))]))

        def push():
            while sent[0] < total:
                wire.sock.sendall(b"z" * 65536)
                sent[0] += 65536

        pusher = threading.Thread(target=push, daemon=True)
        pusher.start()
        self.assertLess(self.settled(lambda: sent[0]), 15 * MIB)
        self.assertLess(self.growth(baseline), 8 * MIB)
        go_on.set()
        self.assertTrue(wire.answer().body.startswith(b"%d " % total))
        pusher.join(10)

    def settled(self, value, still=0.5):
        """The value once it has been above 0 and did not change for `still` seconds."""
        state = {"value": 0, "since": time.monotonic()}

        def look():
            if value() != state["value"]:
                state.update(value=value(), since=time.monotonic())
            return state["value"] > 0 and time.monotonic() - state["since"] > still

        wait_until(look, 15, "a standstill")
        return state["value"]

    def test_a_client_that_never_reads_holds_up_nobody_else(self):
        self.up.plays["/big"] = says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (20 * MIB) + b"z" * (20 * MIB))
        stuck = [self.wire(receive_buffer=4096).send(self.text("/big")) for _ in range(8)]
        began = time.monotonic()
        self.assertEqual([200] * 20, [self.ask(f"/{i}").status for i in range(20)])
        self.assertLess(time.monotonic() - began, 5)
        [wire.close() for wire in stuck]


if __name__ == "__main__":
    unittest.main()

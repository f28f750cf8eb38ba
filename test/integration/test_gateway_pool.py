"""Kept upstream connections: one on which bytes came that nobody asked for is never used again."""

import json
import socket
import threading
import unittest

import certificates
from gateway_kit import Closed, Upstream, Wire, request_text, says, says_and_closes
from harness import wait_until
from test_gateway_standalone import StandaloneTest, route, spec

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
GIVEN_UP = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 5\r\nConnection: close\r\n\r\nstray"
QUESTION = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
STREAMED = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
ROUNDS = 10  # what is wrong here may show only within the millisecond in which a connection was kept


def message(text):
    body = json.dumps({"id": "m1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
                       "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 1, "output_tokens": 1}})
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def events(text):
    """The head and the one chunk of a streamed answer, without the last chunk."""
    data = [{"type": "message_start", "message": {"id": "m1", "type": "message", "role": "assistant", "model": "claude-x",
                                                  "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
            {"type": "message_stop"}]
    body = "".join(f"event: {d['type']}\ndata: {json.dumps(d)}\n\n" for d in data)
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return f"{head}{len(body):x}\r\n{body}\r\n".encode()


def in_one_segment(*texts):
    """A play that writes each text by itself (over TLS: a record each) and sends them together."""
    def play(wire, request, upstream):
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        for text in texts:
            wire.send(text)
        wire.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    return play


class PoolTest(StandaloneTest):
    def serve(self, *extra, **backend):
        self.start(spec(route(), backends=[self.backend(**backend)]), "--workers", "1", *extra)

    def open(self):
        wire = Wire.to(self.host, self.port, timeout=10)
        self.addCleanup(wire.close)
        return wire

    def check_kept(self, path, method="GET", body=None):
        """Two clean exchanges share a connection; otherwise the rest would show nothing."""
        wire = self.open()
        for _ in range(2):
            self.assertEqual(200, wire.send(request_text(path, method, body=body)).answer(method).status)
        self.assertEqual(1, len({r.connection for r in self.up.seen[-2:]}), "a sound connection is kept")


class Plain(PoolTest):
    def rounds(self, method, stray, closes=False):
        go, sent = threading.Event(), threading.Event()

        def play(wire, request, upstream):
            wire.send(OK)
            go.wait(10)  # the client has its answer
            wire.send(stray)
            sent.set()
            return "close" if closes else None

        self.up.plays["/first"] = play
        body = b"x" if method == "POST" else None
        for number in range(ROUNDS):
            go.clear(), sent.clear()
            wire = self.open()
            self.assertEqual(b"ok", wire.send(request_text("/first")).answer().body)
            go.set()
            self.assertTrue(sent.wait(10))
            answer = wire.send(request_text("/next", method, body=body)).answer(method)
            self.assertEqual(200, answer.status, f"round {number}: {answer}")
            self.assertNotIn(b"stray", answer.body, f"round {number}")
            self.assertEqual((method, "/next"), (answer.object["method"], answer.object["path"]))
            first, last = self.up.seen[-2:]
            self.assertNotEqual(first.connection, last.connection)

    def test_a_second_answer_is_nobodys(self):
        self.serve()
        self.check_kept("/clean")
        for method in ("GET", "POST"):
            with self.subTest(method):
                self.rounds(method, SECOND)

    def test_nor_is_a_timeout_that_was_told_before_closing(self):
        self.serve()
        for method in ("GET", "POST"):
            with self.subTest(method):
                self.rounds(method, GIVEN_UP, closes=True)


class Tls(PoolTest):
    """Bytes that left the socket already wait inside TLS, where a look at the socket finds nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.authority = certificates.Authority()
        cls.addClassCleanup(cls.authority.remove)
        cls.context = cls.authority.server("localhost")

    def setUp(self):
        super().setUp()
        self.up = Upstream("tls", self.context)
        self.addCleanup(self.up.stop)

    def serve_tls(self, **more):
        self.serve("--upstream-ca", self.authority.ca, tls=True, serverName="localhost", **more)

    def test_two_records_in_one_segment(self):
        self.serve_tls()
        self.check_kept("/clean")
        self.up.plays["/first"] = in_one_segment(OK, SECOND)
        for method, body in (("GET", None), ("POST", b"x")):
            with self.subTest(method):
                wire = self.open()
                self.assertEqual(b"ok", wire.send(request_text("/first")).answer().body)
                answer = wire.send(request_text("/next", method, body=body)).answer(method)
                self.assertNotIn(b"stray", answer.body)
                self.assertEqual("/next", answer.object["path"])

    def test_two_records_in_one_segment_of_a_model(self):
        self.serve_tls(ai={"provider": "anthropic"})
        self.up.plays["/v1/messages"] = says(message("clean"))
        self.check_kept("/v1/chat/completions", "POST", QUESTION)
        self.up.plays["/v1/messages"] = in_one_segment(message("mine"), message("stray"))
        wire = self.open()
        for _ in range(3):
            answer = wire.send(request_text("/v1/chat/completions", "POST", body=QUESTION)).answer()
            self.assertEqual("mine", answer.object["choices"][0]["message"]["content"])
        self.assertEqual(3, len({r.connection for r in self.up.seen[-3:]}))


class Model(PoolTest):
    def ask_model(self, wire, body=QUESTION):
        return wire.send(request_text("/v1/chat/completions", "POST", body=body)).answer()

    def test_bytes_after_a_whole_answer(self):
        self.serve(ai={"provider": "anthropic"})
        self.up.plays["/v1/messages"] = says(message("clean"))
        self.check_kept("/v1/chat/completions", "POST", QUESTION)
        for surplus in (message("stray"), GIVEN_UP, b"\r\n"):
            with self.subTest(surplus[:30]):
                self.up.plays["/v1/messages"] = says(message("mine") + surplus)
                wire = self.open()
                for _ in range(2):
                    self.assertEqual("mine", self.ask_model(wire).object["choices"][0]["message"]["content"])
                self.assertEqual(2, len({r.connection for r in self.up.seen[-2:]}), "it is not kept")

    def test_bytes_after_a_stream(self):
        self.serve(ai={"provider": "anthropic"})
        self.up.plays["/v1/messages"] = says(events("clean") + b"0\r\n\r\n")
        self.check_kept("/v1/chat/completions", "POST", STREAMED)
        self.up.plays["/v1/messages"] = says(events("mine") + b"0\r\n\r\n" + events("stray") + b"0\r\n\r\n")
        wire = self.open()
        for _ in range(2):
            answer = self.ask_model(wire, STREAMED)
            self.assertTrue(answer.whole and b"mine" in answer.body and b"stray" not in answer.body, answer)
        self.assertEqual(2, len({r.connection for r in self.up.seen[-2:]}), "it is not kept")


class Rules(PoolTest):
    """Whatever a backend does against the rules costs its connections the trust they had, and the log says so once."""

    ANSWERS = {
        "answered more than it promised": says(OK + SECOND),
        "answered what is no HTTP": says(b"hello\r\n\r\n"),
        "closed before answering": says_and_closes(b""),
        "broke off its answer": says_and_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
        "reset the connection": lambda wire, *_: wire.reset() or "close",
    }
    MODEL_ANSWERS = {
        "answered more than it promised": says(message("mine") + OK),
        "answered what is no HTTP": says(b"hello\r\n\r\n"),
        "closed before answering": says_and_closes(b""),
        "broke off its answer": says_and_closes(message("mine")[:-5]),
    }

    def told(self):
        return [x for x in self.process.stderr().splitlines() if "its kept connections are looked at before each use" in x]

    def check(self, answers, path, method="GET", body=None, **backend):
        for how, play in answers.items():
            with self.subTest(how):
                up = Upstream("rules")
                self.addCleanup(up.stop)
                self.start(spec(route(), backends=[self.backend(up=up, **backend)]), "--workers", "1")
                up.plays["/bad"] = up.plays["/v1/messages"] = play
                for _ in range(2):
                    with self.open() as wire:
                        wire.send(request_text(path, method, body=body))
                        try:
                            wire.answer(method)
                        except Closed:
                            pass
                lines = wait_until(self.told)
                self.assertEqual(0, self.process.end())
                self.assertEqual(1, len(lines), lines)
                self.assertIn(f"backend 127.0.0.1:{up.port} {how}: from now on", lines[0])

    def test_a_plain_backend(self):
        self.check(self.ANSWERS, "/bad")

    def test_a_model(self):
        self.check(self.MODEL_ANSWERS, "/v1/chat/completions", "POST", QUESTION, ai={"provider": "anthropic"})

    def test_a_model_that_streams(self):
        self.check({"answered more than it promised": says(events("mine") + b"0\r\n\r\n" + OK),
                    "broke off its answer": says_and_closes(events("mine")[:-20])},
                   "/v1/chat/completions", "POST", STREAMED, ai={"provider": "anthropic"})

    def test_polite_ends_cost_nothing(self):
        self.serve()
        self.up.plays["/announced"] = says_and_closes(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.up.plays["/until-close"] = says_and_closes(b"HTTP/1.1 200 OK\r\n\r\nok")
        for path in ("/announced", "/until-close"):
            self.assertEqual(b"ok", self.ask(path).body)
        with self.open() as wire:  # a client that leaves is no fault of the backend
            self.up.plays["/slow"] = lambda wire, *_: wire.send(OK[:-1]) and wire.at_end() and "close"
            wire.send(request_text("/slow")).head()
        wait_until(lambda: self.up.open_count() == 0)
        self.assertEqual(0, self.process.end())
        self.assertEqual([], self.told())


if __name__ == "__main__":
    unittest.main()

"""A rule's timeouts cover the whole answer, not only its head."""

import json
import threading
import unittest

import objects
from test_gateway_proxy import Plain as PlainTest

DRIPS = 200  # 50 ms apart: an answer that would take 10 s
CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
LIMITS = ({"backendRequest": "300ms"}, {"request": "300ms"})


class Deadlines(PlainTest):
    def setUp(self):
        super().setUp()
        self.over, self.finished = threading.Event(), []
        self.addCleanup(self.over.set)

    def drips(self, head, drop, end=""):
        """A play that never is silent for long, and takes its time all the same."""
        def play(wire, request, upstream):
            wire.send(head)
            for _ in range(DRIPS):
                if self.over.wait(0.05):
                    return "close"
                wire.send(drop)
            wire.send(end)
            self.finished.append(request.path)
            return "close"
        return play

    def limited(self, number, limits, path, **more):
        self.rules(f"t{number}", self.rule(path, timeouts=limits, **more))
        return path

    def model(self, name, **kind):
        llm = {**kind, "host": "127.0.0.1", "port": self.up.port}
        self.api.must_create({"apiVersion": "gateway.kgateway.dev/v1alpha1", "kind": "Backend",
                              "metadata": objects.meta(name, self.ns), "spec": {"type": "AI", "ai": {"llm": llm}}})
        return name

    def test_a_dripping_body_is_cut(self):
        for name, play in (("chunked", self.drips(CHUNKED, "1\r\nx\r\n", "0\r\n\r\n")),
                           ("length", self.drips(f"HTTP/1.1 200 OK\r\nContent-Length: {DRIPS}\r\n\r\n", "x")),
                           ("close", self.drips("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "x"))):
            for number, limits in enumerate(LIMITS):
                with self.subTest(name, **limits):
                    path = self.limited(f"{name}{number}", limits, f"/{name}{number}", backend="own")
                    self.up.plays[path] = play
                    answer = self.ask(path)
                    self.assertEqual((200, False), (answer.status, answer.whole), answer)
                    self.assertLess(len(answer.body), DRIPS)
                    self.assertIn("error=", self.logged(f"http.path={path} "))
                    self.assertEqual(200, self.ask(f"{path}/quick").status, "an answer in time passes")
        self.assertEqual([], self.finished)

    def test_a_dripping_answer_of_a_model_is_an_error(self):
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        self.up.plays["/v1/chat/completions"] = self.up.plays["/v1/messages"] = self.drips(head, " ")
        for name, kind in (("openai", {"openai": {"authToken": {"kind": "Inline", "inline": "k"}}}),
                           ("anthropic", {"anthropic": {"authToken": {"kind": "Inline", "inline": "k"}}})):
            backend = self.model(name, **kind)
            for number, limits in enumerate(LIMITS):
                with self.subTest(name, **limits):
                    path = self.limited(f"{name}{number}", limits, f"/{name}{number}", backend=backend)
                    answer = self.ask(path, "POST", body=json.dumps(QUESTION).encode())
                    self.assertEqual(504, answer.status, answer)
                    self.assertTrue(answer.object["error"]["message"])

    def test_a_dripping_question_to_a_model_is_an_error(self):
        backend = self.model("slow", openai={"authToken": {"kind": "Inline", "inline": "k"}})
        path = self.limited("slow", {"request": "300ms"}, "/slow", backend=backend)
        wire = self.wire().send(self.text(path, "POST", fields=[("Content-Length", "1000")]))
        for _ in range(DRIPS):
            try:
                wire.send(b" ")
            except OSError:
                break
            if self.over.wait(0.05) or self.logged_now(f"http.path={path} "):
                break
        self.assertIn("did not arrive in time", self.logged(f"http.path={path} "))
        self.assertEqual(504, wire.answer().status)

    def logged_now(self, contains):
        return any(contains in line for line in self.server.stderr().splitlines())

    def test_a_dripping_stream_of_a_model_is_cut(self):
        chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m",
                 "choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]}
        event = f"data: {json.dumps(chunk)}\n\n"
        end = "data: [DONE]\n\n"
        head = CHUNKED.replace("\r\n\r\n", "\r\nContent-Type: text/event-stream\r\n\r\n")
        self.up.plays["/v1/chat/completions"] = self.drips(head, f"{len(event):x}\r\n{event}\r\n",
                                                           f"{len(end):x}\r\n{end}\r\n0\r\n\r\n")
        backend = self.model("openai", openai={"authToken": {"kind": "Inline", "inline": "k"}})
        for number, limits in enumerate(LIMITS):
            with self.subTest(**limits):
                path = self.limited(f"s{number}", limits, f"/s{number}", backend=backend)
                answer = self.ask(path, "POST", body=json.dumps({**QUESTION, "stream": True}).encode())
                self.assertEqual((200, False), (answer.status, answer.whole), answer)
                self.assertNotIn(b"[DONE]", answer.body)
                self.assertIn("error=", self.logged(f"http.path={path} "))
        self.assertEqual([], self.finished)


del PlainTest

if __name__ == "__main__":
    unittest.main()

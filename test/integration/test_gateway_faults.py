"""Upstreams that fail, clients that leave: the right status, soon, and nothing left behind."""

import threading
import time
import unittest

import harness
from gateway_kit import Closed, reading_itself, says, says_and_closes
from harness import wait_until
from test_gateway_proxy import MIB, Plain as PlainTest

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def reset(wire, request, upstream):
    wire.reset()
    return "close"


class Upstreams(PlainTest):
    def setUp(self):
        super().setUp()
        self.up.plays["/reset"] = reset
        self.up.plays["/end"] = lambda *_: "close"

    def status(self, path, method="GET", **more):
        """The status, which must come within 5 s."""
        began = time.monotonic()
        answer = self.ask(path, method, **more)
        self.assertLess(time.monotonic() - began, 5)
        return answer.status

    def test_refused(self):
        self.backend("down", harness.free_port())
        self.rules("d", self.rule("/down", backend="down"))
        answer = self.ask("/down")
        self.assertEqual(503, answer.status, answer)
        self.assertIn(b"127.0.0.1", answer.body)
        line = self.logged("http.path=/down")
        self.assertIn("http.status=503", line)
        self.assertIn("endpoint=127.0.0.1:", line)
        self.assertEqual(503, self.status("/down", "POST", body=b"x" * MIB))

    def test_the_client_connection_outlives_a_failed_upstream(self):
        wire = self.wire()
        self.assertIn(wire.send(self.text("/end")).answer().status, (502, 503))
        self.assertEqual(200, wire.send(self.text("/x")).answer().status)

    def test_reset_or_closed_before_the_answer(self):
        for path in ("/reset", "/end"):
            with self.subTest(path=path):
                self.assertIn(self.status(path), (502, 503))
                self.assertEqual(1, self.up.paths().count(path), "a new connection that fails is not tried again")

    def test_reset_or_closed_after_a_large_body(self):
        for path in ("/reset", "/end"):
            with self.subTest(path=path):
                self.assertIn(self.status(path, "POST", body=b"x" * MIB), (502, 503))

    def test_a_post_that_the_upstream_took_is_not_sent_twice(self):
        def play(wire, request, upstream):
            if request.body == b"second":
                return "close"  # took it, and failed before an answer
            wire.send(OK)
            return None

        self.up.plays["/post"] = play
        wire = self.wire()
        self.assertEqual(200, wire.send(self.text("/post", "POST", body=b"first")).answer().status)
        self.assertIn(wire.send(self.text("/post", "POST", body=b"second")).answer().status, (502, 503))
        bodies = [r.body for r in self.up.seen]
        self.assertEqual(1, bodies.count(b"second"), "RFC 9110 9.2.2: not without knowing that it was not acted on")

    def test_garbage(self):
        for text in ("HELLO WORLD\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
                     "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
                     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                     "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "\0" * 100 + "\r\n\r\n"):
            with self.subTest(text=text):
                self.up.plays["/garbage"] = says_and_closes(text)
                self.assertEqual(502, self.status("/garbage"))

    def test_garbage_after_a_large_body(self):
        self.up.plays["/garbage"] = says_and_closes("HELLO WORLD\r\n\r\n")
        self.assertEqual(502, self.status("/garbage", "POST", body=b"x" * MIB))

    def test_an_endless_answer_head(self):
        self.up.plays["/head"] = says_and_closes("HTTP/1.1 200 OK\r\n" + "X-A: " + "a" * 100000 + "\r\n\r\n")
        self.assertEqual(502, self.status("/head"))

    def test_cut_in_the_middle_of_the_answer(self):
        self.up.plays["/length"] = says_and_closes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        self.up.plays["/chunks"] = says_and_closes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        for path in ("/length", "/chunks"):
            with self.subTest(path=path):
                answer = self.ask(path)
                self.assertEqual((200, b"half", False), (answer.status, answer.body, answer.whole))
                self.assertIn("error=", self.logged(f"http.path={path}"))

    def test_a_malformed_chunk_in_the_answer(self):
        self.up.plays["/bad"] = says_and_closes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n")
        answer = self.ask("/bad")
        self.assertTrue(answer.status == 502 or (answer.status == 200 and not answer.whole), answer)

    def test_bytes_after_the_answer_are_never_another_answer(self):
        self.up.plays["/two"] = says(OK + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        wire = self.wire()
        self.assertEqual(b"ok", wire.send(self.text("/two")).answer().body)
        self.assertEqual("/next", wire.send(self.text("/next")).answer().object["path"])

    def test_bytes_while_idle_are_never_an_answer(self):
        sent = threading.Event()

        def play(wire, request, upstream):
            wire.send(OK)
            threading.Timer(0.1, lambda: (wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"), sent.set())).start()

        self.up.plays["/late"] = play
        wire = self.wire()
        self.assertEqual(b"ok", wire.send(self.text("/late")).answer().body)
        self.assertTrue(sent.wait(5))
        self.assertEqual("/next", wire.send(self.text("/next")).answer().object["path"])

    def test_a_client_that_resets_in_the_middle_of_the_answer(self):
        def play(wire, request, upstream):
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
            for _ in range(5000):  # until the gateway closes
                wire.send("x" * 20)
                time.sleep(0.001)
            return "close"

        for path in ("/drips", "/drips/2", "/drips/3", "/drips/4", "/drips/5"):
            self.up.plays[path] = play
            wire = self.wire().send(self.text(path))
            wire.head()
            wire.reset()
            self.assertIn('error="the client went away"', self.logged(f"http.path={path} "))

    def test_an_early_refusal_of_a_large_upload_reaches_the_client(self):
        def play(wire, request, upstream):
            wire.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
            for _ in range(1000):  # a well-behaved server reads on for a while before it closes
                wire.pending = b""
                try:
                    wire.more()
                except Closed:
                    break
            return "close"

        self.up.plays["/upload"] = reading_itself(play)
        wire = self.wire()
        wire.send(self.text("/upload", "POST", fields=[("Content-Length", str(20 * MIB))]))
        try:
            for _ in range(320):
                wire.send(b"x" * 65536)
        except OSError:
            pass
        answer = wire.answer()
        self.assertEqual((413, b"big"), (answer.status, answer.body))


class Clients(PlainTest):
    def setUp(self):
        super().setUp()
        self.ended = threading.Event()

        def hang(wire, request, upstream):
            try:
                wire.more()
            except (Closed, OSError):
                pass
            self.ended.set()
            return "close"

        self.up.plays["/hang"] = hang

    def check_cancelled(self, leave):
        wire = self.wire().send(self.text("/hang"))
        wait_until(lambda: "/hang" in self.up.paths())
        leave(wire)
        self.assertTrue(self.ended.wait(1), "the upstream call is cancelled within 1 s")
        line = self.logged("http.path=/hang")
        self.assertIn("http.status=499", line)

    def test_leaving_cancels_the_upstream_call(self):
        self.check_cancelled(lambda wire: wire.close())

    def test_resetting_cancels_the_upstream_call(self):
        self.check_cancelled(lambda wire: wire.reset())

    def test_leaving_in_the_middle_of_an_answer(self):
        def stream(wire, request, upstream):
            wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
            try:
                wire.more()
            except (Closed, OSError):
                pass
            self.ended.set()
            return "close"

        self.up.plays["/stream"] = stream
        wire = self.wire().send(self.text("/stream"))
        wire.head()
        wire.line()
        wire.close()
        self.assertTrue(self.ended.wait(1), "the upstream call is cancelled within 1 s")

    def test_leaving_in_the_middle_of_a_body(self):
        def play(wire, request, upstream):
            try:
                wire.body(request)
            finally:
                self.ended.set()
            self.fail_play = request.whole
            return "close"

        self.up.plays["/upload"] = reading_itself(play)
        wire = self.wire().send(self.text("/upload", "POST", fields=[("Content-Length", "1000")])).send(b"half")
        wait_until(lambda: "/upload" in self.up.paths())
        wire.close()
        self.assertTrue(self.ended.wait(1))

    def test_leaving_in_the_middle_of_a_chunked_body_does_not_end_it(self):
        whole = []

        def play(wire, request, upstream):
            whole.append(wire.body(request).whole)
            self.ended.set()
            return "close"

        self.up.plays["/upload"] = reading_itself(play)
        wire = self.wire().send(self.text("/upload", "POST", fields=[("Transfer-Encoding", "chunked")]))
        wire.send(b"4\r\nhalf\r\n")
        wait_until(lambda: "/upload" in self.up.paths())
        wire.close()
        self.assertTrue(self.ended.wait(1))
        self.assertEqual([False], whole)

    def test_many_that_leave_leave_nothing_behind(self):
        def descriptors():
            return len(list(harness.pathlib.Path(f"/proc/{self.server.pid}/fd").iterdir()))

        self.assertEqual(200, self.ask("/warm").status)
        before = descriptors()
        for _ in range(5):
            wires = [self.wire().send(self.text("/hang")) for _ in range(20)]
            wait_until(lambda: self.up.open_count() >= 20)
            [wire.close() for wire in wires]
            wait_until(lambda: self.up.open_count() <= 2)
        wait_until(lambda: descriptors() <= before + 4, what=lambda: f"{before} descriptors, now {descriptors()}")


del PlainTest

if __name__ == "__main__":
    unittest.main()

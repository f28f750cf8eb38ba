"""Hostile bytes: request smuggling, oversized and slow heads, forged log lines."""

import json
import subprocess
import time
import unittest

import harness
from gateway_kit import Closed, Upstream, Wire, log_fields, request_text
from harness import wait_until
from test_gateway_proxy import Plain as PlainTest

EVIL = b"GET /evil HTTP/1.1\r\nHost: x\r\n\r\n"


class Smuggling(PlainTest):
    def refused(self, data, *, statuses=(400,), timeout=5):
        """The connection gets one of the statuses (never 200) and is closed; nothing of it reaches the upstream."""
        if isinstance(data, str):
            data = data.replace("\n", "\r\n").replace("HOST", self.site).encode("latin-1")
        wire = Wire.to(self.host, self.port_number, timeout=timeout)
        try:
            answer = wire.send(data).answer()
            self.assertIn(answer.status, statuses, answer)
            self.assertTrue(wire.at_end(), "the connection is closed")
        finally:
            wire.close()
        self.assertNotIn("/evil", self.up.paths())

    def test_heads_that_are_malformed(self):
        for name, text in {
            "both framings": "POST / HTTP/1.1\nHost: HOST\nContent-Length: 4\nTransfer-Encoding: chunked\n\n0\n\n",
            "two lengths": "POST / HTTP/1.1\nHost: HOST\nContent-Length: 4\nContent-Length: 5\n\nabcde",
            "a list of lengths": "POST / HTTP/1.1\nHost: HOST\nContent-Length: 4, 5\n\nabcde",
            "a signed length": "POST / HTTP/1.1\nHost: HOST\nContent-Length: +4\n\nabcd",
            "a negative length": "POST / HTTP/1.1\nHost: HOST\nContent-Length: -1\n\n",
            "a huge length": "POST / HTTP/1.1\nHost: HOST\nContent-Length: 99999999999999999999\n\n",
            "a hexadecimal length": "POST / HTTP/1.1\nHost: HOST\nContent-Length: 0x4\n\nabcd",
            "an empty length": "POST / HTTP/1.1\nHost: HOST\nContent-Length:\n\n",
            "another coding": "POST / HTTP/1.1\nHost: HOST\nTransfer-Encoding: gzip\n\n0\n\n",
            "chunked not last": "POST / HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked, identity\n\n0\n\n",
            "two codings": "POST / HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked\nTransfer-Encoding: x\n\n0\n\n",
            "a coding with a control": "POST / HTTP/1.1\nHost: HOST\nTransfer-Encoding: \x0bchunked\n\n0\n\n",
            "space before the colon": "POST / HTTP/1.1\nHost: HOST\nTransfer-Encoding : chunked\n\n0\n\n",
            "a folded line": "GET / HTTP/1.1\nHost: HOST\nX-A: 1\n Transfer-Encoding: chunked\n\n",
            "a line without a colon": "GET / HTTP/1.1\nHost: HOST\nnonsense\n\n",
            "an empty name": "GET / HTTP/1.1\nHost: HOST\n: x\n\n",
            "a null byte": "GET / HTTP/1.1\nHost: HOST\nX-A: a\0b\n\n",
            "no host": "GET / HTTP/1.1\n\n",
            "two hosts": "GET / HTTP/1.1\nHost: HOST\nHost: HOST\n\n",
            "a host with a space": "GET / HTTP/1.1\nHost: a b\n\n",
            "a host with a path": "GET / HTTP/1.1\nHost: a/b\n\n",
            "no version": "GET /\nHost: HOST\n\n",
            "a version of the future": "GET / HTTP/3.1\nHost: HOST\n\n",
            "a lower-case version": "GET / http/1.1\nHost: HOST\n\n",
            "two spaces": "GET  / HTTP/1.1\nHost: HOST\n\n",
            "a space in the target": "GET /a b HTTP/1.1\nHost: HOST\n\n",
            "a method that is no token": "G@T / HTTP/1.1\nHost: HOST\n\n",
            "a target without a slash": "GET evil HTTP/1.1\nHost: HOST\n\n",
            "the preface of HTTP/2": "PRI * HTTP/2.0\n\nSM\n\n",
            "a TLS hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 50 + "\n\n",
        }.items():
            with self.subTest(name):
                self.refused(text)

    def test_line_ends_that_are_malformed(self):
        host = self.site.encode()
        for name, data in {
            "bare LF everywhere": b"GET / HTTP/1.1\nHost: " + host + b"\n\n" + b"\r\n\r\n",
            "one bare LF": b"GET / HTTP/1.1\r\nHost: " + host + b"\nX-A: 1\r\n\r\n",
            "CR in a value": b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nX-A: 1\rX-B: 2\r\n\r\n",
            "CR CR LF": b"GET / HTTP/1.1\r\nHost: " + host + b"\r\r\n\r\n",
        }.items():
            with self.subTest(name):
                self.refused(data)

    def test_a_bare_lf_head_is_not_waited_for(self):
        with self.assertRaises((Closed, AssertionError, TimeoutError)):
            wire = Wire.to(self.host, self.port_number, timeout=2)
            self.addCleanup(wire.close)
            self.assertEqual(200, wire.send(b"GET / HTTP/1.1\nHost: " + self.site.encode() + b"\n\n").answer().status)

    def chunked(self, body, split=False):
        """A chunked POST with this body; `split` sends a good first chunk and the rest once the upstream has it."""
        wire = Wire.to(self.host, self.port_number, timeout=2)
        self.addCleanup(wire.close)
        begun = self.up.begun
        wire.send(self.text("/chunked", "POST", fields=[("Transfer-Encoding", "chunked")]))
        if split:
            wire.send(b"3\r\nabc\r\n")
            wait_until(lambda: self.up.begun > begun)
        wire.send(body)
        return wire

    def test_chunks_that_are_malformed(self):
        for name, body in {
            "a size that is no number": b"zz\r\n0\r\n\r\n" + EVIL,
            "a signed size": b"+3\r\nabc\r\n0\r\n\r\n" + EVIL,
            "a size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n" + EVIL,
            "a space before the size": b" 3\r\nabc\r\n0\r\n\r\n" + EVIL,
            "an empty size": b"\r\n0\r\n\r\n" + EVIL,
            "a size too large": b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n" + EVIL,
            "a bare LF": b"3\nabc\n0\n\n" + EVIL,
            "data longer than its size": b"3\r\nabcdef\r\n0\r\n\r\n" + EVIL,
            "a bare CR": b"3\r\nabc\r0\r\n\r\n" + EVIL,
            "an extension without an end": b"3;" + b"x" * 100000 + b"\r\nabc\r\n0\r\n\r\n" + EVIL,
            "a trailer that is no field": b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n" + EVIL,
        }.items():
            for split in (False, True):
                with self.subTest(name, split=split):
                    self.up.seen.clear()
                    wire = self.chunked(body, split)
                    self.assertEqual(400, self.refusal(wire), "a status, or what happened instead")
                    self.assertTrue(wire.at_end())
                    self.assertEqual([], [r for r in self.up.seen if r.whole], "the upstream saw a whole request")

    def refusal(self, wire):
        try:
            return wire.answer().status
        except Closed:
            return "closed without an answer"
        except TimeoutError:
            return "neither answered nor closed"

    def test_a_body_nobody_read_is_not_a_request(self):
        wire = self.wire()
        answer = wire.send(request_text("/", "POST", host="nobody.test", body=EVIL * 3)).answer()
        self.assertEqual(404, answer.status)
        try:
            wire.send(self.text("/after"))
            self.assertEqual("/after", wire.answer().object["path"])
        except (Closed, OSError):
            pass  # closing is as good
        self.assertNotIn("/evil", self.up.paths())

    def test_a_refused_chunked_body_with_a_malformed_chunk(self):
        wire = self.wire()
        wire.send(request_text("/", "POST", host="nobody.test", fields=[("Transfer-Encoding", "chunked")]))
        try:
            self.assertIn(wire.send(b"zz\r\n0\r\n\r\n" + self.text("/evil")).answer().status, (400, 404))
            wire.answer()
        except (Closed, OSError):
            pass
        self.assertNotIn("/evil", self.up.paths())

    def test_connect_and_trace_are_not_tunnels(self):
        for text in ("CONNECT HOST:443 HTTP/1.1\nHost: HOST:443\n\n", "CONNECT / HTTP/1.1\nHost: HOST\n\n"):
            data = text.replace("\n", "\r\n").replace("HOST", self.site)
            with Wire.to(self.host, self.port_number, timeout=5) as wire:
                self.assertGreaterEqual(wire.send(data).answer().status, 400)
        self.assertEqual([], self.up.paths())


class Sizes(PlainTest):
    def status(self, data):
        with Wire.to(self.host, self.port_number, timeout=10) as wire:
            try:
                wire.send(data)
            except OSError:
                pass
            answer = wire.answer()
            self.assertTrue(answer.status == 200 or wire.at_end())
            return answer.status

    def test_heads(self):
        self.assertEqual(200, self.status(self.text("/", fields=[("X-A", "a" * 30000)])))
        self.assertEqual(200, self.status(self.text("/" + "p" * 7000)))
        self.assertEqual(200, self.status(self.text("/", fields=[(f"X-{i}", "v") for i in range(90)])))
        self.assertEqual(431, self.status(self.text("/", fields=[("X-A", "a" * 100000)])))
        self.assertEqual(431, self.status(self.text("/", fields=[(f"X-{i}", "v") for i in range(5000)])))
        self.assertIn(self.status(self.text("/" + "p" * 100000)), (414, 431))
        self.assertEqual(431, self.status(b"GET / HTTP/1.1\r\nX-A: " + b"a" * 3_000_000))

    def test_refusals_are_recorded(self):
        self.assertEqual(431, self.status(self.text("/", fields=[("X-A", "a" * 100000)])))
        self.assertEqual(400, self.status(b"GET / HTTP/1.1\r\nbad line\r\n\r\n"))
        for status in (431, 400):  # the host is not known then
            wait_until(lambda: f"http.status={status}" in self.server.stderr(), 3, f"a line with http.status={status}")


class SlowHeads(PlainTest):
    def test_a_head_that_drips_is_cut(self):
        wire = self.wire(timeout=0.2)
        wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        began, alive = time.monotonic(), [True]

        def drip():
            try:
                wire.send(b"X-A: 1\r\n")
                wire.more()
            except TimeoutError:
                return False
            except (Closed, OSError):
                return True
            return wire.pending != b""

        wait_until(drip, 45, "the end of a head that never ends")
        self.assertGreater(time.monotonic() - began, 3)
        self.assertEqual(200, self.ask("/").status)


class Forgery(PlainTest):
    def test_no_value_of_the_client_forges_a_field_or_a_line(self):
        evil = '/a"b\\c=d;http.status=200%0a;%22'
        host = f"{self.site}:80"
        wire = self.wire().send(self.text(evil, host=host, fields=[("User-Agent", "x\" http.status=999")]))
        self.assertEqual(200, wire.answer().status)
        line = self.logged("%0a")
        fields = log_fields(line)
        self.assertEqual(evil, dict(fields)["http.path"])
        self.assertEqual(["200"], [v for k, v in fields if k == "http.status"])
        self.assertEqual(len(fields), len(dict(fields)), "each key once")

    def test_other_bytes_are_escaped(self):
        wire = self.wire().send(b"GET /hi\xc2\x9b31m\xff HTTP/1.1\r\nHost: " + self.site.encode() + b"\r\n\r\n")
        self.assertIn(wire.answer().status, (200, 400))
        self.assertEqual(200, self.ask("/after-it").status)
        self.logged("http.path=/after-it")
        raw = self.server.process.stderr_path.read_bytes()
        self.assertNotIn(b"\xc2\x9b", raw, "C1 controls drive terminals")
        raw.decode("utf-8")
        done = subprocess.run([str(harness.BINARY), "traffic", "--state-dir", str(self.server.state_dir), "-o", "json"],
                              capture_output=True, timeout=20)
        self.assertIn("/after-it", [r.get("http.path") for r in json.loads(done.stdout.decode("utf-8"))])

    def test_the_key_order_of_a_plain_request(self):
        self.assertEqual(200, self.ask("/order?secret=in-the-query").status)
        line = self.logged("http.path=/order")
        self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\S+ info request ")
        self.assertEqual(["gateway", "listener", "route", "endpoint", "src.addr", "http.method", "http.host", "http.path",
                          "http.version", "http.status", "protocol", "duration"], [k for k, _ in log_fields(line)])
        fields = dict(log_fields(line))
        self.assertEqual((f"{self.gateway_ns}/gw", "http", f"{self.ns}/r", f"127.0.0.1:{self.up.port}", "GET", self.site,
                          "HTTP/1.1", "200", "http"),
                         tuple(fields[k] for k in ("gateway", "listener", "route", "endpoint", "http.method", "http.host",
                                                   "http.version", "http.status", "protocol")))
        self.assertRegex(fields["src.addr"], r"^127\.0\.0\.1:\d+$")
        self.assertRegex(fields["duration"], r"^\d+ms$")
        self.assertNotIn("secret", line)

    def test_what_nothing_matched_is_logged_too(self):
        self.assertEqual(404, self.ask("/x", host="nobody.test").status)
        line = self.logged("http.host=nobody.test")
        self.assertEqual([f"{self.gateway_ns}/gw", "404"], [dict(log_fields(line))[k] for k in ("gateway", "http.status")])
        self.assertNotIn("route=", line)


del PlainTest

if __name__ == "__main__":
    unittest.main()

"""Heads on both sides: versions, line ends, forwarded fields, informational answers, rewrites that meet."""

import threading
import unittest

import objects
from gateway_kit import GatewayTest, Wire, says
from test_gateway_filters import full, prefix, redirect, rewrite
from test_gateway_proxy import Plain as PlainTest

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"


class Requests(PlainTest):
    def test_the_scheme_a_client_claims_is_replaced(self):
        for fields in ([("X-Forwarded-Proto", "https")], [("x-forwarded-proto", "https"), ("X-Forwarded-Proto", "wss")], []):
            with self.subTest(fields):
                got = self.echoed("/", fields=fields)["fields"]
                self.assertEqual(["http"], [value for name, value in got if name == "x-forwarded-proto"])

    def test_a_head_with_bare_line_ends_is_refused_at_once(self):
        host = self.site
        for name, text in (("LF everywhere", f"GET / HTTP/1.1\nHost: {host}\n\n"),
                           ("LF at the end", f"GET / HTTP/1.1\r\nHost: {host}\n\n"),
                           ("CRLF LF", f"GET / HTTP/1.1\r\nHost: {host}\r\n\n")):
            with self.subTest(name), Wire.to(self.host, self.port_number, timeout=10) as wire:  # a head may take 30 s
                self.assertEqual(400, wire.send(text).answer().status)
                self.assertTrue(wire.at_end())
        self.assertEqual([], self.up.paths())

    def test_later_minor_versions_are_served_as_1_1(self):
        for version in ("HTTP/1.2", "HTTP/1.9"):
            with self.subTest(version):
                wire = self.wire()
                for path in ("/a", "/b"):
                    answer = wire.send(self.text(path, version=version)).answer()
                    self.assertEqual((200, path), (answer.status, answer.object["path"]))
                    self.assertTrue(answer.line.startswith("HTTP/1.1 "), "RFC 9110 2.5: our own version")
        self.assertEqual({"HTTP/1.1"}, {request.line.split(" ")[2] for request in self.up.seen})


class Answers(PlainTest):
    def test_no_length_of_204(self):
        self.up.plays["/none"] = says("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX-A: 1\r\n\r\n")
        wire = self.wire()
        answer = wire.send(self.text("/none")).answer()
        self.assertEqual((204, [], "1"), (answer.status, answer.all("content-length"), answer.get("x-a")))
        self.assertEqual([], answer.all("transfer-encoding"))
        self.assertEqual("/next", wire.send(self.text("/next")).answer().object["path"])

    def test_early_hints_reach_the_client(self):
        self.up.plays["/hints"] = says(HINTS + HINTS.replace("a.css", "b.css") + OK)
        wire = self.wire().send(self.text("/hints"))
        for sheet in ("a.css", "b.css"):
            hint = wire.head()
            self.assertEqual((103, f"</{sheet}>; rel=preload"), (hint.status, hint.get("link")))
        self.assertEqual(b"ok", wire.answer().body)
        self.assertEqual("/next", wire.send(self.text("/next")).answer().object["path"])
        old = self.wire().send(self.text("/hints", version="HTTP/1.0"))
        self.assertEqual(200, old.head().status, "RFC 9110 15.2: never to HTTP/1.0")

    def test_early_hints_come_before_the_answer_is_there(self):
        told = threading.Event()

        def play(wire, request, upstream):
            wire.send(HINTS)
            told.wait(10)  # a hint that waits for the answer is none
            wire.send(OK)

        self.up.plays["/hints"] = play
        wire = self.wire(timeout=8).send(self.text("/hints"))
        self.assertEqual(103, wire.head().status)
        told.set()
        self.assertEqual(200, wire.answer().status)


class Paths(GatewayTest):
    def both(self, of_rule, of_backend):
        ref = {**objects.backend_ref("be"), "filters": [of_backend]}
        self.rules("r", self.rule("/foo", filters=[of_rule], backendRefs=[ref]))

    def test_the_backends_prefix_stands_for_the_one_that_matched(self):
        self.both(rewrite(path=prefix("/barbar")), rewrite(path=prefix("/z")))
        for path, want in (("/foo/x?q=1", "/z/x?q=1"), ("/foo", "/z"), ("/foo/foo", "/z/foo")):
            with self.subTest(path):
                self.assertEqual(want, self.echoed(path)["path"])

    def test_the_backends_prefix_after_a_whole_path(self):
        self.both(rewrite(path=full("/whole")), rewrite(path=prefix("/z")))
        self.assertEqual("/z/x", self.echoed("/foo/x")["path"])

    def test_the_rules_host_with_the_backends_path(self):
        self.both(rewrite(hostname="new.test", path=prefix("/barbar")), rewrite(path=prefix("/z")))
        got = self.echoed("/foo/x")
        self.assertEqual(("/z/x", "new.test"), (got["path"], dict(got["fields"])["host"]))

    def location(self, match, change, path):
        self.rules(match.strip("/"), self.rule(match, backend=None, filters=[redirect(hostname="to.test", path=change, statusCode=302)]))
        answer = self.ask(path)
        self.assertEqual(302, answer.status, answer)
        location = answer.get("location")
        self.assertTrue(location.isascii() and " " not in location, location)
        return location.partition("to.test")[2].lstrip(":0123456789")

    def test_a_location_is_percent_encoded(self):
        self.assertEqual("/a%20b%C3%A9%23/x", self.location("/in", prefix("/a b\u00e9#"), "/in/x"))
        self.assertEqual("/a%20b%C3%A9", self.location("/whole", full("/a b\u00e9"), "/whole/x"))
        self.assertEqual("/n/%20%c3%a9?a=%20", self.location("/once", prefix("/n"), "/once/%20%c3%a9?a=%20"), "once is enough")


del PlainTest

if __name__ == "__main__":
    unittest.main()

"""What rules change on the way: rewrites, redirects, header fields of requests and answers."""

import unittest

import objects
from gateway_kit import GatewayTest, reading_itself, says


def rewrite(**url):
    return {"type": "URLRewrite", "urlRewrite": url}


def full(path):
    return {"type": "ReplaceFullPath", "replaceFullPath": path}


def prefix(path):
    return {"type": "ReplacePrefixMatch", "replacePrefixMatch": path}


def redirect(**more):
    return {"type": "RequestRedirect", "requestRedirect": more}


def headers(kind, **changes):
    """changes: set, add as dicts, remove as a list."""
    key = {"Request": "requestHeaderModifier", "Response": "responseHeaderModifier"}[kind]
    out = {k: [{"name": n, "value": v} for n, v in c.items()] if isinstance(c, dict) else c for k, c in changes.items()}
    return {"type": f"{kind}HeaderModifier", key: out}


class Rewrites(GatewayTest):
    def path_after(self, filters, path, match="/abc"):
        name = f"r{self._seen}"
        self.__class__._seen += 1
        self.rules(name, self.rule(match, filters=filters), hostnames=[f"{name}.{self.site}"])
        return self.echoed(path, host=f"{name}.{self.site}")

    _seen = 0

    def test_the_full_path(self):
        got = self.path_after([rewrite(path=full("/v1/new"))], "/abc/d?x=1&y")
        self.assertEqual("/v1/new?x=1&y", got["path"])

    def test_the_prefix(self):
        for with_, path, want in (("/n", "/abc", "/n"), ("/n", "/abc/", "/n/"), ("/n", "/abc/d?q", "/n/d?q"),
                                  ("/n/", "/abc/d", "/n/d"), ("/", "/abc/d", "/d"), ("/", "/abc", "/"),
                                  ("/x/y", "/abc/d/e/", "/x/y/d/e/")):
            with self.subTest(with_=with_, path=path):
                self.assertEqual(want, self.path_after([rewrite(path=prefix(with_))], path)["path"])

    def test_the_prefix_of_a_rule_that_ends_in_a_slash_or_is_the_root(self):
        self.assertEqual("/n/d", self.path_after([rewrite(path=prefix("/n"))], "/abc/d", match="/abc/")["path"])
        self.assertEqual("/n/abc/d", self.path_after([rewrite(path=prefix("/n"))], "/abc/d", match="/")["path"])

    def test_the_host(self):
        fields = dict(self.path_after([rewrite(hostname="new.example.test")], "/abc")["fields"])
        self.assertEqual("new.example.test", fields["host"])

    def test_no_rewrite_keeps_path_and_host(self):
        got = self.path_after([], "/abc//d/%7Ex%2F?a=%20&b=/")
        self.assertEqual("/abc//d/%7Ex%2F?a=%20&b=/", got["path"])
        self.assertEqual(1, len([v for n, v in got["fields"] if n == "host"]))

    def test_the_log_holds_the_clients_path_and_host(self):
        self.rules("r", self.rule("/abc", filters=[rewrite(hostname="new.test", path=full("/other"))]))
        self.echoed("/abc/mine")
        line = self.logged("http.path=/abc/mine")
        self.assertIn(f"http.host={self.site}", line)
        self.assertNotIn("/other", line)


class Redirects(GatewayTest):
    def location(self, target="/abc/d?q=1", host=None, **more):
        self.rules("r", self.rule("/abc", backend=None, filters=[redirect(**more)]))
        answer = self.ask(target, host=host or self.site)
        self.api.delete("HTTPRoute", self.ns, "r").expect(200)
        self.assertEqual(more.get("statusCode", 302), answer.status, answer)
        self.assertTrue(answer.whole)
        return answer.get("location")

    def test_to_another_host(self):
        self.assertEqual(f"http://new.test:{self.port_number}/abc/d?q=1", self.location(hostname="new.test"))

    def test_to_another_scheme(self):
        self.assertEqual(f"https://{self.site}/abc/d?q=1", self.location(scheme="https"))
        self.assertEqual(f"https://{self.site}/abc", self.location("/abc", host=f"{self.site}:{self.port_number}",
                                                                  scheme="https"))

    def test_to_another_port(self):
        self.assertEqual("http://new.test:8443/abc/d?q=1", self.location(hostname="new.test", port=8443))
        self.assertEqual("https://new.test/abc/d?q=1", self.location(hostname="new.test", port=443, scheme="https"))
        self.assertEqual("http://new.test/abc/d?q=1", self.location(hostname="new.test", port=80, scheme="http"))

    def test_to_another_path(self):
        host = f"http://new.test:{self.port_number}"
        self.assertEqual(f"{host}/f?q=1", self.location(hostname="new.test", path=full("/f")))
        self.assertEqual(f"{host}/n/d?q=1", self.location(hostname="new.test", path=prefix("/n")))
        self.assertEqual(f"{host}/d?q=1", self.location(hostname="new.test", path=prefix("/")))

    def test_status(self):
        self.assertTrue(self.location(hostname="new.test", statusCode=301))

    def test_the_connection_stays_usable(self):
        self.rules("r", self.rule("/abc", backend=None, filters=[redirect(hostname="new.test")]), self.rule("/ok"))
        wire = self.wire()
        self.assertEqual(302, wire.send(self.text("/abc", "POST", body=b"hello")).answer().status)
        self.assertEqual(200, wire.send(self.text("/ok")).answer().status)

    def test_no_line_can_be_smuggled_into_the_location(self):
        self.rules("r", self.rule("/abc", backend=None, filters=[redirect(hostname="new.test")]))
        answer = self.ask("/abc/%0d%0aX-Evil:%20yes")
        self.assertEqual(302, answer.status)
        self.assertIsNone(answer.get("x-evil"))
        self.assertIn("%0d%0a", answer.get("location"))


class Fields(GatewayTest):
    def setUp(self):
        super().setUp()
        self.upstream.plays["/answer"] = says("HTTP/1.1 200 OK\r\nX-Old: up\r\nX-Gone: up\r\nX-Kept: up\r\n"
                                              "Content-Length: 2\r\n\r\nok")

    def sent(self, filters, fields=(), **more):
        """The fields the upstream got."""
        name = f"r{len(self.upstream.seen)}"
        self.rules(name, self.rule("/echo", filters=filters, **more), hostnames=[f"{name}.{self.site}"])
        out = {}
        for key, value in self.echoed("/echo", host=f"{name}.{self.site}", fields=fields)["fields"]:
            out.setdefault(key, []).append(value)
        return out

    def test_of_requests(self):
        change = headers("Request", set={"X-Set": "new", "x-fresh": "f"}, add={"X-Add": "more"}, remove=["x-GONE"])
        got = self.sent([change], [("x-set", "old"), ("X-Set", "older"), ("X-Add", "first"), ("X-Gone", "1"),
                                   ("X-Kept", "k")])
        self.assertEqual(["new"], got["x-set"])
        self.assertEqual(["f"], got["x-fresh"])
        self.assertEqual("first,more", ",".join(got["x-add"]).replace(" ", ""))
        self.assertNotIn("x-gone", got)
        self.assertEqual(["k"], got["x-kept"])

    def test_of_answers(self):
        change = headers("Response", set={"X-Old": "new", "X-Fresh": "f"}, add={"x-kept": "more"}, remove=["X-Gone"])
        self.rules("r", self.rule("/answer", filters=[change]))
        answer = self.ask("/answer")
        self.assertEqual((["new"], ["f"]), (answer.all("x-old"), answer.all("x-fresh")))
        self.assertEqual("up,more", ",".join(answer.all("x-kept")).replace(" ", ""))
        self.assertEqual([], answer.all("x-gone"))
        self.assertEqual(b"ok", answer.body)

    def test_of_one_backend(self):
        rule = self.rule("/echo", filters=[headers("Request", set={"X-Rule": "rule", "X-Both": "rule"})])
        rule["backendRefs"][0]["filters"] = [headers("Request", set={"X-Share": "share", "X-Both": "share"})]
        self.rules("r", rule)
        fields = self.echoed("/echo")["fields"]
        self.assertIn(["x-rule", "rule"], fields)
        self.assertIn(["x-share", "share"], fields)
        self.assertEqual(["share"], [v for n, v in fields if n == "x-both"])

    def test_one_backend_takes_away_what_the_rule_gave(self):
        rule = self.rule("/echo", filters=[headers("Request", set={"X-Rule": "rule"})])
        rule["backendRefs"][0]["filters"] = [headers("Request", remove=["X-Rule"])]
        self.rules("r", rule)
        self.assertNotIn("x-rule", [n for n, _ in self.echoed("/echo")["fields"]])

    def test_the_host_field_is_never_there_twice(self):
        got = self.sent([headers("Request", set={"Host": "changed.test"})])
        self.assertEqual(1, len(got["host"]), got)

    def test_a_rule_cannot_break_the_framing_of_requests(self):
        got = []

        def play(wire, request, upstream):
            got.extend(f for f in request.fields if f[0] in ("content-length", "transfer-encoding"))
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return "close"

        self.upstream.plays["/raw"] = reading_itself(play)
        self.rules("r", self.rule("/raw", filters=[headers("Request", set={"Content-Length": "0"},
                                                           add={"Transfer-Encoding": "chunked"})]))
        if self.ask("/raw", "POST", body=b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n").status == 200:
            self.assertEqual([("content-length", "35")], got)

    def test_a_rule_cannot_break_the_framing_of_answers(self):
        self.rules("s", self.rule("/answer", filters=[headers("Response", set={"Content-Length": "1"})]))
        answer = self.ask("/answer")
        if answer.status == 200:
            self.assertEqual((["2"], b"ok"), (answer.all("content-length"), answer.body))

    def test_a_value_cannot_hold_a_line_end(self):
        obj = objects.route(self.ns, "evil", [objects.parent("gw", self.gateway_ns)], [objects.backend_ref("be")],
                            hostnames=[self.site], path="/echo",
                            filters=[headers("Request", set={"X-A": "1\r\nX-Evil: yes"})])
        made = self.api.create(obj)
        if made.status >= 400:
            self.assertEqual(422, made.status)
            return
        self.addCleanup(lambda: self.api.delete("HTTPRoute", self.ns, "evil"))
        self.rules("other", self.rule("/other"))
        self.assertEqual(200, self.ask("/other").status)
        answer = self.ask("/echo")
        if answer.status == 200:
            self.assertNotIn("x-evil", [n for n, _ in answer.object["fields"]])

    def test_hop_by_hop_fields_end_at_the_gateway(self):
        got = self.sent([], [("Connection", "keep-alive, X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "timeout=5"), ("TE", "gzip"),
                             ("Proxy-Connection", "keep-alive"), ("Upgrade", "h2c"), ("X-End", "1"),
                             ("Proxy-Authorization", "Basic c2VjcmV0")])
        for name in ("connection", "keep-alive", "te", "proxy-connection", "upgrade", "proxy-authorization"):
            self.assertNotIn(name, got)
        self.assertNotIn("x-mine", got, "RFC 9110 7.6.1: fields that Connection names are the hop's own")
        self.assertIn("x-end", got)

    def test_hop_by_hop_fields_of_answers(self):
        self.upstream.plays["/hop"] = says("HTTP/1.1 200 OK\r\nConnection: X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\n"
                                           "X-End: 1\r\nContent-Length: 0\r\n\r\n")
        self.rules("r", self.rule("/hop"))
        answer = self.ask("/hop")
        self.assertEqual((None, "1"), (answer.get("keep-alive"), answer.get("x-end")))
        self.assertIsNone(answer.get("x-mine"), "RFC 9110 7.6.1: fields that Connection names are the hop's own")

    def test_forwarding_fields(self):
        got = self.sent([], [("X-Forwarded-For", "10.1.1.1"), ("x-forwarded-for", "10.2.2.2")])
        self.assertEqual("10.1.1.1,10.2.2.2,127.0.0.1", ",".join(got["x-forwarded-for"]).replace(" ", ""))

    def test_repeated_fields_and_odd_values_go_through(self):
        got = self.sent([], [("Accept", "a"), ("Accept", "b"), ("X-Empty", ""), ("X-Tab", "a\tb"), ("X-High", "caf\xe9"),
                             ("Authorization", "Bearer clients-own"), ("Cookie", "a=1; b=2")])
        self.assertEqual("a,b", ",".join(got["accept"]).replace(" ", ""))
        self.assertEqual([""], got["x-empty"])
        self.assertEqual((["a\tb"], ["caf\xe9"]), (got["x-tab"], got["x-high"]))
        self.assertEqual((["Bearer clients-own"], ["a=1; b=2"]), (got["authorization"], got["cookie"]))

    def test_a_client_cannot_pose_as_one_of_our_agents(self):
        got = self.sent([], [("X-Sightline-Identity", "guess;agent=kagent/evil;session=s")])
        self.assertNotIn("x-sightline-identity", got)
        self.assertNotIn("agent=", self.logged("http.path=/echo"))

    def test_redirect_and_rewrite_together_are_refused(self):
        obj = objects.route(self.ns, "both", [objects.parent("gw", self.gateway_ns)], [], hostnames=[self.site], path="/both",
                            filters=[redirect(hostname="x.test"), rewrite(hostname="y.test")])
        made = self.api.create(obj)
        if made.status == 201:
            self.addCleanup(lambda: self.api.delete("HTTPRoute", self.ns, "both"))
            self.route_is("both", {"Accepted": "False"})
        else:
            self.assertEqual(422, made.status, made)

    def test_a_filter_that_cannot_be_carried_out_is_500_for_its_rule_only(self):
        mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": objects.backend_ref("be")}}
        self.rules("r", self.rule("/bad", filters=[mirror]), self.rule("/good"))
        self.assertEqual([500, 200], [self.ask(p).status for p in ("/bad", "/good")])
        self.route_is("r", {"PartiallyInvalid": "True"})


if __name__ == "__main__":
    unittest.main()

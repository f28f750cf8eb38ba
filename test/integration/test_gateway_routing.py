"""Which rule and backend a request takes: matching, precedence, shares, timeouts, and `sightline route`."""

import json
import subprocess
import time
import unittest

import harness
import objects
from gateway_kit import GatewayTest, Upstream, says
from harness import wait_until


def header(name, value, **more):
    return {"name": name, "value": value, **more}


class Matching(GatewayTest):
    """Every rule goes to a backend named after what it stands for; `taken` is that name."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ups = {name: Upstream(name) for name in ("one", "two", "three")}
        for up in cls.ups.values():
            cls.addClassCleanup(up.stop)

    def setUp(self):
        super().setUp()
        for name, up in self.ups.items():
            self.backend(name, up.port)

    def taken(self, path, method="GET", **more):
        answer = self.ask(path, method, **more)
        return answer.get("x-upstream") if answer.status == 200 else answer.status

    def test_exact_is_exact(self):
        self.rules("r", self.rule("/exact", "Exact", "one"))
        for path, want in (("/exact", "one"), ("/exact?q=1", "one"), ("/exact/", 404), ("/exact/a", 404),
                           ("/Exact", 404), ("/exactly", 404), ("/", 404)):
            with self.subTest(path=path):
                self.assertEqual(want, self.taken(path))

    def test_prefix_goes_by_elements(self):
        self.rules("r", self.rule("/abc", backend="one"), self.rule("/dir/", backend="two"))
        for path, want in (("/abc", "one"), ("/abc/", "one"), ("/abc/d", "one"), ("/abc?x=/y", "one"), ("/abcd", 404),
                           ("/ab", 404), ("/ABC", 404), ("/dir", "two"), ("/dir/", "two"), ("/dir/x", "two"),
                           ("/direct", 404), ("/x/abc", 404)):
            with self.subTest(path=path):
                self.assertEqual(want, self.taken(path))

    def test_dot_segments_are_refused(self):
        self.rules("r", self.rule("/public", backend="one"))
        for path in ("/public/../admin", "/public/..", "/public/./x", "/public/%2e%2E/admin", "/public/.%2e/x?y", "/..", "/public/%2e"):
            with self.subTest(path):
                self.assertEqual(400, self.taken(path))
        done = subprocess.run([str(harness.need_binary()), "route", "--gateway", f"{self.gateway_ns}/gw", "--path", "/public/../admin",
                               "--state-dir", str(self.server.state_dir)], capture_output=True, text=True, timeout=30)
        self.assertIn("segment: send it resolved", done.stderr)
        for path in ("/public/..x", "/public/...", "/public/a..b/.c", "/public/x?../y", "/public/%2f..x"):
            with self.subTest(path):
                self.assertEqual("one", self.taken(path))

    def test_regular_expressions_match_the_whole_path(self):
        self.rules("r", self.rule("/v[0-9]+/(a|b)", "RegularExpression", "one"))
        for path, want in (("/v1/a", "one"), ("/v22/b?q", "one"), ("/v1/c", 404), ("/v1/ab", 404), ("/x/v1/a", 404)):
            with self.subTest(path=path):
                self.assertEqual(want, self.taken(path))

    def test_headers(self):
        self.rules("r", self.rule("/h", backend="one", match={"headers": [
            header("X-Env", "prod"), header("x-ver", "v[0-9]+", type="RegularExpression"),
            header("X-ENV", "ignored: of equivalent names the first counts")]}))
        good = [("x-env", "prod"), ("X-Ver", "v12")]
        self.assertEqual("one", self.taken("/h", fields=good))
        for fields in ([], good[:1], good[1:], [("x-env", "Prod"), good[1]], [good[0], ("x-ver", "v12a")]):
            with self.subTest(fields=fields):
                self.assertEqual(404, self.taken("/h", fields=fields))

    def test_query_parameters(self):
        self.rules("r", self.rule("/q", backend="one", match={"queryParams": [
            header("color", "dark blue"), header("n", "[0-9]+", type="RegularExpression")]}))
        for query, want in (("color=dark+blue&n=5", "one"), ("x=1&n=5&color=dark%20blue", "one"), ("n=5", 404),
                            ("color=dark+blue", 404), ("color=dark+blue&n=5x", 404), ("Color=dark+blue&n=5", 404)):
            with self.subTest(query=query):
                self.assertEqual(want, self.taken("/q?" + query))

    def test_methods(self):
        self.rules("r", self.rule("/m", backend="one", match={"method": "POST"}))
        self.assertEqual("one", self.taken("/m", "POST", body=b"x"))
        self.assertEqual(404, self.taken("/m", "GET"))

    def test_several_matches_are_alternatives(self):
        rule = self.rule("/a", "Exact", "one")
        rule["matches"].append({"path": {"type": "Exact", "value": "/b"}})
        self.rules("r", rule)
        self.assertEqual(["one", "one", 404], [self.taken(p) for p in ("/a", "/b", "/c")])

    def test_a_rule_without_matches_takes_all(self):
        self.rules("r", {"backendRefs": [objects.backend_ref("one")]})
        self.assertEqual("one", self.taken("/any/thing", "DELETE"))

    def test_hosts(self):
        base = self.site
        self.rules("exact", self.rule("/", backend="one"), hostnames=[f"a.{base}"])
        self.rules("wild", self.rule("/", backend="two"), hostnames=[f"*.{base}"])
        self.rules("deep", self.rule("/", backend="three"), hostnames=[f"*.x.{base}"])
        for host, want in ((f"a.{base}", "one"), (f"A.{base.upper()}", "one"), (f"a.{base}:8080", "one"),
                           (f"b.{base}", "two"), (f"b.c.{base}", "two"), (f"y.x.{base}", "three"), (f"x.{base}", "two"),
                           (base, 404), (f"bad{base}", 404), ("other.test", 404)):
            with self.subTest(host=host):
                self.assertEqual(want, self.taken("/", host=host))

    def test_an_absolute_target_names_the_host(self):
        self.rules("r", self.rule("/p", backend="one"))
        answer = self.wire().send(f"GET http://{self.site}/p?q=1 HTTP/1.1\r\nHost: {self.site}\r\n\r\n").answer()
        self.assertEqual(("one", "/p?q=1"), (answer.get("x-upstream"), answer.object["path"]))

    def test_a_more_specific_host_without_a_match_falls_back(self):
        self.rules("exact", self.rule("/only", backend="one"), hostnames=[f"a.{self.site}"])
        self.rules("wild", self.rule("/", backend="two"), hostnames=[f"*.{self.site}"])
        self.assertEqual(["one", "two"], [self.taken(p, host=f"a.{self.site}") for p in ("/only", "/else")])

    def test_precedence_of_paths(self):
        self.rules("r", self.rule("/", backend="one"), self.rule("/a/b", backend="two"),
                   self.rule("/a/b", "Exact", "three"), self.rule("/a", backend="one"))
        for path, want in (("/a/b", "three"), ("/a/b/", "two"), ("/a/b/c", "two"), ("/a/x", "one"), ("/z", "one")):
            with self.subTest(path=path):
                self.assertEqual(want, self.taken(path))

    def test_precedence_of_conditions(self):
        plain = self.rule("/p", backend="one")
        method = self.rule("/p", backend="two", match={"method": "GET"})
        headers = self.rule("/p", backend="three", match={"headers": [header("a", "1"), header("b", "2")]})
        self.rules("r", plain, headers, method)
        both = [("a", "1"), ("b", "2")]
        self.assertEqual("two", self.taken("/p", fields=both), "a method match goes before header matches")
        self.assertEqual("three", self.taken("/p", "POST", fields=both, body=b""))
        self.assertEqual("one", self.taken("/p", "POST", fields=both[:1], body=b""))

    def test_more_headers_before_more_query_parameters(self):
        queries = [header(name, "1") for name in ("x", "y", "z")]
        self.rules("r", self.rule("/p", backend="one", match={"queryParams": queries}),
                   self.rule("/p", backend="two", match={"headers": [header("a", "1")]}),
                   self.rule("/p", backend="three", match={"queryParams": queries[:1]}))
        self.assertEqual("two", self.taken("/p?x=1&y=1&z=1", fields=[("a", "1")]))
        self.assertEqual("one", self.taken("/p?x=1&y=1&z=1"))
        self.assertEqual("three", self.taken("/p?x=1&y=1"))

    def test_the_oldest_route_wins_whatever_its_name(self):
        self.rules("zzz", self.rule("/t", backend="one"))
        second = int(time.time())
        wait_until(lambda: int(time.time()) > second, what="the next second: creation times have no fractions")
        self.rules("aaa", self.rule("/t", backend="two"))
        self.assertEqual("one", self.taken("/t"))
        self.api.delete("HTTPRoute", self.ns, "zzz").expect(200)
        wait_until(lambda: self.taken("/t") == "two")

    def test_the_first_rule_wins_within_a_route(self):
        self.rules("r", self.rule("/t", backend="two"), self.rule("/t", backend="one"))
        self.assertEqual("two", self.taken("/t"))

    def test_listeners_by_host(self):
        port = self.port()
        listeners = [objects.listener(port, "wild", hostname="*.l.test"), objects.listener(port, "exact", hostname="a.l.test"),
                     objects.listener(port, "any")]
        self.api.must_create(objects.gateway(self.ns, "lg", *listeners))
        for section, backend in (("wild", "one"), ("exact", "two"), ("any", "three")):
            parent = objects.parent("lg", sectionName=section)
            self.api.must_create(objects.route(self.ns, section, [parent], [objects.backend_ref(backend)]))
            self.route_is(section, {"Accepted": "True"}, "lg", section)
        wait_until(lambda: f"{self.ns}/lg/any" in self.server.endpoints()["gateways"])
        self.port_number, before = port, self.port_number
        self.addCleanup(setattr, self, "port_number", before)
        for host, want in (("a.l.test", "two"), ("b.l.test", "one"), ("l.test", "three"), ("x.test", "three")):
            with self.subTest(host=host):
                self.assertEqual(want, self.taken("/", host=host))

    def explain(self, *args):
        command = [harness.BINARY, "route", "--state-dir", self.server.state_dir, "--gateway", f"{self.gateway_ns}/gw", *args]
        return subprocess.run([str(a) for a in command], capture_output=True, text=True, timeout=20)

    def test_the_route_command_agrees_and_says_why_not(self):
        self.rules("r", self.rule("/abc", backend="one", match={"headers": [header("x-env", "prod")]}),
                   self.rule("/abc", backend="two", match={"method": "POST"}))
        self.rules("other", self.rule("/elsewhere", backend="three"))
        done = self.explain("--host", self.site, "--path", "/abc/d", "--header", "X-Env=prod", "-o", "json")
        self.assertEqual(0, done.returncode, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(f"{self.ns}/r", found["route"])
        self.assertEqual([f"{self.ns}/one"], [b["backend"] for b in found["backends"]])
        self.assertIn(f"{self.gateway_ns}/gw/http", found["listener"])
        done = self.explain("--host", self.site, "--path", "/abc")
        self.assertEqual(1, done.returncode)
        for word in ("x-env", "POST", "/elsewhere"):
            self.assertIn(word.lower(), done.stdout.lower())
        self.assertEqual(404, self.taken("/abc"))

    def test_the_route_command_says_what_the_gateway_does(self):
        """Redirects, rules that cannot be carried out or have no backends: the same status as a request gets."""
        mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": objects.backend_ref("one")}}
        redirect = {"type": "RequestRedirect", "requestRedirect": {"hostname": "there.test", "statusCode": 301}}
        named = self.rule("/moved", backend=None)
        named.update({"filters": [redirect], "name": "moved"})
        broken = self.rule("/mirrored", backend="one")
        broken["filters"] = [mirror]
        self.rules("r", named, broken, self.rule("/none", backend=None), self.rule("/", backend="two"))
        for path, status, words in (("/moved", 301, ("rule 0 (moved)", "host=there.test")), ("/mirrored", 500, ("rule 1", "RequestMirror")),
                                    ("/none", 500, ("rule 2", "no backends")), ("/x", 200, ("rule 3", f"{self.ns}/two at "))):
            with self.subTest(path=path):
                self.assertEqual(status, self.ask(path).status)
                done = self.explain("--host", self.site, "--path", path)
                for word in (*words, *((f"answer    {status}",) if status != 200 else ())):
                    self.assertIn(word, done.stdout)
                if path == "/x":
                    self.assertIn("/none: path is /x", done.stdout)
                else:
                    self.assertIn("rule 3 path prefix /: fits too, but comes after", done.stdout)
        found = json.loads(self.explain("--host", self.site, "--path", "/moved", "-o", "json").stdout)
        self.assertEqual(({"index": 0, "name": "moved", "error": ""}, 301), (found["rule"], found["answer"]["status"]))

    def test_the_route_command_takes_one_port(self):
        self.rules("r", self.rule("/", backend="two"))
        listening = self.explain("--host", self.site, "--path", "/", "-o", "json")
        port = json.loads(listening.stdout)["port"]
        for args in (("--host", self.site, "--port", port), ("--host", f"{self.site}:{port}")):
            self.assertEqual(0, self.explain(*args).returncode)
        done = self.explain("--host", self.site, "--port", 1)
        self.assertEqual(1, done.returncode)
        self.assertIn(f"does not listen on port 1; it does on {port}", done.stderr)

    def test_the_route_command_knows_of_other_gateways_on_the_port(self):
        self.rules("r", self.rule("/", backend="one"))
        port = json.loads(self.explain("--host", self.site, "--path", "/", "-o", "json").stdout)["port"]
        host = f"only.{self.site}"
        self.make_gateway("second", objects.listener(port, hostname=host))
        self.api.must_create(objects.route(self.ns, "theirs", [objects.parent("second", self.ns)], [objects.backend_ref("two")]))
        self.route_is("theirs", {"Accepted": "True"}, "second")
        wait_until(lambda: self.taken("/", host=host) == "two")
        done = self.explain("--host", host, "--path", "/")
        self.assertIn(f"gateway   {self.ns}/second takes this host", done.stdout)
        self.assertIn(f"{self.ns}/two at ", done.stdout)

    def test_an_expression_that_takes_too_much_is_refused(self):
        """What the gateway cannot compile is in the route's condition, not a silent 404."""
        self.rules("r", self.rule(r"/(\pL{100}){2}", "RegularExpression", "one"), self.rule("/", backend="two"))
        self.route_is("r", {"PartiallyInvalid": "True UnsupportedValue"}, "gw")
        self.assertIn("pattern too large", str(self.api.read("HTTPRoute", self.ns, "r")["status"]))
        self.assertEqual("two", self.taken("/abc"))

    def test_the_route_command_names_what_it_cannot_use(self):
        done = self.explain("--header", "no-value")
        self.assertIn(done.returncode, (1, 2))
        self.assertIn("no-value", done.stderr)
        command = [harness.BINARY, "route", "--state-dir", self.server.state_dir, "--gateway", "no/such", "--path", "/"]
        done = subprocess.run([str(a) for a in command], capture_output=True, text=True, timeout=20)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("no/such", done.stderr)


class Shares(GatewayTest):
    def shares(self, name, *weights):
        """A rule over these (backend name, weight)."""
        rule = self.rule("/w", backend=None)
        rule["backendRefs"] = [objects.backend_ref(b, **({} if w is None else {"weight": w})) for b, w in weights]
        self.rules(name, rule)

    def count(self, requests):
        """How often each upstream or status answered, over one connection."""
        wire, out = self.wire(), {}
        for _ in range(requests):
            answer = wire.send(self.text("/w")).answer()
            key = answer.get("x-upstream") if answer.status == 200 else answer.status
            out[key] = out.get(key, 0) + 1
        return out

    def another(self, name):
        up = Upstream(name)
        self.addCleanup(up.stop)
        self.backend(name, up.port)

    def test_weights(self):
        self.another("second")
        self.shares("r", ("be", 9), ("second", 1))
        counted = self.count(1000)
        self.assertEqual(1000, sum(counted.values()))
        self.assertEqual({"echo", "second"}, set(counted), counted)
        self.assertTrue(50 <= counted["second"] <= 160, counted)  # 100 expected, 5 sigma are 47

    def test_weight_zero_gets_nothing(self):
        self.another("second")
        self.shares("r", ("be", 1), ("second", 0))
        self.assertEqual({"echo": 200}, self.count(200))

    def test_all_weights_zero(self):
        self.shares("r", ("be", 0))
        self.assertEqual({500: 5}, self.count(5))

    def test_a_missing_backend_keeps_its_share(self):
        self.shares("r", ("be", 1), ("no-such", 1))
        counted = self.count(400)
        self.assertEqual({"echo", 500}, set(counted))
        self.assertTrue(140 <= counted[500] <= 260, counted)
        self.route_is("r", {"ResolvedRefs": "False BackendNotFound"})

    def test_only_a_missing_backend(self):
        self.shares("r", ("no-such", None))
        answer = self.ask("/w")
        self.assertEqual(500, answer.status)
        self.assertIn(b"no-such", answer.body)

    def test_no_backends_at_all(self):
        self.rules("r", self.rule("/w", backend=None))
        self.assertEqual(500, self.ask("/w").status)

    def test_no_match_says_so(self):
        self.rules("r", self.rule("/w"))
        answer = self.ask("/nowhere")
        self.assertEqual(404, answer.status)
        self.assertIn(b"/nowhere", answer.body)

    def test_several_hosts_of_one_backend_share(self):
        other = Upstream("second")
        self.addCleanup(other.stop)
        obj = objects.static_backend(self.ns, "pair", port=self.upstream.port)
        obj["spec"]["static"]["hosts"].append({"host": "127.0.0.1", "port": other.port})
        self.api.must_create(obj)
        self.shares("r", ("pair", 1))
        counted = self.count(200)
        self.assertEqual({"echo", "second"}, set(counted), counted)
        self.assertGreater(min(counted.values()), 50)

    def test_a_name_as_host(self):
        self.api.must_create(objects.static_backend(self.ns, "named", "localhost", self.upstream.port))
        self.api.must_create(objects.static_backend(self.ns, "unknown", "no-such-name.invalid", 80))
        self.rules("r", self.rule("/named", backend="named"), self.rule("/unknown", backend="unknown"))
        self.assertEqual(200, self.ask("/named").status)
        answer = self.ask("/unknown")
        self.assertEqual(503, answer.status)
        self.assertIn(b"no-such-name.invalid", answer.body)


class Timeouts(GatewayTest):
    def setUp(self):
        super().setUp()
        self.slow = Upstream("slow")
        self.addCleanup(self.slow.stop)
        self.slow.plays["/never"] = lambda *_: None
        self.slow.plays["/half"] = says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.backend("slow", self.slow.port)

    def timed(self, path, **more):
        began = time.monotonic()
        answer = self.ask(path, **more)
        return answer, time.monotonic() - began

    def test_of_the_request_and_of_the_backend(self):
        for key in ("request", "backendRequest"):
            with self.subTest(key=key):
                timeouts = {"request": "300ms"} if key == "request" else {"request": "10s", "backendRequest": "300ms"}
                self.rules(f"r{key.lower()}", self.rule("/never", backend="slow", timeouts=timeouts))
                answer, took = self.timed("/never")
                self.assertEqual(504, answer.status, answer)
                self.assertTrue(0.25 <= took < 2, took)
                self.api.delete("HTTPRoute", self.ns, f"r{key.lower()}").expect(200)
                wait_until(lambda: self.ask("/never").status == 404)

    def test_a_body_was_sent(self):
        self.rules("r", self.rule("/never", backend="slow", timeouts={"request": "300ms"}))
        for size in (10, 1 << 20):
            with self.subTest(size=size):
                answer, took = self.timed("/never", method="POST", body=b"x" * size)
                self.assertEqual(504, answer.status, answer)
                self.assertLess(took, 3)

    def test_in_the_middle_of_the_answer(self):
        self.rules("r", self.rule("/half", backend="slow", timeouts={"request": "300ms"}))
        answer, took = self.timed("/half")
        self.assertEqual((200, b"half", False), (answer.status, answer.body, answer.whole))
        self.assertLess(took, 3)

    def test_a_quick_answer_is_not_touched(self):
        self.rules("r", self.rule("/quick", backend="slow", timeouts={"request": "5s"}))
        self.assertEqual(200, self.ask("/quick").status)

    def test_zero_is_none(self):
        self.rules("r", self.rule("/quick", backend="slow", timeouts={"request": "0s"}))
        self.assertEqual(200, self.ask("/quick").status)


if __name__ == "__main__":
    unittest.main()

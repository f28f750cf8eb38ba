"""Running the gateway: changes under load, draining, ports that are taken, what its own pages show."""

import json
import pathlib
import signal
import socket
import tempfile
import threading
import time
import unittest

import harness
import objects
from conditions import parents_of
from gateway_kit import Closed, GatewayTest, Upstream, Wire, get_text, request_text
from harness import wait_until


class Load:
    """Clients that ask until stopped, `most` requests at most; counts answers by status, keeps what failed."""

    def __init__(self, host, port, site, clients=6, keep=True, most=400):
        self.args, self.keep, self.most, self.turn = (host, port, site), keep, most, threading.Condition()
        self.counts, self.failures, self.stop_now = {}, [], False
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        [t.start() for t in self.threads]

    def total(self):
        return sum(list(self.counts.values()))

    def more(self, requests):
        """Lets the clients go on for so many requests from now."""
        with self.turn:
            self.most = self.total() + requests
            self.turn.notify_all()

    def _may_go_on(self):
        with self.turn:
            self.turn.wait_for(lambda: self.stop_now or self.total() < self.most)
        return not self.stop_now

    def _run(self):
        host, port, site = self.args
        wire = None
        while self._may_go_on():
            try:
                wire = wire or Wire.to(host, port)
                answer = wire.send(request_text("/load", host=site)).answer()
                with self.turn:
                    self.counts[answer.status] = self.counts.get(answer.status, 0) + 1
                if not self.keep or answer.get("connection") == "close":
                    wire.close()
                    wire = None
            except (Closed, OSError) as error:
                self.failures.append(repr(error))
                wire = None
        if wire:
            wire.close()

    def stop(self):
        with self.turn:
            self.stop_now = True
            self.turn.notify_all()
        [t.join(20) for t in self.threads]
        return self.counts, self.failures


class Changes(GatewayTest):
    def under_load(self, change, keep=True):
        """Runs `change(i)` 15 times between requests of six clients; no request may fail."""
        self.rules("stays", self.rule("/load"))
        load = Load(self.host, self.port_number, self.site, keep=keep)
        for i in range(15):
            before = load.total()
            load.more(400)
            wait_until(lambda: load.total() > before + 60)
            change(i)
        counts, failures = load.stop()
        self.assertEqual([], failures)
        self.assertEqual([200], list(counts))
        self.assertGreater(counts[200], 900)

    def test_routes_come_and_go(self):
        def change(i):
            if i % 2 == 0:
                self.rules(f"more{i}", self.rule(f"/more{i}"))
            else:
                self.api.delete("HTTPRoute", self.ns, f"more{i - 1}").expect(200)

        self.under_load(change)

    def test_routes_come_and_go_with_new_connections(self):
        self.under_load(lambda i: self.rules(f"more{i}", self.rule(f"/more{i}")), keep=False)

    def test_the_backend_of_the_route_changes(self):
        other = Upstream("other")
        self.addCleanup(other.stop)
        self.backend("other", other.port)

        def change(i):
            rule = self.rule("/load", backend="other" if i % 2 == 0 else "be")
            self.api.must_patch("HTTPRoute", self.ns, "stays", {"spec": {"rules": [rule]}})

        self.under_load(change)
        self.assertGreater(len(other.seen), 50)

    def test_other_listeners_come_and_go(self):
        def change(i):
            if i % 2 == 0:
                self.api.must_create(objects.gateway(self.ns, f"g{i}", objects.listener(self.port())))
            else:
                self.api.delete("Gateway", self.ns, f"g{i - 1}").expect(200)

        self.under_load(change)

    def test_accepted_means_live(self):
        for i in range(25):
            self.rules(f"r{i}", self.rule(f"/r{i}"))
            self.assertEqual(200, self.ask(f"/r{i}").status)

    def test_a_request_keeps_the_configuration_it_began_with(self):
        go_on = threading.Event()

        def play(wire, request, upstream):
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            go_on.wait(10)
            wire.send("done")

        self.upstream.plays["/half"] = play
        self.rules("r", self.rule("/half"))
        wire = self.wire().send(self.text("/half"))
        head = wire.head()
        self.api.delete("HTTPRoute", self.ns, "r").expect(200)
        wait_until(lambda: self.ask("/half/other").status == 404)
        go_on.set()
        self.assertEqual(b"halfdone", wire.body(head).body)
        # The next one on this connection begins with the new one, as soon as its worker has it: workers take it one by one.
        wait_until(lambda: wire.send(self.text("/half")).answer().status == 404)

    def test_a_bad_route_never_blocks_others(self):
        self.rules("good", self.rule("/good"))
        for name, rule in {"regex": self.rule("/[", "RegularExpression"),
                           "header": self.rule("/h", match={"headers": [{"name": "a", "value": "(", "type": "RegularExpression"}]}),
                           "missing": self.rule("/m", backend="no-such")}.items():
            obj = objects.route(self.ns, name, [objects.parent("gw", self.gateway_ns)], hostnames=[self.site])
            obj["spec"]["rules"] = [rule, self.rule(f"/{name}-too")]
            self.assertIn(self.api.create(obj).status, (201, 422))
        self.rules("later", self.rule("/later"))
        self.assertEqual([200, 200], [self.ask(p).status for p in ("/good", "/later")])
        for name in ("regex", "header", "missing"):
            if self.api.exists("HTTPRoute", self.ns, name):
                self.assertEqual(200, self.ask(f"/{name}-too").status)
        self.assertIn(self.ask("/h", fields=[("a", "(")]).status, (404, 500))
        self.assertEqual(500, self.ask("/m").status)


class Ports(GatewayTest):
    def taken(self):
        """A port of the Gateways' address on which somebody else listens."""
        sock = socket.create_server((self.host, 0))
        self.addCleanup(sock.close)
        return sock, sock.getsockname()[1]

    def test_one_that_is_taken_is_told_and_the_others_serve(self):
        sock, port = self.taken()
        free = self.port()
        self.api.must_create(objects.gateway(self.ns, "half", objects.listener(port, "bad"), objects.listener(free, "good")))
        self.listener_is("half", "bad", {"Accepted": "False PortUnavailable", "Programmed": "False"})
        self.listener_is("half", "good", {"Accepted": "True", "Programmed": "True"})
        message = self.api.read("Gateway", self.ns, "half")["status"]["listeners"][0]["conditions"]
        self.assertIn(str(port), json.dumps(message))
        obj = objects.route(self.ns, "r", [objects.parent("half")], [objects.backend_ref("be")])
        self.api.must_create(obj)
        self.route_is("r", {"Accepted": "True"}, "half")
        with Wire.to(self.host, free) as wire:
            self.assertEqual(200, wire.send(request_text("/")).answer().status)
        self.assertNotIn(f"{self.ns}/half/bad", self.server.endpoints()["gateways"])
        self.rules("still", self.rule("/still"))
        self.assertEqual(200, self.ask("/still").status)

    def test_it_serves_once_the_port_is_free(self):
        sock, port = self.taken()
        self.api.must_create(objects.gateway(self.ns, "late", objects.listener(port)))
        self.listener_is("late", "http", {"Programmed": "False"})
        sock.close()
        self.api.must_patch("Gateway", self.ns, "late", {"metadata": {"labels": {"touched": "yes"}}})
        self.listener_is("late", "http", {"Accepted": "True", "Programmed": "True"})

    def test_it_serves_once_the_port_is_free_without_being_touched(self):
        sock, port = self.taken()
        self.api.must_create(objects.gateway(self.ns, "late", objects.listener(port)))
        self.listener_is("late", "http", {"Programmed": "False"})
        sock.close()
        self.listener_is("late", "http", {"Accepted": "True", "Programmed": "True"})

    def test_another_sightline_has_it(self):
        with harness.Sightline(listen_host=self.host) as second:
            api = second.client()
            self.addCleanup(api.close)
            api.must_create(objects.namespace("x"))
            api.must_create(objects.gateway("x", "gw", objects.listener(self.port_number)))

            def judged():
                listeners = api.read("Gateway", "x", "gw").get("status", {}).get("listeners", [])
                return listeners and {c["type"]: c["status"] for c in listeners[0]["conditions"]}

            conditions = wait_until(judged)
            self.rules("mine", self.rule("/mine"))
            statuses = [self.ask("/mine").status for _ in range(40)]
            self.assertEqual([200] * 40, statuses, "the other program takes a share of our connections")
            self.assertEqual("False", conditions["Programmed"])


class OwnPages(GatewayTest):
    def test_config_dump(self):
        self.api.must_create(objects.secret(self.ns, "llm-key", Authorization="sk-SECRET-value"))
        self.api.must_create(objects.ai_backend(self.ns, "ai"))
        inline = objects.ai_backend(self.ns, "inline")
        inline["spec"]["ai"]["llm"]["anthropic"]["authToken"] = {"kind": "Inline", "inline": "sk-INLINE-value"}
        self.api.must_create(inline)
        self.rules("r", self.rule("/ai", backend="ai"), self.rule("/inline", backend="inline"))
        dump = get_text(self.server.endpoints()["admin"] + "/config_dump")
        names = [b["name"] for b in json.loads(dump)["spec"]["backends"]]
        self.assertTrue({f"{self.ns}/ai", f"{self.ns}/inline"} <= set(names))
        for secret in ("sk-SECRET-value", "sk-INLINE-value"):
            self.assertNotIn(secret, dump)

    def test_config_dump_hides_credentials_in_header_changes(self):
        change = {"type": "RequestHeaderModifier",
                  "requestHeaderModifier": {"set": [{"name": "Authorization", "value": "Bearer sk-HEADER-value"}]}}
        self.rules("r", self.rule("/x", filters=[change]))
        self.assertNotIn("sk-HEADER-value", get_text(self.server.endpoints()["admin"] + "/config_dump"))

    def test_metrics_count_each_request_once(self):
        def count():
            prefix = f'sightline_requests_total{{gateway="{self.gateway_ns}/gw",route="{self.ns}/r",status="200"'
            return sum(float(line.split()[-1]) for line in self.metrics().splitlines() if line.startswith(prefix))

        self.rules("r", self.rule("/count"))
        self.assertEqual(0, count())
        for _ in range(7):
            self.assertEqual(200, self.ask("/count").status)
        wait_until(lambda: count() == 7, what=lambda: f"{count()}")

    def test_names_of_metrics(self):
        self.rules("r", self.rule("/count"))
        self.ask("/count")
        text = self.metrics()
        for name, kind in (("sightline_requests_total", "counter"), ("sightline_request_duration_seconds", "histogram"),
                           ("gen_ai_client_token_usage", "histogram"), ("sightline_build_info", "gauge")):
            self.assertIn(f"# TYPE {name} {kind}\n", text)
        for line in filter(None, text.split("\n")):
            self.assertRegex(line, r'^(#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? [0-9.eE+-]+|.* \+Inf)$')

    def test_made_up_paths_and_hosts_make_no_series(self):
        self.ask("/warm")
        before = len(self.metrics().splitlines())
        for i in range(200):
            self.ask(f"/made-up-{i}", host=f"made-up-{i}.test")
        self.assertLess(len(self.metrics().splitlines()), before + 40)
        self.assertNotIn("made-up", self.metrics())


class Draining(unittest.TestCase):
    def setUp(self):
        self.up = Upstream("echo")
        self.addCleanup(self.up.stop)
        self.go_on = threading.Event()
        self.host = harness.private_host()
        self.server = harness.Sightline(listen_host=self.host)
        self.addCleanup(self.server.kill)
        api, self.port = self.server.client(), harness.free_port(self.host)
        self.addCleanup(api.close)
        api.must_create(objects.namespace("t"))
        api.must_create(objects.gateway("t", "gw", objects.listener(self.port)))
        api.must_create(objects.static_backend("t", "be", port=self.up.port))
        api.must_create(objects.route("t", "r", [objects.parent("gw")], [objects.backend_ref("be")]))
        wait_until(lambda: "t/gw/http" in self.server.endpoints()["gateways"])
        # Accepted is said when every worker has the route.
        wait_until(lambda: parents_of(api.read("HTTPRoute", "t", "r")))
        wait_until(lambda: self.wire().send(request_text("/")).answer().status == 200)

    def wire(self):
        wire = Wire.to(self.host, self.port)
        self.addCleanup(wire.close)
        return wire

    def held(self, wire, request, upstream):
        wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
        self.go_on.wait(10)
        wire.send("4\r\ndone\r\n0\r\n\r\n")

    def late(self, wire, request, upstream):
        self.go_on.wait(10)
        wire.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")

    def refused(self):
        with socket.socket() as sock:
            return sock.connect_ex((self.host, self.port)) != 0

    def test_requests_under_way_end_properly(self):
        self.up.plays.update({"/held": self.held, "/late": self.late})
        held, late, idle = self.wire(), self.wire(), self.wire()
        held.send(request_text("/held"))
        head = held.head()
        late.send(request_text("/late"))
        self.assertEqual(200, idle.send(request_text("/")).answer().status)
        wait_until(lambda: "/late" in self.up.paths())
        process = self.server.process
        process.child.send_signal(signal.SIGTERM)
        wait_until(self.refused, what="no new connections")
        self.assertTrue(idle.at_end(), "idle connections close")
        self.assertIsNone(process.child.poll())
        self.go_on.set()
        self.assertEqual((b"halfdone", True), (lambda m: (m.body, m.whole))(held.body(head)))
        answer = late.answer()
        self.assertEqual((200, b"late", "close"), (answer.status, answer.body, answer.get("connection")))
        self.assertEqual(0, process.wait(8))
        for path in ("/held", "/late"):
            self.assertIn(f"http.path={path} ", process.stderr(), "recorded before the end")

    def test_a_request_that_never_ends_does_not_keep_it_for_ever(self):
        self.up.plays["/late"] = self.late
        self.addCleanup(self.go_on.set)
        self.wire().send(request_text("/late"))
        wait_until(lambda: "/late" in self.up.paths())
        began = time.monotonic()
        self.assertEqual(0, self.server.process.end(30))
        self.assertLess(time.monotonic() - began, 20)

    def test_under_load_nothing_that_was_accepted_is_lost(self):
        load = Load(self.host, self.port, "x.test", most=3000)
        wait_until(lambda: load.total() > 300)
        process = self.server.process
        process.child.send_signal(signal.SIGTERM)
        self.assertEqual(0, process.wait(15))
        counts, failures = load.stop()
        self.assertEqual([200], list(counts))
        # An idle connection may close just as the next request goes out; what a backend was asked is answered.
        self.assertEqual(self.up.paths().count("/load"), counts[200], failures)


class Alone(unittest.TestCase):
    """`sightline gateway` serves its configuration, metrics and readiness where it is told to."""

    def test_side_servers(self):
        with tempfile.TemporaryDirectory() as folder:
            config = pathlib.Path(folder) / "spec.json"
            backend = {"name": "b", "endpoints": [{"host": "127.0.0.1", "port": 1}],
                       "ai": {"provider": "openai", "auth": {"kind": "key", "credential": "sk-never-shown"}}}
            config.write_text(json.dumps({
                "apiVersion": "sightline/v1", "backends": [backend],
                "listeners": [{"gateway": "a/b", "name": "h", "host": "127.0.0.1", "port": 0}]}))
            args = ["gateway", "--config", str(config)]
            for flag in ("--admin", "--metrics", "--ready"):
                args += [flag, "127.0.0.1:0"]
            process = harness.Process([harness.need_binary(), *args], stderr=pathlib.Path(folder) / "stderr")
            self.addCleanup(process.end)
            process.wait_line("ready")
            lines = list(process.lines)
            at = {line.split(" at ")[0]: line.split(" at ")[1] for line in lines if " at http" in line}
            self.assertEqual({"configuration", "metrics", "readiness"}, set(at))
            dump = get_text(at["configuration"])
            self.assertIn("a/b", dump)
            self.assertNotIn("sk-never-shown", dump)
            self.assertIn("ready", get_text(at["readiness"]))
            host, port = next(l for l in lines if l.startswith("listening on ")).split()[-1].rsplit(":", 1)
            wire = Wire.to(host, int(port))
            self.assertEqual(404, wire.send(request_text("/nowhere")).answer().status)
            wire.close()
            self.assertRegex(get_text(at["metrics"]), r'sightline_requests_total\{gateway="a/b",status="404"')


if __name__ == "__main__":
    unittest.main()

"""`sightline gateway --config FILE`: the data plane alone, reloaded when the file changes."""

import json
import os
import pathlib
import re
import shutil
import signal
import tempfile
import threading
import unittest

import harness
from gateway_kit import Upstream, Wire, request_text
from harness import wait_until


def spec(*routes, backends=(), port=0, **listener):
    return {"apiVersion": "sightline/v1",
            "listeners": [{"gateway": "local/gw", "name": "http", "port": port, **listener}],
            "routes": list(routes), "backends": list(backends)}


def route(name="local/r", backend="local/be", path="/", **rule):
    return {"name": name, "listeners": ["local/gw/http"],
            "rules": [{"matches": [{"path": {"type": "prefix", "value": path}}], "backends": [{"backend": backend}], **rule}]}


class StandaloneTest(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="gateway-"))
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.file = self.dir / "gateway.yaml"
        self.up = Upstream("first")
        self.addCleanup(self.up.stop)
        self.process = None

    def backend(self, name="local/be", up=None, **more):
        return {"name": name, "endpoints": [{"host": "127.0.0.1", "port": (up or self.up).port}], **more}

    def write(self, content):
        """Replaces the file at once, as editors and config map mounts do."""
        text = content if isinstance(content, str) else json.dumps(content)
        temporary = self.dir / "new"
        temporary.write_text(text)
        os.replace(temporary, self.file)

    def start(self, content, *extra):
        self.write(content)
        self.process = harness.Process([harness.need_binary(), "gateway", "--config", self.file, *extra])
        self.addCleanup(self.process.kill)
        self.process.wait_line("ready")
        line = self.process.wait_line(lambda text: text.startswith("listening on "))
        self.host, port = re.search(r"([\d.]+):(\d+)", line).groups()
        self.port = int(port)

    def ask(self, path="/", method="GET", **more):
        with Wire.to(self.host, self.port) as wire:
            return wire.send(request_text(path, method, **more)).answer(method)


class Standalone(StandaloneTest):
    def test_port_0_picks_one_and_it_serves(self):
        self.start(spec(route(), backends=[self.backend()]))
        self.assertGreater(self.port, 0)
        answer = self.ask("/x?y")
        self.assertEqual((200, "/x?y"), (answer.status, answer.object["path"]))
        line = wait_until(lambda: next((x for x in self.process.stderr().splitlines() if " request " in x), None))
        self.assertIn("gateway=local/gw listener=http route=local/r endpoint=127.0.0.1:", line)
        self.assertEqual(0, self.process.end())

    def test_not_ready_while_it_drains(self):
        may_answer = threading.Event()
        self.addCleanup(may_answer.set)
        self.up.plays["/slow"] = lambda wire, request, upstream: (may_answer.wait(10), wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"))[1] and None
        ready = f"127.0.0.1:{harness.free_port()}"
        self.start(spec(route(), backends=[self.backend()]), "--ready", ready)

        def status():
            with Wire.to("127.0.0.1", int(ready.split(":")[1])) as wire:
                return wire.send(request_text("/healthz/ready", host=ready)).answer().status
        self.assertEqual(200, status())
        with Wire.to(self.host, self.port) as wire:
            wire.send(request_text("/slow"))
            wait_until(lambda: "/slow" in self.up.paths())
            os.kill(self.process.pid, signal.SIGTERM)
            wait_until(lambda: status() == 503)
            may_answer.set()
            self.assertEqual(200, wire.answer().status)
        self.assertEqual(0, self.process.wait(10))

    def test_yaml_with_comments(self):
        self.start(f"""# a plain AI proxy
apiVersion: sightline/v1
listeners:
- {{gateway: local/gw, name: http, port: 0}}
routes:
- name: local/r
  listeners: [local/gw/http]
  rules:
  - backends: [{{backend: local/be}}]   # no matches: everything
backends:
- name: local/be
  endpoints: [{{host: 127.0.0.1, port: {self.up.port}}}]
""")
        self.assertEqual(200, self.ask("/anything").status)

    def test_a_change_is_picked_up(self):
        other = Upstream("second")
        self.addCleanup(other.stop)
        self.start(spec(route(), backends=[self.backend()]))
        port = self.port
        self.assertEqual("first", self.ask().get("x-upstream"))
        with Wire.to(self.host, self.port) as kept:
            self.assertEqual(200, kept.send(request_text("/")).answer().status)
            self.write(spec(route(), backends=[self.backend(up=other)]))
            wait_until(lambda: self.ask().get("x-upstream") == "second")
            self.assertEqual("second", kept.send(request_text("/")).answer().get("x-upstream"))
        self.assertEqual(port, self.port)
        with self.file.open("w") as out:  # in place, too
            json.dump(spec(backends=[self.backend()]), out)
        wait_until(lambda: self.ask().status == 404)

    def test_a_broken_file_keeps_the_last_good_one(self):
        good = spec(route(), backends=[self.backend()])
        self.start(good)
        for name, text in {"no YAML": "listeners: [", "another type": '{"listeners": 5}', "empty": "", "unknown": '{"listenerz": []}',
                           "two documents": "a: 1\n---\nb: 2\n", "defined twice": json.dumps(spec(backends=[self.backend(), self.backend()]))}.items():
            with self.subTest(name):
                told = self.process.stderr().count("error")
                self.write(text)
                wait_until(lambda: self.process.stderr().count("error") > told, what="words about the broken file")
                self.assertEqual(200, self.ask().status)

    def test_a_port_that_cannot_be_is_a_broken_file(self):
        good = spec(route(), backends=[self.backend()])
        self.start(good)
        self.write(spec(route(), port=70000, backends=[self.backend()]))
        wait_until(lambda: "70000" in self.process.stderr())
        self.assertEqual(200, self.ask().status, "the last good configuration serves on")

    def test_without_the_file_and_with_a_new_one(self):
        self.start(spec(route(), backends=[self.backend()]))
        self.file.unlink()
        self.assertEqual(200, self.ask().status)
        self.write(spec(route(path="/new"), backends=[self.backend()]))
        wait_until(lambda: self.ask().status == 404 and self.ask("/new").status == 200)

    def test_a_bad_route_does_not_block_others(self):
        bad = route("local/bad", path="/bad")
        bad["rules"][0]["matches"][0]["path"] = {"type": "regex", "value": "["}
        lost = route("local/lost", backend="local/none", path="/lost")
        self.start(spec(bad, lost, route("local/good", path="/good"), backends=[self.backend()]))
        self.assertEqual([200, 500, 404], [self.ask(p).status for p in ("/good", "/lost", "/bad")])
        self.assertIn("local/bad", self.process.stderr())

    def test_a_file_that_is_broken_at_the_start_is_an_error(self):
        for name, text, word in (("typing", '{"listeners": [{"gateway": "a/b", "name": "x", "port": "no"}]}', "port"),
                                 ("unknown field", '{"listenerz": []}', "listenerz"), ("yaml", "a: [", "1")):
            with self.subTest(name):
                self.write(text)
                process = harness.Process([harness.need_binary(), "gateway", "--config", self.file])
                self.addCleanup(process.kill)
                self.assertIn(process.wait(10), (1, 2))
                self.assertIn(word, process._last_stderr)
        process = harness.Process([harness.need_binary(), "gateway", "--config", self.dir / "none.yaml"])
        self.addCleanup(process.kill)
        self.assertIn(process.wait(10), (1, 2))
        self.assertIn("none.yaml", process._last_stderr)

    def test_a_port_that_is_taken_at_the_start(self):
        taken = harness.socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        both = spec(route(), backends=[self.backend()])
        both["listeners"].append({"gateway": "local/gw", "name": "taken", "port": taken.getsockname()[1]})
        self.start(both)
        wait_until(lambda: str(taken.getsockname()[1]) in self.process.stderr(), what="words about the port")
        lines = [x for x in self.process.lines if x.startswith("listening on")]
        ports = [int(x.rsplit(":", 1)[1]) for x in lines if re.search(r":\d+$", x)]
        self.assertNotIn(taken.getsockname()[1], ports, "it does not listen there")
        self.port = next(p for p in ports if p != taken.getsockname()[1])
        self.assertEqual(200, self.ask().status)

    def test_a_listener_that_is_added_and_taken_away(self):
        one = spec(route(), backends=[self.backend()])
        self.start(one)
        extra = harness.free_port()
        two = json.loads(json.dumps(one))
        two["listeners"].append({"gateway": "local/gw", "name": "more", "port": extra})
        two["routes"][0]["listeners"].append("local/gw/more")

        def serves():
            with harness.socket.socket() as sock:
                return sock.connect_ex(("127.0.0.1", extra)) == 0

        self.write(two)
        wait_until(serves)
        with Wire.to("127.0.0.1", extra) as wire:
            self.assertEqual(200, wire.send(request_text("/")).answer().status)
        self.assertEqual(200, self.ask().status)
        self.write(one)
        wait_until(lambda: not serves())
        self.assertEqual(200, self.ask().status)

    def test_the_access_log_can_be_off(self):
        self.start(spec(route(), backends=[self.backend()]), "--access-log", "off")
        self.assertEqual(200, self.ask().status)
        self.assertEqual(0, self.process.end())
        self.assertNotIn(" request ", self.process._last_stderr)

    def test_sigterm_drains(self):
        go_on = threading.Event()

        def play(wire, request, upstream):
            go_on.wait(10)
            wire.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        self.up.plays["/late"] = play
        self.start(spec(route(), backends=[self.backend()]))
        with Wire.to(self.host, self.port) as wire:
            wire.send(request_text("/late"))
            wait_until(lambda: "/late" in self.up.paths())
            self.process.child.send_signal(signal.SIGTERM)
            go_on.set()
            self.assertEqual(200, wire.answer().status)
        self.assertEqual(0, self.process.wait())

    def test_a_model_backend_and_its_credential(self):
        with harness.FakeLlm(tls=True) as llm:
            ai = {"provider": "anthropic", "model": "claude-x", "auth": {"kind": "key", "source": "inline", "credential": "sk-FILE-key"}}
            backend = {"name": "local/be", "endpoints": [{"host": "api.anthropic.com", "port": 443}], "tls": True, "ai": ai}
            self.start(spec(route(), backends=[backend]), "--upstream-ca", llm.ca, "--resolve",
                       f"api.anthropic.com:443:127.0.0.1:{llm.port}")
            body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}).encode()
            answer = self.ask("/v1/chat/completions", "POST", body=body)
            self.assertEqual(200, answer.status, answer)
            self.assertEqual(("sk-FILE-key", "claude-x"),
                             (llm.requests()[0]["headers"]["x-api-key"], llm.requests()[0]["body"]["model"]))
            self.write(spec(route(), backends=[backend, backend]))
            wait_until(lambda: "twice" in self.process.stderr())
            self.assertNotIn("sk-FILE-key", self.process.stderr() + "\n".join(self.process.lines))


if __name__ == "__main__":
    unittest.main()

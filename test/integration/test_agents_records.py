"""What is recorded of an agent's work: log lines that nothing forges, metrics by kind of failure, and finding it again."""

import json
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import tempfile
import unittest

import objects
from gateway_kit import Upstream, get_text, says_and_closes
from harness import free_port, need_binary, wait_until
from test_agents_kit import AgentTest, NS, say, text_of, use, wait_ready

FORGED = ('slow "down" state=completed duration=0ms turn=forged error="x\n'
          '2026-01-01T00:00:00.000Z info turn agent=forged/agent \\')
FIELD = re.compile(r' ([a-z_.]+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)')


def fields_of(line, word):
    """The fields of a log line after ` word `, each but once; fails when the line holds anything else."""
    rest, out = line[line.index(f" {word} ") + len(word) + 1:], {}
    while rest:
        match = FIELD.match(rest)
        if not match or match[1] in out:
            raise AssertionError(f"not a field of its own: {rest!r} in {line!r}")
        out[match[1]] = json.loads(match[2]) if match[2].startswith('"') else match[2]
        rest = rest[match.end():]
    return out


class Lines(AgentTest):
    def line(self, word, task):
        def look():
            lines = self.server.stderr().splitlines()
            return next((x for x in lines if f" {word} agent=" in x and f" turn={task['id']} " in x), None)

        return wait_until(look, what=lambda: f"a line of {word}\n{self.server.stderr()[-2000:]}")

    def check_nothing_forged(self):
        forged = [x for x in self.server.stderr().splitlines() if x.startswith("2026-01-01T00:00:00.000Z")]
        self.assertEqual([], forged)

    def test_an_error_of_the_model_forges_no_field_of_the_turn(self):
        self.script({"status": 429, "error": {"type": "rate_limit_error", "message": FORGED}})
        task = self.agent().send("try")
        self.assertEqual("failed", task["status"]["state"])
        fields = fields_of(self.line("turn", task), "turn")
        self.assertEqual({"agent", "session", "turn", "state", "duration", "error"}, set(fields))
        self.assertEqual((f"{NS}/plain", task["contextId"], task["id"], "failed"),
                         tuple(fields[k] for k in ("agent", "session", "turn", "state")))
        self.assertEqual(text_of(task["status"]["message"]), fields["error"])
        self.assertIn(FORGED, fields["error"])
        self.check_nothing_forged()

    def test_arguments_forge_no_field_of_the_tool_call(self):
        self.script(use("k8s_describe_resource", {"resource_type": FORGED, "resource_name": "x"}), say("done"))
        task = self.agent("tooled").send("look")
        self.assertEqual("completed", task["status"]["state"])
        fields = fields_of(self.line("tool", task), "tool")
        self.assertEqual({"agent", "session", "turn", "gen_ai.tool.name", "duration", "error"}, set(fields))
        self.assertEqual((f"{NS}/tooled", task["id"], "k8s_describe_resource"),
                         tuple(fields[k] for k in ("agent", "turn", "gen_ai.tool.name")))
        self.assertIn(FORGED, fields["error"])
        self.check_nothing_forged()


class Metrics(AgentTest):
    def failures(self, name, label=""):
        """How many this histogram counts of each `error_type` ("" where there is none), of the series with this label."""
        text, found = get_text(self.server.endpoints()["metrics"] + "/metrics"), {}
        for labels, count in re.findall(rf"(?m)^{name}_count{{(.*)}} ([0-9.e+]+)$", text):
            if label in labels:
                self.assertNotRegex(labels, r'(^|,)error="', "one name for it everywhere")
                kind = re.search(r'error_type="([^"]*)"', labels)
                found[kind[1] if kind else ""] = found.get(kind[1] if kind else "", 0) + float(count)
        return found

    def check_one_more(self, act, kind, *series):
        """After `act`, each series (name and a label) counts one more of this kind, and no failure of another kind."""
        def now():  # what went well may still come in from the tests before
            return [{k: n for k, n in self.failures(*one).items() if k or not kind} for one in series]

        expected = [{**before, kind: before.get(kind, 0) + 1} for before in now()]
        act()
        wait_until(lambda: now() == expected, what=lambda: f"{expected}; there is {now()}")

    MODEL = "gen_ai_client_operation_duration_seconds"
    TURN = "gen_ai_invoke_agent_duration_seconds"
    TOOL = "gen_ai_execute_tool_duration_seconds"

    def state_after(self, agent, *script):
        self.script(*script)
        return self.agent(agent).send("try")["status"]["state"]

    def cut_model(self):
        """An agent whose model, behind the gateway, closes in the middle of its stream."""
        model = Upstream("cut")
        self.addCleanup(model.stop)
        event = b'data: {"object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        model.plays["/v1/chat/completions"] = says_and_closes(head + b"%x\r\n%s\r\n" % (len(event), event))
        llm = {"openai": {"authToken": {"kind": "Inline", "inline": "x"}, "model": "m"}, "host": "127.0.0.1", "port": model.port}
        self.api.must_create({"apiVersion": "gateway.kgateway.dev/v1alpha1", "kind": "Backend", "metadata": objects.meta("cut", NS),
                              "spec": {"type": "AI", "ai": {"llm": llm}}})
        path = {"type": "ReplaceFullPath", "replaceFullPath": "/v1/chat/completions"}
        self.api.must_create(objects.route(NS, "cut", [objects.parent("gw")], [objects.backend_ref("cut")], "/cut",
                                           filters=[{"type": "URLRewrite", "urlRewrite": {"path": path}}]))
        self.api.must_create(objects.model_config(NS, "cut", f"http://{self.host}:{self.port}/cut", "llm-key"))
        self.make_agent("cut", "cut", stream=True)

    def test_a_stream_that_is_cut(self):
        self.cut_model()
        self.check_one_more(lambda: self.assertEqual("failed", self.state_after("cut")), "upstream_closed",
                            (self.MODEL,), (self.TURN, f'"{NS}/cut"'))

    def test_a_call_that_is_cancelled(self):
        def cancel():
            self.script(say("word " * 400, chunk_delay_ms=50))
            agent = self.agent("chunks")
            with agent.stream("speak") as stream:
                task = stream.wait_for(lambda e: len(e) > 5 and e)[0]["id"]
                agent.must("tasks/cancel", {"id": task})
                stream.wait_end()

        self.check_one_more(cancel, "cancelled", (self.MODEL,), (self.TURN, f'"{NS}/chunks"'))

    def test_a_status(self):
        refused = {"status": 429, "error": {"message": "no"}}
        self.check_one_more(lambda: self.assertEqual("failed", self.state_after("plain", refused)), "429", (self.MODEL,))

    def test_no_failure(self):
        self.make_agent("untroubled")
        self.check_one_more(lambda: self.assertEqual("completed", self.state_after("untroubled")), "",
                            (self.TURN, f'"{NS}/untroubled"'))

    def test_a_tool(self):
        for kind, arguments in (("not_found", {"resource_type": "gizmotron"}), ("", {"resource_type": "agent", "namespace": NS})):
            with self.subTest(kind):
                script = use("k8s_get_resources", arguments), say("done")
                self.check_one_more(lambda: self.assertEqual("completed", self.state_after("tooled", *script)), kind,
                                    (self.TOOL, '"k8s_get_resources"'))


class Finding(AgentTest):
    def run_apart(self, *args, cwd=None):
        """Runs the program where no state directory is found by itself."""
        with tempfile.TemporaryDirectory() as empty:
            env = {**os.environ, "XDG_STATE_HOME": empty, "HOME": empty}
            return subprocess.run([str(need_binary()), *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=30, env=env, cwd=cwd)

    def test_the_server_beside_the_kubeconfig(self):
        folder = self.server.state_dir
        for file, cwd in ((self.server.kubeconfig(), None), ("kubeconfig", folder), ("./kubeconfig", folder)):
            with self.subTest(file):
                here = ("--kubeconfig", file)
                done = self.assert_exit(0, self.run_apart("invoke", f"{NS}/plain", "--task", "hello", *here, cwd=cwd))
                self.assertEqual("You said: hello\n", done.stdout)
                done = self.assert_exit(0, self.run_apart("traffic", "-o", "json", *here, cwd=cwd))
                record = json.loads(done.stdout)[-1]
                done = self.assert_exit(0, self.run_apart("explain", str(record["id"]), *here, cwd=cwd))
                self.assertIn(record["trace_id"], done.stdout)

    def test_no_server_beside_the_kubeconfig(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder, "kubeconfig")
            copy.write_text(pathlib.Path(self.server.kubeconfig()).read_text())
            for args in (("invoke", f"{NS}/plain", "--task", "x"), ("traffic",), ("explain", "1")):
                with self.subTest(args):
                    done = self.assert_exit(1, self.run_apart(*args, "--kubeconfig", str(copy)))
                    self.assertIn(folder, done.stderr)
                    self.assertIn("--state-dir", done.stderr)

    def test_traffic_of_an_agent_by_its_name_alone(self):
        self.api.must_create(objects.secret("kagent", "llm-key", Authorization="sk-x"))
        self.api.must_create(objects.model_config("kagent", "m", f"http://{self.host}:{self.port}/openai", "llm-key"))
        for ns in ("kagent", NS):
            self.api.must_create(objects.agent(ns, "twin", "m"))
            wait_ready(self.api, "twin", ns)
            self.assert_exit(0, self.cli("invoke", f"{ns}/twin", "--task", "hello"))

        def agents(name):
            done = self.assert_exit(0, self.cli("traffic", "--agent", name, "-o", "json"))
            return sorted(r["agent"] for r in json.loads(done.stdout))

        wait_until(lambda: agents("twin") == ["kagent/twin"] * 2, what=lambda: f"{agents('twin')}")
        wait_until(lambda: agents(f"{NS}/twin") == [f"{NS}/twin"] * 2, what=lambda: f"{agents(f'{NS}/twin')}")


class Many(AgentTest):
    MANY = 30_000

    def fill(self, turn):
        """Many more records like those of this turn, each of a turn of its own."""
        ledger = sqlite3.connect(self.server.state_dir / "ledger.db", timeout=10)
        try:
            with ledger:
                row = ledger.execute("SELECT start_us, data FROM records WHERE turn = ?", (turn,)).fetchone()
                ledger.executemany("INSERT INTO records(start_us, trace, agent, session, turn, data) VALUES(?,?,?,?,?,?)", (
                    (row[0], f"{n:032x}", "lab/other", f"s{n // 10}", f"t{n}", json.dumps({**json.loads(row[1]), "turn": f"t{n}"}))
                    for n in range(self.MANY)))
        finally:
            ledger.close()

    def records(self, **query):
        return self.rest("GET", "/api/records?" + "&".join(f"{k}={v}" for k, v in query.items())).expect(200).data

    def test_the_records_of_a_turn_among_many(self):
        first = self.agent().send("hello")
        wait_until(lambda: len(self.records(turn=first["id"])) == 2, what="both records of the first")
        before = self.records(turn=first["id"])
        self.fill(first["id"])
        second = self.agent().send("hello", first["contextId"])
        wait_until(lambda: len(self.records(turn=second["id"])) == 2, what="both records of the second")
        self.assertEqual(before, self.records(turn=first["id"]), "older than the many")
        for task in (first, second):
            self.assertEqual(["exchange", "turn"], sorted(r["kind"] for r in self.records(turn=task["id"])))
        self.assertEqual(["t12345"], [r["turn"] for r in self.records(turn="t12345")])
        self.assertEqual([], self.records(turn="nothing"))
        self.assertEqual([], self.records(turn=first["id"], agent="lab/other"))
        self.assertEqual({f"{NS}/plain"}, {r["agent"] for r in self.records(agent=f"{NS}/plain")})
        self.assertEqual(4, len(self.records(session=first["contextId"])))
        self.assertEqual(before[1:], self.records(turn=first["id"], after=before[0]["id"]))


class Direct(AgentTest):
    """An agent whose ModelConfig names no gateway: said in a condition, and recorded by the agent itself."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        config = objects.model_config(NS, "direct", f"https://api.openai.com/v1", "llm-key")
        cls.api.must_create(config)
        cls.make_agent("direct", "direct")
        cls.make_agent("direct-chunks", "direct", stream=True)

    def records(self, task, count):
        def look():
            found = self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
            return len(found) >= count and found

        return wait_until(look, what=f"{count} records of task {task['id']}")

    def test_its_calls_are_recorded(self):
        for name, streamed in (("direct", None), ("direct-chunks", True)):
            self.script(say("done", **{}))
            task = self.agent(name).send("hello")
            exchange, = [r for r in self.records(task, 2) if r["kind"] == "exchange"]
            turn, = [r for r in self.records(task, 2) if r["kind"] == "turn"]
            self.assertEqual(("api.openai.com:443", "TLSv1.3", "api.anthropic.com", "secret", 200, streamed, "llm"),
                             tuple(exchange.get(k) for k in ("endpoint", "tls.version", "tls.peer", "auth", "http.status", "streamed", "protocol")))
            self.assertEqual(turn["span_id"], exchange["parent_span_id"])
            self.assertTrue(exchange["gen_ai.usage.output_tokens"])
            self.assertNotIn("gateway", exchange)
            sent = self.model_calls()[-1]["headers"]
            self.assertIn(exchange["span_id"], sent["traceparent"])
            self.assertNotIn("x-sightline-identity", sent)
            tree = self.assert_exit(0, self.cli("explain", task["id"])).stdout
            self.assertIn("past every gateway", tree)

    def test_a_failure_is_recorded_too(self):
        self.script({"status": 503})
        task = self.agent("direct").send("hello")
        exchange, = [r for r in self.records(task, 2) if r["kind"] == "exchange"]
        self.assertEqual(503, exchange["http.status"])
        self.assertIn("503", exchange["error"])

    def test_what_was_never_sent(self):
        """No connection: neither TLS nor credential nor a status to speak of."""
        self.api.must_create(objects.model_config(NS, "nobody", f"https://127.0.0.1:{free_port()}/v1", "llm-key"))
        self.make_agent("nobody", "nobody")
        task = self.agent("nobody").send("hello")
        self.assertEqual("failed", task["status"]["state"])
        exchange, = [r for r in self.records(task, 2) if r["kind"] == "exchange"]
        self.assertEqual((None, None), (exchange.get("auth"), exchange.get("upstream.addr")))
        tree = self.assert_exit(0, self.cli("explain", task["id"])).stdout
        self.assertIn("secured   nothing was sent: there was no connection", tree)
        self.assertIn("answered  nothing", tree)
        self.assertNotIn("Secret", tree)

    def test_the_condition(self):
        def conditions(name):
            return {c["type"]: c for c in self.api.read("ModelConfig", NS, name)["status"]["conditions"]}
        through = wait_until(lambda: conditions("direct").get("ThroughGateway"))
        self.assertEqual(("False", "DirectEndpoint"), (through["status"], through["reason"]))
        self.assertIn("api.openai.com:443", through["message"])
        self.assertNotIn("ThroughGateway", conditions("m"))


class Refused(AgentTest):
    """What a gateway refuses is its request all the same, and not one past every gateway."""

    def test_a_host_that_no_listener_has(self):
        port = free_port(self.host)
        self.api.must_create(objects.gateway(NS, "named", *[
            {**objects.listener(port, **objects.allow("All")), "name": n, "hostname": f"{n}.example"} for n in ("a", "b")]))
        wait_until(lambda: f"{NS}/named/a" in self.server.endpoints()["gateways"])
        self.api.must_create(objects.model_config(NS, "stray", f"http://{self.host}:{port}/v1", "llm-key"))
        task = self.make_agent("stray", "stray").send("hello")
        self.assertEqual("failed", task["status"]["state"])
        tree = wait_until(lambda: (t := self.cli("explain", task["id"]).stdout) and "404" in t and t)
        self.assertNotIn("past every gateway", tree)
        self.assertIn(f"gateway {NS}/named", tree)

    def test_https_to_a_listener_without_it(self):
        self.api.must_create(objects.model_config(NS, "tls", f"https://{self.host}:{self.port}/openai", "llm-key"))
        self.make_config("unused")
        task = self.make_agent("tls", "tls").send("hello")
        self.assertEqual("failed", task["status"]["state"])
        exchange, = wait_until(lambda: [r for r in self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
                                        if r["kind"] == "exchange"])
        self.assertTrue(exchange["direct"])
        self.assertTrue(exchange["error"])

    def test_whose_words_explain_shows(self):
        self.script(say("the answer to alice"))
        message = {"kind": "message", "role": "user", "messageId": "m-alice", "parts": [{"kind": "text", "text": "asked by alice"}]}
        task = self.agent().must("message/send", {"message": message}, {"X-User-Id": "alice"})
        own = wait_until(lambda: (d := self.cli("explain", task["id"], "--user", "alice")).returncode == 0 and d)
        self.assertIn("asked by alice", own.stdout)
        other = self.cli("explain", task["id"])
        self.assertNotIn("asked by alice", other.stdout)
        self.assertIn("--user", other.stderr)


class ByServiceName(AgentTest):
    """A ModelConfig that names the Gateway's Service, as in a cluster."""

    def test_calls_go_to_the_gateway(self):
        for number, name in enumerate((f"gw.{NS}.svc.cluster.local", "gw")):
            with self.subTest(name):
                url = f"http://{name}:{self.port}/openai"
                self.api.must_create(objects.model_config(NS, f"named-{number}", url, "llm-key"))
                self.make_agent(f"named-{number}", f"named-{number}")
                self.script(say("done"))
                task = self.agent(f"named-{number}").send("hello")
                self.assertEqual("completed", task["status"]["state"])
                exchange, = wait_until(lambda: [r for r in self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
                                                if r["kind"] == "exchange"])
                self.assertEqual((f"{NS}/gw", f"{name}:{self.port}", f"{NS}/named-{number}"),
                                 tuple(exchange[k] for k in ("gateway", "http.host", "agent")))
                status = self.api.read("ModelConfig", NS, f"named-{number}")["status"]
                self.assertNotIn("ThroughGateway", [c["type"] for c in status["conditions"]])


class AnothersPort(AgentTest):
    """Another program has the port of a Gateway: neither key nor conversation goes there, however the URL names it."""

    def test_nothing_is_sent(self):
        with socket.create_server((self.host, 0)) as other:
            port = other.getsockname()[1]
            self.api.must_create(objects.gateway(NS, "late", {**objects.listener(port, **objects.allow("All"))}))
            for number, host in enumerate((self.host, f"late.{NS}.svc.cluster.local")):
                with self.subTest(host):
                    self.api.must_create(objects.model_config(NS, f"late-{number}", f"http://{host}:{port}/openai", "llm-key"))
                    self.make_agent(f"late-{number}", f"late-{number}")
                    task = self.agent(f"late-{number}").send("hello")
                    self.assertEqual("failed", task["status"]["state"])
                    self.assertIn("nothing was sent", json.dumps(task["status"]))
                    status = self.api.read("ModelConfig", NS, f"late-{number}")["status"]
                    through, = [c for c in status["conditions"] if c["type"] == "ThroughGateway"]
                    self.assertEqual(("False", "GatewayNotServing"), (through["status"], through["reason"]))
                    self.assertIn(f"Gateway {NS}/late", through["message"])
            other.setblocking(False)
            self.assertRaises(BlockingIOError, other.accept)


class ToolCalls(AgentTest):
    def tool_records(self, task):
        def look():
            found = self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
            return any(r["kind"] == "turn" for r in found) and [r for r in found if r["kind"] == "tool_call"]

        return wait_until(look, what=f"records of tool calls of {task['id']}")

    def test_what_an_agent_tried_and_was_denied(self):
        for name, arguments, words in (("k8s_delete_resource", {}, 'no tool "k8s_delete_resource"'), ("k8s_get_resources", "[1", "not a JSON object")):
            rule = use(name, {})
            if arguments:
                rule = {"times": 1, "raw": json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [
                    {"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": None, "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": name, "arguments": arguments}}]}}]})}
            self.script(rule, say("done"))
            record, = self.tool_records(self.agent("tooled").send("try"))
            self.assertEqual((name, "call_1"), (record["gen_ai.tool.name"], record["gen_ai.tool.call.id"]))
            self.assertIn(words, record["error"])
            self.assertNotIn("endpoint", record)

    def test_where_a_tool_went(self):
        self.script(use("k8s_get_resources", {"resource_type": "agent", "namespace": NS}), say("done"))
        task = self.agent("tooled").send("look")
        record, = self.tool_records(task)
        api = self.server.endpoints()["api"].removeprefix("https://")
        self.assertEqual((api, api, "TLSv1.3", "own"), tuple(record.get(k) for k in ("endpoint", "upstream.addr", "tls.version", "auth")))
        tree = self.assert_exit(0, self.cli("explain", task["id"])).stdout
        for words in (f"where     {api}", "secured   TLSv1.3", "Sightline's own credential", '{"resource_type":"agent"', "plain"):
            self.assertIn(words, tree)


class MadeUpNames(AgentTest):
    def test_a_tools_name_forges_and_floods_nothing(self):
        name = 'x duration=0ms error="forged" \x1b[31m' + "y" * 10_000
        self.script(use(name, {}), say("done"))
        task = self.agent("tooled").send("try")

        def look():
            found = self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
            return next((r for r in found if r["kind"] == "tool_call"), None)

        record = wait_until(look)
        self.assertRegex(record["gen_ai.tool.name"], r"^[\w.?-]{1,64}$")
        self.assertLess(len(record["error"]), 200)
        line = next(x for x in self.server.stderr().splitlines() if " tool agent=" in x and f" turn={task['id']} " in x)
        self.assertEqual({"agent", "session", "turn", "gen_ai.tool.name", "duration", "error"}, set(fields_of(line, "tool")))
        self.assertNotIn("\x1b", line)
        text = get_text(self.server.endpoints()["metrics"] + "/metrics")
        self.assertIn('gen_ai_tool_name="refused"', text)
        self.assertNotIn("yyyy", text)
        self.assertNotIn("\x1b", self.assert_exit(0, self.cli("explain", task["id"])).stdout)


class Interrupted(AgentTest):
    def test_the_turn_that_a_crash_broke_off_has_its_record(self):
        self.script({"fault": "hang", "times": 2}, say("done"))
        task = self.agent().send("hello", blocking=False)
        cls = type(self)
        for crash in (1, 2):
            wait_until(lambda: len(self.model_calls()) == crash)
            self.server.restart(hard=True)
            cls.api, cls.url = self.server.client(), self.server.endpoints()["ui"]
        self.assertEqual("completed", self.agent().wait_final(task["id"])["status"]["state"])

        def look():
            found = self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
            turns = [r for r in found if r["kind"] == "turn"]
            return len(turns) == 3 and turns
        first, second, third = sorted(wait_until(look), key=lambda r: r["id"])
        for broken in (first, second):
            self.assertIn("interrupted", broken["error"])
        self.assertNotIn("error", third)
        self.assertEqual((first["span_id"], second["span_id"]), (second["parent_span_id"], third["parent_span_id"]))
        self.assertEqual(3, len({r["span_id"] for r in (first, second, third)}))
        self.assertLess(first["start_us"], second["start_us"])
        tree = self.assert_exit(0, self.cli("explain", task["id"])).stdout
        self.assertEqual(1, tree.count("\nturn of agent"), "one tree")


if __name__ == "__main__":
    unittest.main()

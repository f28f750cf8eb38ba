"""The walk-through's model backend against fake-llm in TLS: log line, credentials, streams, errors, records."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness
import objects
from conditions import of_object
from gateway_kit import Closed, Wire, get_text, log_fields, request_text
from harness import wait_until

NS, PATH, KEY, MODEL = "kgateway-system", "/anthropic", "sk-ant-SECRET-of-the-walkthrough", "claude-3-5-haiku-latest"
LINE = ["gateway", "listener", "route", "endpoint", "src.addr", "http.method", "http.host", "http.path", "http.version",
        "http.status", "protocol", "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model",
        "gen_ai.response.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "duration"]
IDENTITY = ["agent", "session", "turn", "auth", "tls.version", "tls.peer", "policy"]


def chat(text="hello", **more):
    return {"model": "any", "messages": [{"role": "user", "content": text}], **more}


class ModelTest(unittest.TestCase):
    """A server with the six manifests of the walk-through, as they are; a fake provider in TLS stands for the real one."""

    with_secret = True  # the Secret is copied to the Backend's namespace

    @classmethod
    def setUpClass(cls):
        cls.llm = harness.FakeLlm(tls=True)
        cls.addClassCleanup(cls.llm.stop)
        cls.host = harness.private_host()
        cls.server = harness.Sightline(listen_host=cls.host, upstream_ca=cls.llm.ca,
                                       resolve=[f"api.anthropic.com:443:127.0.0.1:{cls.llm.port}"])
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.api = cls.server.client()
        folder = tempfile.mkdtemp(prefix="walkthrough-")
        cls.addClassCleanup(shutil.rmtree, folder, True)
        for path in harness.walkthrough(folder, cls.host, KEY):
            cls.run_verb("apply", "-f", path)
        wait_until(lambda: f"{NS}/agentgateway/http" in cls.server.endpoints()["gateways"])
        wait_until(lambda: any(p["conditions"] for p in cls.api.read("HTTPRoute", NS, "claude").get("status", {}).get(
            "parents", [])))
        if cls.with_secret:
            cls.copy_secret()

    @classmethod
    def run_verb(cls, verb, *args):
        command = [str(a) for a in (harness.BINARY, verb, "--state-dir", cls.server.state_dir, *args)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{command}: {done}")
        return done.stdout

    @classmethod
    def copy_secret(cls):
        cls.api.must_create(objects.secret(NS, "anthropic-secret", Authorization=KEY))
        wait_until(lambda: cls.resolved()["status"] == "True", what=lambda: str(cls.resolved()))

    @classmethod
    def resolved(cls):
        return of_object(cls.api.read("Backend", NS, "anthropic")).get("ResolvedRefs", {"status": None})

    def setUp(self):
        self.llm.clear()
        self.llm.script([])

    def text(self, body, fields=(), path=PATH):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return request_text(path, "POST", host="models.test", body=data,
                            fields=[("Content-Type", "application/json"), *fields])

    def wire(self, **more):
        wire = Wire.to(self.host, 8080, **more)
        self.addCleanup(wire.close)
        return wire

    def ask(self, body, fields=(), path=PATH):
        return self.wire().send(self.text(body, fields, path)).answer()

    def error(self, answer, status):
        """The error of an answer in OpenAI's shape."""
        self.assertEqual(status, answer.status, answer)
        self.assertEqual("application/json", answer.get("content-type").split(";")[0])
        error = answer.object["error"]
        self.assertIsInstance(error["message"], str)
        self.assertIn("type", error)
        self.assertIn("code", error)
        return error

    def logged(self, contains):
        def look():
            return next((x for x in self.server.stderr().splitlines() if " request " in x and contains in x), None)
        return wait_until(look, what=lambda: f"a line with {contains}\n{self.server.stderr()[-3000:]}")

    def recorded(self, trace):
        """The record of the exchange with this trace."""
        url = f"{self.server.endpoints()['ui']}/api/records?trace={trace}"
        return wait_until(lambda: json.loads(get_text(url))["data"])[0]

    def events(self, answer):
        return [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]


class Basics(ModelTest):
    def test_an_answer_and_its_log_line(self):
        self.llm.script([{"reply": {"text": "hi there", "model": "claude-3-5-haiku-20241022", "input_tokens": 183,
                                    "output_tokens": 240}}])
        answer = self.ask(chat("How are you?"), path=PATH + "/once?key=in-the-query")
        self.assertEqual(200, answer.status, answer)
        body = answer.object
        self.assertEqual("chat.completion", body["object"])
        self.assertEqual(("assistant", "hi there"), tuple(body["choices"][0]["message"][k] for k in ("role", "content")))
        self.assertEqual("stop", body["choices"][0]["finish_reason"])
        self.assertEqual((183, 240, 423), tuple(body["usage"][k] for k in ("prompt_tokens", "completion_tokens", "total_tokens")))
        sent = self.llm.requests()[0]
        self.assertEqual(("POST", "/v1/messages", MODEL), (sent["method"], sent["path"], sent["body"]["model"]))
        self.assertEqual((KEY, "api.anthropic.com"), (sent["headers"]["x-api-key"], sent["headers"]["host"]))
        self.assertIn("anthropic-version", sent["headers"])
        self.assertNotIn("authorization", sent["headers"])
        line = self.logged("http.path=/anthropic/once")
        self.assertEqual(LINE, [k for k, _ in log_fields(line)])
        want = {"gateway": f"{NS}/agentgateway", "listener": "http", "route": f"{NS}/claude",
                "endpoint": "api.anthropic.com:443", "http.method": "POST", "http.host": "models.test",
                "http.version": "HTTP/1.1", "http.status": "200", "protocol": "llm", "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "anthropic", "gen_ai.request.model": MODEL,
                "gen_ai.response.model": "claude-3-5-haiku-20241022", "gen_ai.usage.input_tokens": "183",
                "gen_ai.usage.output_tokens": "240"}
        got = dict(log_fields(line))
        self.assertEqual(want, {k: got[k] for k in want})
        self.assertRegex(got["duration"], r"^\d+ms$")

    def test_the_line_of_our_own_agent_says_who_and_how_safe(self):
        self.run_verb("invoke", "testing-agentgateway", "-n", "kagent", "--task", "What can you do?")
        keys = [k for k, _ in log_fields(self.logged("agent=kagent/testing-agentgateway"))]
        got = dict(log_fields(self.logged("agent=kagent/testing-agentgateway")))
        self.assertEqual(LINE, [k for k in keys if k not in IDENTITY])
        ours = [k for k in keys if k in IDENTITY]
        self.assertEqual([k for k in IDENTITY if k in ours], ours)
        self.assertTrue({"agent", "session", "turn", "auth", "tls.version", "tls.peer"} <= set(ours), ours)
        self.assertGreater(keys.index("agent"), keys.index("gen_ai.usage.output_tokens"))
        self.assertEqual("secret", got["auth"])
        self.assertRegex(got["tls.version"], r"^TLSv1\.[23]$")

    def test_a_stranger_is_not_taken_for_an_agent(self):
        answer = self.ask(chat(), [("X-Sightline-Identity", "x;agent=kagent/testing-agentgateway;session=s")], PATH + "/spoof")
        self.assertEqual(200, answer.status)
        line = self.logged("http.path=/anthropic/spoof")
        self.assertNotIn("agent=", line.replace("agentgateway", ""))
        self.assertNotIn("x-sightline-identity", self.llm.requests()[-1]["headers"])

    def test_the_secret_goes_before_the_callers_credential(self):
        self.ask(chat(), [("Authorization", "Bearer the-callers"), ("X-Api-Key", "also-the-callers"), ("Cookie", "a=b")])
        headers = self.llm.requests()[-1]["headers"]
        self.assertEqual((KEY, None, None), (headers["x-api-key"], headers.get("authorization"), headers.get("cookie")))

    def test_a_stream(self):
        self.llm.script([{"reply": {"text": "one two three four", "input_tokens": 5, "output_tokens": 6}, "chunk_delay_ms": 20}])
        wire = self.wire().send(self.text(chat("stream", stream=True, stream_options={"include_usage": True}), path=PATH + "/s1"))
        head = wire.head()
        self.assertEqual((200, "chunked"), (head.status, head.get("transfer-encoding")))
        self.assertTrue(head.get("content-type").startswith("text/event-stream"))
        self.assertFalse(self.llm.requests()[-1]["finished"], "the head comes before the provider is through")
        answer = wire.body(head)
        self.assertTrue(answer.whole)
        *chunks, last = self.events(answer)
        self.assertEqual("[DONE]", last)
        chunks = [json.loads(c) for c in chunks]
        self.assertEqual({"chat.completion.chunk"}, {c["object"] for c in chunks})
        text = "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])
        self.assertEqual("one two three four", text)
        self.assertEqual(["stop"], [c["choices"][0]["finish_reason"] for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]])
        self.assertEqual((5, 6), tuple(chunks[-1]["usage"][k] for k in ("prompt_tokens", "completion_tokens")))
        got = dict(log_fields(self.logged("http.path=/anthropic/s1")))
        self.assertEqual(("5", "6", "200"), (got["gen_ai.usage.input_tokens"], got["gen_ai.usage.output_tokens"], got["http.status"]))
        self.assertEqual(200, wire.send(self.text(chat())).answer().status, "the connection stays usable")

    def test_usage_is_counted_and_not_shown_unasked(self):
        answer = self.ask(chat("x", stream=True), path=PATH + "/s2")
        chunks = [json.loads(e) for e in self.events(answer) if e != "[DONE]"]
        self.assertEqual([], [c for c in chunks if c.get("usage")])
        self.assertIn("gen_ai.usage.output_tokens", dict(log_fields(self.logged("http.path=/anthropic/s2"))))

    def test_a_cut_stream_does_not_look_finished(self):
        self.llm.script([{"reply": {"text": "a b c d e f g h"}, "fault": "cut", "after_events": 4}])
        answer = self.ask(chat("x", stream=True), path=PATH + "/cut")
        self.assertEqual((200, False), (answer.status, answer.whole))
        events = self.events(answer)
        self.assertNotIn("[DONE]", events)
        self.assertIn("error", json.loads(events[-1]))
        self.assertTrue(json.loads(events[-1])["error"]["message"])
        line = self.logged("http.path=/anthropic/cut")
        self.assertIn("error=", line)
        self.assertIn("gen_ai.usage.input_tokens", dict(log_fields(line)), "what was used up to the cut is counted")

    def test_an_error_event_in_the_stream(self):
        raw = ('event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
               '"model":"c","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
               'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n')
        self.llm.script([{"raw": raw, "status": 200, "content_type": "text/event-stream"}])
        answer = self.ask(chat("x", stream=True))
        events = self.events(answer)
        self.assertNotIn("[DONE]", events)
        self.assertIn("Overloaded", json.loads(events[-1])["error"]["message"])
        self.assertFalse(answer.whole)

    def test_dropped_fields_are_named(self):
        answer = self.ask(chat("x", logit_bias={"50256": -100}, presence_penalty=0.5, seed=7, temperature=0.5), path=PATH + "/drop")
        self.assertEqual(200, answer.status, answer)
        named = [x.strip() for x in answer.get("x-sightline-dropped", "").split(",")]
        self.assertEqual({"logit_bias", "presence_penalty", "seed"}, set(named))
        record = wait_until(lambda: next((r for r in json.loads(self.run_verb("traffic", "-o", "json"))
                                          if r.get("http.path") == PATH + "/drop"), None))
        self.assertTrue(set(named) <= set(json.dumps(record).replace('"', " ").replace(",", " ").split()), record)
        self.assertIsNone(self.ask(chat()).get("x-sightline-dropped"))

    def test_what_changes_the_shape_is_refused(self):
        error = self.error(self.ask(chat("x", n=2)), 400)
        self.assertIn("n", error["message"].replace(":", " ").split())
        self.assertEqual([], self.llm.requests())

    def test_malformed_bodies(self):
        for name, body in {"cut": b'{"model": "x", "messages": [', "no JSON": b"hello", "empty": b"", "an array": b"[]",
                           "no messages": b'{"model": "x"}', "deep": b"[" * 100000, "not UTF-8": b'{"model": "\xff"}',
                           "messages of another type": b'{"model": "x", "messages": 5}',
                           "a number too large": b'{"model": "x", "messages": [], "max_tokens": 1e999}'}.items():
            with self.subTest(name):
                self.assertTrue(self.error(self.ask(body), 400)["message"])
        self.assertEqual([], self.llm.requests())

    def test_other_methods(self):
        wire = self.wire().send(request_text(PATH, "GET", host="models.test"))
        answer = wire.answer()
        self.assertEqual((405, "POST"), (answer.status, answer.get("allow")), answer)

    def test_other_apis_of_a_provider(self):
        for path, method in {"/v1/embeddings": "POST", "/v1/models": "GET", "/v1/responses": "POST", "/v1/messages": "POST"}.items():
            with self.subTest(path):
                body = json.dumps({"model": "x", "input": "y"}).encode() if method == "POST" else None
                wire = self.wire().send(request_text(PATH + path, method, host="models.test", body=body))
                error = self.error(wire.answer(), 404)
                self.assertIn("chat completions", error["message"])
                self.assertIn(path, error["message"])
            with self.subTest("without /v1", path=path):
                wire = self.wire().send(request_text(PATH + path.removeprefix("/v1"), method, host="models.test", body=body))
                self.assertIn("chat completions", self.error(wire.answer(), 404)["message"])
        self.assertEqual([], self.llm.requests())

    def test_what_belongs_to_other_apis(self):
        for path in ("/v1/messages/count_tokens", "/v1/messages/", "/responses/resp_1/cancel", "/files", "/v1/embeddings/", "/v1/files/f/content"):
            with self.subTest(path):
                wire = self.wire().send(request_text(PATH + path, "POST", host="models.test", body=json.dumps(chat("x")).encode()))
                self.assertIn("chat completions", self.error(wire.answer(), 404)["message"])
        self.assertEqual([], self.llm.requests())
        self.assertEqual(404, self.ask(chat("x"), path=PATH + "/models/claude").status)
        for path in ("", "/", "/v1/chat/completions", "/chat/completions/"):
            self.assertEqual(200, self.ask(chat("x"), path=PATH + path).status, path)

    def test_names_of_fields_that_clients_make_up(self):
        answer = self.ask(chat("x", **{"f" * 300000: 1, "a": 1}), path=PATH + "/made-up")
        self.assertEqual(200, answer.status)
        self.assertLess(len(answer.get("x-sightline-dropped")), 4096)
        self.logged(PATH + "/made-up")
        self.assertLess(max(map(len, self.server.stderr().splitlines())), 10000)

    def test_a_body_over_16_mib(self):
        big = json.dumps(chat("x" * (16 << 20))).encode()
        for fields in ([("Content-Length", str(len(big)))], [("Transfer-Encoding", "chunked")]):
            with self.subTest(fields=fields):
                wire = self.wire()
                wire.send(request_text(PATH, "POST", host="models.test", fields=fields))
                try:
                    wire.send(big if fields[0][0] == "Content-Length" else b"%x\r\n%s\r\n0\r\n\r\n" % (len(big), big))
                except OSError:
                    pass
                try:
                    answer = wire.answer()
                except Closed as closed:
                    self.fail(f"the client could not read its 413: {closed}")
                self.assertIn("16777216", self.error(answer, 413)["message"].replace(",", ""))
        self.assertEqual([], self.llm.requests())

    def test_a_body_just_under_it(self):
        self.assertEqual(200, self.ask(chat("x" * (15 << 20))).status)

    def test_metrics(self):
        self.assertEqual(200, self.ask(chat("x", stream=True)).status)
        text = get_text(self.server.endpoints()["metrics"] + "/metrics")
        for name in ("gen_ai_client_operation_duration_seconds", "gen_ai_client_token_usage", "sightline_requests_total"):
            self.assertIn(f"# TYPE {name} ", text)
        self.assertIn('gen_ai_token_type="input"', text)
        self.assertIn(f'gen_ai_request_model="{MODEL}"', text)

    def test_the_credential_is_nowhere_to_be_seen(self):
        self.assertEqual(200, self.ask(chat("x")).status)
        self.llm.script([{"status": 401, "error": {"type": "authentication_error", "message": "invalid x-api-key"}}])
        self.ask(chat("x"), [("Authorization", "Bearer sk-CALLERS-own")])
        places = {"stderr": self.server.stderr(), "config_dump": get_text(self.server.endpoints()["admin"] + "/config_dump"),
                  "metrics": get_text(self.server.endpoints()["metrics"] + "/metrics"),
                  "traffic": self.run_verb("traffic", "-o", "json"), "config-dump": self.run_verb("config-dump"),
                  "stdout": "\n".join(self.server.process.lines),
                  "arguments": pathlib.Path(f"/proc/{self.server.pid}/cmdline").read_text()}
        for place, text in places.items():
            for secret in (KEY, KEY[8:], "sk-CALLERS-own"):
                self.assertNotIn(secret, text, f"in {place}")
        self.assertIn(f"{NS}/anthropic", places["config_dump"])


class Errors(ModelTest):
    def test_rate_limits_pass_on_with_retry_after(self):
        self.llm.script([{"status": 429, "error": {"type": "rate_limit_error", "message": "slow down"},
                          "headers": {"retry-after": "7", "anthropic-ratelimit-requests-remaining": "0"}}])
        answer = self.ask(chat())
        self.assertEqual("slow down", self.error(answer, 429)["message"])
        self.assertEqual("7", answer.get("retry-after"))
        self.assertEqual(1, len(self.llm.requests()), "not tried again")

    def test_whether_and_when_to_try_again_passes_on(self):
        self.llm.script([{"status": 429, "error": {"type": "rate_limit_error", "message": "no"},
                          "headers": {"x-should-retry": "false", "retry-after-ms": "70", "x-other": "1"}}])
        answer = self.ask(chat())
        self.assertEqual(("false", "70", None), tuple(answer.get(n) for n in ("x-should-retry", "retry-after-ms", "x-other")))

    def test_an_error_of_ours_names_its_trace(self):
        self.llm.script([{"fault": "reset"}])
        answer = self.ask(chat("broken off"))
        self.assertEqual(502, answer.status)
        self.assertEqual(502, self.recorded(answer.get("x-sightline-trace"))["http.status"])

    def test_overloaded_is_503(self):
        self.llm.script([{"status": 529, "error": {"type": "overloaded_error", "message": "Overloaded"}}])
        self.assertIn("Overloaded", self.error(self.ask(chat(stream=True)), 503)["message"])

    def test_other_statuses(self):
        for status, want in ((400, 400), (401, 401), (403, 403), (404, 404), (413, 413), (500, 500)):
            self.llm.script([{"status": status, "error": {"type": "some_error", "message": f"words {status}"}}])
            self.assertIn(f"words {status}", self.error(self.ask(chat()), want)["message"])

    def test_an_answer_that_is_no_json(self):
        for raw in ("<html>oops</html>", "", "[]", '{"type":"message"'):
            with self.subTest(raw=raw):
                self.llm.script([{"raw": raw or " ", "status": 200, "content_type": "text/html"}])
                self.error(self.ask(chat()), 502)

    def test_an_error_that_is_no_json(self):
        self.llm.script([{"raw": "<html>bad gateway</html>", "status": 502, "content_type": "text/html"}])
        self.error(self.ask(chat()), 502)

    def test_reset(self):
        self.llm.script([{"fault": "reset"}])
        error = self.error(self.ask(chat()), 502)
        self.assertRegex(error["message"], r"api\.anthropic\.com|127\.0\.0\.1:\d+")

    def test_a_call_is_not_sent_twice(self):
        wire = self.wire()
        self.assertEqual(200, wire.send(self.text(chat("warm"))).answer().status)
        self.llm.clear()
        self.llm.script([{"fault": "reset"}])
        wire.send(self.text(chat("costly"))).answer()
        self.assertEqual(1, len(self.llm.requests()), "a model call may have been carried out, and is paid for")

    def test_leaving_cancels_the_call(self):
        for body in (chat("hang"), chat("hang", stream=True)):
            with self.subTest(stream="stream" in body):
                self.llm.clear()
                self.llm.script([{"fault": "hang"}])
                wire = self.wire().send(self.text(body))
                wait_until(lambda: self.llm.requests())
                wire.close()
                wait_until(lambda: self.llm.requests()[0]["aborted"], 1.5, "the provider's call is aborted")

    def test_leaving_in_the_middle_of_a_stream(self):
        self.llm.script([{"reply": {"text": "word " * 200}, "chunk_delay_ms": 50}])
        wire = self.wire().send(self.text(chat("long", stream=True)))
        trace = wire.head().get("x-sightline-trace")
        wire.line()
        wire.close()
        wait_until(lambda: self.llm.requests()[0]["aborted"], 1.5, "the provider's call is aborted")
        self.assertEqual("the client went away", self.recorded(trace)["error"], "and it is no fault of the provider")

    def test_a_reset_in_a_stream_that_never_pauses(self):
        """Writing fails before anybody looks whether the client is still there."""
        self.llm.script([{"reply": {"text": "word " * 20000}, "chunk_delay_ms": 1}])
        for _ in range(5):
            wire = self.wire().send(self.text(chat("long", stream=True)))
            trace = wire.head().get("x-sightline-trace")
            wire.line()
            wire.reset()
            self.assertEqual("the client went away", self.recorded(trace)["error"])


class Credentials(ModelTest):
    with_secret = False

    def test_the_case_of_the_walkthrough(self):
        """In order: not found, the caller's own, none at all, copied, taken away."""
        condition = wait_until(lambda: (lambda c: c["status"] == "False" and c)(self.resolved()))
        self.assertEqual("SecretNotFound", condition["reason"])
        for word in ("anthropic-secret", NS, "kagent"):
            self.assertIn(word, condition["message"])
        self.assertNotIn(KEY, condition["message"])
        answer = self.ask(chat(), [("Authorization", "Bearer sk-callers")])
        self.assertEqual(200, answer.status, answer)
        headers = self.llm.requests()[-1]["headers"]
        self.assertEqual(("sk-callers", None), (headers["x-api-key"], headers.get("authorization")))
        self.assertEqual(200, self.ask(chat(), [("authorization", "bearer sk-lower")]).status)
        self.assertEqual("sk-lower", self.llm.requests()[-1]["headers"]["x-api-key"])
        before = len(self.llm.requests())
        for fields in ([], [("Authorization", "Basic abc")], [("Authorization", "Bearer ")]):
            error = self.error(self.ask(chat(), fields), 401)
            for word in ("anthropic-secret", NS, "kagent"):
                self.assertIn(word, error["message"])
        self.assertEqual(before, len(self.llm.requests()))
        self.run_verb("invoke", "testing-agentgateway", "-n", "kagent", "--task", "What can you do?")
        self.assertEqual(KEY, self.llm.requests()[-1]["headers"]["x-api-key"])
        self.assertIn("auth=caller", self.logged("agent=kagent/testing-agentgateway"))
        self.copy_secret()
        self.assertEqual(200, self.ask(chat()).status)
        self.assertEqual(KEY, self.llm.requests()[-1]["headers"]["x-api-key"])
        self.api.delete("Secret", NS, "anthropic-secret").expect(200)
        wait_until(lambda: self.resolved()["status"] == "False")
        self.error(self.ask(chat()), 401)


if __name__ == "__main__":
    unittest.main()

"""Model backends besides the walk-through's: OpenAI passed through, other kinds of credential, certificates of providers."""

import json
import threading
import unittest

import certificates
import harness
import objects
from conditions import of_object
from gateway_kit import Closed, GatewayTest, Upstream, Wire, get_text, log_fields, request_text, says
from harness import wait_until

MESSAGES = '"messages": [{"role": "user", "content": "hi"}]'
ANTHROPIC = json.dumps({"id": "m1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "end_turn",
                        "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 3, "output_tokens": 4}})


def http_json(text, status="200 OK", more=""):
    return f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}Content-Length: {len(text)}\r\n\r\n{text}"


class OpenAi(GatewayTest):
    """A plain OpenAI provider by host and port."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.llm = harness.FakeLlm()
        cls.addClassCleanup(cls.llm.stop)

    def setUp(self):
        super().setUp()
        self.llm.clear()
        self.llm.script([])

    def provider(self, port=None, token=None, model="", name="ai", **more):
        spec = {"openai": {"authToken": token or {"kind": "Inline", "inline": "sk-INLINE-key"}, **({"model": model} if model else {})},
                "host": "127.0.0.1", "port": port or self.llm.port, **more}
        self.api.must_create({"apiVersion": "gateway.kgateway.dev/v1alpha1", "kind": "Backend",
                              "metadata": objects.meta(name, self.ns), "spec": {"type": "AI", "ai": {"llm": spec}}})
        return name

    def post(self, body, path="/ai", **more):
        return self.ask(path, "POST", body=body.encode() if isinstance(body, str) else body, **more)

    def test_unknown_fields_order_and_numbers_survive(self):
        got = []

        def play(wire, request, upstream):
            got.append(request)
            wire.send(http_json('{"object": "chat.completion", "future": {"b": 1, "a": 1.50}, "choices": [], "model": "gpt-x",'
                                ' "usage": {"prompt_tokens": 9007199254740993, "completion_tokens": 2}}'))

        self.upstream.plays["/v1/chat/completions"] = play
        self.rules("r", self.rule("/ai", backend=self.provider(self.upstream.port)))
        body = '{"zeta": 1.10, "model" :"gpt-x", "seed": 12345678901234567890, "n": 2, "new_thing": {"b":[], "a":null}, %s}' % MESSAGES
        answer = self.post(body, fields=[("OpenAI-Beta", "x=1"), ("Authorization", "Bearer clients")])
        self.assertEqual(200, answer.status, answer)
        self.assertIn(b'"future": {"b": 1, "a": 1.50}', answer.body)
        self.assertIn(b"9007199254740993", answer.body)
        self.assertEqual(body, got[0].body.decode())
        self.assertEqual("x=1", got[0].get("openai-beta"))
        self.assertEqual(["Bearer sk-INLINE-key"], got[0].all("authorization"))
        self.assertIsNone(answer.get("x-sightline-dropped"))

    def test_the_backends_model_goes_before_the_clients(self):
        self.rules("r", self.rule("/ai", backend=self.provider(model="gpt-configured")))
        answer = self.post('{"model": "gpt-asked", "later": 1, %s}' % MESSAGES)
        self.assertEqual(200, answer.status, answer)
        sent = self.llm.requests()[0]
        self.assertEqual(("gpt-configured", 1), (sent["body"]["model"], sent["body"]["later"]))
        fields = dict(log_fields(self.logged("http.path=/ai")))
        self.assertEqual(("gpt-configured", "openai"), (fields["gen_ai.request.model"], fields["gen_ai.provider.name"]))

    def test_a_route_may_be_called_as_an_api_is(self):
        self.rules("r", self.rule("/models/ai", backend=self.provider()), self.rule("/files", backend="ai"))
        for path, status in (("/models/ai", 200), ("/models/ai/v1/chat/completions", 200), ("/models/ai/embeddings", 404), ("/files", 404)):
            self.assertEqual(status, self.post('{"model": "m", %s}' % MESSAGES, path).status, path)

    def test_models_that_clients_make_up(self):
        """Neither metrics nor log lines grow with what a client calls a model."""
        self.rules("r", self.rule("/ai", backend=self.provider()))
        self.assertEqual(200, self.post('{"model": "real-one", %s}' % MESSAGES).status)
        self.llm.script([{"status": 404, "error": {"type": "not_found_error", "message": "no such model"}}])
        for name in [f"made-up-{i}" for i in range(20)] + ["long" * 50000]:
            self.assertEqual(404, self.post('{"model": "%s", %s}' % (name, MESSAGES)).status)
        text = self.metrics()
        for name in ("made-up", "longlong"):
            self.assertFalse(name in text, name)
        for name in ("real-one", "unknown"):
            self.assertTrue(f'gen_ai_request_model="{name}"' in text, name)
        self.assertLess(max(map(len, self.server.stderr().splitlines())), 10000)

    def test_comments_and_ids_of_a_stream_pass(self):
        text = (': ka\n\nid: 7\ndata: {"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
                'data: {"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n: ka2\n\ndata: [DONE]\n\n')
        self.upstream.plays["/v1/chat/completions"] = says(
            f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(text)}\r\n\r\n{text}")
        self.rules("r", self.rule("/ai", backend=self.provider(self.upstream.port)))
        got = self.post('{"model": "m", "stream": true, %s}' % MESSAGES).body.decode()
        usage = 'data: {"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
        self.assertEqual(text.replace(usage, ""), got)

    def test_a_success_that_holds_an_error(self):
        body = '{"error": {"message": "out of order", "type": "server_error"}}'
        self.upstream.plays["/v1/chat/completions"] = says(http_json(body))
        self.rules("r", self.rule("/ai", backend=self.provider(self.upstream.port)))
        answer = self.post('{"model": "m", %s}' % MESSAGES)
        self.assertEqual((200, body), (answer.status, answer.body.decode()), "it is the provider's own")
        self.assertIn('error="the provider answered 200 with an error: out of order"', self.logged("http.path=/ai"))

    def test_a_stream_is_passed_through(self):
        self.rules("r", self.rule("/ai", backend=self.provider()))
        answer = self.post('{"model": "m", "stream": true, %s}' % MESSAGES)
        events = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]
        self.assertEqual((True, "[DONE]"), (answer.whole, events[-1]))
        self.assertEqual([], [e for e in events[:-1] if json.loads(e).get("usage")], "usage was not asked for")
        self.assertIn("gen_ai.usage.output_tokens", self.logged("http.path=/ai"))

    def test_a_cut_stream(self):
        self.llm.script([{"reply": {"text": "a b c d"}, "fault": "cut", "after_events": 2}])
        self.rules("r", self.rule("/ai", backend=self.provider()))
        answer = self.post('{"model": "m", "stream": true, %s}' % MESSAGES)
        events = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]
        self.assertFalse(answer.whole)
        self.assertIn("error", json.loads(events[-1]))

    def test_the_callers_credential_is_passed_on(self):
        self.rules("r", self.rule("/ai", backend=self.provider(token={"kind": "Passthrough"})))
        self.assertEqual(200, self.post('{"model": "m", %s}' % MESSAGES, fields=[("Authorization", "Bearer sk-mine")]).status)
        self.assertEqual("Bearer sk-mine", self.llm.requests()[0]["headers"]["authorization"])
        self.assertEqual(401, self.post('{"model": "m", %s}' % MESSAGES).status)

    def test_a_secret_with_a_bearer_and_a_line_end(self):
        self.api.must_create(objects.secret(self.ns, "odd", Authorization="Bearer sk-from-file\n"))
        self.rules("r", self.rule("/ai", backend=self.provider(token={"kind": "SecretRef", "secretRef": {"name": "odd"}})))
        self.assertEqual(200, self.post('{"model": "m", %s}' % MESSAGES).status)
        self.assertEqual("Bearer sk-from-file", self.llm.requests()[0]["headers"]["authorization"])

    def test_a_secret_without_the_key(self):
        self.api.must_create(objects.secret(self.ns, "odd", other="x"))
        self.rules("r", self.rule("/ai", backend=self.provider(token={"kind": "SecretRef", "secretRef": {"name": "odd"}})))
        condition = wait_until(lambda: of_object(self.api.read("Backend", self.ns, "ai")).get("ResolvedRefs"))
        self.assertEqual("False", condition["status"])
        self.assertIn("Authorization", condition["message"])
        answer = self.post('{"model": "m", %s}' % MESSAGES)
        self.assertEqual(401, answer.status)
        self.assertIn("Authorization", answer.object["error"]["message"])

    def test_header_changes_of_a_rule(self):
        change = {"type": "RequestHeaderModifier", "requestHeaderModifier": {
            "set": [{"name": "X-Set", "value": "new"}], "add": [{"name": "X-Add", "value": "more"}], "remove": ["X-Gone"]}}
        answers = {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [{"name": "X-Answer", "value": "yes"}]}}
        self.rules("r", self.rule("/ai", backend=self.provider(), filters=[change, answers]))
        answer = self.post('{"model": "m", %s}' % MESSAGES, fields=[("X-Set", "old"), ("X-Gone", "1")])
        self.assertEqual(200, answer.status, answer)
        headers = self.llm.requests()[0]["headers"]
        self.assertEqual(("new", "more", None), (headers.get("x-set"), headers.get("x-add"), headers.get("x-gone")))
        self.assertEqual("yes", answer.get("x-answer"))

    def test_refused_and_timed_out_in_the_clients_dialect(self):
        self.upstream.plays["/v1/chat/completions"] = lambda *_: None
        self.rules("d", self.rule("/down", backend=self.provider(harness.free_port(), name="down")))
        self.rules("s", self.rule("/slow", backend=self.provider(self.upstream.port, name="slow"), timeouts={"request": "300ms"}))
        for path, status in (("/down", 503), ("/slow", 504)):
            answer = self.post('{"model": "m", %s}' % MESSAGES, path)
            self.assertEqual(status, answer.status, answer)
            self.assertTrue(answer.object["error"]["message"])
        rows = wait_until(lambda: (lambda found: len(found) == 2 and found)(
            [r for r in json.loads(get_text(self.server.endpoints()["ui"] + "/api/records"))["data"]
             if r.get("http.host") == self.site]))
        auth = {r["http.path"]: r.get("auth") for r in rows}
        self.assertEqual({"/down": None, "/slow": "inline"}, auth, "a credential that was never sent is not told")

    def test_leaving_cancels_the_call(self):
        gone = threading.Event()

        def play(wire, request, upstream):
            try:
                wire.more()
            except Closed:
                gone.set()
            return "close"

        self.upstream.plays["/v1/chat/completions"] = play
        self.rules("r", self.rule("/ai", backend=self.provider(self.upstream.port)))
        begun = self.upstream.begun
        wire = self.wire().send(self.text("/ai", "POST", body=b'{"model": "m", %s}' % MESSAGES.encode()))
        wait_until(lambda: self.upstream.begun > begun)
        wire.close()
        self.assertTrue(gone.wait(1), "within 1 s")

    def test_a_call_that_the_provider_took_is_not_sent_twice(self):
        def play(wire, request, upstream):
            if b"second" in request.body:
                return "close"
            wire.send(http_json('{"choices": [], "model": "m"}'))
            return None

        self.upstream.plays["/v1/chat/completions"] = play
        self.rules("r", self.rule("/ai", backend=self.provider(self.upstream.port)))
        wire = self.wire()
        statuses = [wire.send(self.text("/ai", "POST", body=b'{"model": "%s", %s}' % (m, MESSAGES.encode()))).answer().status
                    for m in (b"first", b"second")]
        self.assertEqual(200, statuses[0])
        self.assertEqual(1, len([r for r in self.upstream.seen if b"second" in r.body]), "a model call is paid for")

    def test_names_of_models_cannot_break_metrics_or_logs(self):
        self.rules("r", self.rule("/ai", backend=self.provider()))
        evil = 'x"} 1\nsightline_forged_total 7\r\n\x1b[31m http.status=999'
        self.assertEqual(200, self.post(json.dumps({"model": evil, "messages": [{"role": "user", "content": "x"}]})).status)
        fields = log_fields(self.logged("http.path=/ai"))
        self.assertEqual(["200"], [v for k, v in fields if k == "http.status"])
        self.assertNotIn("\x1b", self.server.stderr())
        text = self.metrics()
        self.assertEqual([], [line for line in text.split("\n") if line.startswith("sightline_forged")])
        for line in filter(None, text.split("\n")):
            self.assertRegex(line, r'^(#.*|[a-z_]+(\{.*\})? \S+)$')


class Certificates(unittest.TestCase):
    """The provider's certificate decides whether it is spoken to at all."""

    @classmethod
    def setUpClass(cls):
        cls.authority = certificates.Authority()
        cls.addClassCleanup(cls.authority.remove)
        cls.contexts = {"good": cls.authority.server("api.anthropic.com"),
                        "expired": cls.authority.server("api.anthropic.com", days=-1),
                        "of another name": cls.authority.server("api.example.com")}

    def serve(self, context, ca):
        """A server whose api.anthropic.com is an upstream with this context; returns (server, upstream, port)."""
        up = Upstream("tls", context)
        self.addCleanup(up.stop)
        up.reused = []
        up.on_handshake = lambda sock: up.reused.append(sock.session_reused)
        up.plays["/v1/messages"] = says(http_json(ANTHROPIC))
        host = harness.private_host()
        server = harness.Sightline("--workers", "1", listen_host=host, upstream_ca=ca,
                                   resolve=[f"api.anthropic.com:443:127.0.0.1:{up.port}"])
        self.addCleanup(server.stop)
        api, port = server.client(), harness.free_port(host)
        self.addCleanup(api.close)
        api.must_create(objects.namespace("t"))
        api.must_create(objects.gateway("t", "gw", objects.listener(port)))
        api.must_create(objects.secret("t", "llm-key", Authorization="sk-SECRET"))
        api.must_create(objects.ai_backend("t", "be"))
        api.must_create(objects.route("t", "r", [objects.parent("gw")], [objects.backend_ref("be")]))
        wait_until(lambda: "t/gw/http" in server.endpoints()["gateways"] and self.call(host, port).status != 404)
        return server, up, host, port

    def call(self, host, port):
        with Wire.to(host, port) as wire:
            return wire.send(request_text("/x", "POST", body=b'{"model": "m", %s}' % MESSAGES.encode())).answer()

    def test_one_that_cannot_be_trusted_is_502_and_says_why(self):
        for name, ca, word in (("expired", self.authority.ca, "expired"), ("of another name", self.authority.ca, "mismatch"),
                               ("good", None, "")):
            with self.subTest(name, ca=bool(ca)):
                server, up, host, port = self.serve(self.contexts[name], ca)
                answer = self.call(host, port)
                self.assertEqual(502, answer.status, answer)
                message = answer.object["error"]["message"]
                self.assertIn("certificate", message)
                self.assertIn("api.anthropic.com", message)
                self.assertIn(word, message)
                self.assertEqual([], up.seen, "no byte of the request went out")
                line = wait_until(lambda: next((x for x in server.stderr().splitlines() if "http.status=502" in x), None))
                self.assertIn("certificate", line)
                self.assertNotIn("sk-SECRET", server.stderr() + answer.body.decode())

    def test_sessions_are_resumed_and_connections_kept(self):
        server, up, host, port = self.serve(self.contexts["good"], self.authority.ca)
        for _ in range(5):
            self.assertEqual(200, self.call(host, port).status)
        self.assertEqual(1, up.connections, "one connection serves them all")
        up.close_all()
        wait_until(lambda: up.open_count() == 0)
        self.assertEqual(200, self.call(host, port).status)
        self.assertEqual([False, True], up.reused)

    def test_sessions_are_resumed_with_a_provider_that_always_closes(self):
        server, up, host, port = self.serve(self.contexts["good"], self.authority.ca)
        up.plays["/v1/messages"] = lambda wire, request, _: wire.send(http_json(ANTHROPIC, more="Connection: close\r\n")) and "" or "close"
        for _ in range(4):
            self.assertEqual(200, self.call(host, port).status)
        self.assertIn(True, up.reused[-2:])


if __name__ == "__main__":
    unittest.main()

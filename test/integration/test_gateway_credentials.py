"""Whose credential a model backend gets: ours, once, whatever the client sends and the route changes."""

import json
import unittest

import objects
from gateway_kit import GatewayTest, Upstream, says
from test_gateway_filters import headers
from test_gateway_providers import ANTHROPIC, MESSAGES, http_json

OPENAI = json.dumps({"id": "c", "object": "chat.completion", "model": "m", "usage": {"prompt_tokens": 1, "completion_tokens": 1},
                     "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]})
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


class Credentials(GatewayTest):
    _numbers = 0

    def setUp(self):
        super().setUp()
        self.up = Upstream("provider")
        self.addCleanup(self.up.stop)
        self.up.plays[PATHS["openai"]] = says(http_json(OPENAI))
        self.up.plays[PATHS["anthropic"]] = says(http_json(ANTHROPIC))

    def provider(self, kind, key="sk-OURS", **more):
        token = key if isinstance(key, dict) else {"kind": "Inline", "inline": key}
        spec = {kind: {"authToken": token}, "host": "127.0.0.1", "port": self.up.port, **more}
        name = f"{kind}-{self.number()}"
        self.api.must_create({"apiVersion": "gateway.kgateway.dev/v1alpha1", "kind": "Backend",
                              "metadata": objects.meta(name, self.ns), "spec": {"type": "AI", "ai": {"llm": spec}}})
        return name

    @classmethod
    def number(cls):
        cls._numbers += 1
        return cls._numbers

    def sent(self, backend, fields=(), **rule):
        """What the provider got for a request with these fields."""
        path = f"/p{self.number()}"
        self.rules(path[1:], self.rule(path, backend=backend, **rule))
        answer = self.ask(path, "POST", body=b'{"model": "m", %s}' % MESSAGES.encode(), fields=fields)
        self.assertEqual(200, answer.status, answer)
        return self.up.seen[-1]

    def changes(self, name):
        """Everything a modifier can do to this field."""
        other = {name: "of-the-route"}
        for what, change in (("remove", {"remove": [name]}), ("remove, lower case", {"remove": [name.lower()]}),
                             ("set", {"set": other}), ("add", {"add": other}),
                             ("set, upper case", {"set": {name.upper(): "of-the-route"}})):
            yield what, headers("Request", **change)

    def check_ours(self, backend, name, want):
        fields = [(name, "of-the-client"), ("Authorization", "Bearer of-the-client")]
        for what, change in self.changes(name):
            ref = {**objects.backend_ref(backend), "filters": [change]}
            for place, rule in (("rule", {"filters": [change]}), ("backendRef", {"backendRefs": [ref]})):
                with self.subTest(what, place=place, header=name):
                    got = self.sent(backend, fields, **rule)
                    self.assertEqual([want], got.all(name.lower()))

    def test_a_modifier_leaves_the_credential_of_an_openai_backend(self):
        self.check_ours(self.provider("openai"), "Authorization", "Bearer sk-OURS")

    def test_a_modifier_leaves_the_credential_of_an_anthropic_backend(self):
        self.check_ours(self.provider("anthropic"), "x-api-key", "sk-OURS")

    def test_a_modifier_leaves_the_credential_in_a_header_of_its_own(self):
        override = {"headerName": "X-Provider-Key", "prefix": "Key "}
        self.check_ours(self.provider("openai", authHeader=override), "X-Provider-Key", "Key sk-OURS")

    def test_the_clients_value_of_a_custom_header_stays_here(self):
        for kind in PATHS:
            backend = self.provider(kind, authHeader={"headerName": "X-Provider-Key", "prefix": "Key "})
            for name in ("X-Provider-Key", "x-provider-key", "X-PROVIDER-KEY"):
                with self.subTest(kind, name=name):
                    got = self.sent(backend, [(name, "mine"), (name, "mine too"), ("Authorization", "Bearer mine")])
                    self.assertEqual(["Key sk-OURS"], got.all("x-provider-key"))
                    self.assertEqual([], [f for f in got.fields if "mine" in f[1]])

    def test_an_oauth_token_of_anthropic_goes_as_a_bearer(self):
        self.api.must_create(objects.secret(self.ns, "oauth", Authorization="sk-ant-oat01-secret"))
        for name, key, fields, want in (
                ("inline", "sk-ant-oat01-inline", (), "Bearer sk-ant-oat01-inline"),
                ("secret", {"kind": "SecretRef", "secretRef": {"name": "oauth"}}, (), "Bearer sk-ant-oat01-secret"),
                ("passthrough", {"kind": "Passthrough"}, [("Authorization", "Bearer sk-ant-oat01-mine")],
                 "Bearer sk-ant-oat01-mine")):
            with self.subTest(name):
                got = self.sent(self.provider("anthropic", key), fields)
                self.assertEqual(([want], []), (got.all("authorization"), got.all("x-api-key")))
        got = self.sent(self.provider("anthropic", "sk-ant-api03-x"), [("Authorization", "Bearer mine")])
        self.assertEqual((["sk-ant-api03-x"], []), (got.all("x-api-key"), got.all("authorization")), "another kind of key")

    def test_a_modifier_leaves_an_oauth_token(self):
        self.check_ours(self.provider("anthropic", "sk-ant-oat01-OURS"), "Authorization", "Bearer sk-ant-oat01-OURS")


if __name__ == "__main__":
    unittest.main()

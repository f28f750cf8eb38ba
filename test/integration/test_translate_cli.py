"""`sightline translate`: nothing of a message is lost on the way, or it is named on stderr."""

import json
import subprocess
import unittest

import harness
from test_gateway_translation import START, anthropic_events, block, end

NEWER, OLDER = "claude-sonnet-4-5", "claude-3-7-sonnet-20250219"
CACHE = {"type": "ephemeral"}
BIG = '{"id":12345678901234567890123,"price":1.10,"share":0.1234567890123456789,"far":1E2}'


def user(content="x", **more):
    return {"role": "user", "content": content, **more}


def call(arguments, name="f"):
    return {"id": "a", "type": "function", "function": {"name": name, "arguments": arguments}}


class TranslateTest(unittest.TestCase):
    def run_translate(self, text, *args, code=0):
        args = [harness.need_binary(), "translate", "--from", "openai-chat", "--to", "anthropic", *args]
        done = subprocess.run(args, input=text.encode(), capture_output=True, timeout=20)
        self.assertEqual(code, done.returncode, done)
        named = [line.removeprefix("dropped: ") for line in done.stderr.decode().splitlines() if line.startswith("dropped: ")]
        return done.stdout.decode(), named

    def request(self, *messages, model=NEWER, **more):
        """The provider's request, and what was named as dropped."""
        out, named = self.run_translate(json.dumps({"model": model, "messages": list(messages), **more}))
        return json.loads(out), named

    def stream(self, *events, code=0):
        """The choices' deltas of a translated stream, and what was named as dropped."""
        out, named = self.run_translate(anthropic_events(START, *events), "--response", "--stream", code=code)
        data = [line[6:] for line in out.split("\n") if line.startswith("data: ")]
        self.assertEqual("[DONE]", data[-1])
        return [choice["delta"] for event in data[:-1] for choice in json.loads(event)["choices"]], named


class Requests(TranslateTest):
    def test_arguments_that_are_an_object(self):
        for name, message in (("tool_calls", {"role": "assistant", "tool_calls": [call({"city": "Oslo", "days": [1, 2]})]}),
                              ("function_call", {"role": "assistant", "function_call": {"name": "f", "arguments":
                                                                                        {"city": "Oslo", "days": [1, 2]}}})):
            with self.subTest(name):
                made, _ = self.request(user(), message)
                self.assertEqual({"city": "Oslo", "days": [1, 2]}, made["messages"][1]["content"][0]["input"])

    def test_numbers_in_arguments_are_not_rounded(self):
        out, _ = self.run_translate(json.dumps({"model": NEWER, "messages": [
            user(), {"role": "assistant", "tool_calls": [call(BIG)]}, {"role": "tool", "tool_call_id": "a", "content": "r"}]}))
        self.assertIn(f'"input":{BIG}', out)

    def test_the_cache_mark_of_a_message(self):
        made, named = self.request({"role": "system", "content": "sys", "cache_control": CACHE}, user(cache_control=CACHE))
        self.assertEqual(CACHE, made["system"][-1]["cache_control"])
        self.assertEqual(CACHE, made["messages"][0]["content"][-1]["cache_control"])
        self.assertEqual([], named)
        made, _ = self.request(user(), {"role": "assistant", "tool_calls": [call("{}")]},
                               {"role": "tool", "tool_call_id": "a", "content": "r", "cache_control": CACHE})
        self.assertEqual(CACHE, made["messages"][2]["content"][0]["cache_control"])

    def test_the_cache_mark_of_a_message_of_parts_is_its_last_parts(self):
        parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
        made, _ = self.request(user(parts, cache_control=CACHE))
        self.assertEqual([None, CACHE], [p.get("cache_control") for p in made["messages"][0]["content"]])

    def test_members_of_a_message_that_cannot_be_carried_are_named(self):
        _, named = self.request(user(name="ann"), {"role": "assistant", "content": "y", "audio": {"id": "au"}, "later": 1},
                                user())
        self.assertEqual(["messages[0].name", "messages[1].audio", "messages[1].later"], sorted(named))
        _, named = self.request(user(name=None), {"role": "assistant", "content": "y", "audio": None, "annotations": []}, user())
        self.assertEqual([], named, "these say nothing")

    def test_the_description_of_a_schema_is_named(self):
        schema = {"name": "n", "description": "d", "schema": {"type": "object"}}
        _, named = self.request(user(), response_format={"type": "json_schema", "json_schema": schema})
        self.assertEqual(["response_format.json_schema.description"], named)

    def test_the_budget_of_thinking_comes_on_top_of_the_usual_limit(self):
        for model, usual in ((OLDER, 4096), (NEWER, 16384)):
            self.assertEqual(usual, self.request(user(), model=model)[0]["max_tokens"])
            for effort, budget in (("low", 1024), ("high", 4096), ("max", 16384)):
                with self.subTest(model, effort=effort):
                    made, _ = self.request(user(), model=model, reasoning_effort=effort)
                    self.assertEqual({"type": "enabled", "budget_tokens": budget}, made["thinking"])
                    self.assertEqual(usual + budget, made["max_tokens"])
        made, _ = self.request(user(), reasoning_effort="high", max_tokens=6000)
        self.assertEqual((6000, 4096), (made["max_tokens"], made["thinking"]["budget_tokens"]), "the client's own stays")


class Answers(TranslateTest):
    def test_numbers_in_arguments_are_not_rounded(self):
        head = '{"id":"m","type":"message","role":"assistant","model":"c","stop_reason":"tool_use","usage":{},"content":'
        out, _ = self.run_translate(head + '[{"type":"tool_use","id":"t","name":"f","input":%s}]}' % BIG, "--response")
        self.assertEqual(BIG, json.loads(out)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"])
        deltas, _ = self.stream(*block(0, {"type": "tool_use", "id": "t", "name": "f", "input": {}},
                                       {"type": "input_json_delta", "partial_json": BIG[:20]},
                                       {"type": "input_json_delta", "partial_json": BIG[20:]}), *end("tool_use"))
        self.assertEqual(BIG, "".join(c["function"]["arguments"] for d in deltas for c in d.get("tool_calls", [])))

    def test_errors_keep_their_kind(self):
        for kind, type_ in (("rate_limit_error", "rate_limit_error"), ("invalid_request_error", "invalid_request_error"),
                            ("authentication_error", "authentication_error"), ("permission_error", "permission_error"),
                            ("not_found_error", "not_found_error"), ("request_too_large", "invalid_request_error"),
                            ("overloaded_error", "server_error"), ("api_error", "server_error")):
            body = json.dumps({"type": "error", "error": {"type": kind, "message": "why"}})
            with self.subTest(kind, streamed=False):
                out, _ = self.run_translate(body, "--response")
                self.check_error(json.loads(out), kind, type_)
            with self.subTest(kind, streamed=True):
                out, _ = self.run_translate(f"event: error\ndata: {body}\n\n", "--response", "--stream", code=1)
                self.assertNotIn("[DONE]", out)
                self.check_error(json.loads(out.removeprefix("data: ")), kind, type_)

    def check_error(self, made, kind, type_):
        self.assertEqual((type_, kind, "why"), tuple(made["error"][k] for k in ("type", "code", "message")))

    def test_a_tool_of_the_provider_and_citations_are_named(self):
        text = {"type": "text_delta", "text": "hi"}
        cited = {"type": "citations_delta", "citation": {"type": "char_location", "cited_text": "z"}}
        deltas, named = self.stream(
            *block(0, {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                   {"type": "input_json_delta", "partial_json": '{"q":1}'}),
            *block(1, {"type": "text", "text": ""}, cited, text, cited), *end("end_turn"))
        self.assertEqual(["content.citations", "content.server_tool_use"], sorted(named), "each once")
        self.assertEqual([], [d for d in deltas if "tool_calls" in d], "its input is nobody's arguments")
        self.assertEqual("hi", "".join(d.get("content") or "" for d in deltas))


class Thinking(TranslateTest):
    """Blocks of reasoning come out of a stream so that they can be sent back as they were: they are signed."""

    def thinking(self, index, text, signature):
        return block(index, {"type": "thinking", "thinking": "", "signature": ""},
                     *({"type": "thinking_delta", "thinking": piece} for piece in (text[:1], text[1:])),
                     {"type": "signature_delta", "signature": signature})

    def check_round_trip(self, blocks, events):
        deltas, _ = self.stream(*events, *block(9, {"type": "tool_use", "id": "a", "name": "f", "input": {}}), *end("tool_use"))
        message = {"role": "assistant", "content": None, "tool_calls": [call("{}")]}
        for key in ("reasoning_content", "reasoning_signature"):  # as a client gathers them
            message[key] = "".join(d.get(key, "") for d in deltas)
        message["thinking_blocks"] = [b for d in deltas for b in d.get("thinking_blocks", [])]
        self.assertEqual(blocks, message["thinking_blocks"])
        made, named = self.request(user(), message, {"role": "tool", "tool_call_id": "a", "content": "r"})
        self.assertEqual(blocks, made["messages"][1]["content"][:-1])
        self.assertEqual([], named)

    def test_two_blocks(self):
        self.check_round_trip([{"type": "thinking", "thinking": "first", "signature": "SIGA"},
                               {"type": "thinking", "thinking": "second", "signature": "SIGB"}],
                              [*self.thinking(0, "first", "SIGA"), *self.thinking(1, "second", "SIGB")])

    def test_three_blocks_of_which_one_is_hidden(self):
        self.check_round_trip([{"type": "thinking", "thinking": "first", "signature": "SIGA"},
                               {"type": "redacted_thinking", "data": "RRR"},
                               {"type": "thinking", "thinking": "second", "signature": "SIGB"}],
                              [*self.thinking(0, "first", "SIGA"), *block(1, {"type": "redacted_thinking", "data": "RRR"}),
                               *self.thinking(2, "second", "SIGB")])


if __name__ == "__main__":
    unittest.main()

"""`sightline fake-llm`: each provider's format, what it refuses, and the faults a script asks for."""

import http.client
import json
import pathlib
import subprocess
import tempfile
import unittest

from harness import FakeLlm, need_binary

OPENAI = ("/v1/chat/completions", {"authorization": "Bearer k"})
ANTHROPIC = ("/v1/messages", {"x-api-key": "k", "anthropic-version": "2023-06-01"})
GEMINI = ("/v1beta/models/gemini-x:generateContent", {"x-goog-api-key": "k"})
GEMINI_STREAM = ("/v1beta/models/gemini-x:streamGenerateContent", {"x-goog-api-key": "k"})
CALL = {"name": "get_weather", "arguments": {"city": "Paris"}}


def asks(api, text, **more):
    """A body that asks `text` in the format of `api`."""
    if api in (GEMINI, GEMINI_STREAM):
        return {"contents": [{"role": "user", "parts": [{"text": text}]}], **more}
    body = {"model": "m", "messages": [{"role": "user", "content": text}], **more}
    return {"max_tokens": 99, **body} if api is ANTHROPIC else body


class FakeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = FakeLlm()
        cls.addClassCleanup(cls.fake.stop)

    def send(self, api, body, query="", headers=None):
        connection = http.client.HTTPConnection(self.fake.host, self.fake.port, timeout=20)
        self.addCleanup(connection.close)
        path, own = api
        text = body if isinstance(body, str) else json.dumps(body)
        connection.request("POST", path + query, text, own if headers is None else headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer

    def asked(self, api, text, query="", **more):
        """The answer's body, as text."""
        status, kind, answer = self.send(api, asks(api, text, **more), query)
        self.assertEqual(200, status)
        return kind, answer.read().decode()

    def refused(self, api, body, headers=None):
        """The status, and the provider's word and text for it."""
        status, _, answer = self.send(api, body, headers=headers)
        error = json.loads(answer.read())["error"]
        return status, error.get("type") or error["status"], error["message"]


class Formats(FakeTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.fake.script([{"match": {"tool_result": "sunny"}, "reply": {"text": "It will be sunny."}},
                         {"match": {"contains": "weather"}, "reply": {"text": "Let me see.", "reasoning": "Hm.", "tool_calls": [CALL],
                                                                      "input_tokens": 3, "output_tokens": 4}},
                         {"match": {"contains": "long"}, "reply": {"text": "x", "stop_reason": "max_tokens"}}])

    def test_openai(self):
        _, text = self.asked(OPENAI, "the weather?")
        answer = json.loads(text)
        message = answer["choices"][0]["message"]
        self.assertEqual(("Let me see.", "Hm.", "tool_calls"),
                         (message["content"], message["reasoning_content"], answer["choices"][0]["finish_reason"]))
        self.assertEqual({"name": "get_weather", "arguments": '{"city":"Paris"}'}, message["tool_calls"][0]["function"])
        self.assertEqual({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, answer["usage"])

    def test_openai_streamed(self):
        kind, text = self.asked(OPENAI, "the weather?", stream=True, stream_options={"include_usage": True})
        self.assertEqual("text/event-stream", kind)
        events = text.removesuffix("\n\n").split("\n\n")
        self.assertEqual("data: [DONE]", events.pop())
        chunks = [json.loads(e.removeprefix("data: ")) for e in events]
        self.assertEqual(7, chunks.pop()["usage"]["total_tokens"])
        deltas = [c["choices"][0]["delta"] for c in chunks]
        self.assertEqual("Let me see.", "".join(d.get("content") or "" for d in deltas))
        self.assertEqual("Hm.", "".join(d.get("reasoning_content", "") for d in deltas))
        calls = [d["tool_calls"][0]["function"] for d in deltas if "tool_calls" in d]
        self.assertEqual('{"city":"Paris"}', "".join(c["arguments"] for c in calls))

    def test_anthropic(self):
        answer = json.loads(self.asked(ANTHROPIC, "the weather?")[1])
        self.assertEqual(["thinking", "text", "tool_use"], [b["type"] for b in answer["content"]])
        self.assertEqual(({"city": "Paris"}, "tool_use"), (answer["content"][2]["input"], answer["stop_reason"]))

    def test_anthropic_streamed(self):
        _, text = self.asked(ANTHROPIC, "the weather?", stream=True)
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        self.assertEqual("message_stop", events[-1]["type"])
        parts = [e["delta"]["partial_json"] for e in events if e.get("delta", {}).get("type") == "input_json_delta"]
        self.assertEqual({"city": "Paris"}, json.loads("".join(parts)))

    def test_gemini(self):
        answer = json.loads(self.asked(GEMINI, "the weather?")[1])
        candidate = answer["candidates"][0]
        self.assertEqual([{"text": "Hm.", "thought": True}, {"text": "Let me see."}], candidate["content"]["parts"][:2])
        call = candidate["content"]["parts"][2]["functionCall"]
        self.assertEqual(("get_weather", {"city": "Paris"}), (call["name"], call["args"]))
        self.assertEqual(("STOP", "gemini-x"), (candidate["finishReason"], answer["modelVersion"]))
        self.assertEqual({"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}, answer["usageMetadata"])
        self.assertEqual("MAX_TOKENS", json.loads(self.asked(GEMINI, "a long one")[1])["candidates"][0]["finishReason"])

    def test_gemini_streamed(self):
        """As events, or without alt=sse as one JSON array in pieces: of the same objects."""
        kind, text = self.asked(GEMINI_STREAM, "the weather?", "?alt=sse")
        self.assertEqual("text/event-stream", kind)
        events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")]
        kind, text = self.asked(GEMINI_STREAM, "the weather?")
        self.assertEqual("application/json", kind)
        for answer in (events, json.loads(text)):
            parts = [p for o in answer for p in o["candidates"][0]["content"]["parts"]]
            self.assertEqual("Let me see.", "".join(p.get("text", "") for p in parts if not p.get("thought")))
            self.assertEqual({"city": "Paris"}, parts[-1]["functionCall"]["args"])
            self.assertEqual(["STOP"], [o["candidates"][0]["finishReason"] for o in answer if "finishReason" in o["candidates"][0]])
            self.assertEqual(7, answer[-1]["usageMetadata"]["totalTokenCount"])

    def test_after_the_result_of_a_tool(self):
        """A rule for the result comes before the one whose text was asked for: no loop of calls."""
        openai = [{"role": "user", "content": "the weather?"},
                  {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "t", "arguments": "{}"}}]},
                  {"role": "tool", "tool_call_id": "c", "content": "sunny"}]
        anthropic = [openai[0], {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "t", "input": {}}]},
                     {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "sunny"}]}]
        gemini = [{"role": "user", "parts": [{"text": "the weather?"}]},
                  {"role": "model", "parts": [{"functionCall": {"name": "t", "args": {}}}]},
                  {"role": "user", "parts": [{"function_response": {"name": "t", "response": {"r": "sunny"}}}]}]
        for api, more in ((OPENAI, {"messages": openai}), (ANTHROPIC, {"messages": anthropic}), (GEMINI, {"contents": gemini})):
            self.assertIn("It will be sunny.", self.asked(api, "", **more)[1])

    def test_models(self):
        for path, headers, key in (("/v1/models", {}, "object"), ("/v1/models", {"anthropic-version": "1"}, "first_id"),
                                   ("/v1beta/models", {}, "models")):
            connection = http.client.HTTPConnection(self.fake.host, self.fake.port, timeout=20)
            connection.request("GET", path, headers=headers)
            self.assertIn(key, json.loads(connection.getresponse().read()))
            connection.close()


class Refusals(FakeTest):
    def test_the_credential_of_another_provider(self):
        for api, other in ((OPENAI, ANTHROPIC), (OPENAI, GEMINI), (ANTHROPIC, OPENAI), (ANTHROPIC, GEMINI)):
            self.assertEqual((401, "authentication_error"), self.refused(api, asks(api, "x"), other[1])[:2])
        self.assertEqual((403, "PERMISSION_DENIED"), self.refused(GEMINI, asks(GEMINI, "x"), ANTHROPIC[1])[:2])
        self.assertEqual(200, self.send(GEMINI, asks(GEMINI, "x"), "?key=k", {})[0])

    def test_what_each_would_refuse(self):
        call = {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "t", "arguments": "{}"}}]}
        user = {"role": "user", "content": "x"}
        parts = {"role": "user", "parts": [{"text": "x"}]}
        for api, body, words in (
                (OPENAI, [1], "must be an object"), (OPENAI, "{", "JSON"), (OPENAI, {"messages": [user]}, "model"),
                (OPENAI, {"model": "m", "messages": []}, "messages"),
                (OPENAI, {"model": "m", "messages": [{"role": "robot"}]}, "robot"),
                (OPENAI, {"model": "m", "messages": [user, call]}, "did not have response messages: c"),
                (OPENAI, {"model": "m", "messages": [user, call, user]}, "did not have response messages: c"),
                (OPENAI, {"model": "m", "messages": [{"role": "tool", "tool_call_id": "c", "content": ""}]}, "preceding message"),
                (ANTHROPIC, {"model": "m", "messages": [user]}, "max_tokens"),
                (ANTHROPIC, {"max_tokens": 9, "messages": [user]}, "model"),
                (GEMINI, {"contents": []}, "contents is not specified"),
                (GEMINI, {"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
                (GEMINI, {"contents": [{"role": "robot", "parts": [{"text": "x"}]}]}, "valid role"),
                (GEMINI, {"contents": [parts, {"role": "model", "parts": [{"functionCall": {"name": "t"}}]}, parts]}, "function response parts")):
            with self.subTest(api=api[0], body=body):
                status, _, message = self.refused(api, body)
                self.assertEqual(400, status)
                self.assertIn(words, message)


class Scripts(FakeTest):
    def test_statuses_have_the_providers_own_words(self):
        for status, openai, anthropic, gemini in ((429, "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"),
                                                  (503, "server_error", "api_error", "UNAVAILABLE"),
                                                  (529, "server_error", "overloaded_error", "INTERNAL")):
            self.fake.script([{"status": status}])
            for api, word in ((OPENAI, openai), (ANTHROPIC, anthropic), (GEMINI, gemini)):
                self.assertEqual((status, word), self.refused(api, asks(api, "x"))[:2])

    def test_a_cut_is_one_wherever_it_comes(self):
        """Streamed or whole, and after however many events."""
        for after in (0, 2, 1000):
            self.fake.script([{"fault": "cut", "after_events": after}])
            for api in (OPENAI, ANTHROPIC, GEMINI_STREAM):
                for more in ({}, {"stream": True}):
                    with self.subTest(api=api[0], after=after, **more), self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                        self.send(api, asks(api, "hello there", **more))[2].read()

    def test_what_is_wrong_is_named(self):
        for rule, words in (({"reply": {"tool_calls": [{"name": "t", "arguments": "{}"}]}},
                             "script[0].reply.tool_calls[0].arguments: must be an object"),
                            ({"status": 99999}, "script[0].status: must be at most 599"),
                            ({"delay_ms": -1}, "script[0].delay_ms: must be at least 0"),
                            ({"fault": "fire"}, "script[0].fault"), ({"replies": {}}, 'script[0]: unknown field "replies"')):
            with self.subTest(rule=rule), tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / "s.json"
                path.write_text(json.dumps([rule]))
                done = subprocess.run([need_binary(), "fake-llm", "--script", path], capture_output=True, text=True, timeout=20)
                self.assertNotEqual(0, done.returncode)
                self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()

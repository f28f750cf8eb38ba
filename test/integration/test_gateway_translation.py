"""What the gateway's translation needs the request for, or the wire: streams by any spelling, the old functions."""

import json
import threading
import unittest

from gateway_kit import Wire, request_text, says
from test_gateway_providers import http_json
from test_gateway_standalone import StandaloneTest, route, spec

CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"
FUNCTIONS = {"model": "claude-sonnet-4-5", "functions": [{"name": "weather", "parameters": {"type": "object"}}],
             "messages": [{"role": "user", "content": "What is it like in Oslo?"}]}
START = {"type": "message_start", "message": {"id": "m1", "type": "message", "role": "assistant", "model": "claude-x",
                                              "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}}


def anthropic_events(*events):
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)


def block(index, start, *deltas):
    yield {"type": "content_block_start", "index": index, "content_block": start}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def end(reason):
    yield {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}


def chunk(text):
    return f"{len(text.encode()):x}\r\n{text}\r\n"


class Translation(StandaloneTest):
    def serve(self, provider):
        self.start(spec(route(), backends=[self.backend(ai={"provider": provider})]), "--workers", "1")

    def post(self, request):
        answer = self.ask("/v1/chat/completions", "POST", body=json.dumps(request).encode())
        self.assertEqual(200, answer.status, answer)
        return answer

    def deltas(self, answer):
        data = [line[6:] for line in answer.body.decode().split("\n") if line.startswith("data: ")]
        self.assertEqual("[DONE]", data[-1])
        return [choice for event in data[:-1] for choice in json.loads(event)["choices"]]

    def check_streamed(self, provider, content_type, first, rest, path):
        """The client reads the first event while the provider still waits to send the rest."""
        read = threading.Event()

        def play(wire, request, upstream):
            wire.send(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{CHUNKED}{chunk(first)}")
            read.wait(10)
            wire.send(chunk(rest) + "0\r\n\r\n")

        self.up.plays[path] = play
        self.serve(provider)
        body = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
        with Wire.to(self.host, self.port, timeout=8) as wire:
            head = wire.send(request_text("/v1/chat/completions", "POST", body=body)).head()
            self.assertEqual((200, "chunked"), (head.status, head.get("transfer-encoding")))
            self.assertTrue(head.get("content-type").startswith("text/event-stream"), head)
            while b'"one"' not in wire.pending:
                wire.more()
            self.assertNotIn(b"[DONE]", wire.pending)
            read.set()
            answer = wire.body(head)
            self.assertTrue(answer.whole and answer.body.endswith(b"data: [DONE]\n\n"), answer)

    def test_a_stream_of_openai_whose_type_is_spelt_another_way(self):
        delta = {"choices": [{"index": 0, "delta": {"content": "one"}, "finish_reason": None}]}
        first = f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'model': 'm', **delta})}\n\n"
        self.check_streamed("openai", "Text/Event-Stream", first, "data: [DONE]\n\n", "/v1/chat/completions")

    def test_a_stream_of_anthropic_whose_type_is_spelt_another_way(self):
        first = anthropic_events(START, {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                                 {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "one"}})
        rest = anthropic_events({"type": "content_block_stop", "index": 0}, *end("end_turn"))
        self.check_streamed("anthropic", "TEXT/EVENT-STREAM; charset=utf-8", first, rest, "/v1/messages")

    def test_old_functions_are_answered_with_a_function_call(self):
        call = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Oslo"}}
        self.up.plays["/v1/messages"] = says(http_json(json.dumps({
            "id": "m1", "type": "message", "role": "assistant", "model": "claude-x", "content": [call],
            "stop_reason": "tool_use", "usage": {"input_tokens": 3, "output_tokens": 4}})))
        self.serve("anthropic")
        choice = self.post(FUNCTIONS).object["choices"][0]
        self.assertEqual("weather", choice["message"]["function_call"]["name"])
        self.assertEqual({"city": "Oslo"}, json.loads(choice["message"]["function_call"]["arguments"]))
        self.assertNotIn("tool_calls", choice["message"])
        self.assertEqual("function_call", choice["finish_reason"])
        self.check_function_call_goes_back(choice["message"])

    def check_function_call_goes_back(self, message):
        """The next request of an old client, with the result: the provider sees a call and the result of that call."""
        result = {"role": "function", "name": "weather", "content": "rain"}
        self.post({**FUNCTIONS, "messages": [*FUNCTIONS["messages"], message, result]})
        _, call, answer = json.loads(self.up.seen[-1].body)["messages"]
        self.assertEqual(("tool_use", "weather", {"city": "Oslo"}), tuple(call["content"][0][k] for k in ("type", "name", "input")))
        self.assertEqual(("tool_result", call["content"][0]["id"], "rain"),
                         tuple(answer["content"][0][k] for k in ("type", "tool_use_id", "content")))

    def test_old_functions_are_answered_with_a_function_call_in_a_stream(self):
        call = block(0, {"type": "tool_use", "id": "t1", "name": "weather", "input": {}},
                     *({"type": "input_json_delta", "partial_json": piece} for piece in ('{"city":', '"Oslo"}')))
        text = anthropic_events(START, *call, *end("tool_use"))
        self.up.plays["/v1/messages"] = says(f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{CHUNKED}{chunk(text)}0\r\n\r\n")
        self.serve("anthropic")
        choices = self.deltas(self.post({**FUNCTIONS, "stream": True}))
        calls = [c["delta"]["function_call"] for c in choices if "function_call" in c["delta"]]
        self.assertEqual("weather", calls[0]["name"])
        self.assertEqual({"city": "Oslo"}, json.loads("".join(c["arguments"] for c in calls)))
        self.assertEqual([], [c for c in choices if "tool_calls" in c["delta"]])
        self.assertEqual("function_call", choices[-1]["finish_reason"])


if __name__ == "__main__":
    unittest.main()

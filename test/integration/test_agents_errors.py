"""What becomes of a task when the model fails: failed, with a text that begins "LLM error:"; and that loops end."""

import json
import re
import time
import unittest

import objects
from harness import free_port
from test_agents_kit import AgentTest, HangingModel, KEY, NS, say, text_of, use


class ModelErrors(AgentTest):
    def fails(self, agent="plain", *words, streamed=False):
        """A turn that must fail; returns what the user is told."""
        client = self.agent(agent)
        if streamed:
            with client.stream("try") as stream:
                events = stream.wait_end()
            self.assertIs(True, events[-1]["final"])
            status, task = events[-1]["status"], client.get(events[-1]["taskId"])
        else:
            task = client.send("try")
            status = task["status"]
        self.assertEqual("failed", status["state"], task)
        text = text_of(status["message"])
        self.assertRegex(text, r"^LLM error: .+")
        self.assertEqual((status["state"], text), (task["status"]["state"], text_of(task["status"]["message"])))
        for word in words:
            self.assertIn(word, text)
        self.assertNotIn(KEY, json.dumps(task))
        self.assertEqual([], task.get("artifacts", []))
        return text

    def test_statuses(self):
        for status, kind, words in ((401, "authentication_error", "the key is no good"), (429, "rate_limit_error", "slow down"),
                                    (500, "api_error", "it broke"), (400, "invalid_request_error", "too long"),
                                    (529, "overloaded_error", "overloaded"), (404, "not_found_error", "no such model")):
            for agent, streamed in (("plain", False), ("plain", True), ("chunks", True), ("chunks", False)):
                with self.subTest((status, agent, streamed)):
                    self.fake.clear()
                    self.script({"status": status, "error": {"type": kind, "message": words}})
                    self.fails(agent, str(status), words, streamed=streamed)
                    self.assertLessEqual(len(self.model_calls()), 5)

    def test_a_retry_after_header_does_not_hold_it_up_forever(self):
        self.script({"status": 429, "error": {"message": "slow down"}, "headers": {"retry-after": "3600"}})
        began = time.monotonic()
        self.fails("plain", "slow down")
        self.assertLess(time.monotonic() - began, 10)

    def test_it_never_answers(self):
        self.make_config("impatient", timeout=1)
        self.make_agent("impatient", "impatient")
        self.make_agent("impatient-chunks", "impatient", stream=True)
        self.script({"fault": "hang"})
        for agent in ("impatient", "impatient-chunks"):
            with self.subTest(agent):
                began = time.monotonic()
                text = self.fails(agent, streamed=agent != "impatient")
                self.assertRegex(text, "(?i)time|deadline")
                self.assertTrue(0.9 < time.monotonic() - began < 4, time.monotonic() - began)

    def test_it_stops_in_the_middle_and_stays_silent(self):
        """`timeout` is for the whole request, a stream that stalls included."""
        self.make_config("stalling", timeout=1)
        self.make_agent("stalling", "stalling", stream=True)
        self.script(say("word " * 50, chunk_delay_ms=5000))
        began = time.monotonic()
        self.fails("stalling", streamed=True)
        self.assertLess(time.monotonic() - began, 4)

    def test_it_keeps_dripping(self):
        self.make_config("dripping", timeout=1)
        self.make_agent("dripping", "dripping", stream=True)
        self.script(say("word " * 100, chunk_delay_ms=100))
        began = time.monotonic()
        self.assertIn("timed out", self.fails("dripping", streamed=True))
        self.assertLess(time.monotonic() - began, 5)

    def test_an_answer_without_end(self):
        def event(text):
            return f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': text}}]})}\n\n".encode()
        model = HangingModel(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event("x" * 1_000_000) * 5)
        self.addCleanup(model.stop)
        self.api.must_create(objects.model_config(NS, "endless", f"http://127.0.0.1:{model.port}/v1", "llm-key"))
        endless = self.make_agent("endless", "endless", stream=True)
        self.script(say("fine"))
        with endless.stream("try") as stream:
            last = stream.wait_end()[-1]
        self.assertEqual("failed", last["status"]["state"])
        self.assertIn("over the limit of 4 MiB", text_of(last["status"]["message"]))
        self.api.must_patch("Agent", NS, "endless", {"spec": {"declarative": {"modelConfig": "m"}}})
        self.assertEqual("failed", endless.get(last["taskId"])["status"]["state"], "what was stored of it can be read")
        self.assertEqual(200, self.rest("GET", f"/api/sessions/{last['contextId']}").status)

    def test_a_refusal_is_the_answer(self):
        for streamed in (False, True):
            self.fake.clear()
            message = {"role": "assistant", "content": None, "refusal": "I will not do that."}
            whole = {"id": "c", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}
            chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m",
                     "choices": [{"index": 0, "finish_reason": None, "delta": {"refusal": "I will not do that."}}]}
            text = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n" if streamed else json.dumps(whole)
            kind = "text/event-stream" if streamed else "application/json"
            model = HangingModel(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode())
            self.addCleanup(model.stop)
            name = f"refusing-{streamed}".lower()
            self.api.must_create(objects.model_config(NS, name, f"http://127.0.0.1:{model.port}/v1", "llm-key"))
            task = self.make_agent(name, name, stream=streamed).send("try")
            self.assertEqual("completed", task["status"]["state"], task)
            self.assertIn("I will not do that.", json.dumps(task["artifacts"]))

    def test_the_stream_is_cut(self):
        for events in (0, 1, 2, 5):
            with self.subTest(events):
                self.script({"reply": {"text": "word " * 50}, "fault": "cut", "after_events": events})
                self.fails("chunks", streamed=True)

    def test_what_was_read_of_a_cut_answer_is_its_own(self):
        """The words of the step before do not come again with it."""
        call = {"id": "call_1", "name": "k8s_get_available_api_resources", "arguments": {}}
        self.script({"times": 1, "reply": {"text": "first words", "tool_calls": [call]}},
                    {"reply": {"text": "second " * 50}, "fault": "cut", "after_events": 8})
        agent = self.agent("tooled")
        with agent.stream("try") as stream:
            task = agent.get(stream.wait_end()[-1]["taskId"])
        said = [text_of(m) for m in task["history"] if m["role"] == "agent"]
        self.assertEqual(1, sum("first words" in text for text in said), said)
        self.assertTrue(any(text.startswith("second") for text in said), said)

    def test_the_answer_is_cut(self):
        part = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"half an ans'
        model = HangingModel(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + part)
        self.addCleanup(model.stop)
        self.api.must_create(objects.static_backend(NS, "cutting", port=model.port))
        self.api.must_create(objects.route(NS, "cutting", [objects.parent("gw")], [objects.backend_ref("cutting")], "/cutting"))
        for name, url in (("cut", f"http://127.0.0.1:{model.port}/v1"), ("cut-routed", f"http://{self.host}:{self.port}/cutting")):
            with self.subTest(name):
                self.api.must_create(objects.model_config(NS, name, url, "llm-key"))
                self.make_agent(name, name)
                self.fails(name)

    def test_the_connection_is_reset(self):
        for agent in ("plain", "chunks"):
            with self.subTest(agent):
                self.script({"fault": "reset"})
                self.fails(agent)

    def test_nobody_listens(self):
        self.api.must_create(objects.model_config(NS, "nobody", f"http://127.0.0.1:{free_port()}/v1", "llm-key"))
        self.make_agent("nobody", "nobody")
        began = time.monotonic()
        self.fails("nobody")
        self.assertLess(time.monotonic() - began, 10)

    def test_no_route_in_the_gateway(self):
        config = objects.model_config(NS, "lost", f"http://{self.host}:{self.port}/nowhere", "llm-key")
        self.api.must_create(config)
        self.make_agent("lost", "lost")
        self.fails("lost", "404")

    def test_answers_that_make_no_sense(self):
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "fine"}}
        for n, raw in enumerate(("not json", "[]", "{}", json.dumps({"choices": []}), json.dumps({"choices": [5]}),
                                 json.dumps({"choices": [{**choice, "message": None}]}), "[" * 50_000,
                                 json.dumps({"choices": [{**choice, "message": {"role": "assistant", "content": {"a": 1}}}]}))):
            with self.subTest((n, raw[:60])):
                self.script({"status": 200, "content_type": "application/json", "raw": raw})
                self.fails("plain")

    def test_streams_that_make_no_sense(self):
        for raw in ("data: not json\n\n", "data: {}\n\n", "data: [DONE]\n\n", "nonsense\n\n"):
            with self.subTest(raw):
                self.script({"status": 200, "content_type": "text/event-stream", "raw": raw})
                self.fails("chunks", streamed=True)

    def test_an_error_inside_a_stream(self):
        raw = 'data: {"error": {"message": "it broke midway", "type": "server_error"}}\n\n'
        self.script({"status": 200, "content_type": "text/event-stream", "raw": raw})
        self.fails("chunks", "it broke midway", streamed=True)

    def test_after_tool_calls(self):
        self.script(use("k8s_get_available_api_resources"), {"status": 500, "error": {"message": "it broke"}})
        task = self.agent("tooled").send("look")
        self.assertEqual("failed", task["status"]["state"])
        self.assertIn("it broke", text_of(task["status"]["message"]))
        roles = [m["role"] for m in task["history"]]
        self.assertEqual(3, len(roles), "what was done before stays in the history")

    def test_over_v1(self):
        self.script({"status": 500, "error": {"message": "it broke"}})
        from_v1 = self.agent(version="1.0").must("SendMessage", {"message": {
            "role": "ROLE_USER", "messageId": "m", "parts": [{"text": "try"}]}})["task"]
        self.assertEqual("TASK_STATE_FAILED", from_v1["status"]["state"])
        self.assertRegex(text_of(from_v1["status"]["message"]), "^LLM error: .*it broke")

    def test_the_failure_is_in_the_record(self):
        self.script({"status": 500, "error": {"message": "it broke"}})
        task = self.agent().send("try")
        records = json.loads(self.cli("traffic", "-o", "json", "--session", task["contextId"]).stdout)
        turn = next(r for r in records if r["kind"] == "turn")
        self.assertIn("it broke", json.dumps(turn))


class Loops(AgentTest):
    def test_one_that_never_ends_by_itself(self):
        self.script(use("k8s_get_available_api_resources", times=-1, call=None))
        agent = self.agent("tooled")
        task = agent.wait_final(agent.send("go on and on", blocking=False)["id"], timeout=60)
        self.assertEqual("failed", task["status"]["state"])
        self.assertRegex(text_of(task["status"]["message"]), r"(?i)\d+|limit|steps|calls")
        self.assertTrue(10 < len(self.model_calls()) <= 500, len(self.model_calls()))
        said = [int(n) for n in re.findall(r"\d+", text_of(task["status"]["message"]))]
        self.assertIn(len(self.model_calls()), said or [len(self.model_calls())], "the text says how many calls there were")

    def test_it_can_be_stopped(self):
        self.script(use("k8s_get_available_api_resources", times=-1, call=None, delay_ms=20))
        agent = self.agent("tooled")
        task = agent.send("go on and on", blocking=False)["id"]
        self.wait_model_calls(5)
        agent.must("tasks/cancel", {"id": task})
        calls = len(self.model_calls())
        self.assertEqual("canceled", agent.state(task))
        self.script(say("fine"))
        self.agent("plain").send("something else, meanwhile")
        self.assertLessEqual(len(self.model_calls()), calls + 2)

    def test_others_are_served_meanwhile(self):
        self.script(say("fine", match={"contains": "short"}),
                    use("k8s_get_available_api_resources", times=-1, call=None))
        long = self.agent("tooled").send("a long one", blocking=False)["id"]
        began = time.monotonic()
        self.assertEqual("completed", self.agent().send("a short one")["status"]["state"])
        self.assertLess(time.monotonic() - began, 2)
        self.agent("tooled").wait_final(long, timeout=60)


if __name__ == "__main__":
    unittest.main()

"""Streams that one joins late: the text so far comes first; and what `invoke --stream` prints of several model calls."""

import json
import threading
import unittest

import objects
from gateway_kit import Upstream
from harness import wait_until
from test_agents_kit import AgentTest, NS, say, text_of, tool_entry, use

BEFORE = ["Under ", "the ", "sea ", "naïve ", "🚀 "]  # what was streamed before the second client came
AFTER = ["there ", "is ", "light."]


class SteppedModel(Upstream):
    """A model that speaks the pieces of BEFORE, and those of AFTER once `go_on` is set."""

    def __init__(self):
        super().__init__("model")
        self.go_on = threading.Event()
        self.plays["/v1/chat/completions"] = self.speak

    def speak(self, wire, request, upstream):
        wire.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for piece in BEFORE:
            wire.send(self.event({"content": piece}))
        self.go_on.wait(30)
        for piece in AFTER:
            wire.send(self.event({"content": piece}))
        wire.send(self.event({}, "stop") + b"data: [DONE]\n\n")
        return "close"

    @staticmethod
    def event(delta, finish=None):
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return f"data: {json.dumps({'id': 'c', 'object': 'chat.completion.chunk', 'model': 'm', 'choices': [choice]})}\n\n".encode()


def partials(events):
    """The partial texts of a stream's results, of either protocol version."""
    updates = [e.get("statusUpdate", e) for e in events]
    return [text_of(u["status"]["message"]) for u in updates if (u.get("metadata") or {}).get("adk_partial")]


class JoiningLate(AgentTest):
    def setUp(self):
        super().setUp()
        self.model = SteppedModel()
        self.addCleanup(self.model.stop)
        self.addCleanup(self.model.go_on.set)
        name = self._testMethodName.replace("_", "-")
        self.api.must_create(objects.model_config(NS, name, f"http://127.0.0.1:{self.model.port}/v1", "llm-key"))
        self.speaker = self.make_agent(name, name, stream=True)

    def in_the_middle(self, stream):
        """Waits until all of BEFORE was streamed; returns the task's id."""
        return stream.wait_for(lambda e: "".join(partials(e)) == "".join(BEFORE) and e)[0]["id"]

    def check_whole(self, events):
        self.assertEqual("".join(BEFORE), partials(events)[0], "what was missed comes as one")
        self.assertEqual("".join(BEFORE + AFTER), "".join(partials(events)))

    def test_the_text_so_far_comes_first(self):
        with self.speaker.stream("speak") as first:
            task = self.in_the_middle(first)
            first.close()
            with self.speaker.follow("tasks/resubscribe", {"id": task}) as second:
                events = second.wait_for(lambda e: partials(e) and list(e), 5, "the text so far")
                self.assertEqual(("task", "working"), (events[0]["kind"], events[0]["status"]["state"]))
                self.assertEqual([1], [n for n, e in enumerate(events) if partials([e])], "at once, after the task")
                self.model.go_on.set()
                events = second.wait_end()
        self.check_whole(events)
        self.assertEqual(["".join(BEFORE + AFTER)], [text_of(e["artifact"]) for e in events if e["kind"] == "artifact-update"])
        self.assertEqual(("completed", True), (events[-1]["status"]["state"], events[-1]["final"]))

    def test_it_is_part_of_the_same_message(self):
        with self.speaker.stream("speak") as first:
            task = self.in_the_middle(first)
            with self.speaker.follow("tasks/resubscribe", {"id": task}) as second:
                second.wait_for(partials, 5, "the text so far")
                self.model.go_on.set()
                ids = [{e["status"]["message"]["messageId"] for e in stream.wait_end() if partials([e])}
                       for stream in (first, second)]
        self.assertEqual(1, len(ids[0]))
        self.assertEqual(ids[0], ids[1])

    def test_the_first_client_is_told_nothing_twice(self):
        with self.speaker.stream("speak") as first:
            task = self.in_the_middle(first)
            streams = [self.speaker.follow("tasks/resubscribe", {"id": task}) for _ in range(3)]
            try:
                for stream in streams:
                    stream.wait_for(partials, 5, "the text so far")
                self.model.go_on.set()
                for stream in streams:
                    self.check_whole(stream.wait_end())
                self.assertEqual(BEFORE + AFTER, partials(first.wait_end()))
            finally:
                for stream in streams:
                    stream.close()

    def test_over_v1(self):
        with self.speaker.stream("speak") as first:
            task = self.in_the_middle(first)
            later = self.agent(self._testMethodName.replace("_", "-"), version="1.0")
            with later.follow("SubscribeToTask", {"id": task}) as second:
                events = second.wait_for(lambda e: partials(e) and list(e), 5, "the text so far")
                self.assertEqual(task, events[0]["task"]["id"])
                self.model.go_on.set()
                self.check_whole(second.wait_end())


class Quiet(AgentTest):
    """A stream on which nothing happens is kept alive by comments, which are no events."""

    extra = ("--keep-alive-ms", "20")

    def test_comments_until_the_answer(self):
        self.script({"fault": "hang"})
        with self.agent("chunks").stream("wait") as stream:
            comments = wait_until(lambda: stream.comments > 3 and stream.comments)
            self.assertFalse(stream.ended)
            task = stream.results[0]["id"]
            self.agent("chunks").must("tasks/cancel", {"id": task})
            self.assertEqual("canceled", stream.wait_end()[-1]["status"]["state"])
        self.assertGreater(comments, 3)

    def test_none_after_the_end(self):
        self.script(say("done"))
        with self.agent("chunks").stream("go") as ended, self.agent("chunks").stream("again") as other:
            ended.wait_end()
            self.script({"fault": "hang"})
            other.wait_end()
            comments = ended.comments
            with self.agent("chunks").stream("wait") as quiet:  # the time in which it would have had some
                wait_until(lambda: quiet.comments > 3)
                self.agent("chunks").must("tasks/cancel", {"id": quiet.results[0]["id"]})
            self.assertEqual(comments, ended.comments)
        self.assertEqual("completed", ended.results[-1]["status"]["state"])

    def test_the_command_line_does_not_mind(self):
        self.script(say("slow", delay_ms=200))
        done = self.assert_exit(0, self.cli("invoke", f"{NS}/chunks", "--stream", "--task", "hello"))
        self.assertEqual("slow\n", done.stdout)


class Printed(AgentTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_agent("looking", stream=True, tools=[tool_entry(cls.tools)])

    def looks(self, *texts):
        """Rules of a model that says each text with a tool call, and the last without."""
        call = {"name": "k8s_get_available_api_resources", "arguments": {}}
        return [{"times": 1, "reply": {"text": text, "tool_calls": [{"id": f"call_{n}", **call}]}}
                for n, text in enumerate(texts[:-1])] + [say(texts[-1])]

    def test_an_empty_line_between_model_calls(self):
        self.script(*self.looks("Let me look about.", "And once more, I think.", "All is well here."))
        done = self.assert_exit(0, self.cli("invoke", f"{NS}/looking", "--task", "look", "--stream"))
        self.assertEqual("Let me look about.\n\nAnd once more, I think.\n\nAll is well here.\n", done.stdout)

    def test_none_where_nothing_was_said(self):
        self.script(use("k8s_get_available_api_resources"), say("All is well here."))
        done = self.assert_exit(0, self.cli("invoke", f"{NS}/looking", "--task", "look", "--stream"))
        self.assertEqual("All is well here.\n", done.stdout)

    def test_a_question_begins_a_line(self):
        ask = {"id": "call_1", "name": "ask_user", "arguments": {"questions": [{"question": "Which colour?"}]}}
        self.script({"times": 1, "reply": {"text": "One thing first.", "tool_calls": [ask]}})
        done = self.assert_exit(0, self.cli("invoke", f"{NS}/looking", "--task", "paint", "--stream"))
        self.assertEqual("One thing first.\nWhich colour?\n", done.stdout)


if __name__ == "__main__":
    unittest.main()

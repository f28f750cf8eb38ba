"""Several questions in one answer of the model: all put to the person together, each call answered; the turn that goes on."""

import json
import unittest

from harness import wait_until
from test_agents_kit import AgentTest, NS, say, text_of, user_message

WORDS = {"call_1": "Which colour?", "call_2": "Delete everything?"}


class QuestionsTest(AgentTest):
    def rule_asking(self, asked=None):
        """A model that answers once with a call of ask_user for each entry: the call's id to its questions."""
        asked = asked or {call: [words] for call, words in WORDS.items()}
        calls = [{"id": call, "name": "ask_user", "arguments": {"questions": [{"question": q} for q in questions]}}
                 for call, questions in asked.items()]
        return {"times": 1, "reply": {"tool_calls": calls}}

    def ask(self, asked=None):
        """The task that waits for the answers."""
        self.script(self.rule_asking(asked), say("thank you"))
        task = self.agent().send("ask away")
        self.assertEqual("input-required", task["status"]["state"], task["status"])
        return task

    def reply(self, task, *parts):
        message = user_message("", task["contextId"], task["id"])
        message["parts"] = list(parts)
        done = self.agent().must("message/send", {"message": message})
        self.assertEqual("completed", done["status"]["state"], done["status"])
        return done

    def reply_with_list(self, task, *answers):
        data = {"decision_type": "approve", "ask_user_answers": [{"answer": [a]} for a in answers]}
        return self.reply(task, {"kind": "data", "data": data})

    def told(self):
        """What each call was answered, of the messages of the last model call."""
        return {m["tool_call_id"]: m["content"] for m in self.last_messages() if m["role"] == "tool"}


class Together(QuestionsTest):
    def check_confirmations(self, message):
        confirmations = [p["data"] for p in message["parts"] if p["kind"] == "data"]
        self.assertEqual(["adk_request_confirmation"] * 2, [c["name"] for c in confirmations])
        calls = [c["args"]["originalFunctionCall"] for c in confirmations]
        self.assertEqual(WORDS, {c["id"]: c["args"]["questions"][0]["question"] for c in calls})
        for confirmation in confirmations:
            words = WORDS[confirmation["args"]["originalFunctionCall"]["id"]]
            self.assertEqual(words, confirmation["args"]["toolConfirmation"]["hint"], "of its own call alone")

    def test_the_person_reads_every_question(self):
        task = self.ask()
        for message in (task["status"]["message"], self.agent().get(task["id"])["status"]["message"]):
            for words in WORDS.values():
                self.assertIn(words, text_of(message).split("\n"))

    def test_every_question_is_a_confirmation_in_the_stream(self):
        self.script(self.rule_asking())
        with self.agent("chunks").stream("ask away") as stream:
            last = stream.wait_end()[-1]
        self.assertEqual(("input-required", True), (last["status"]["state"], last["final"]))
        for words in WORDS.values():
            self.assertIn(words, text_of(last["status"]["message"]))
        self.check_confirmations(last["status"]["message"])

    def test_a_list_gives_each_call_its_own_answer(self):
        self.reply_with_list(self.ask(), "ultramarine", "never")
        told = self.told()
        self.assertEqual(set(WORDS), set(told))
        self.assertEqual([{"answer": ["ultramarine"]}], json.loads(told["call_1"]))
        self.assertEqual([{"answer": ["never"]}], json.loads(told["call_2"]))

    def test_a_list_is_dealt_out_by_the_number_of_questions(self):
        self.reply_with_list(self.ask({"call_1": ["One?", "Two?"], "call_2": ["Three?"]}), "first", "second", "third")
        told = {call: json.loads(content) for call, content in self.told().items()}
        self.assertEqual({"call_1": [{"answer": ["first"]}, {"answer": ["second"]}], "call_2": [{"answer": ["third"]}]}, told)

    def test_a_text_answers_all(self):
        done = self.reply(self.ask(), {"kind": "text", "text": "as you like"})
        self.assertEqual("thank you", text_of(done["artifacts"][0]))
        self.assertEqual({call: "as you like" for call in WORDS}, self.told())
        self.assertEqual(2, len(self.model_calls()), "no question was put a second time")


class WhatCannotBe(QuestionsTest):
    def test_questions_that_cannot_be_put_go_back_to_the_model(self):
        for arguments, why in (({}, "questions must be"), ({"questions": []}, "at least one"), ({"questions": [None]}, "questions[0] must be an object"),
                               ({"questions": ["plain?"]}, "questions[0] must be an object"),
                               ({"questions": [{"question": "a"}, {"question": " "}]}, "questions[1].question"),
                               ({"questions": [{"question": "a", "choices": [{"x": 1}]}]}, "questions[0].choices"),
                               ({"questions": [{"question": "a", "multiple": "yes"}]}, "questions[0].multiple")):
            with self.subTest(arguments=arguments):
                self.fake.clear()
                self.script({"times": 1, "reply": {"tool_calls": [{"id": "call_1", "name": "ask_user", "arguments": arguments}]}}, say("never mind"))
                task = self.agent().send("ask away")
                self.assertEqual(("completed", "never mind"), (task["status"]["state"], text_of(task["artifacts"][0])))
                self.assertIn("error: " + why if why[0] == "q" else why, self.told()["call_1"])

    def error(self, task, data):
        message = user_message("", task["contextId"], task["id"])
        message["parts"] = [{"kind": "data", "data": data}]
        return self.agent().error("message/send", {"message": message})["message"]

    def test_answers_that_do_not_fit(self):
        task = self.ask({"call_1": ["One?", "Two?"]})
        for answers, why in (([], "0 answers to 2 questions"), ([{"answer": ["a"]}], "1 answers to 2 questions"), ("a", "0 answers"),
                             ([5, {"answer": ["a"]}], '{"answer": [strings]}'), ([{"answer": [1]}, {"answer": ["a"]}], '{"answer": [strings]}')):
            self.assertIn(why, self.error(task, {"decision_type": "approve", "ask_user_answers": answers}))
        self.assertEqual("input-required", self.agent().get(task["id"])["status"]["state"])

    def test_refusing(self):
        task = self.ask()
        self.reply(task, {"kind": "data", "data": {"decision_type": "reject", "rejection_reasons": {"call_2": "not my business"}}})
        self.assertEqual({"call_1": "The user rejected the question.",
                          "call_2": "The user rejected the question. Reason: not my business"}, self.told())

    def test_refusing_one(self):
        task = self.ask()
        self.reply(task, {"kind": "data", "data": {"decision_type": "batch", "decisions": {"call_1": "reject", "call_2": "approve"}}},
                   {"kind": "text", "text": "yes"})
        self.assertEqual({"call_1": "The user rejected the question.", "call_2": "yes"}, self.told())


    def test_refusing_one_beside_answers(self):
        task = self.ask()
        self.reply(task, {"kind": "data", "data": {"decision_type": "batch", "decisions": {"call_1": "reject", "call_2": "approve"},
                                                   "ask_user_answers": [{"answer": ["x"]}, {"answer": ["never"]}]}})
        self.assertEqual({"call_1": "The user rejected the question.", "call_2": '[{"answer":["never"]}]'}, self.told())


class TheTurnThatGoesOn(QuestionsTest):
    def records(self, task, count):
        def look():
            found = self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
            return len(found) >= count and found

        return wait_until(look, what=f"{count} records of task {task['id']}")

    def test_it_has_a_span_of_its_own(self):
        task = self.ask()
        first, = [r for r in self.records(task, 2) if r["kind"] == "turn"]
        self.reply(task, {"kind": "text", "text": "green"})
        records = self.records(task, 6)
        turns = [r for r in records if r["kind"] == "turn"]
        self.assertEqual(2, len(turns))
        second = next(r for r in turns if r["id"] != first["id"])
        self.assertEqual(first["trace_id"], second["trace_id"])
        self.assertEqual(first["span_id"], second["parent_span_id"])
        self.assertEqual(len(records), len({r["span_id"] for r in records}), "a span is told once")
        calls = [r for r in records if r["kind"] == "exchange"]
        self.assertEqual([first["span_id"], second["span_id"]], [c["parent_span_id"] for c in calls])

    def test_explain_shows_every_model_call_once(self):
        task = self.ask()
        self.reply(task, {"kind": "text", "text": "green"})
        records = self.records(task, 6)
        tree = self.assert_exit(0, self.cli("explain", records[0]["trace_id"])).stdout
        self.assertEqual((2, 2), (tree.count("model call"), tree.count("turn of agent")), tree)
        shown = [word for line in tree.splitlines() for word in line.split() if word.startswith("#")]
        self.assertEqual(sorted(f"#{r['id']}" for r in records), sorted(shown), tree)


class Extension(QuestionsTest):
    """kagent's A2A extension for questions: how its own clients know and answer them."""

    URI = "https://kagent.dev/extensions/hitl/v1"

    def request(self, task):
        return task["status"]["message"]["metadata"][self.URI]

    def answer(self, task, **response):
        message = user_message("", task["contextId"], task["id"], extensions=[self.URI],
                               metadata={self.URI: {"type": "ask_user_response", **response}})
        message["parts"] = []
        return message

    def test_the_request_is_in_the_status_and_stays_there(self):
        task = self.ask({"call_1": ["One?", "Two?"], "call_2": ["Three?"]})
        listed, = self.rest("GET", f"/api/sessions/{task['contextId']}/tasks").expect(200).data
        for found in (task, self.agent().get(task["id"]), listed):
            message = found["status"]["message"]
            self.assertEqual([self.URI], message["extensions"])
            self.assertEqual(task["status"]["message"]["messageId"], message["messageId"], "one message, however it is read")
            request = message["metadata"][self.URI]
            self.assertEqual(("ask_user_request", self.request(task)["id"]), (request["type"], request["id"]))
            self.assertEqual(["One?", "Two?", "Three?"], [q["question"] for q in request["questions"]])
            self.assertEqual(2, len([p for p in message["parts"] if p["kind"] == "data"]))

    def test_it_is_answered(self):
        task = self.ask({"call_1": ["One?", "Two?"], "call_2": ["Three?"]})
        answers = [{"answer": ["a"]}, {"answer": ["b", "c"]}, {"answer": []}]
        done = self.agent().must("message/send", {"message": self.answer(task, id=self.request(task)["id"], answers=answers)})
        self.assertEqual("completed", done["status"]["state"], done["status"])
        self.assertEqual({"call_1": answers[:2], "call_2": answers[2:]}, {k: json.loads(v) for k, v in self.told().items()})

    def test_an_answer_to_something_else_is_refused(self):
        task = self.ask()
        two, asked = [{"answer": ["a"]}] * 2, self.request(task)["id"]
        for wrong, words in (({"id": "call_1", "answers": two}, asked), ({"answers": two}, asked),
                             ({"id": asked, "answers": two[:1]}, "1 answers to 2"), ({"id": asked}, "0 answers to 2"),
                             ({"id": asked, "answers": [{"answer": ["a"]}, {"answer": [None]}]}, "strings"),
                             ({"id": asked, "answers": two, "type": "tool_approval_response"}, "ask_user_response")):
            error = self.agent().error("message/send", {"message": self.answer(task, **wrong)})
            self.assertEqual(-32602, error["code"])
            self.assertIn(words, error["message"])
        self.assertEqual("input-required", self.agent().get(task["id"])["status"]["state"])

    def test_it_is_announced_and_echoed(self):
        card = self.rest("GET", f"/api/a2a/{NS}/plain/.well-known/agent-card.json").json
        self.assertIn(self.URI, [e["uri"] for e in card["capabilities"]["extensions"]])
        self.script(say("hi"))
        for name, wanted in (("A2A-Extensions", f"urn:x, {self.URI}"), ("X-A2A-Extensions", self.URI), ("A2A-Extensions", "urn:x")):
            agent = self.agent()
            reply = agent.raw(agent.envelope("message/send", {"message": user_message("x")}), {name: wanted})
            self.assertEqual(self.URI if self.URI in wanted else None, reply.headers[name])

    def test_a_second_question_with_the_same_call_id_is_another(self):
        self.script(self.rule_asking({"call_1": ["Sure?"]}), self.rule_asking({"call_1": ["Delete all?"]}), say("done"))
        task = self.agent().send("ask away")
        first = self.answer(task, id=self.request(task)["id"], answers=[{"answer": ["yes"]}])
        again = self.agent().must("message/send", {"message": first})
        self.assertEqual("input-required", again["status"]["state"])
        self.assertNotEqual(self.request(task)["id"], self.request(again)["id"])
        self.assertEqual(-32602, self.agent().error("message/send", {"message": {**first, "messageId": "resent"}})["code"])

    def test_metadata_of_who_does_not_speak_it_is_none(self):
        task = self.ask({"call_1": ["Sure?"]})
        message = user_message("in words", task["contextId"], task["id"], metadata={self.URI: {"type": "odd"}})
        self.assertEqual("completed", self.agent().must("message/send", {"message": message})["status"]["state"])


class Recorded(QuestionsTest):
    """A question is a tool call like others: its record lasts from the question to the answer."""

    def records(self, task):
        def look():
            found = self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
            return [r for r in found if r["kind"] == "tool_call"]

        return wait_until(look, what=f"records of tool calls of {task['id']}")

    def test_answered(self):
        task = self.ask()
        self.reply(task, {"kind": "text", "text": "green"})
        records = self.records(task)
        self.assertEqual([("ask_user", "call_1"), ("ask_user", "call_2")],
                         sorted((r["gen_ai.tool.name"], r["gen_ai.tool.call.id"]) for r in records))
        self.assertFalse([r for r in records if "error" in r])

    def test_never_answered(self):
        task = self.ask()
        self.agent().must("tasks/cancel", {"id": task["id"]})
        self.assertEqual(["cancelled before it was answered"] * 2, [r["error"] for r in self.records(task)])


if __name__ == "__main__":
    unittest.main()

"""Tasks while they run: cancelling, subscribing again; sessions: history, one task at a time."""

import json
import socket
import threading
import time
import unittest
import uuid

import objects
from harness import wait_until
from test_agents_kit import AgentTest, FINAL, HangingModel, NS, say, text_of, use, user_message


class Canceling(AgentTest):
    def abort_within_a_second(self, asked_at):
        wait_until(lambda: self.model_calls()[-1]["aborted"], what="fake-llm to see the call aborted",
                   timeout=max(0.1, asked_at + 1 - time.monotonic()))

    def test_it_stops_a_model_call_that_hangs(self):
        self.script({"fault": "hang"})
        agent = self.agent()
        task = agent.send("wait", blocking=False)
        self.wait_model_calls(1)
        asked_at = time.monotonic()
        canceled = agent.must("tasks/cancel", {"id": task["id"]})
        self.abort_within_a_second(asked_at)
        self.assertEqual((task["id"], "canceled"), (canceled["id"], canceled["status"]["state"]))
        self.assertEqual("canceled", agent.state(task["id"]))
        self.assertEqual(1, len(self.model_calls()))

    def test_it_closes_the_connection_to_a_model_that_hangs(self):
        """As above, seen by a server that watches its sockets, through the gateway and without one."""
        model = HangingModel()
        self.addCleanup(model.stop)
        self.api.must_create(objects.static_backend(NS, "hanging", port=model.port))
        self.api.must_create(objects.route(NS, "hanging", [objects.parent("gw")], [objects.backend_ref("hanging")], "/hanging"))
        for name, url in (("direct", f"http://127.0.0.1:{model.port}/v1"), ("routed", f"http://{self.host}:{self.port}/hanging")):
            with self.subTest(name):
                self.api.must_create(objects.model_config(NS, name, url, "llm-key"))
                agent = self.make_agent(f"hangs-{name}", name)
                before = model.requests
                task = agent.send("wait", blocking=False)
                wait_until(lambda: model.requests > before, what=lambda: f"the call; {agent.get(task['id'])['status']}")
                gone = model.gone
                agent.must("tasks/cancel", {"id": task["id"]})
                wait_until(lambda: model.gone > gone, timeout=1, what="the connection to the model to be closed")

    def test_it_stops_a_model_that_streams(self):
        self.script(say("word " * 400, chunk_delay_ms=20))
        agent = self.agent("chunks")
        with agent.stream("speak") as stream:
            events = stream.wait_for(lambda e: len(e) > 5 and e)
            asked_at = time.monotonic()
            agent.must("tasks/cancel", {"id": events[0]["id"]})
            self.abort_within_a_second(asked_at)
            events = stream.wait_end(2)
        self.assertEqual(("status-update", "canceled", True),
                         (events[-1]["kind"], events[-1]["status"]["state"], events[-1]["final"]))
        self.assertFalse(self.model_calls()[-1]["finished"])

    def test_the_one_who_waits_is_told(self):
        self.script({"fault": "hang"})
        agent, answers = self.agent(), []
        context = str(uuid.uuid4())
        waiting = threading.Thread(target=lambda: answers.append(self.agent().send("wait", context)), daemon=True)
        waiting.start()
        self.wait_model_calls(1)
        task = next(t for t in agent.must("tasks/list", {})["tasks"] if t["contextId"] == context)
        agent.must("tasks/cancel", {"id": task["id"]})
        waiting.join(5)
        self.assertEqual(["canceled"], [a["status"]["state"] for a in answers])

    def test_again(self):
        self.script({"fault": "hang"})
        agent = self.agent()
        task = agent.send("wait", blocking=False)
        agent.must("tasks/cancel", {"id": task["id"]})
        self.assertEqual(-32002, agent.error("tasks/cancel", {"id": task["id"]})["code"])

    def test_many_at_once_by_two(self):
        """Two cancel the same task at the same time: one of them did, the state is canceled, nothing breaks."""
        self.script({"fault": "hang"})
        for _ in range(10):
            task = self.agent().send("wait", blocking=False)["id"]
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(self.agent().call("tasks/cancel", {"id": task})))
                       for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(10)
            self.assertEqual(2, len(answers))
            self.assertGreaterEqual(sum("result" in a for a in answers), 1)
            self.assertEqual({-32002}, {a["error"]["code"] for a in answers if "error" in a} | {-32002})
            self.assertEqual("canceled", self.agent().state(task))

    def test_the_session_goes_on_after_it(self):
        self.script({"fault": "hang", "times": 1})
        agent = self.agent()
        task = agent.send("first", blocking=False)
        self.wait_model_calls(1)
        agent.must("tasks/cancel", {"id": task["id"]})
        after = agent.send("second", task["contextId"])
        self.assertEqual("completed", after["status"]["state"])
        self.assertEqual("second", self.last_messages()[-1]["content"])

    def test_while_it_waits_for_an_answer(self):
        self.script(use("ask_user", {"questions": [{"question": "Which?"}]}), say("fine"))
        agent = self.agent()
        task = agent.send("ask")
        self.assertEqual("input-required", task["status"]["state"])
        canceled = agent.must("tasks/cancel", {"id": task["id"]})
        self.assertEqual("canceled", canceled["status"]["state"])
        error = agent.error("message/send", {"message": user_message("late", task["contextId"], task["id"])})
        self.assertIn(error["code"], (-32602, -32600, -32004))
        after = agent.send("something else", task["contextId"])
        self.assertEqual("completed", after["status"]["state"])
        self.last_messages()  # an open call would make a real provider refuse the whole session

    def test_of_a_race_with_the_end(self):
        """Whoever wins, the answer to tasks/cancel and the stored state agree."""
        for n in range(30):
            self.script(say("quick", delay_ms=n % 6))
            agent = self.agent()
            task = agent.send("race", blocking=False)["id"]
            answer = agent.call("tasks/cancel", {"id": task})
            state = agent.wait_final(task)["status"]["state"]
            if "result" in answer:
                self.assertEqual(("canceled", "canceled"), (answer["result"]["status"]["state"], state))
            else:
                self.assertEqual((-32002, "completed"), (answer["error"]["code"], state))


class Resubscribing(AgentTest):
    def test_to_one_that_was_cancelled_and_is_not_through_yet(self):
        """Its call cannot be ended while it connects: nobody accepts, and the queue of those who wait is full."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            waiting = [socket.socket() for _ in range(3)]
            for s in waiting:
                self.addCleanup(s.close)
                s.setblocking(False)
                s.connect_ex(full.getsockname())
            self.api.must_create(objects.model_config(NS, "full", f"http://127.0.0.1:{full.getsockname()[1]}/v1", "llm-key"))
            agent = self.make_agent("full", "full")
            task = {"id": agent.send("hang", blocking=False)["id"]}
            agent.wait_state(task["id"], "working")
            agent.must("tasks/cancel", task)
            with agent.follow("tasks/resubscribe", task) as stream:
                stream.wait_end(3)
                self.assertEqual("canceled", stream.results[0]["status"]["state"])

    def test_to_one_that_hangs(self):
        self.script({"fault": "hang"})
        agent = self.agent()
        task = agent.send("wait", blocking=False)
        with agent.follow("tasks/resubscribe", {"id": task["id"]}) as stream:
            first = stream.wait_for(lambda events: events)[0]
            self.assertEqual(task["id"], first.get("taskId") or first["id"])
            self.assertIn(first["status"]["state"], ("submitted", "working"))
            agent.must("tasks/cancel", {"id": task["id"]})
            events = stream.wait_end(3)
        self.assertEqual(("canceled", True), (events[-1]["status"]["state"], events[-1]["final"]))

    def test_in_the_middle_of_a_stream(self):
        self.script(say("word " * 40, chunk_delay_ms=40))
        agent = self.agent("chunks")
        with agent.stream("speak") as first:
            events = first.wait_for(lambda e: len(e) > 4 and e)
            first.close()
            with agent.follow("tasks/resubscribe", {"id": events[0]["id"]}) as second:
                events = second.wait_end()
        self.assertEqual(("completed", True), (events[-1]["status"]["state"], events[-1]["final"]))
        artifacts = [e for e in events if e["kind"] == "artifact-update"]
        self.assertEqual(["word " * 40], [text_of(e["artifact"]) for e in artifacts])

    def test_many_followers(self):
        self.script(say("word " * 30, chunk_delay_ms=30))
        agent = self.agent("chunks")
        task = agent.send("speak", blocking=False)
        streams = [agent.follow("tasks/resubscribe", {"id": task["id"]}) for _ in range(8)]
        try:
            streams[0].close()  # one goes away; the others go on
            for stream in streams[1:]:
                events = stream.wait_end()
                self.assertEqual("completed", events[-1]["status"]["state"])
        finally:
            for stream in streams[1:]:
                stream.close()

    def test_to_one_that_ended(self):
        """Either its final state or an error, at once; never a stream that stays open."""
        agent = self.agent()
        task = agent.send("hello")
        with agent.follow("tasks/resubscribe", {"id": task["id"]}) as stream:
            stream.wait_end(3)
            if stream.body:
                self.assertIn(json.loads(stream.body)["error"]["code"], (-32001, -32004))
            else:
                last = stream.envelopes[-1]
                self.assertEqual("completed", last["result"]["status"]["state"]) if "result" in last else \
                    self.assertIn(last["error"]["code"], (-32001, -32004))


class Sessions(AgentTest):
    def turns(self):
        return [(m["role"], m["content"]) for m in self.last_messages() if m["role"] != "system"]

    def test_the_model_gets_the_earlier_turns(self):
        agent = self.agent()
        first = agent.send("my name is Ada")
        second = agent.send("what is my name?", first["contextId"])
        self.assertNotEqual(first["id"], second["id"])
        self.assertEqual(first["contextId"], second["contextId"])
        self.assertEqual([("user", "my name is Ada"), ("assistant", "You said: my name is Ada"),
                          ("user", "what is my name?")], self.turns())
        self.assertEqual(2, len(second["history"]), "a task's history is of that task")

    def test_streamed_turns_count_too(self):
        agent = self.agent("chunks")
        with agent.stream("one") as stream:
            context = stream.wait_end()[-1]["contextId"]
        with agent.stream("two", context) as stream:
            stream.wait_end()
        self.assertEqual([("user", "one"), ("assistant", "You said: one"), ("user", "two")], self.turns())

    def test_tool_calls_of_earlier_turns(self):
        self.script(use("k8s_get_available_api_resources"), say("done"))
        agent = self.agent("tooled")
        first = agent.send("look")
        agent.send("and now?", first["contextId"])
        self.assertEqual(["user", "assistant", "tool", "assistant", "user"], [role for role, _ in self.turns()])

    def test_another_context_knows_nothing_of_it(self):
        agent = self.agent()
        agent.send("a secret thing")
        agent.send("hello")
        self.assertEqual([("user", "hello")], self.turns())

    def test_a_context_of_another_agent(self):
        """An agent must never be shown what was said to another."""
        task = self.agent().send("only for the first agent")
        self.fake.clear()
        self.agent("chunks").call("message/send", {"message": user_message("hello", task["contextId"])})
        self.assertNotIn("only for the first agent", json.dumps(self.model_calls()))

    def test_after_a_turn_that_failed(self):
        self.script({"times": 1, "status": 500, "error": {"message": "broken"}})
        agent = self.agent()
        first = agent.send("one")
        self.assertEqual("failed", first["status"]["state"])
        second = agent.send("two", first["contextId"])
        self.assertEqual("completed", second["status"]["state"])
        self.assertEqual(("user", "two"), self.turns()[-1])

    def test_a_busy_session_is_refused(self):
        self.script({"fault": "hang", "times": 1})
        agent = self.agent()
        task = agent.send("first", blocking=False)
        self.wait_model_calls(1)
        error = agent.error("message/send", {"message": user_message("second", task["contextId"])})
        self.assertRegex(error["message"], "(?i)busy|running|under way|working|another task|one task")
        self.assertEqual("working", agent.state(task["id"]))
        self.assertEqual(1, len(self.model_calls()))
        agent.must("tasks/cancel", {"id": task["id"]})
        self.assertEqual("completed", agent.send("third", task["contextId"])["status"]["state"])

    def test_an_answer_waits_for_the_busy_session(self):
        self.script(use("ask_user", {"questions": [{"question": "Which?"}]}), {"fault": "hang", "times": 1}, say("thanks"))
        agent = self.agent()
        asks = agent.send("first")
        self.assertEqual("input-required", asks["status"]["state"])
        second = agent.send("second", asks["contextId"], blocking=False)
        self.wait_model_calls(2)
        error = agent.error("message/send", {"message": user_message("blue", asks["contextId"], asks["id"])})
        self.assertIn(f"task {second['id']} is under way", error["message"])
        agent.must("tasks/cancel", {"id": second["id"]})
        self.assertEqual("completed", agent.send("blue", asks["contextId"], asks["id"])["status"]["state"])

    def test_only_one_of_many_at_once(self):
        self.script(say("slow", delay_ms=150))
        context, answers = str(uuid.uuid4()), []
        threads = [threading.Thread(target=lambda n=n: answers.append(
            self.agent().call("message/send", {"message": user_message(f"n {n}", context)}))) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        self.assertEqual(8, len(answers))
        won = [a for a in answers if "result" in a]
        self.assertGreaterEqual(len(won), 1)
        self.assertEqual(len(won), len(self.model_calls()), "a refused message must not reach the model")
        for call in self.model_calls():
            roles = [m["role"] for m in call["body"]["messages"][1:]]
            self.assertEqual(["user", "assistant"] * (len(roles) // 2) + ["user"], roles)

    def test_many_sessions_at_once(self):
        self.script(say("ok", delay_ms=100))
        answers = []
        threads = [threading.Thread(target=lambda n=n: answers.append(self.agent().send(f"n {n}"))) for n in range(40)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        self.assertEqual(40, sum(a["status"]["state"] in FINAL for a in answers))
        self.assertLess(time.monotonic() - began, 3, "40 sessions of 100 ms each ran one after the other")

    def test_history_survives_a_restart(self):
        task = self.agent().send("remember me")
        self.api.close()
        self.server.restart()
        type(self).url, type(self).api = self.server.endpoints()["ui"], self.server.client()
        agent = self.agent()
        self.assertEqual(task, wait_until(lambda: agent.get(task["id"])))
        agent.send("again", task["contextId"])
        self.assertEqual(("user", "remember me"), self.turns()[0])


if __name__ == "__main__":
    unittest.main()

"""A2A 0.3 over JSON-RPC: the card, sending, streaming, reading, listing, and how errors are told."""

import http.client
import json
import threading
import unittest
import uuid

from harness import FakeLlm, wait_until
from test_agents_kit import AgentTest, NS, request, say, text_of, user_message

ABSENT = "00000000-0000-4000-8000-000000000000"


class Card(AgentTest):
    def card(self, name, **headers):
        return self.rest("GET", f"/api/a2a/{NS}/{name}/.well-known/agent-card.json", headers=headers).expect(200)

    def test_it_says_what_the_agent_is(self):
        self.make_agent("with-dashes")
        reply = self.card("with-dashes")
        self.assertTrue(reply.headers["content-type"].startswith("application/json"))
        card = reply.json
        self.assertEqual("with_dashes", card["name"])
        self.assertEqual("A test agent.", card["description"])
        self.assertIs(True, card["capabilities"]["streaming"])
        self.assertIs(False, card["capabilities"]["pushNotifications"])
        self.assertEqual((["text"], ["text"]), (card["defaultInputModes"], card["defaultOutputModes"]))
        for field in ("version", "skills", "url", "protocolVersion", "preferredTransport"):
            self.assertIn(field, card)

    def test_it_names_both_interfaces(self):
        interfaces = self.card("plain").json["supportedInterfaces"]
        self.assertEqual({"0.3", "1.0"}, {i["protocolVersion"] for i in interfaces})
        for interface in interfaces:
            self.assertEqual("JSONRPC", interface["protocolBinding"])
            path = interface["url"].removeprefix(self.url)
            answer = request(self.url, "POST", path, {"jsonrpc": "2.0", "id": 1, "method": "nothing"},
                             {"A2A-Version": interface["protocolVersion"]}).expect(200).json
            self.assertEqual(-32601, answer["error"]["code"])

    def test_skills_of_the_manifest(self):
        skill = {"id": "look", "name": "Looking", "description": "Looks.", "tags": ["k8s"], "examples": ["Look!"],
                 "inputModes": ["text"], "outputModes": ["text"]}
        self.make_agent("skilled", a2aConfig={"skills": [skill]})
        shown = self.card("skilled").json["skills"]
        self.assertEqual([skill], [{k: v for k, v in s.items() if k in skill} for s in shown])

    def test_an_agent_that_is_not_there(self):
        card = self.rest("GET", f"/api/a2a/{NS}/nobody/.well-known/agent-card.json").expect(404)
        self.assertIn("nobody", card.text)
        message = {"kind": "message", "role": "user", "messageId": "m", "parts": [{"kind": "text", "text": "hi"}]}
        for method, params, code in (("tasks/get", {"id": ABSENT}, -32001), ("message/send", {"message": message}, -32602)):
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            answer = self.rest("POST", f"/api/a2a/{NS}/nobody/", body).expect(200).json
            self.assertEqual(code, answer["error"]["code"], answer)

    def test_it_follows_the_manifest(self):
        self.make_agent("changing")
        self.api.must_patch("Agent", NS, "changing", {"spec": {"description": "Something else."}})
        wait_until(lambda: self.card("changing").json["description"] == "Something else.", what="the new description")
        self.api.delete("Agent", NS, "changing").expect(200)
        path = f"/api/a2a/{NS}/changing/.well-known/agent-card.json"
        wait_until(lambda: self.rest("GET", path).status == 404, what="the card to go")


class Sending(AgentTest):
    def test_blocking(self):
        task = self.agent().send("hello")
        self.assertEqual(("task", "completed"), (task["kind"], task["status"]["state"]))
        self.assertRegex(task["status"]["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertEqual("You said: hello", text_of(task["artifacts"][0]))
        self.assertEqual([("user", "hello"), ("agent", "You said: hello")],
                         [(m["role"], text_of(m)) for m in task["history"]])
        for message in task["history"]:
            self.assertEqual((task["id"], task["contextId"], "message"),
                             (message["taskId"], message["contextId"], message["kind"]))

    def test_blocking_waits(self):
        self.script(say("late", delay_ms=600))
        task = self.agent().send("slow")
        self.assertEqual("late", text_of(task["artifacts"][0]))

    def test_not_blocking(self):
        self.script({"fault": "hang"})
        agent = self.agent()
        task = agent.send("go on", blocking=False)
        self.assertIn(task["status"]["state"], ("submitted", "working"))
        agent.wait_state(task["id"], "working")
        agent.must("tasks/cancel", {"id": task["id"]})

    def test_not_blocking_ends_by_itself(self):
        self.script(say("there", delay_ms=100))
        agent = self.agent()
        task = agent.wait_final(agent.send("go on", blocking=False)["id"])
        self.assertEqual(("completed", "there"), (task["status"]["state"], text_of(task["artifacts"][0])))

    def test_the_message_keeps_its_id_and_text(self):
        text = "naïve 🚀 \u2028 \\ \" </script> \x07 тест"
        message = user_message(text)
        task = self.agent().must("message/send", {"message": message})
        self.assertEqual(message["messageId"], task["history"][0]["messageId"])
        self.assertEqual(text, text_of(task["history"][0]))
        self.assertEqual(text, self.last_messages()[-1]["content"])
        self.assertEqual("You said: " + text, text_of(task["artifacts"][0]))

    def test_several_parts(self):
        message = user_message("one")
        message["parts"].append({"kind": "text", "text": "two"})
        self.agent().must("message/send", {"message": message})
        content = json.dumps(self.last_messages()[-1]["content"])
        self.assertIn("one", content)
        self.assertIn("two", content)

    def test_a_context_of_the_clients_own(self):
        context = f"mine-{uuid.uuid4()}"
        self.assertEqual(context, self.agent().send("hello", context)["contextId"])

    def test_the_history_that_the_client_asks_for(self):
        message = user_message("hello")
        task = self.agent().must("message/send", {"message": message, "configuration": {"blocking": True, "historyLength": 1}})
        self.assertEqual(1, len(task.get("history", [])))

    def test_what_the_model_is_told(self):
        self.agent().send("hello")
        body = self.model_calls()[-1]["body"]
        self.assertEqual([{"role": "system", "content": "You are a test."}, {"role": "user", "content": "hello"}],
                         [{"role": m["role"], "content": m["content"]} for m in body["messages"]])
        self.assertEqual(["ask_user"], [t["function"]["name"] for t in body["tools"]])

    def test_a_changed_prompt_counts_from_the_next_turn_on(self):
        agent = self.make_agent("prompted", message="Old words.")
        agent.send("one")
        self.assertEqual("Old words.", self.last_messages()[0]["content"])
        self.api.must_patch("Agent", NS, "prompted", {"spec": {"declarative": {"systemMessage": "New words."}}})

        def newer():
            agent.send("again")
            return self.last_messages()[0]["content"] == "New words."

        wait_until(newer, what="the new prompt to reach the model")

    def test_an_empty_answer(self):
        self.script({"reply": {"text": ""}})
        task = self.agent().send("nothing?")
        self.assertIn(task["status"]["state"], ("completed", "failed"))


class Streaming(AgentTest):
    def order(self, agent, text="tell me a long story about a river"):
        with self.agent(agent).stream(text) as stream:
            self.assertEqual(200, stream.status)
            self.assertTrue(stream.headers["content-type"].startswith("text/event-stream"))
            return stream.wait_end(), stream.envelopes

    def check_order(self, events, answer):
        updates = [e for e in events if e["kind"] == "status-update"]
        states = [e["status"]["state"] for e in updates]
        self.assertEqual("submitted", states[0])
        self.assertEqual("completed", states[-1])
        self.assertEqual({"working"}, set(states[1:-1]))
        self.assertEqual([False] * (len(updates) - 1) + [True], [e["final"] for e in updates])
        self.assertEqual("artifact-update", events[-2]["kind"])
        self.assertEqual((True, answer), (events[-2]["lastChunk"], text_of(events[-2]["artifact"])))
        self.assertEqual(1, sum(e["kind"] == "artifact-update" for e in events))
        self.assertEqual("status-update", events[-1]["kind"])
        task = events[0].get("taskId") or events[0]["id"]
        self.assertEqual({task}, {e.get("taskId") or e["id"] for e in events})
        self.assertEqual(1, len({e["contextId"] for e in events}))
        return updates

    def test_order_of_events(self):
        for agent in ("plain", "chunks"):
            with self.subTest(agent):
                text = "tell me a long story about a river"
                events, envelopes = self.order(agent, text)
                updates = self.check_order(events, "You said: " + text)
                self.assertEqual({("2.0", envelopes[0]["id"])}, {(e["jsonrpc"], e["id"]) for e in envelopes})
                self.assertEqual(text, text_of(updates[0]["status"]["message"]))
                self.assertEqual("user", updates[0]["status"]["message"]["role"])

    def partials(self, events):
        return [e for e in events if e["kind"] == "status-update" and (e.get("metadata") or {}).get("adk_partial")]

    def test_partial_chunks(self):
        text = "tell me a long story about a river, please"
        events, _ = self.order("chunks", text)
        chunks = [text_of(e["status"]["message"]) for e in self.partials(events)]
        self.assertGreater(len(chunks), 1)
        self.assertEqual("You said: " + text, "".join(chunks))
        whole = [e for e in events if e["kind"] == "status-update" and e not in self.partials(events)
                 and text_of(e["status"].get("message")) == "You said: " + text]
        self.assertEqual(1, len(whole), "the full text once, without adk_partial")
        usage = whole[0]["metadata"]["adk_usage_metadata"]
        self.assertEqual(usage["totalTokenCount"], usage["promptTokenCount"] + usage["candidatesTokenCount"])
        self.assertGreater(usage["promptTokenCount"], 0)

    def test_chunks_come_while_the_model_speaks(self):
        self.script(say("word " * 40, chunk_delay_ms=40))
        with self.agent("chunks").stream("speak") as stream:
            stream.wait_for(lambda events: len(self.partials(events)) >= 2)
            self.assertFalse(self.fake.requests()[-1]["finished"])
            self.check_order(stream.wait_end(), "word " * 40)

    def test_chunks_are_not_kept_in_the_history(self):
        events, _ = self.order("chunks")
        task = self.agent("chunks").get(events[-1]["taskId"])
        self.assertEqual(2, len(task["history"]))
        self.assertNotIn("adk_partial", json.dumps(task))

    def test_the_stored_task_is_final_when_the_stream_says_so(self):
        for _ in range(5):
            events, _ = self.order("chunks", "quick")
            self.assertEqual("completed", self.agent("chunks").state(events[-1]["taskId"]))

    def test_many_characters_over_chunk_borders(self):
        text = "тест–é漢" * 60
        self.script(say(text))
        events, _ = self.order("chunks", "x")
        self.assertEqual(text, "".join(text_of(e["status"]["message"]) for e in self.partials(events)))

    def test_a_client_that_goes_away_does_not_stop_the_task(self):
        self.script(say("word " * 20, chunk_delay_ms=30))
        agent = self.agent("chunks")
        with agent.stream("speak") as stream:
            events = stream.wait_for(lambda events: self.partials(events) and events)
        task = agent.wait_final(events[-1]["taskId"])
        self.assertEqual(("completed", "word " * 20), (task["status"]["state"], text_of(task["artifacts"][0])))

    def test_an_error_before_the_stream_is_a_plain_answer(self):
        agent = self.agent()
        with agent.follow("message/stream", {"nothing": 1}) as stream:
            stream.wait_end()
            error = (json.loads(stream.body) if stream.body else stream.envelopes[0])["error"]
            self.assertEqual(-32602, error["code"])


class ScriptsOfFakeLlm(AgentTest):
    def test_json_with_escaped_characters_beyond_the_first_plane(self):
        """JSON writes them as two escapes; json.dumps does so by default."""
        self.script(say("\U0001F680 up"))
        self.assertEqual("\U0001F680 up", text_of(self.agent().send("x")["artifacts"][0]))

    def test_sigterm_while_a_request_hangs(self):
        fake = FakeLlm([{"fault": "hang"}])
        sender = threading.Thread(target=lambda: self.swallow(fake.url), daemon=True)
        sender.start()
        wait_until(fake.requests, what="the request")
        fake.stop()
        sender.join(10)
        self.assertFalse(sender.is_alive())

    def swallow(self, url):
        try:
            request(url, "POST", "/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}]},
                    {"Authorization": "Bearer x"})
        except (OSError, http.client.HTTPException):
            pass


class Reading(AgentTest):
    def test_get(self):
        agent = self.agent()
        task = agent.send("hello")
        self.assertEqual(task, agent.get(task["id"]))

    def test_history_length(self):
        agent = self.agent()
        task = agent.send("hello")
        for length, wanted in ((0, []), (1, ["You said: hello"]), (2, ["hello", "You said: hello"]),
                               (50, ["hello", "You said: hello"])):
            with self.subTest(length):
                history = agent.get(task["id"], historyLength=length).get("history", [])
                self.assertEqual(wanted, [text_of(m) for m in history])

    def test_list_paging(self):
        agent = self.make_agent("listed")
        ids = [agent.send(f"number {n}")["id"] for n in range(7)]
        seen, token = [], None
        for page in range(5):
            params = {"pageSize": 3, **({"pageToken": token} if token else {})}
            answer = agent.must("tasks/list", params)
            self.assertLessEqual(len(answer["tasks"]), 3)
            seen += [t["id"] for t in answer["tasks"]]
            token = answer.get("nextPageToken")
            if not token:
                break
        self.assertEqual(2, page)
        self.assertEqual(sorted(ids), sorted(seen))

    def test_list_limits(self):
        agent = self.agent()
        for params in ({"pageSize": 0}, {"pageSize": -1}, {"pageSize": 101}, {"pageSize": "x"}, {"pageToken": "%%%"}):
            with self.subTest(params):
                answer = agent.call("tasks/list", params)
                if "error" in answer:
                    self.assertEqual(-32602, answer["error"]["code"])
                else:  # clamped to 1..100
                    self.assertIn(params.get("pageSize"), (0, 101))

    def test_list_of_a_context(self):
        agent = self.agent()
        first = agent.send("one")
        second = agent.send("two", first["contextId"])
        agent.send("elsewhere")
        tasks = agent.must("tasks/list", {"contextId": first["contextId"]})["tasks"]
        self.assertEqual({first["id"], second["id"]}, {t["id"] for t in tasks})

    def test_tasks_of_another_agent_are_not_shown(self):
        other = self.make_agent("private")
        task = other.send("whisper")
        self.assertEqual(-32001, self.agent().error("tasks/get", {"id": task["id"]})["code"])
        self.assertEqual(-32001, self.agent().error("tasks/cancel", {"id": task["id"]})["code"])
        listed = self.agent().must("tasks/list", {})["tasks"]
        self.assertNotIn(task["id"], [t["id"] for t in listed])


class Errors(AgentTest):
    def code(self, body, **headers):
        reply = self.agent().raw(body, headers)
        self.assertIn(reply.status, (200, 400))
        self.assertEqual("2.0", reply.json["jsonrpc"])
        self.assertTrue(reply.json["error"]["message"])
        return reply.json["error"]["code"], reply.json.get("id")

    def test_parse_error(self):
        for body in ("{", "", "{\"jsonrpc\":\"2.0\",}", b"\xff\xfe", "[" * 100000, "nonsense"):
            with self.subTest(body[:20]):
                self.assertEqual((-32700, None), self.code(body))

    def test_invalid_request(self):
        for body in ({}, {"jsonrpc": "2.0", "id": 1}, {"jsonrpc": "1.0", "id": 1, "method": "tasks/get"}, [], "5",
                     {"jsonrpc": "2.0", "id": 1, "method": 5}, {"id": 1, "method": "tasks/get", "params": {"id": "x"}},
                     {"jsonrpc": "2.0", "id": {}, "method": "tasks/get", "params": {"id": "x"}}):
            with self.subTest(body):
                self.assertEqual(-32600, self.code(body)[0])

    def test_method_not_found(self):
        for method in ("tasks/nothing", "SendMessage", "message/send "):
            with self.subTest(method):
                self.assertEqual((-32601, 7), self.code({"jsonrpc": "2.0", "id": 7, "method": method, "params": {}}))

    def test_invalid_params(self):
        good = user_message("x")
        bad = [{}, {"message": None}, {"message": "text"}, {"message": {}}, {"message": {**good, "parts": []}},
               {"message": {**good, "parts": "x"}}, {"message": {**good, "parts": [{"kind": "text"}]}},
               {"message": {**good, "parts": [{"kind": "text", "text": 5}]}}, {"message": {**good, "parts": [7]}},
               {"message": {**good, "contextId": 5}}, {"message": {**good, "role": "king"}}]
        for params in bad:
            with self.subTest(params):
                self.assertEqual(-32602, self.code({"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": params})[0])
        for method in ("tasks/get", "tasks/cancel", "tasks/resubscribe"):
            for params in ({}, {"id": 5}, {"id": ""}, [], None):
                with self.subTest((method, params)):
                    code = self.code({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})[0]
                    self.assertIn(code, (-32602, -32001) if params == {"id": ""} else (-32602, -32600))
        self.assertEqual([], self.model_calls())

    def test_task_not_found(self):
        agent = self.agent()
        for method in ("tasks/get", "tasks/cancel", "tasks/resubscribe"):
            with self.subTest(method):
                self.assertEqual(-32001, agent.error(method, {"id": ABSENT})["code"])
        self.assertEqual(-32001, agent.error("message/send", {"message": user_message("x", task=ABSENT)})["code"])

    def test_task_not_cancelable(self):
        agent = self.agent()
        task = agent.send("hello")
        self.assertEqual(-32002, agent.error("tasks/cancel", {"id": task["id"]})["code"])
        self.assertEqual("completed", agent.state(task["id"]))

    def test_a_message_to_a_task_that_ended(self):
        agent = self.agent()
        task = agent.send("hello")
        error = agent.error("message/send", {"message": user_message("more", task["contextId"], task["id"])})
        self.assertIn(error["code"], (-32602, -32600, -32004))

    def test_push_configuration_is_not_supported(self):
        error = self.agent().error("tasks/pushNotificationConfig/get", {"id": ABSENT})
        self.assertIn(error["code"], (-32003, -32601))

    def test_versions(self):
        body = {"jsonrpc": "2.0", "id": 1, "method": "tasks/list", "params": {}}
        self.assertIn("tasks", self.agent(version="0.3").must("tasks/list", {}))
        for version in ("2.0", "0.2", "1.1", "banana", "0.30", "1"):
            with self.subTest(version):
                reply = self.agent(version=version).raw(body).expect(400)
                self.assertIn(version, reply.text)

    def test_other_http_methods(self):
        for method in ("GET", "PUT", "DELETE"):
            self.assertIn(self.rest(method, f"/api/a2a/{NS}/plain/").status, (404, 405))

    def test_ids_come_back_as_they_were(self):
        for number in (0, -3, "text", 2 ** 53):
            body = {"jsonrpc": "2.0", "id": number, "method": "tasks/list", "params": {}}
            self.assertEqual(number, self.agent().raw(body).expect(200).json["id"])

    def test_a_large_message(self):
        task = self.agent().send("x" * 1_000_000)
        self.assertEqual("completed", task["status"]["state"])
        reply = self.agent().raw(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {
            "message": user_message("y" * 80_000_000)}}))
        self.assertIn(reply.status, (400, 413))


if __name__ == "__main__":
    unittest.main()

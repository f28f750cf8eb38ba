"""A2A 1.0 over JSON-RPC: method names, shapes without `kind`, TASK_STATE_*, wrapped events."""

import json
import unittest
import uuid

from test_agents_kit import AgentTest, request, say, text_of, use, v1_message

ABSENT = "00000000-0000-4000-8000-000000000000"


class V1(AgentTest):
    def setUp(self):
        super().setUp()
        self.one = self.agent(version="1.0")

    def send(self, text="hello", agent=None, context=None, task=None, **configuration):
        params = {"message": v1_message(text, context, task)}
        if configuration:
            params["configuration"] = configuration
        result = (agent or self.one).must("SendMessage", params)
        self.assertEqual(["task"], list(result))
        return result["task"]

    def check_shape(self, value):
        """No 0.3 spelling anywhere."""
        text = json.dumps(value)
        for old in ('"kind"', '"completed"', '"working"', '"submitted"', '"role": "user"', '"role": "agent"', '"final"'):
            self.assertNotIn(old, text)

    def test_send(self):
        task = self.send()
        self.check_shape(task)
        self.assertEqual("TASK_STATE_COMPLETED", task["status"]["state"])
        self.assertEqual("You said: hello", text_of(task["artifacts"][0]))
        self.assertEqual(["ROLE_USER", "ROLE_AGENT"], [m["role"] for m in task["history"]])

    def test_send_and_return_at_once(self):
        self.script({"fault": "hang"})
        task = self.send(returnImmediately=True)
        self.assertIn(task["status"]["state"], ("TASK_STATE_SUBMITTED", "TASK_STATE_WORKING"))
        canceled = self.one.must("CancelTask", {"id": task["id"]})
        self.assertEqual("TASK_STATE_CANCELED", canceled["status"]["state"])
        self.check_shape(canceled)

    def test_get(self):
        task = self.send()
        self.assertEqual(task, self.one.must("GetTask", {"id": task["id"]}))
        self.assertEqual(1, len(self.one.must("GetTask", {"id": task["id"], "historyLength": 1})["history"]))
        self.assertEqual([], self.one.must("GetTask", {"id": task["id"], "historyLength": 0}).get("history", []))

    def test_stream(self):
        self.script(say("word " * 20))
        with self.agent("chunks", "1.0").follow("SendStreamingMessage", {"message": v1_message("x")}) as stream:
            events = stream.wait_end()
        self.check_shape(events)
        self.assertTrue(all(len(e) == 1 for e in events))
        kinds = [next(iter(e)) for e in events]
        self.assertEqual("task", kinds[0])
        self.assertEqual({"statusUpdate", "artifactUpdate"}, set(kinds[1:]))
        self.assertEqual(["artifactUpdate", "statusUpdate"], kinds[-2:])
        states = [e["statusUpdate"]["status"]["state"] for e in events if "statusUpdate" in e]
        self.assertEqual(("TASK_STATE_WORKING", "TASK_STATE_COMPLETED"), (states[-2], states[-1]))
        self.assertIs(True, events[-2]["artifactUpdate"]["lastChunk"])
        self.assertEqual("word " * 20, text_of(events[-2]["artifactUpdate"]["artifact"]))

    def test_subscribe(self):
        self.script({"fault": "hang"})
        task = self.send(returnImmediately=True)
        with self.one.follow("SubscribeToTask", {"id": task["id"]}) as stream:
            first = stream.wait_for(lambda events: events)[0]
            self.assertEqual(task["id"], first["task"]["id"])
            self.one.must("CancelTask", {"id": task["id"]})
            events = stream.wait_end()
        self.assertEqual("TASK_STATE_CANCELED", events[-1]["statusUpdate"]["status"]["state"])

    def test_subscribe_to_a_task_that_ended(self):
        """1.0, 3.1.6: UnsupportedOperationError for a task in a terminal state."""
        task = self.send()
        with self.one.follow("SubscribeToTask", {"id": task["id"]}) as stream:
            stream.wait_end()
            error = (json.loads(stream.body) if stream.body else stream.envelopes[0]).get("error")
            self.assertIsNotNone(error, stream.envelopes)
            self.assertEqual(-32004, error["code"])

    def test_list(self):
        agent = self.make_agent("v1-listed")
        agent.version = "1.0"
        ids = [self.send(f"n {n}", agent)["id"] for n in range(5)]
        seen, token = [], ""
        for page in range(4):
            answer = agent.must("ListTasks", {"pageSize": 2, **({"pageToken": token} if token else {})})
            self.check_shape(answer)
            seen += [t["id"] for t in answer["tasks"]]
            token = answer["nextPageToken"]
            if not token:
                break
        self.assertEqual((2, sorted(ids)), (page, sorted(seen)))

    def test_list_says_how_many_there_are(self):
        """ListTasksResponse: tasks, nextPageToken, pageSize and totalSize are all required."""
        agent = self.make_agent("v1-counted")
        agent.version = "1.0"
        for n in range(3):
            self.send(f"n {n}", agent)
        answer = agent.must("ListTasks", {"pageSize": 2})
        self.assertEqual((2, 3), (answer["pageSize"], answer["totalSize"]))

    def test_list_leaves_artifacts_out_unless_asked(self):
        self.send()
        self.assertNotIn("artifacts", self.one.must("ListTasks", {"pageSize": 1})["tasks"][0])
        with_them = self.one.must("ListTasks", {"pageSize": 1, "includeArtifacts": True})["tasks"][0]
        self.assertEqual("You said: hello", text_of(with_them["artifacts"][0]))

    def test_list_filters(self):
        first = self.send()
        self.send("elsewhere")
        found = self.one.must("ListTasks", {"contextId": first["contextId"]})["tasks"]
        self.assertEqual([first["id"]], [t["id"] for t in found])
        self.script({"status": 500, "error": {"message": "broken"}})
        failed = self.send("fails")
        found = self.one.must("ListTasks", {"status": "TASK_STATE_FAILED"})["tasks"]
        self.assertIn(failed["id"], [t["id"] for t in found])
        self.assertEqual({"TASK_STATE_FAILED"}, {t["status"]["state"] for t in found})
        self.assertEqual([], self.one.must("ListTasks", {"statusTimestampAfter": "2999-01-01T00:00:00Z"})["tasks"])
        since = self.one.must("ListTasks", {"statusTimestampAfter": failed["status"]["timestamp"]})["tasks"]
        self.assertEqual([failed["id"]], [t["id"] for t in since])
        for wrong in ({"status": "BOGUS"}, {"statusTimestampAfter": "yesterday"}, {"statusTimestampAfter": 5}):
            self.assertEqual(-32602, self.one.error("ListTasks", wrong)["code"])

    def test_a_page_does_not_move_under_the_reader(self):
        agent = self.make_agent("v1-moving")
        agent.version = "1.0"
        ids = [self.send(f"n {n}", agent)["id"] for n in range(4)]
        first = agent.must("ListTasks", {"pageSize": 2})
        self.send("later", agent)
        second = agent.must("ListTasks", {"pageSize": 2, "pageToken": first["nextPageToken"]})
        self.assertEqual(ids[::-1], [t["id"] for t in first["tasks"] + second["tasks"]])

    def test_an_unknown_version_is_told_with_the_calls_id(self):
        answer = request(self.url, "POST", self.one.path, {"jsonrpc": "2.0", "id": "x", "method": "ListTasks"},
                         {"A2A-Version": "2.0"}).expect(400).json
        self.assertEqual(("x", -32009), (answer["id"], answer["error"]["code"]))

    def test_tool_calls_and_data_parts(self):
        self.script(use("k8s_get_available_api_resources"), say("done"))
        task = self.send("look", self.agent("tooled", "1.0"))
        parts = [p for m in task["history"] for p in m["parts"] if "data" in p]
        self.check_shape(task)
        self.assertEqual(["function_call", "function_response"], [p["metadata"]["adk_type"] for p in parts])
        for part in parts:
            self.assertEqual("k8s_get_available_api_resources", part["data"]["name"])

    def test_a_question_and_its_answer(self):
        self.script(use("ask_user", {"questions": [{"question": "Which?"}]}), say("thanks"))
        task = self.send("ask")
        self.assertEqual("TASK_STATE_INPUT_REQUIRED", task["status"]["state"])
        self.assertIn("Which?", text_of(task["status"]["message"]))
        done = self.send("this one", context=task["contextId"], task=task["id"])
        self.assertEqual((task["id"], "TASK_STATE_COMPLETED"), (done["id"], done["status"]["state"]))
        self.assertIn("this one", json.dumps(self.last_messages()[-1]))

    def test_errors(self):
        for method in ("GetTask", "CancelTask", "SubscribeToTask"):
            self.assertEqual(-32001, self.one.error(method, {"id": ABSENT})["code"])
        self.assertEqual(-32002, self.one.error("CancelTask", {"id": self.send()["id"]})["code"])
        for method in ("message/send", "tasks/get", "Nothing"):
            self.assertEqual(-32601, self.one.error(method, {"id": ABSENT})["code"])
        self.assertEqual(-32602, self.one.error("SendMessage", {})["code"])
        message = {"role": "ROLE_USER", "messageId": str(uuid.uuid4()), "parts": []}
        self.assertEqual(-32602, self.one.error("SendMessage", {"message": message})["code"])
        for method in ("CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig"):
            self.assertIn(self.one.error(method, {"taskId": ABSENT, "id": "x"})["code"], (-32003, -32601))

    def test_the_two_versions_see_the_same_task(self):
        task = self.send("seen by both")
        old = self.agent().get(task["id"])
        self.assertEqual(("task", "completed"), (old["kind"], old["status"]["state"]))
        self.assertEqual([text_of(m) for m in old["history"]], [text_of(m) for m in task["history"]])
        again = self.agent().send("and again", task["contextId"])
        self.assertEqual(again["contextId"], task["contextId"])


if __name__ == "__main__":
    unittest.main()

"""The tool loop: the Kubernetes tools, what they must never show, refusals, malformed calls; and questions to the user."""

import base64
import json
import unittest

import objects
from harness import wait_until
from test_agents_kit import AgentTest, NS, say, text_of, tool_entry, use, user_message

VALUE = "hunter2-very-secret-value"
HIDDEN = [VALUE, base64.b64encode(VALUE.encode()).decode()]


class ToolTest(AgentTest):
    def call(self, name, arguments=None, agent="tooled"):
        """One turn in which the model calls one tool; returns what the model was given back."""
        self.fake.clear()
        self.script(use(name, arguments), say("done"))
        task = self.agent(agent).send("use it")
        self.assertEqual(("completed", "done"), (task["status"]["state"], text_of(task["artifacts"][0])), task["status"])
        answer = self.last_messages()[-1]
        self.assertEqual(("tool", "call_1"), (answer["role"], answer["tool_call_id"]))
        return answer["content"]


class Kubernetes(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api.must_create(objects.config_map(NS, "notes", {"color": "ultramarine"}))
        cls.api.must_create(objects.config_map("default", "elsewhere"))
        secret = objects.secret(NS, "hidden", password=VALUE)
        secret["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(secret)}
        cls.api.must_create(secret)

    def test_the_model_is_offered_what_the_agent_lists(self):
        self.make_agent("one-tool", tools=[tool_entry(["k8s_get_pod_logs"])])
        self.agent("one-tool").send("hello")
        offered = self.model_calls()[-1]["body"]["tools"]
        self.assertEqual({"ask_user", "k8s_get_pod_logs"}, {t["function"]["name"] for t in offered})
        for tool in offered:
            self.assertEqual("object", tool["function"]["parameters"]["type"])
            self.assertTrue(tool["function"]["description"])

    def test_get_resources(self):
        text = self.call("k8s_get_resources", {"resource_type": "configmap", "namespace": NS})
        self.assertIn("notes", text)
        self.assertNotIn("elsewhere", text)

    def test_get_resources_by_other_names(self):
        for kind in ("configmaps", "ConfigMap", "cm"):
            with self.subTest(kind):
                self.assertIn("notes", self.call("k8s_get_resources", {"resource_type": kind, "namespace": NS}))
        for kind in ("agents", "agent", "agents.kagent.dev"):
            with self.subTest(kind):
                self.assertIn("tooled", self.call("k8s_get_resources", {"resource_type": kind, "namespace": NS}))

    def test_get_resources_everywhere(self):
        for yes in ("true", True):
            with self.subTest(yes):
                text = self.call("k8s_get_resources", {"resource_type": "configmap", "all_namespaces": yes})
                self.assertIn("notes", text)
                self.assertIn("elsewhere", text)

    def test_get_one_in_full(self):
        for output in ("json", "yaml"):
            with self.subTest(output):
                text = self.call("k8s_get_resources", {"resource_type": "configmap", "resource_name": "notes",
                                                       "namespace": NS, "output": output})
                self.assertIn("ultramarine", text)

    def test_get_what_is_not_there(self):
        text = self.call("k8s_get_resources", {"resource_type": "configmap", "resource_name": "ghost", "namespace": NS})
        self.assertIn("ghost", text)
        self.assertIn("not found", text.lower())
        self.assertIn("gizmotron", self.call("k8s_get_resources", {"resource_type": "gizmotron"}))

    def test_describe(self):
        text = self.call("k8s_describe_resource", {"resource_type": "agent", "resource_name": "plain", "namespace": NS})
        self.assertIn("plain", text)
        self.assertIn("DeploymentReady", text)

    def test_pod_logs(self):
        pod = wait_until(lambda: self.api.names("Pod", "kgateway-system"))[0]
        text = self.call("k8s_get_pod_logs", {"pod_name": pod, "namespace": "kgateway-system", "tail_lines": 2})
        self.assertNotIn("not found", text)
        self.assertLessEqual(len(text.strip().splitlines()), 2)
        text = self.call("k8s_get_pod_logs", {"pod_name": "ghost", "namespace": "kgateway-system"})
        self.assertIn("ghost", text)

    def test_the_resources_there_are(self):
        text = self.call("k8s_get_available_api_resources")
        for kind in ("configmaps", "secrets", "gateways", "httproutes", "agents", "modelconfigs", "backends"):
            self.assertIn(kind, text)

    def check_hidden(self, *traces):
        for trace in traces:
            for value in HIDDEN:
                self.assertNotIn(value, trace)

    def test_values_of_secrets_never_reach_the_model(self):
        for kind in ("secret", "secrets", "Secret", "v1/secrets", "SECRETS"):
            for extra in ({}, {"resource_name": "hidden"}):
                for output in ("", "wide", "json", "yaml", "jsonpath={.data}", "name"):
                    arguments = {"resource_type": kind, "namespace": NS, **extra, **({"output": output} if output else {})}
                    with self.subTest(arguments):
                        self.call("k8s_get_resources", arguments)
                        self.check_hidden(json.dumps(self.model_calls()))
        for name, arguments in (("k8s_describe_resource", {"resource_type": "secret", "resource_name": "hidden", "namespace": NS}),
                                ("k8s_get_resources", {"resource_type": "secret", "all_namespaces": "true", "output": "json"})):
            with self.subTest(name):
                text = self.call(name, arguments)
                self.assertIn("hidden", text)
                self.assertIn("password", text)
                self.check_hidden(json.dumps(self.model_calls()))

    def test_no_way_round_by_the_path(self):
        secrets = f"/api/v1/namespaces/{NS}/secrets/hidden"
        tries = [{"resource_type": "configmap", "namespace": NS, "resource_name": "../secrets/hidden"},
                 {"resource_type": "configmap", "namespace": NS, "resource_name": "..%2fsecrets%2fhidden"},
                 {"resource_type": "configmap", "namespace": f"{NS}/secrets/hidden?x=", "resource_name": "y"},
                 {"resource_type": "configmap", "namespace": f"{NS}/secrets?x="},
                 {"resource_type": "configmap/../secrets", "namespace": NS},
                 {"resource_type": secrets}, {"resource_type": "secrets/hidden", "namespace": NS},
                 {"resource_type": "namespace", "resource_name": f"{NS}/secrets/hidden"},
                 {"resource_type": "namespace", "resource_name": f"{NS}/secrets"}]
        for arguments in tries:
            for name in ("k8s_get_resources", "k8s_describe_resource"):
                with self.subTest((name, arguments)):
                    self.call(name, {**arguments, "output": "json"})
                    self.check_hidden(json.dumps(self.model_calls()))
        with self.subTest("logs"):
            self.call("k8s_get_pod_logs", {"pod_name": "../secrets/hidden?x=", "namespace": NS})
            self.check_hidden(json.dumps(self.model_calls()))

    def test_an_inline_credential_of_a_backend_neither(self):
        inline = objects.ai_backend(NS, "inline")
        inline["spec"]["ai"]["llm"]["anthropic"]["authToken"] = {"kind": "Inline", "inline": VALUE}
        self.api.must_create(inline)
        for name, arguments in (("k8s_get_resources", {"output": "yaml"}), ("k8s_describe_resource", {})):
            with self.subTest(name):
                self.call(name, {"resource_type": "backend", "resource_name": "inline", "namespace": NS, **arguments})
                self.check_hidden(json.dumps(self.model_calls()))


class Loop(ToolTest):
    def test_several_calls_in_one_answer(self):
        calls = [{"id": f"call_{n}", "name": "k8s_get_resources",
                  "arguments": {"resource_type": kind, "namespace": NS}} for n, kind in enumerate(("gateway", "backend", "agent"))]
        self.script({"times": 1, "reply": {"tool_calls": calls}}, say("done"))
        task = self.agent("tooled").send("three things")
        self.assertEqual("completed", task["status"]["state"])
        answers = [(m["tool_call_id"], m["content"]) for m in self.last_messages() if m["role"] == "tool"]
        self.assertEqual(["call_0", "call_1", "call_2"], [i for i, _ in answers])
        self.assertIn("gw", answers[0][1])
        self.assertIn("ai", answers[1][1])
        self.assertIn("plain", answers[2][1])

    def test_call_after_call(self):
        rules = [use("k8s_get_available_api_resources", call=f"call_{n}") for n in range(6)]
        self.script(*rules, say("done"))
        task = self.agent("tooled").send("step by step")
        self.assertEqual("completed", task["status"]["state"])
        self.assertEqual(7, len(self.model_calls()))
        roles = [m["role"] for m in self.last_messages()]
        self.assertEqual(["system", "user"] + ["assistant", "tool"] * 6, roles)

    def test_ids_that_come_again(self):
        """Several models number their calls from one in every answer: an id counts within its own message."""
        self.script(use("k8s_get_resources", {"resource_type": "gateway", "namespace": NS}),
                    use("k8s_get_resources", {"resource_type": "agent", "namespace": NS}), say("done"))
        task = self.agent("tooled").send("two steps")
        self.assertEqual("completed", task["status"]["state"], task["status"])
        answers = [m["content"] for m in self.last_messages() if m["role"] == "tool"]
        self.assertEqual(2, len(answers))
        self.assertIn("gw", answers[0])
        self.assertIn("plain", answers[1])
        self.script(use("k8s_get_resources", {"resource_type": "backend", "namespace": NS}), say("done"))
        task = self.agent("tooled").send("another turn", task["contextId"])
        self.assertEqual("completed", task["status"]["state"], task["status"])
        self.assertIn("ai", self.last_messages()[-1]["content"])

    def test_streamed(self):
        self.script(use("k8s_get_resources", {"resource_type": "agent", "namespace": NS}), say("done"))
        self.make_agent("tooled-chunks", stream=True, tools=[tool_entry(self.tools)])
        with self.agent("tooled-chunks").stream("look") as stream:
            events = stream.wait_end()
        self.assertEqual("completed", events[-1]["status"]["state"])
        parts = [(p["metadata"]["adk_type"], p["data"]) for e in events if e["kind"] == "status-update"
                 for p in (e["status"].get("message") or {}).get("parts", []) if p["kind"] == "data"]
        self.assertEqual(["function_call", "function_response"], [kind for kind, _ in parts])
        self.assertEqual(("k8s_get_resources", {"resource_type": "agent", "namespace": NS}, "call_1"),
                         (parts[0][1]["name"], parts[0][1]["args"], parts[0][1]["id"]))
        self.assertEqual("call_1", parts[1][1]["id"])
        self.assertIn("plain", json.dumps(parts[1][1]["response"]))

    def test_a_tool_that_is_not_listed(self):
        for agent, name in (("plain", "k8s_get_resources"), ("tooled", "delete_everything"), ("tooled", ""),
                            ("tooled", "k8s_delete_resource")):
            with self.subTest((agent, name)):
                text = self.call(name, {"resource_type": "agent", "namespace": NS}, agent)
                self.assertNotIn("DeploymentReady", text)
                if name:
                    self.assertIn(name, text)
                self.assertRegex(text, r"(?i)not|unknown|no tool")

    def test_arguments_that_are_no_json(self):
        for broken in ("{not json", "", "null", "[]", "\"text\"", "5", "{\"resource_type\":", "{\"a\":" * 5000):
            with self.subTest(broken[:30]):
                self.fake.clear()
                call = {"id": "call_1", "type": "function", "function": {"name": "k8s_get_resources", "arguments": broken}}
                raw = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [{
                    "index": 0, "finish_reason": "tool_calls",
                    "message": {"role": "assistant", "content": None, "tool_calls": [call]}}]}
                self.script({"times": 1, "status": 200, "content_type": "application/json", "raw": json.dumps(raw)}, say("done"))
                task = self.agent("tooled").send("use it")
                self.assertEqual("completed", task["status"]["state"], task["status"])
                answer = self.last_messages()[-1]
                self.assertEqual("tool", answer["role"])
                self.assertTrue(answer["content"])

    def test_arguments_that_do_not_fit(self):
        for arguments in ({}, {"resource_type": 5}, {"resource_type": None}, {"resource_type": ""}, {"resource_type": ["pod"]},
                          {"resource_type": "pod", "namespace": 7}, {"resource_type": "pod", "namespace": "no such/one"},
                          {"resource_type": "pod", "output": {"a": 1}}, {"resource_type": "x" * 100_000}):
            with self.subTest(str(arguments)[:60]):
                text = self.call("k8s_get_resources", arguments)
                self.assertTrue(text)
                self.assertLess(len(text), 300_000)
        for arguments in ({}, {"pod_name": 3}, {"pod_name": "p", "tail_lines": "many"}, {"pod_name": "p", "tail_lines": -1}):
            with self.subTest(str(arguments)):
                self.assertTrue(self.call("k8s_get_pod_logs", arguments))

    def test_a_huge_result_is_cut(self):
        """What goes back to the model has a limit, or one listing costs the whole context."""
        for n in range(3):
            self.api.must_create(objects.config_map(NS, f"huge{n}", {"k": "z" * 700_000}))
        text = self.call("k8s_get_resources", {"resource_type": "configmap", "namespace": NS, "output": "json"})
        self.assertLess(len(text), 1_000_000)

    def test_through_a_provider_of_another_dialect(self):
        """The same loop over Anthropic's Messages API: the gateway translates calls and results."""
        self.api.must_create(objects.ai_backend(NS, "claude", provider="anthropic"))
        rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath",
                                                                 "replaceFullPath": "/v1/chat/completions"}}}
        self.api.must_create(objects.route(NS, "claude", [objects.parent("gw")], [objects.backend_ref("claude")], "/claude",
                                           filters=[rewrite]))
        self.api.must_create(objects.model_config(NS, "claude", f"http://{self.host}:{self.port}/claude", "llm-key"))
        agent = self.make_agent("claude", "claude", stream=True, tools=[tool_entry(self.tools)])
        self.script(use("k8s_get_resources", {"resource_type": "agent", "namespace": NS}, call="toolu_1"), say("done"))
        with agent.stream("look") as stream:
            events = stream.wait_end()
        self.assertEqual("completed", events[-1]["status"]["state"], events[-1])
        calls = [r for r in self.fake.requests() if r["path"] == "/v1/messages"]
        self.assertEqual(2, len(calls))
        block = next(b for b in calls[1]["body"]["messages"][-1]["content"] if b["type"] == "tool_result")
        self.assertEqual("toolu_1", block["tool_use_id"])
        self.assertIn("plain", json.dumps(block["content"]))


class Questions(ToolTest):
    QUESTION = {"questions": [{"question": "Which colour?", "choices": ["red", "green"], "multiple": False}]}

    def ask(self, arguments=None):
        self.script(use("ask_user", arguments or self.QUESTION), say("thank you"))
        task = self.agent().send("paint it")
        self.assertEqual("input-required", task["status"]["state"])
        return task

    def test_question_and_answer(self):
        task = self.ask()
        for word in ("Which colour?", "red", "green"):
            self.assertIn(word, text_of(task["status"]["message"]))
        self.assertEqual("input-required", self.agent().state(task["id"]))
        done = self.agent().send("green", task["contextId"], task["id"])
        self.assertEqual((task["id"], task["contextId"], "completed"), (done["id"], done["contextId"], done["status"]["state"]))
        self.assertEqual("thank you", text_of(done["artifacts"][0]))
        answer = self.last_messages()[-1]
        self.assertEqual(("tool", "call_1"), (answer["role"], answer["tool_call_id"]))
        self.assertIn("green", answer["content"])

    def test_with_the_task_id_alone(self):
        task = self.ask()
        self.assertEqual("completed", self.agent().send("green", None, task["id"])["status"]["state"])

    def test_answers_in_kagents_data_part(self):
        task = self.ask()
        message = user_message("", task["contextId"], task["id"])
        message["parts"] = [{"kind": "data", "data": {"decision_type": "approve", "ask_user_answers": [{"answer": ["green"]}]}}]
        done = self.agent().must("message/send", {"message": message})
        self.assertEqual("completed", done["status"]["state"])
        self.assertIn("green", self.last_messages()[-1]["content"])

    def test_streamed(self):
        self.script(use("ask_user", self.QUESTION), say("thank you"))
        with self.agent().stream("paint it") as stream:
            events = stream.wait_end()
        self.assertEqual(("input-required", True), (events[-1]["status"]["state"], events[-1]["final"]))
        self.assertIn("Which colour?", text_of(events[-1]["status"]["message"]))
        with self.agent().stream("green", events[-1]["contextId"], events[-1]["taskId"]) as stream:
            events = stream.wait_end()
        self.assertEqual(("completed", True), (events[-1]["status"]["state"], events[-1]["final"]))
        self.assertEqual("thank you", text_of(events[-2]["artifact"]))

    def test_the_answer_must_be_of_the_same_session(self):
        task = self.ask()
        error = self.agent().error("message/send", {"message": user_message("green", "another-session", task["id"])})
        self.assertEqual(-32602, error["code"])
        self.assertEqual("input-required", self.agent().state(task["id"]))

    def test_two_answers_at_once(self):
        task = self.ask()
        self.agent().send("green", task["contextId"], task["id"])
        error = self.agent().error("message/send", {"message": user_message("red", task["contextId"], task["id"])})
        self.assertIn(error["code"], (-32602, -32600, -32004))

    def test_a_message_without_the_task_id(self):
        """It is refused, or a new turn begins; in either case no call is left without an answer."""
        task = self.ask()
        self.agent().call("message/send", {"message": user_message("never mind", task["contextId"])})
        self.last_messages()

    def test_beside_another_tool(self):
        calls = [{"id": "call_1", "name": "k8s_get_available_api_resources", "arguments": {}},
                 {"id": "call_2", "name": "ask_user", "arguments": self.QUESTION},
                 {"id": "call_3", "name": "k8s_get_available_api_resources", "arguments": {}}]
        self.script({"times": 1, "reply": {"tool_calls": calls}}, say("thank you"))
        task = self.agent("tooled").send("paint it")
        self.assertEqual("input-required", task["status"]["state"])
        done = self.agent("tooled").send("green", task["contextId"], task["id"])
        self.assertEqual("completed", done["status"]["state"])
        answers = {m["tool_call_id"]: m["content"] for m in self.last_messages() if m["role"] == "tool"}
        self.assertEqual({"call_1", "call_2", "call_3"}, set(answers))
        self.assertIn("green", answers["call_2"])
        self.assertIn("configmaps", answers["call_3"])

    def test_two_questions(self):
        calls = [{"id": f"call_{n}", "name": "ask_user", "arguments": {"questions": [{"question": f"Question {n}?"}]}} for n in (1, 2)]
        self.script({"times": 1, "reply": {"tool_calls": calls}}, say("thank you"))
        task = self.agent().send("ask away")
        for _ in range(2):
            if task["status"]["state"] == "input-required":
                task = self.agent().send("an answer", task["contextId"], task["id"])
        self.assertEqual("completed", task["status"]["state"])
        self.last_messages()

    def test_a_malformed_question(self):
        """The model is told, or the person sees what there is; the turn does not break."""
        for arguments in ({}, {"questions": []}, {"questions": "Which?"}, {"questions": [{}]}, {"questions": [5]}):
            with self.subTest(arguments):
                self.script(use("ask_user", arguments), say("thank you"))
                task = self.agent().send("paint it")
                if task["status"]["state"] == "input-required":
                    self.assertTrue(text_of(task["status"]["message"]).strip())
                    task = self.agent().send("green", task["contextId"], task["id"])
                self.assertEqual("completed", task["status"]["state"])
                self.last_messages()


if __name__ == "__main__":
    unittest.main()

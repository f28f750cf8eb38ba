"""kagent's REST paths and envelope, and who may call them: Host and Origin."""

import json
import re
import unittest
import urllib.parse
import uuid

import objects
from gateway_kit import Upstream
from harness import wait_until
from test_agents_kit import AgentTest, KEY, NS, request, say, text_of, use, user_message


class Paths(AgentTest):
    def get(self, path, status=200, **headers):
        reply = self.rest("GET", path, headers=headers).expect(status)
        if status != 200:
            self.assertIsInstance(reply.json["error"], str, "errors are {\"error\": text}")
            self.assertTrue(reply.json["error"])
        return reply

    def test_the_page_for_who_takes_no_gzip(self):
        for accepted, packed in (("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("identity", False), (None, False)):
            reply = self.rest("GET", "/", headers={"Accept-Encoding": accepted or ""})
            if reply.status == 404:
                self.skipTest("built without the page")
            self.assertEqual("gzip" if packed else None, reply.headers.get("content-encoding"), accepted)
            self.assertEqual(not packed, b"<!doctype html>" in reply.body.lower(), accepted)

    def test_agents(self):
        agents = {a["agent"]["metadata"]["name"]: a for a in self.get("/api/agents").data}
        self.assertLessEqual({"plain", "chunks", "tooled"}, set(agents))
        plain = agents["plain"]
        self.assertEqual(("kagent.dev/v1alpha2", "Agent"), (plain["agent"]["apiVersion"], plain["agent"]["kind"]))
        self.assertEqual(f"{NS}__NS__plain", plain["id"])
        self.assertEqual(("OpenAI", f"{NS}/m", True, True), (plain["modelProvider"], plain["modelConfigRef"],
                                                            plain["deploymentReady"], plain["accepted"]))
        self.assertEqual("claude-3-5-haiku-latest", plain["model"])
        for field in ("tools", "memoryRefs", "workloadMode"):
            self.assertIn(field, plain)
        self.assertEqual(plain, self.get(f"/api/agents/{NS}/plain").data)
        self.assertEqual(list(self.tools), agents["tooled"]["tools"][0]["mcpServer"]["toolNames"])

    def test_agents_of_a_namespace(self):
        names = [a["agent"]["metadata"]["name"] for a in self.get(f"/api/agents?namespace={NS}").data]
        self.assertIn("plain", names)
        self.assertEqual([], self.get("/api/agents?namespace=default").data)

    def test_an_agent_that_is_not_ready(self):
        self.api.must_create(objects.agent(NS, "waiting", "absent"))
        wait_until(lambda: self.api.read("Agent", NS, "waiting").get("status", {}).get("conditions"))
        found = self.get(f"/api/agents/{NS}/waiting").data
        self.assertEqual((False, False), (found["deploymentReady"], found["accepted"]))
        self.assertIn("waiting", [a["agent"]["metadata"]["name"] for a in self.get("/api/agents").data])

    def test_making_and_removing_an_agent(self):
        manifest = objects.agent(NS, "by-rest", "m")
        reply = self.rest("POST", "/api/agents", manifest).expect(200, 201)
        self.assertIn("by-rest", json.dumps(reply.data))
        self.assertEqual("A test agent.", self.api.read("Agent", NS, "by-rest")["spec"]["description"])
        manifest["spec"]["description"] = "Changed."
        self.rest("PUT", "/api/agents", manifest).expect(200)
        self.assertEqual("Changed.", self.api.read("Agent", NS, "by-rest")["spec"]["description"])
        self.rest("POST", "/api/agents", manifest).expect(409)
        del manifest["spec"]["description"]  # what is saved is the whole
        self.rest("PUT", "/api/agents", manifest).expect(200)
        self.assertNotIn("description", self.api.read("Agent", NS, "by-rest")["spec"])
        self.rest("PUT", "/api/agents", objects.agent(NS, "absent", "m")).expect(404)
        hidden = [{"name": "TOKEN", "value": "sk-env"}]
        manifest["spec"]["declarative"]["deployment"] = {"env": hidden}
        self.rest("PUT", "/api/agents", manifest).expect(200)
        shown = self.get(f"/api/agents/{NS}/by-rest")
        self.assertNotIn("sk-env", shown.text)
        again = shown.data["agent"]
        again["spec"]["description"] = "Saved from what was shown."
        for n in range(20):  # the controller writes its status in between
            again["spec"]["version"] = str(n)
            self.rest("PUT", "/api/agents", again).expect(200)
        self.assertEqual(hidden, self.api.read("Agent", NS, "by-rest")["spec"]["declarative"]["deployment"]["env"])
        self.rest("DELETE", f"/api/agents/{NS}/by-rest").expect(200)
        wait_until(lambda: not self.api.exists("Agent", NS, "by-rest"))
        self.rest("DELETE", f"/api/agents/{NS}/by-rest").expect(404)
        for bad in ("{", {}, {"kind": "Agent"}, {**manifest, "spec": {"type": "Nonsense"}}, [1]):
            self.assertIn(self.rest("POST", "/api/agents", bad).status, (400, 422))

    def test_an_agent_without_a_namespace_is_kagents(self):
        manifest = objects.agent(NS, "nowhere", "m")
        del manifest["metadata"]["namespace"]
        self.rest("POST", "/api/agents", manifest).expect(201)
        self.addCleanup(lambda: self.api.delete("Agent", "kagent", "nowhere"))
        self.assertTrue(self.api.exists("Agent", "kagent", "nowhere"))

    def test_default_headers_are_not_shown(self):
        config = objects.model_config(NS, "headed", f"http://{self.host}:{self.port}/openai", "llm-key")
        config["spec"]["defaultHeaders"] = {"Authorization": "Bearer sk-hush", "X-Team": "sk-blue", "traceparent": "mine"}
        self.api.must_create(config)
        agent = self.make_agent("headed", "headed")
        for path in ("/api/modelconfigs", f"/api/modelconfigs/{NS}/headed"):
            text = self.get(path).text
            self.assertIn("X-Team", text)
            self.assertNotIn("sk-", text)
        seen = Upstream("raw")
        self.addCleanup(seen.stop)
        config["spec"]["openAI"]["baseUrl"] = f"http://127.0.0.1:{seen.port}/v1"
        self.api.patch("ModelConfig", NS, "headed", {"spec": {"openAI": config["spec"]["openAI"]}}).expect(200)

        def asked():  # the agent takes up the new address
            agent.send("hello")
            return seen.seen

        fields = wait_until(asked)[0].fields
        self.assertEqual(["Bearer sk-hush"], [v for k, v in fields if k == "authorization"])
        self.assertEqual(["sk-blue"], [v for k, v in fields if k == "x-team"])
        self.assertNotIn(("traceparent", "mine"), fields)

    def test_model_configs(self):
        configs = {c["ref"]: c for c in self.get("/api/modelconfigs").data}
        self.assertEqual("OpenAI", configs[f"{NS}/m"]["spec"]["provider"])
        self.assertEqual(configs[f"{NS}/m"], self.get(f"/api/modelconfigs/{NS}/m").data)
        self.get(f"/api/modelconfigs/{NS}/absent", 404)

    def test_namespaces(self):
        found = {n["name"]: n["status"] for n in self.get("/api/namespaces").data}
        self.assertEqual(("Active", "Active"), (found[NS], found["default"]))

    def test_the_small_ones(self):
        self.assertEqual(200, self.rest("GET", "/health").status)
        version = self.get("/version").json
        self.assertEqual({"kagent_version", "git_commit", "build_date"}, set(version) & {"kagent_version", "git_commit", "build_date"})
        self.assertEqual("admin@kagent.dev", self.get("/api/me").json["sub"])

    def test_what_is_not_there(self):
        for path in (f"/api/agents/{NS}/absent", "/api/agents/absent/plain", "/api/nothing", f"/api/sessions/{uuid.uuid4()}",
                     f"/api/tasks/{uuid.uuid4()}", f"/api/sessions/{uuid.uuid4()}/tasks"):
            with self.subTest(path):
                self.get(path, 404)

    def test_other_methods(self):
        for method, path in (("DELETE", "/api/agents"), ("PATCH", "/api/agents"), ("POST", "/api/namespaces"), ("PUT", "/api/me")):
            with self.subTest((method, path)):
                self.assertIn(self.rest(method, path, {}).status, (404, 405))

    def test_nothing_secret_is_shown(self):
        self.agent().send("hello")
        for path in ("/api/agents", "/api/modelconfigs", "/api/sessions", "/api/records", f"/api/agents/{NS}/plain"):
            self.assertNotIn(KEY, self.rest("GET", path).text)

    def test_hostile_paths(self):
        for path in ("/api/agents/%2e%2e/x", "/api/sessions/%00", "/api/sessions/%ff%fe", "/api/a2a/lab/..%2fplain/",
                     "/../../etc/passwd", "/assets/../../../../etc/passwd", "/api/sessions/" + "x" * 7000, "/api//agents"):
            with self.subTest(path[:40]):
                reply = self.rest("GET", path)
                self.assertLess(reply.status, 500)
                self.assertNotIn("root:", reply.text)
        self.get("/api/agents")


class SessionPaths(AgentTest):
    def get(self, path):
        return self.rest("GET", path).expect(200).data

    def test_life_of_a_session(self):
        reply = self.rest("POST", "/api/sessions", {"agent_ref": f"{NS}/plain", "name": "My session"}).expect(201)
        session = reply.data
        self.assertEqual(("My session", f"{NS}/plain"), (session["name"], session["agent_ref"]))
        path = f"/api/sessions/{session['id']}"
        self.assertEqual((session, []), (self.get(path)["session"], self.get(path)["events"]))
        self.assertIn(session["id"], [s["id"] for s in self.get("/api/sessions")])
        self.assertIn(session["id"], [s["id"] for s in self.get(f"/api/sessions/agent/{NS}/plain")])
        self.assertNotIn(session["id"], [s["id"] for s in self.get(f"/api/sessions/agent/{NS}/chunks")])
        for method in ("PATCH", "PUT"):
            self.rest(method, path, {"name": f"Renamed by {method}"}).expect(200)
            self.assertEqual(f"Renamed by {method}", self.get(path)["session"]["name"])
        self.rest("DELETE", path).expect(200)
        self.rest("GET", path).expect(404)
        self.rest("DELETE", path).expect(404)
        self.assertNotIn(session["id"], [s["id"] for s in self.get("/api/sessions")])

    def test_talking_in_it(self):
        session = self.rest("POST", "/api/sessions", {"agent_ref": f"{NS}/plain"}).expect(201).data
        task = self.agent().send("one", session["id"])
        self.assertEqual(session["id"], task["contextId"])
        self.agent().send("two", session["id"])
        tasks = self.get(f"/api/sessions/{session['id']}/tasks")
        self.assertEqual(["one", "two"], [text_of(t["history"][0]) for t in tasks])
        self.assertEqual(["completed"] * 2, [t["status"]["state"] for t in tasks])
        events = self.get(f"/api/sessions/{session['id']}")["events"]
        self.assertEqual(4, len(events))
        for word, event in zip(("one", "You said: one", "two", "You said: two"), events):
            self.assertTrue(event["id"])
            self.assertIn(word, event["data"])

    def test_events_have_the_shape_of_adk(self):
        """2.6: `data` is a string that holds an ADK event: author, content{role, parts}, ..."""
        task = self.agent().send("one")
        for event in self.get(f"/api/sessions/{task['contextId']}")["events"]:
            data = json.loads(event["data"])
            self.assertTrue(data["content"]["parts"])
            self.assertTrue(data["author"])

    def test_the_wire_of_its_tasks(self):
        task = self.agent().send("one")
        path = f"/api/sessions/{task['contextId']}/tasks"
        self.assertEqual("completed", self.rest("GET", path).data[0]["status"]["state"])
        self.assertEqual("completed", self.rest("GET", path, headers={"A2A-Version": "0.3"}).data[0]["status"]["state"])
        newer = self.rest("GET", path, headers={"A2A-Version": "1.0"}).data[0]
        self.assertEqual("TASK_STATE_COMPLETED", newer["status"]["state"])
        self.rest("GET", path, headers={"A2A-Version": "9.9"}).expect(400)

    def test_one_that_a_message_made(self):
        task = self.agent().send("a message of more than twenty characters")
        session = self.get(f"/api/sessions/{task['contextId']}")["session"]
        self.assertEqual("a message of more th", session["name"])
        self.assertEqual(f"{NS}__NS__plain", session["agent_id"])
        for text in ("тест" * 10, "漢字" * 20, "x" + "é" * 30):
            with self.subTest(text):
                task = self.agent().send(text)
                self.assertEqual(text[:20], self.get(f"/api/sessions/{task['contextId']}")["session"]["name"])

    def test_with_an_id_of_ones_own(self):
        name = f"own-{uuid.uuid4()}"
        self.rest("POST", "/api/sessions", {"agent_ref": f"{NS}/plain", "id": name}).expect(201)
        self.assertEqual(name, self.get(f"/api/sessions/{name}")["session"]["id"])
        self.assertIn(self.rest("POST", "/api/sessions", {"agent_ref": f"{NS}/plain", "id": name}).status, (200, 201, 409))
        odd = "a/b ? %41 é"
        self.rest("POST", "/api/sessions", {"agent_ref": f"{NS}/plain", "id": odd}).expect(201, 400)

    def test_of_an_agents_own_making(self):
        session = self.rest("POST", "/api/sessions", {"agent_ref": f"{NS}/plain", "source": "agent"}).expect(201).data
        self.assertNotIn(session["id"], [s["id"] for s in self.get(f"/api/sessions/agent/{NS}/plain")])

    def test_the_list_in_pages(self):
        headers = {"X-User-Id": f"pager-{uuid.uuid4()}"}
        made = [self.rest("POST", "/api/sessions", {"agent_ref": f"{NS}/plain"}, headers=headers).expect(201).data["id"] for _ in range(5)]
        seen, query = [], "limit=1"
        while query:
            reply = self.rest("GET", f"/api/sessions?{query}", headers=headers).expect(200)
            seen += [s["id"] for s in reply.data]
            self.assertLessEqual(len(seen), 5)
            before = reply.json["message"].partition("older ones with before=")[2]
            query = before and f"limit=1&before={urllib.parse.quote(before)}"
        self.assertEqual(made[::-1], seen)
        for query in ("limit=0", "limit=x", "limit=10001", "before=yesterday"):
            self.assertEqual(400, self.rest("GET", f"/api/sessions?{query}").status, query)

    def test_bad_ones(self):
        for body in ("{", {}, {"agent_ref": 5}, {"agent_ref": ""}, {"agent_ref": f"{NS}/absent"}, {"agent_ref": "no-slash"}, []):
            with self.subTest(body):
                reply = self.rest("POST", "/api/sessions", body)
                self.assertIn(reply.status, (400, 404, 422))
                self.assertTrue(reply.json["error"])

    def test_deleting_one_that_is_busy(self):
        self.script({"fault": "hang"})
        agent = self.agent()
        task = agent.send("wait", blocking=False)
        self.wait_model_calls(1)
        reply = self.rest("DELETE", f"/api/sessions/{task['contextId']}")
        self.assertIn(reply.status, (200, 409))
        if reply.status == 200:
            self.assertEqual(-32001, agent.error("tasks/get", {"id": task["id"]})["code"])
            self.script(say("fine"))
            self.assertEqual("completed", agent.send("again", task["contextId"])["status"]["state"])
        else:
            agent.must("tasks/cancel", {"id": task["id"]})

    def test_deleting_takes_its_tasks(self):
        agent = self.agent()
        task = agent.send("private words")
        self.rest("DELETE", f"/api/sessions/{task['contextId']}").expect(200)
        self.assertEqual(-32001, agent.error("tasks/get", {"id": task["id"]})["code"])
        self.rest("GET", f"/api/tasks/{task['id']}").expect(404)
        again = agent.send("hello", task["contextId"])
        self.assertEqual("completed", again["status"]["state"])
        self.assertNotIn("private words", json.dumps(self.last_messages()))

    def test_one_task(self):
        task = self.agent().send("hello")
        self.assertEqual(task, self.get(f"/api/tasks/{task['id']}"))

    def test_deleting_a_task_forgets_what_was_said_in_it(self):
        agent = self.agent()
        task = agent.send("private words")
        other = agent.send("remember this", task["contextId"])
        self.rest("DELETE", f"/api/tasks/{task['id']}").expect(200)
        self.rest("DELETE", f"/api/tasks/{task['id']}").expect(404)
        self.assertEqual(-32001, agent.error("tasks/get", {"id": task["id"]})["code"])
        self.assertEqual([other["id"]], [t["id"] for t in self.get(f"/api/sessions/{task['contextId']}/tasks")])
        agent.send("and now?", task["contextId"])
        sent = json.dumps(self.last_messages())
        self.assertIn("remember this", sent)
        self.assertNotIn("private words", sent)

    def test_deleting_a_busy_task_stops_it(self):
        self.script({"fault": "hang"})
        agent = self.agent()
        task = agent.send("wait", blocking=False)
        self.wait_model_calls(1)
        self.rest("DELETE", f"/api/tasks/{task['id']}").expect(200)
        self.assertEqual(-32001, agent.error("tasks/get", {"id": task["id"]})["code"])
        self.script(say("fine"))
        self.assertEqual("completed", agent.send("again", task["contextId"])["status"]["state"])

    def test_a_part_of_a_sessions_events(self):
        agent = self.agent()
        task = agent.send("one")
        for text in ("two", "three"):
            agent.send(text, task["contextId"])
        path = f"/api/sessions/{task['contextId']}"
        ids = lambda query="": [e["id"] for e in self.get(path + query)["events"]]
        events = self.get(path)["events"]
        self.assertEqual(6, len(events))
        self.assertEqual(ids()[::-1], ids("?order=desc"))
        self.assertEqual(ids(), ids("?order=asc&limit=-1"))
        self.assertEqual(ids()[:2], ids("?limit=2"))
        self.assertEqual(ids()[:-3:-1], ids("?order=desc&limit=2"))
        for at in {e["created_at"] for e in events}:
            self.assertEqual([e["id"] for e in events if e["created_at"] > at], ids("?after=" + at))
        for bad, word in (("order=up", "asc or desc"), ("after=yesterday", "RFC 3339"), ("limit=0", "from 1"), ("limit=x", "from 1"),
                          ("limit=-2", "from 1")):
            self.assertIn(word, self.rest("GET", f"{path}?{bad}").expect(400).json["error"])


class Users(AgentTest):
    """A session and its tasks are there for their own user alone; without a name everybody is the same one."""

    def test_sessions_and_tasks_of_another(self):
        agent, alice, bob = self.agent(), {"X-User-Id": "alice"}, {"X-User-Id": "bob"}
        send = lambda text, user, context=None: agent.call("message/send", {"message": user_message(text, context)}, user)
        task = send("my salary is 12345", alice)["result"]
        context, path = task["contextId"], f"/api/sessions/{task['contextId']}"
        self.assertEqual(task["id"], agent.must("tasks/get", {"id": task["id"]}, alice)["id"])
        for user in (bob, {}):
            self.assertEqual(-32001, agent.error("tasks/get", {"id": task["id"]}, user)["code"])
            self.assertEqual(-32001, agent.error("tasks/cancel", {"id": task["id"]}, user)["code"])
            self.assertNotIn(task["id"], json.dumps(agent.must("tasks/list", {"pageSize": 100}, user)))
            self.assertIn("another user", send("and mine?", user, context)["error"]["message"])
            for method, where in (("GET", path), ("PATCH", path), ("DELETE", path), ("GET", path + "/tasks"),
                                  ("GET", f"/api/tasks/{task['id']}"), ("DELETE", f"/api/tasks/{task['id']}")):
                self.rest(method, where, {"name": "x"} if method == "PATCH" else None, user).expect(404)
        self.assertIn(task["id"], json.dumps(agent.must("tasks/list", {"pageSize": 100}, alice)))
        again = send("what did I say?", alice, context)["result"]
        self.assertEqual(("completed", context), (again["status"]["state"], again["contextId"]))
        self.assertEqual("my salary is 12345", self.rest("GET", path + "?user_id=alice").expect(200).data["session"]["name"])

    def test_the_name_in_the_address(self):
        agent = self.agent()
        body = agent.envelope("message/send", {"message": user_message("hi")})
        task = request(self.url, "POST", agent.path + "?user_id=carol", body).expect(200).json["result"]
        self.assertEqual("carol", task["metadata"]["kagent_user_id"])


class AsSent(AgentTest):
    def test_parts_and_metadata_stay_as_they_were(self):
        parts = [{"kind": "text", "text": "look at"}, {"kind": "data", "data": {"pod": "x", "n": 1}}, {"kind": "text", "text": "please"}]
        message = {**user_message(""), "parts": parts, "metadata": {"from": "a test", "initiated_by": "nobody"}}
        task = self.agent().must("message/send", {"message": message})
        got = task["history"][0]
        self.assertEqual((parts, {"from": "a test"}), (got["parts"], got["metadata"]))
        sent = self.fake.requests()[-1]["body"]["messages"][-1]
        self.assertEqual({"role", "content"}, set(sent))
        for words in ("look at", "please", '"pod"'):
            self.assertIn(words, sent["content"])
        v1 = self.rest("GET", f"/api/tasks/{task['id']}", headers={"A2A-Version": "1.0"}).expect(200).data
        self.assertEqual("TASK_STATE_COMPLETED", v1["status"]["state"])
        self.assertEqual({"pod": "x", "n": 1}, v1["history"][0]["parts"][1]["data"])


class Shares(AgentTest):
    """Whoever has the token of a share sees that session of another, and talks in it if the share says so."""

    def setUp(self):
        super().setUp()
        self.alice, self.bob = {"X-User-Id": "alice"}, {"X-User-Id": "bob"}
        self.task = self.send("what is shared", self.alice)["result"]
        self.context = self.task["contextId"]
        self.path = f"/api/sessions/{self.context}"

    def send(self, text, headers, context=None, task=None):
        return self.agent().call("message/send", {"message": user_message(text, context, task)}, headers)

    def share(self, body=None):
        made = self.rest("POST", self.path + "/shares", body, self.alice).expect(201).data
        self.assertRegex(made["token"], "^[0-9a-f]{48}$")
        self.assertEqual((self.context, "alice"), (made["session_id"], made["user_id"]))
        return made, {**self.bob, "X-Share-Token": made["token"]}

    def test_for_reading(self):
        made, visitor = self.share()
        self.assertIs(True, made["read_only"])
        shown = self.rest("GET", self.path, None, visitor).expect(200).data
        self.assertIs(True, shown["read_only"])
        self.assertIn("what is shared", json.dumps(shown["events"]))
        self.assertEqual([self.task["id"]], [t["id"] for t in self.rest("GET", self.path + "/tasks", None, visitor).expect(200).data])
        self.rest("GET", f"/api/tasks/{self.task['id']}", None, visitor).expect(200)
        agent = self.agent()
        self.assertEqual(self.task["id"], agent.must("tasks/get", {"id": self.task["id"]}, visitor)["id"])
        listed = agent.must("tasks/list", {"contextId": self.context}, visitor)["tasks"]
        self.assertEqual([self.task["id"]], [t["id"] for t in listed])
        for method, params in (("message/send", {"message": user_message("more", self.context)}), ("tasks/cancel", {"id": self.task["id"]})):
            self.assertIn("for reading only", agent.error(method, params, visitor)["message"])
        for method, where, body in (("PATCH", "", {"name": "x"}), ("DELETE", "", None), ("POST", "/shares", None), ("GET", "/shares", None),
                                    ("DELETE", "/shares/" + made["token"], None)):
            self.rest(method, self.path + where, body, visitor).expect(403)
        self.rest("DELETE", f"/api/tasks/{self.task['id']}", None, visitor).expect(403)
        self.assertNotIn("read_only", self.rest("GET", self.path, None, self.alice).expect(200).data)

    def test_for_talking(self):
        _, visitor = self.share({"read_only": False})
        self.script(say("hello both"))
        more = self.send("from bob", visitor, self.context)["result"]
        self.assertEqual("completed", more["status"]["state"])
        self.assertIn("from bob", json.dumps(self.rest("GET", self.path, None, self.alice).expect(200).data["events"]))
        self.assertEqual("alice", more["metadata"]["kagent_user_id"])
        self.assertEqual([{"initiated_by": "bob"}], [m["metadata"] for m in more["history"] if m["role"] == "user"])
        self.assertNotIn("initiated_by", json.dumps(self.fake.requests()[-1]), "it is nothing to the model")
        self.assertNotIn("initiated_by", json.dumps(self.rest("GET", f"/api/tasks/{self.task['id']}", None, self.alice).data))
        said = self.cli("explain", more["id"], "--user", "alice").stdout
        self.assertIn("(by bob) from bob", said)
        self.assertEqual(200, self.rest("PATCH", self.path, {"name": "ours"}, visitor).status)
        self.rest("DELETE", self.path, None, visitor).expect(403)

    def test_no_other_session_of_the_owner(self):
        _, visitor = self.share({"read_only": False})
        other = self.send("not shared", self.alice)["result"]
        self.rest("GET", f"/api/sessions/{other['contextId']}", None, visitor).expect(404)
        self.rest("GET", f"/api/tasks/{other['id']}", None, visitor).expect(404)
        agent = self.agent()
        for method in ("tasks/get", "tasks/cancel", "tasks/resubscribe"):
            self.assertEqual(-32001, agent.error(method, {"id": other["id"]}, visitor)["code"])
        self.assertEqual([], agent.must("tasks/list", {"contextId": other["contextId"]}, visitor)["tasks"])
        self.assertNotIn(other["id"], json.dumps(agent.must("tasks/list", {"pageSize": 100}, visitor)))
        self.script(use("ask_user", {"questions": [{"question": "Which?"}]}))
        asks = self.send("ask me", self.alice)["result"]
        self.assertEqual("input-required", asks["status"]["state"])
        self.assertIn("another user", self.send("mine now", visitor, other["contextId"])["error"]["message"])
        for context, task in ((None, asks["id"]), (asks["contextId"], asks["id"])):
            self.assertIn("not found", self.send("mine now", visitor, context, task)["error"]["message"])
        self.assertIn("another contextId", self.send("mine now", visitor, self.context, asks["id"])["error"]["message"])

    def test_the_visitors_own_sessions_are_as_ever(self):
        _, visitor = self.share()
        own = self.send("bob's own", visitor)["result"]
        self.assertEqual(("completed", "bob"), (own["status"]["state"], own["metadata"]["kagent_user_id"]))
        self.assertEqual(own["contextId"], self.send("and more", visitor, own["contextId"])["result"]["contextId"])
        self.rest("GET", f"/api/sessions/{own['contextId']}", None, self.alice).expect(404)

    def test_an_answer_to_a_question(self):
        self.script(use("ask_user", {"questions": [{"question": "Which?"}]}),
                    say("thanks"))
        asks = self.send("ask me", self.alice, self.context)["result"]
        self.assertEqual("input-required", asks["status"]["state"])
        _, reader = self.share()
        self.assertIn("for reading only", self.send("that one", reader, None, asks["id"])["error"]["message"])
        _, talker = self.share({"read_only": False})
        self.assertEqual("completed", self.send("that one", talker, None, asks["id"])["result"]["status"]["state"])

    def test_streams_until_it_is_removed(self):
        (first, visitor), (_, other) = self.share(), self.share()
        self.script({"reply": {"text": "word " * 400}, "chunk_delay_ms": 50})
        agent = self.agent("chunks")
        owners = agent.stream("a long story", headers=self.alice)
        wait_until(lambda: owners.results)
        self.path = f"/api/sessions/{owners.results[0]['contextId']}"
        task = {"id": owners.results[0]["id"]}
        self.assertEqual(-32001, agent.error("tasks/resubscribe", task, visitor)["code"], "a share of another session")
        share = lambda: self.rest("POST", self.path + "/shares", None, self.alice).expect(201).data["token"]
        removed, kept = share(), share()
        ends, stays = (agent.follow("tasks/resubscribe", task, {**self.bob, "X-Share-Token": t}) for t in (removed, kept))
        wait_until(lambda: len(ends.results) > 2 and len(stays.results) > 2)
        self.rest("DELETE", f"{self.path}/shares/{removed}", None, self.alice).expect(200)
        wait_until(lambda: ends.ended, 5)
        before = len(stays.results)
        wait_until(lambda: len(stays.results) > before + 2)
        self.assertFalse(stays.ended or owners.ended)
        agent.must("tasks/cancel", task, self.alice)
        wait_until(lambda: stays.ended and owners.ended)

    def test_until_it_is_removed(self):
        first, visitor = self.share()
        second, _ = self.share({"read_only": False})
        tokens = lambda: [s["token"] for s in self.rest("GET", self.path + "/shares", None, self.alice).expect(200).data]
        self.assertCountEqual([first["token"], second["token"]], tokens())
        other = self.send("another", self.alice)["result"]["contextId"]
        self.rest("DELETE", f"/api/sessions/{other}/shares/{first['token']}", None, self.alice).expect(404)
        self.rest("DELETE", f"{self.path}/shares/{first['token']}", None, self.alice).expect(200)
        self.assertEqual([second["token"]], tokens())
        for token in (first["token"], "no-such-token"):
            headers = {**self.alice, "X-Share-Token": token}
            self.assertIn("X-Share-Token", self.rest("GET", self.path, None, headers).expect(403).json["error"])
            body = self.agent().envelope("tasks/get", {"id": self.task["id"]})
            self.rest("POST", f"/api/a2a/{NS}/plain/", body, headers).expect(403)
        self.rest("POST", self.path + "/shares", {"read_only": "yes"}, self.alice).expect(400)
        self.rest("DELETE", self.path, None, self.alice).expect(200)
        self.rest("GET", self.path, None, {**self.bob, "X-Share-Token": second["token"]}).expect(403)


class WhoMayCall(AgentTest):
    """A page of another site must not be able to drive the agents of whoever looks at it."""

    BODY = {"jsonrpc": "2.0", "id": 1, "method": "message/send"}

    def tries(self, headers):
        path = f"/api/a2a/{NS}/plain/"
        yield request(self.url, "POST", path, {**self.BODY, "params": {"message": user_message("x")}}, headers)
        for method, where in (("GET", "/api/agents"), ("GET", path + ".well-known/agent-card.json"), ("GET", "/api/sessions"),
                              ("POST", "/api/sessions"), ("DELETE", "/api/sessions/x"), ("GET", "/api/records")):
            yield request(self.url, method, where, {} if method == "POST" else None, headers)

    def test_a_foreign_host(self):
        for host in ("evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example"):
            for reply in self.tries({"Host": host}):
                with self.subTest((host, reply.what)):
                    self.assertEqual(403, reply.status)
        self.assertEqual([], self.model_calls())

    def test_a_foreign_origin(self):
        for origin in ("http://evil.example", "https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example",
                       "file://", "garbage", self.url + ".evil.example"):
            for reply in self.tries({"Origin": origin}):
                with self.subTest((origin, reply.what)):
                    self.assertEqual(403, reply.status)
        self.assertEqual([], self.model_calls())

    def test_its_own_page(self):
        port = urllib.parse.urlsplit(self.url).port
        for headers in ({"Origin": self.url}, {"Host": f"localhost:{port}"}, {},
                        {"Host": f"localhost:{port}", "Origin": f"http://localhost:{port}"}):
            with self.subTest(headers):
                self.assertEqual(200, request(self.url, "GET", "/api/agents", headers=headers).status)
                task = request(self.url, "POST", f"/api/a2a/{NS}/plain/", {
                    **self.BODY, "params": {"message": user_message("x")}}, headers).expect(200).json["result"]
                self.assertEqual("completed", task["status"]["state"])

    def test_no_answer_invites_other_origins(self):
        reply = request(self.url, "OPTIONS", f"/api/a2a/{NS}/plain/", headers={
            "Origin": "http://evil.example", "Access-Control-Request-Method": "POST"})
        self.assertIsNone(reply.headers.get("Access-Control-Allow-Origin"))
        self.assertIsNone(request(self.url, "GET", "/api/agents").headers.get("Access-Control-Allow-Origin"))

    def test_the_admin_address_too(self):
        url = re.match(r"https?://[^/]+", self.server.endpoints()["admin"]).group(0)
        self.assertEqual(200, request(url, "GET", "/config_dump").status)
        self.assertEqual(403, request(url, "GET", "/config_dump", headers={"Host": "evil.example"}).status)

    def test_the_dump_hides_credentials(self):
        url = re.match(r"https?://[^/]+", self.server.endpoints()["admin"]).group(0)
        dump = request(url, "GET", "/config_dump").expect(200)
        self.assertNotIn(KEY, dump.text)
        self.assertIn("api.openai.com", dump.text)


if __name__ == "__main__":
    unittest.main()

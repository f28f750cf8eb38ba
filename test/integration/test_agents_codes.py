"""What A2A and REST say in the small cases: parts, codes, versions, the card's address, names of sessions."""

import json
import unittest

import objects
from test_agents_kit import AgentTest, NS, request, user_message, v1_message

FILES = ({"kind": "file", "file": {"bytes": "aGk=", "mimeType": "text/plain"}},
         {"kind": "file", "file": {"uri": "https://example.test/a.txt"}})
FILES_V1 = ({"raw": "aGk=", "mediaType": "text/plain"}, {"url": "https://example.test/a.txt"})
PUSH = ("set", "get", "list", "delete")
PUSH_V1 = ("CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig", "ListTaskPushNotificationConfigs",
           "DeleteTaskPushNotificationConfig")


def with_parts(*parts):
    return {"message": {**user_message(""), "parts": list(parts)}}


class Parts(AgentTest):
    def test_a_file_is_refused(self):
        text = {"kind": "text", "text": "read this"}
        for file in FILES:
            for parts in ([file], [text, file], [file, text]):
                with self.subTest(parts):
                    error = self.agent().error("message/send", with_parts(*parts))
                    self.assertEqual(-32005, error["code"], error)
        self.assertEqual([], self.model_calls(), "what was not understood reaches no model")
        self.assertEqual(-32005, self.refused_stream())

    def refused_stream(self):
        body = self.agent().envelope("message/stream", with_parts(FILES[0]))
        return self.agent().raw(body).expect(200).json["error"]["code"]

    def test_a_file_is_refused_over_v1(self):
        for file in FILES_V1:
            with self.subTest(file):
                message = v1_message("read this")
                message["parts"].append(file)
                self.assertEqual(-32005, self.agent(version="1.0").error("SendMessage", {"message": message})["code"])
        self.assertEqual([], self.model_calls())

    def test_data_reaches_the_model_as_json(self):
        data = {"cluster": "north", "limits": {"pods": [1, 2.5, None]}, "quoted": "a \"b\" é"}
        part = {"kind": "data", "data": data}
        for parts, before in (([part], ""), ([{"kind": "text", "text": "look at"}, part], "look at")):
            with self.subTest(before):
                task = self.agent().must("message/send", with_parts(*parts))
                self.assertEqual("completed", task["status"]["state"])
                told = self.last_messages()[-1]
                self.assertEqual("user", told["role"])
                self.assertTrue(told["content"].startswith(before), told)
                self.assertEqual(data, json.loads(told["content"].removeprefix(before)))

    def test_data_over_v1(self):
        message = {**v1_message(""), "parts": [{"data": {"cluster": "north"}}]}
        self.agent(version="1.0").must("SendMessage", {"message": message})
        self.assertEqual({"cluster": "north"}, json.loads(self.last_messages()[-1]["content"]))


class Codes(AgentTest):
    def test_push_notifications_are_not_supported(self):
        for version, methods in ((None, [f"tasks/pushNotificationConfig/{m}" for m in PUSH]), ("1.0", PUSH_V1)):
            for method in methods:
                with self.subTest(method):
                    self.assertEqual(-32003, self.agent(version=version).error(method, {"id": "x"})["code"])
        self.assertEqual(-32601, self.agent().error("tasks/nonsense", {"id": "x"})["code"])

    def test_a_version_that_is_not_known(self):
        for version in ("9", "0.9", "2.0", "nonsense"):
            with self.subTest(version):
                agent = self.agent(version=version)
                answer = agent.raw(agent.envelope("message/send", {"message": user_message("hello")})).json
                self.assertEqual(("2.0", -32009), (answer["jsonrpc"], answer["error"]["code"]))
                self.assertIn(version, answer["error"]["message"])
        self.assertEqual([], self.model_calls())

    def test_a_history_length_that_is_none(self):
        agent = self.agent()
        task = agent.send("hello")["id"]
        self.fake.clear()
        for bad in (-1, -5, "x", "1", 1.5, True, [1]):
            with self.subTest(bad):
                self.assertEqual(-32602, agent.error("tasks/get", {"id": task, "historyLength": bad})["code"])
                params = {"message": user_message("hello"), "configuration": {"historyLength": bad}}
                self.assertEqual(-32602, agent.error("message/send", params)["code"])
                self.assertEqual(-32602, self.agent(version="1.0").error("GetTask", {"id": task, "historyLength": bad})["code"])
        self.assertEqual([], self.model_calls())
        self.assertEqual([0, 1, 2, 2], [len(agent.get(task, historyLength=n).get("history", [])) for n in (0, 1, 2, 100)])


class Address(AgentTest):
    def test_the_card_names_the_address_by_which_the_client_came(self):
        port = self.url.rpartition(":")[2]
        for host in (f"localhost:{port}", "localhost", "10.1.2.3:8443", f"127.0.0.1:{port}"):
            with self.subTest(host):
                path = f"/api/a2a/{NS}/plain/"
                card = self.rest("GET", f"{path}.well-known/agent-card.json", headers={"Host": host}).expect(200).json
                urls = {card["url"], *(i["url"] for i in card["supportedInterfaces"] + card["additionalInterfaces"])}
                self.assertEqual({f"http://{host}{path}"}, urls)

    def test_it_can_be_reached_there(self):
        port = self.url.rpartition(":")[2]
        card = request(f"http://localhost:{port}", "GET", f"/api/a2a/{NS}/plain/.well-known/agent-card.json").expect(200).json
        self.assertTrue(card["url"].startswith(f"http://localhost:{port}/"), card["url"])
        body = self.agent().envelope("message/send", {"message": user_message("hello")})
        answer = request(f"http://localhost:{port}", "POST", card["url"].partition(port)[2], body).expect(200).json
        self.assertEqual("completed", answer["result"]["status"]["state"])


class Names(AgentTest):
    def setUp(self):
        super().setUp()
        made = self.rest("POST", "/api/sessions", {"agent_ref": f"{NS}/plain", "name": "my talk"}).expect(201).data
        self.path = f"/api/sessions/{made['id']}"

    def name(self):
        return self.rest("GET", self.path).expect(200).data["session"]["name"]

    def test_a_change_without_a_name_keeps_it(self):
        for method in ("PATCH", "PUT"):
            for body in ({}, {"agent_ref": f"{NS}/plain"}):
                with self.subTest((method, body)):
                    self.assertEqual("my talk", self.rest(method, self.path, body).expect(200).data["name"])
                    self.assertEqual("my talk", self.name())

    def test_a_name_that_is_no_text_is_refused(self):
        for method in ("PATCH", "PUT"):
            for bad in (5, None, True, ["x"], {"a": 1}):
                with self.subTest((method, bad)):
                    self.assertIn("name", self.rest(method, self.path, {"name": bad}).expect(400).text)
                    self.assertEqual("my talk", self.name())
        self.assertEqual("another", self.rest("PATCH", self.path, {"name": "another"}).expect(200).data["name"])
        self.assertEqual("another", self.name())


class Namespaces(AgentTest):
    def rows(self, **arguments):
        """The table that the model was given by k8s_get_resources."""
        call = {"id": "call_1", "name": "k8s_get_resources", "arguments": arguments}
        self.script({"times": 1, "reply": {"tool_calls": [call]}}, {"reply": {"text": "done"}})
        self.agent("tooled").send("look")
        lines = self.last_messages()[-1]["content"].strip().splitlines()
        table = [[cell.strip() for cell in line.split("|")] for line in lines]
        return [dict(zip(table[0], row)) for row in table[1:]]

    def test_all_namespaces_shows_the_namespace_of_each_row(self):
        self.api.must_create(objects.namespace("other-lab"))
        for ns in (NS, "other-lab"):
            self.api.must_create(objects.config_map(ns, "same-name"))
        for yes in ("true", True):
            with self.subTest(yes):
                rows = self.rows(resource_type="configmap", all_namespaces=yes)
                self.assertEqual([NS, "other-lab"], sorted(r.get("namespace") for r in rows if r["name"] == "same-name"))

    def test_nowhere_else(self):
        self.api.must_create(objects.config_map(NS, "here"))
        for arguments in ({"resource_type": "configmap", "namespace": NS},
                          {"resource_type": "namespace", "all_namespaces": "true"}):
            with self.subTest(arguments):
                rows = self.rows(**arguments)
                self.assertTrue(rows)
                self.assertFalse([r for r in rows if "namespace" in r])


if __name__ == "__main__":
    unittest.main()

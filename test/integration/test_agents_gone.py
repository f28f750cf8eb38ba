"""Tasks whose agent is gone, or not ready: they are read and cancelled all the same, and what a crash leaves says why."""

import unittest

import objects
from harness import wait_until
from test_agents_kit import A2a, AgentTest, NS, text_of, user_message


class GoneTest(AgentTest):
    def make_own(self, name, **declarative):
        """An agent with a ModelConfig and a Secret of its own."""
        self.api.must_create(objects.secret(NS, f"{name}-key", Authorization="sk-own"))
        config = objects.model_config(NS, name, f"http://{self.host}:{self.port}/openai", f"{name}-key")
        self.api.must_create(config)
        return self.make_agent(name, name, **declarative)

    def accepted(self, name):
        conditions = self.api.read("Agent", NS, name).get("status", {}).get("conditions", [])
        return next(({"status": c["status"], "message": c["message"]} for c in conditions if c["type"] == "Accepted"), {})

    def unready(self, name):
        """Takes the agent's key away, and so its readiness; returns what its condition then says."""
        self.api.delete("Secret", NS, f"{name}-key").expect(200)
        condition = wait_until(lambda: (c := self.accepted(name)).get("status") == "False" and c,
                               what=lambda: f"Agent {name} not Accepted: {self.accepted(name)}")
        self.wait_card(name, 404)
        return condition["message"]

    def wait_card(self, name, status):
        path = f"/api/a2a/{NS}/{name}/.well-known/agent-card.json"
        wait_until(lambda: self.rest("GET", path).status == status, what=f"the card of {name}: {status}")

    def hang(self, agent):
        """A task whose model call hangs."""
        self.script({"fault": "hang"})
        task = agent.send("wait", blocking=False)
        self.wait_model_calls(1)
        agent.wait_state(task["id"], "working")
        return task


class Gone(GoneTest):
    def check_served(self, agent, task):
        """Every answer is JSON-RPC: `call` checks that."""
        self.assertEqual((task["id"], "working"), ((got := agent.get(task["id"]))["id"], got["status"]["state"]))
        self.assertEqual(-32001, agent.error("tasks/get", {"id": "no-such-task"})["code"])
        refused = agent.error("message/send", {"message": user_message("more")})
        self.assertEqual(-32602, refused["code"])
        self.assertIn(agent.path.split("/")[-2], refused["message"])
        canceled = agent.must("tasks/cancel", {"id": task["id"]})
        self.assertEqual("canceled", canceled["status"]["state"])
        wait_until(lambda: self.model_calls()[-1]["aborted"], what="fake-llm to see the call aborted")
        self.assertEqual("canceled", agent.state(task["id"]))
        self.assertEqual(-32002, agent.error("tasks/cancel", {"id": task["id"]})["code"])

    def test_a_task_of_a_deleted_agent(self):
        agent = self.make_agent("deleted")
        task = self.hang(agent)
        self.api.delete("Agent", NS, "deleted").expect(200)
        self.wait_card("deleted", 404)
        self.check_served(agent, task)

    def test_a_task_of_an_agent_that_is_not_ready(self):
        agent = self.make_own("unready")
        task = self.hang(agent)
        self.unready("unready")
        self.check_served(agent, task)

    def test_over_v1(self):
        agent = self.make_agent("deleted-v1")
        task = self.hang(agent)
        self.api.delete("Agent", NS, "deleted-v1").expect(200)
        self.wait_card("deleted-v1", 404)
        agent = self.agent("deleted-v1", version="1.0")
        self.assertEqual("TASK_STATE_WORKING", agent.must("GetTask", {"id": task["id"]})["status"]["state"])
        self.assertEqual("TASK_STATE_CANCELED", agent.must("CancelTask", {"id": task["id"]})["status"]["state"])
        wait_until(lambda: self.model_calls()[-1]["aborted"], what="fake-llm to see the call aborted")

    def test_its_end_is_followed(self):
        agent = self.make_agent("followed")
        task = self.hang(agent)
        self.api.delete("Agent", NS, "followed").expect(200)
        self.wait_card("followed", 404)
        with agent.follow("tasks/resubscribe", {"id": task["id"]}) as stream:
            stream.wait_for(lambda events: events)
            agent.must("tasks/cancel", {"id": task["id"]})
            last = stream.wait_end()[-1]
        self.assertEqual(("canceled", True), (last["status"]["state"], last["final"]))

    def test_a_task_is_its_own_agents_alone(self):
        agent = self.make_agent("first-owner")
        task = self.hang(agent)
        self.api.delete("Agent", NS, "first-owner").expect(200)
        self.wait_card("first-owner", 404)
        for other in ("plain", "nobody"):
            with self.subTest(other):
                stranger = self.agent(other)
                for method in ("tasks/get", "tasks/cancel"):
                    self.assertEqual(-32001, stranger.error(method, {"id": task["id"]})["code"])
        self.assertEqual("working", agent.state(task["id"]))
        agent.must("tasks/cancel", {"id": task["id"]})


class Crashed(GoneTest):
    def crash(self):
        self.api.close()
        self.server.restart(hard=True)
        type(self).url, type(self).api = self.server.endpoints()["ui"], self.server.client()

    def ended(self, name, task):
        """The task after the crash, and its record."""
        agent = A2a(self.url, name)
        task = agent.wait_final(task["id"])
        self.assertEqual("failed", task["status"]["state"])

        def turn():
            records = self.rest("GET", f"/api/records?turn={task['id']}").expect(200).data
            return next((r for r in records if r["kind"] == "turn"), None)

        return text_of(task["status"]["message"]), wait_until(turn, what=f"a record of the turn {task['id']}")

    def test_the_agent_is_not_ready_any_more(self):
        task = self.hang(self.make_own("crashed"))
        condition = self.unready("crashed")
        self.assertIn("crashed-key", condition)
        self.crash()
        words, record = self.ended("crashed", task)
        self.assertIn(condition, words, "in the words of the condition")
        self.assertIn("interrupted", words)
        self.assertNotRegex(words, "no longer exists|does not exist any more")
        self.assertEqual((f"{NS}/crashed", task["contextId"], words), (record["agent"], record["session"], record["error"]))
        self.assertEqual(task["metadata"]["sightline_trace_id"], record["trace_id"])

    def test_the_agent_exists_no_more(self):
        task = self.hang(self.make_agent("removed"))
        self.api.delete("Agent", NS, "removed").expect(200)
        self.wait_card("removed", 404)
        self.crash()
        words, record = self.ended("removed", task)
        self.assertIn(f"{NS}/removed no longer exists", words)
        self.assertEqual(words, record["error"])


if __name__ == "__main__":
    unittest.main()

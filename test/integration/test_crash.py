"""kill -9 at random moments: nothing acknowledged is lost, nothing stays "working", and it is back within a second.

CRASH_ROUNDS sets how many restarts (20 by default), CRASH_SEED the moments.
"""

import http.client
import os
import random
import threading
import time
import unittest
import uuid

import objects
from harness import FakeLlm, Sightline, free_port, private_host, wait_until
from test_agents_kit import A2a, FINAL, NS, assert_well_formed, build_lab, request, say, text_of, tool_entry, use, wait_ready

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "20"))
SEED = int(os.environ.get("CRASH_SEED", "20250101"))
RESTART_SECONDS = 1.0


class Writer(threading.Thread):
    """Writes ConfigMaps of its own and keeps account: what was acknowledged, and the one write that is under way."""

    def __init__(self, number, client, rng, account):
        super().__init__(daemon=True)
        self.number, self.client, self.rng, self.account = number, client, rng, account
        self.writes, self.error = 0, None

    def run(self):
        try:
            while self.writes < 100_000:
                self.one()
                self.writes += 1
        except OSError:
            pass
        except (http.client.HTTPException, AttributeError):
            pass  # a cut answer is an answer that never came; AttributeError: http.client's, of a connection that is gone
        except BaseException as error:
            self.error = error
        finally:
            self.client.close()

    def one(self):
        name = f"w{self.number}-{self.rng.randrange(12)}"
        acked = self.account.setdefault(name, {"value": None, "version": 0, "doubt": None})
        value = f"{self.number}-{uuid.uuid4()}"
        pad = "x" * self.rng.choice((0, 10, 3000))
        if acked["value"] is None:
            acked["doubt"] = ("set", value)
            answer = self.client.create(objects.config_map(NS, name, {"k": value, "pad": pad}))
            answer.expect(201, 409)
            if answer.status == 409:  # the create under doubt had arrived
                raise AssertionError(f"{name} is there although its deletion was acknowledged or it was never made")
        elif self.rng.random() < 0.2:
            acked["doubt"] = ("deleted", None)
            self.client.delete("ConfigMap", NS, name).expect(200)
            acked.update(value=None, doubt=None)
            return
        else:
            acked["doubt"] = ("set", value)
            answer = self.client.patch("ConfigMap", NS, name, {"data": {"k": value, "pad": pad}}).expect(200)
        acked.update(value=value, version=int(answer.object["metadata"]["resourceVersion"]), doubt=None)


class Asker(threading.Thread):
    """Starts tasks of several sorts and keeps the ids that were acknowledged, and the tasks whose end was."""

    SORTS = ("quick", "slow", "tool", "stream")

    def __init__(self, url, rng):
        super().__init__(daemon=True)
        self.url, self.rng = url, rng
        self.acked, self.ended, self.error = [], {}, None

    def run(self):
        try:
            for _ in range(10_000):
                self.one()
        except (OSError, http.client.HTTPException):
            pass
        except BaseException as error:
            self.error = error

    def one(self):
        agent = A2a(self.url, "tooled")
        sort = self.rng.choice(self.SORTS)
        if sort == "stream":
            with agent.stream("a slow story") as stream:
                try:
                    first = stream.wait_for(lambda events: stream.ended or events)
                finally:
                    self.acked += [e["id"] for e in stream.results[:1] if e]
                if first is not True:
                    stream.wait_end()
                if stream.results and stream.results[-1].get("final"):
                    self.ended[stream.results[-1]["taskId"]] = None
                else:
                    raise ConnectionError("the stream was cut")
            return
        blocking = self.rng.random() < 0.4
        task = agent.send(f"a {sort} one", blocking=blocking)
        self.acked.append(task["id"])
        if blocking:
            self.ended[task["id"]] = task


RULES = [say("slowly", match={"contains": "slow one"}, delay_ms=120),
         say("word " * 12, match={"contains": "slow story"}, chunk_delay_ms=15)]


class Kills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.fake = FakeLlm(RULES, tls=True)
        cls.addClassCleanup(cls.fake.stop)
        cls.host = private_host()
        cls.port = free_port(cls.host)
        cls.server = Sightline(listen_host=cls.host, upstream_ca=cls.fake.ca,
                               resolve=[f"api.openai.com:443:127.0.0.1:{cls.fake.port}"])
        cls.addClassCleanup(lambda: cls.server.stop())
        api = cls.server.client()
        cls.addClassCleanup(api.close)
        build_lab(api, cls.host, cls.port)
        api.must_create(objects.agent(NS, "tooled", "m", tools=[tool_entry(["k8s_get_available_api_resources"])]))
        api.must_create(objects.agent(NS, "chunks", "m", stream=True))
        wait_ready(api, "tooled")
        wait_ready(api, "chunks")

    def setUp(self):
        if self.server.process is None:  # a test before this one failed while it was down
            self.server.start()

    def restart(self):
        began = time.monotonic()
        self.server.start()
        return time.monotonic() - began

    def check_objects(self, api, account, newest):
        """Every acknowledged write is there, or the one under way after it; versions never go back."""
        listing = api.list("ConfigMap", NS).expect(200).object
        found = {o["metadata"]["name"]: o for o in listing["items"]}
        self.assertGreaterEqual(int(listing["metadata"]["resourceVersion"]), newest)
        for name, acked in account.items():
            obj = found.get(name)
            value = obj["data"]["k"] if obj else None
            allowed = {acked["value"]} | ({acked["doubt"][1]} if acked["doubt"] else set())
            self.assertIn(value, allowed, f"{name}: acknowledged {acked}")
            version = int(obj["metadata"]["resourceVersion"]) if obj else 0
            if obj and value == acked["value"]:
                self.assertEqual(acked["version"], version, name)
            elif obj:
                self.assertGreater(version, acked["version"], name)
            acked.update(value=value, version=version or acked["version"], doubt=None)
        return int(listing["metadata"]["resourceVersion"])

    def check_tasks(self, url, tasks, ended):
        """Every acknowledged task is there and comes to an end; one that had ended is as it was told."""
        agent = A2a(url, "tooled")
        ends = {}
        for task in tasks:
            ends[task] = agent.wait_final(task, timeout=15)
        for task, told in ended.items():
            now = agent.get(task)
            self.assertEqual("completed", now["status"]["state"], now["status"])
            if told:
                self.assertEqual(told, now)
        return ends

    def nothing_works_on(self, url):
        def look():
            tasks = A2a(url, "tooled").must("tasks/list", {"pageSize": 100})["tasks"]
            return all(t["status"]["state"] in FINAL for t in tasks)

        wait_until(look, timeout=15, what="no task to be submitted or working")

    def test_at_random_moments(self):
        rng = random.Random(SEED)
        account, every, restarts = {}, {}, []
        figures = dict(writes=0, doubtful=0, tasks=0, interrupted=0, failed=0)
        newest, failures = 0, []
        print(f"\nCRASH_SEED={SEED} CRASH_ROUNDS={ROUNDS}", flush=True)
        for round_number in range(ROUNDS):
            url = self.server.endpoints()["ui"]
            self.fake.clear()
            writers = [Writer(n, self.server.client(), random.Random(rng.random()), account) for n in range(3)]
            askers = [Asker(url, random.Random(rng.random())) for _ in range(2)]
            for thread in writers + askers:
                thread.start()
            moment = rng.choice((rng.uniform(0, 0.02), rng.uniform(0, 0.25)))
            threading.Event().wait(moment)  # the random moment itself
            self.server.kill()
            for thread in writers + askers:
                thread.join(30)
                self.assertFalse(thread.is_alive())
                self.assertIsNone(thread.error, f"round {round_number}")
            restarts.append(self.restart())
            newest = max([newest] + [a["version"] for a in account.values()])
            figures["writes"] += sum(w.writes for w in writers)
            figures["doubtful"] += sum(a["doubt"] is not None for a in account.values())
            api = self.server.client()
            newest = self.check_objects(api, account, newest)
            api.close()
            url = self.server.endpoints()["ui"]
            acked = [t for a in askers for t in a.acked]
            ended = {k: v for a in askers for k, v in a.ended.items()}
            ends = self.check_tasks(url, acked, ended)
            self.nothing_works_on(url)
            figures["tasks"] += len(acked)
            figures["interrupted"] += len(set(acked) - set(ended))
            bad = [t for t in ends.values() if t["status"]["state"] != "completed"]
            figures["failed"] += len(bad)
            failures += [text_of(t["status"].get("message")) for t in bad]
            for call in self.fake.requests():
                assert_well_formed(call["body"]["messages"])
            every.update(ends)
        figures.update(restart_max_ms=round(max(restarts) * 1000), restart_median_ms=round(sorted(restarts)[len(restarts) // 2] * 1000))
        print(figures, flush=True)
        agent = A2a(self.server.endpoints()["ui"], "tooled")
        for task, end in rng.sample(sorted(every.items()), min(300, len(every))):
            self.assertEqual(end, agent.get(task))
        self.assertGreater(figures["writes"], ROUNDS)
        self.assertGreater(figures["interrupted"], 0)
        self.assertLess(max(restarts), RESTART_SECONDS)
        self.assertEqual([], failures, "the model was there all the time: an interrupted task goes on, it does not fail")

    def test_a_task_in_the_middle_of_a_model_call(self):
        self.fake.script([{"times": 1, "fault": "hang"}, say("at last")])
        self.addCleanup(self.fake.script, RULES)
        self.fake.clear()
        task = A2a(self.server.endpoints()["ui"], "tooled").send("hello", blocking=False)
        wait_until(self.fake.requests, what="the model call")
        self.server.kill()
        self.restart()
        end = A2a(self.server.endpoints()["ui"], "tooled").wait_final(task["id"])
        self.assertEqual(("completed", "at last"), (end["status"]["state"], text_of(end["artifacts"][0])))
        self.assertEqual((task["id"], task["contextId"]), (end["id"], end["contextId"]))
        trace = {c["headers"]["traceparent"].split("-")[1] for c in self.fake.requests()}
        self.assertEqual({task["metadata"]["sightline_trace_id"]}, trace, "one trace over the crash")

    def test_steps_that_were_done_are_not_done_again(self):
        """A stored tool result is used; the model is asked from there."""
        self.fake.script([use("k8s_get_available_api_resources"), {"times": 1, "fault": "hang"}, say("at last")])
        self.addCleanup(self.fake.script, RULES)
        self.fake.clear()
        task = A2a(self.server.endpoints()["ui"], "tooled").send("hello", blocking=False)
        wait_until(lambda: len(self.fake.requests()) == 2, what="the second model call")
        self.server.kill()
        self.restart()
        end = A2a(self.server.endpoints()["ui"], "tooled").wait_final(task["id"])
        self.assertEqual("completed", end["status"]["state"])
        self.assertEqual(3, len(self.fake.requests()))
        self.assertEqual(["system", "user", "assistant", "tool"], [m["role"] for m in self.fake.requests()[-1]["body"]["messages"]])

    def test_a_question_waits_over_the_crash(self):
        self.fake.script([use("ask_user", {"questions": [{"question": "Which?"}]}), say("thank you")])
        self.addCleanup(self.fake.script, RULES)
        task = A2a(self.server.endpoints()["ui"], "tooled").send("hello")
        self.server.kill()
        self.restart()
        agent = A2a(self.server.endpoints()["ui"], "tooled")
        self.assertEqual(task, agent.get(task["id"]))
        end = agent.send("this", task["contextId"], task["id"])
        self.assertEqual(("completed", "thank you"), (end["status"]["state"], text_of(end["artifacts"][0])))
        assert_well_formed(self.fake.requests()[-1]["body"]["messages"])

    def test_a_canceled_task_stays_canceled(self):
        self.fake.script([{"fault": "hang"}])
        self.addCleanup(self.fake.script, RULES)
        agent = A2a(self.server.endpoints()["ui"], "tooled")
        task = agent.send("hello", blocking=False)
        agent.must("tasks/cancel", {"id": task["id"]})
        self.server.kill()
        self.fake.clear()
        self.restart()
        agent = A2a(self.server.endpoints()["ui"], "tooled")
        self.assertEqual("canceled", agent.state(task["id"]))
        self.assertEqual([], self.fake.requests())

    def test_a_task_whose_agent_is_gone(self):
        api = self.server.client()
        self.addCleanup(api.close)
        api.must_create(objects.agent(NS, "doomed", "m"))
        wait_ready(api, "doomed")
        self.fake.script([{"fault": "hang"}])
        self.addCleanup(self.fake.script, RULES)
        task = A2a(self.server.endpoints()["ui"], "doomed").send("hello", blocking=False)
        api.delete("Agent", NS, "doomed").expect(200)
        self.server.kill()
        self.restart()
        url = self.server.endpoints()["ui"]

        def look():
            reply = request(url, "GET", f"/api/tasks/{task['id']}")
            return reply.status == 200 and reply.data["status"]["state"] in FINAL and reply.data

        self.assertIn(wait_until(look, what="an end")["status"]["state"], ("failed", "canceled"))

    def test_sigterm_while_a_task_runs(self):
        """SIGTERM drains, ends with 0, and the task goes on after the next start, as it does after kill -9."""
        self.fake.script([{"times": 1, "fault": "hang"}, say("at last")])
        self.addCleanup(self.fake.script, RULES)
        self.fake.clear()
        task = A2a(self.server.endpoints()["ui"], "tooled").send("hello", blocking=False)
        wait_until(self.fake.requests, what="the model call")
        began = time.monotonic()
        code = self.server.process.end(timeout=60)
        took = time.monotonic() - began
        self.restart()
        with self.subTest("the end"):
            self.assertEqual(0, code)
            self.assertLess(took, 15)
        end = A2a(self.server.endpoints()["ui"], "tooled").wait_final(task["id"])
        with self.subTest("the task"):
            self.assertEqual("completed", end["status"]["state"], end["status"])


if __name__ == "__main__":
    unittest.main()

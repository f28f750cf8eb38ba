"""The state directory: one server at a time, damage, and a disk that is full."""

import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import unittest

import objects
from harness import FakeLlm, Process, Sightline, need_binary, wait_until
from test_agents_kit import A2a, AgentTest, NS, request, say, text_of, user_message, wait_ready


def up(state_dir):
    return Process([need_binary(), "up", "--state-dir", state_dir]
                   + [a for name in ("api", "ui", "admin", "metrics", "ready") for a in (f"--{name}", "127.0.0.1:0")])


class OneAtATime(unittest.TestCase):
    def test_a_second_one_is_refused(self):
        with Sightline() as server:
            before = server.endpoints()
            second = up(server.state_dir)
            self.assertEqual(1, second.wait(5), second.report())
            text = second.stderr()
            self.assertIn(str(server.state_dir), text)
            self.assertRegex(text, r"(?i)already|in use|another|locked|runs")
            self.assertNotIn("ready", second.lines)
            self.assertEqual(before, server.endpoints())
            api = server.client()
            api.must_create(objects.config_map("default", "still"))
            api.close()
            self.assertEqual(200, request(before["ui"], "GET", "/api/agents").status)

    def test_of_many_at_once_one_wins(self):
        folder = tempfile.mkdtemp(prefix="sightline-race-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        processes = [up(folder) for _ in range(4)]
        try:
            def settled():
                return sum(p.child.poll() is not None for p in processes) == 3 and any("ready" in p.lines for p in processes)

            wait_until(settled, what=lambda: "\n".join(p.report() for p in processes))
            self.assertEqual([1, 1, 1], [p.child.poll() for p in processes if p.child.poll() is not None])
        finally:
            for process in processes:
                process.kill()

    def test_a_port_that_is_taken(self):
        with Sightline() as server, tempfile.TemporaryDirectory() as folder:
            taken = server.endpoints()["ui"].removeprefix("http://")
            second = Process([need_binary(), "up", "--state-dir", folder, "--api", "127.0.0.1:0", "--ui", taken, "--admin", "127.0.0.1:0",
                              "--metrics", "127.0.0.1:0", "--ready", "127.0.0.1:0"])
            self.assertEqual(1, second.wait(5), second.report())
            self.assertIn(taken, second.stderr())

    def test_a_damaged_state_directory(self):
        """A file that is no database: refused with its name, not overwritten."""
        with tempfile.TemporaryDirectory() as folder:
            server = Sightline(state_dir=folder)
            server.stop()
            databases = [p for p in pathlib.Path(folder).iterdir() if p.is_file() and p.read_bytes()[:6] == b"SQLite"]
            self.assertTrue(databases)
            for path in databases:
                good = path.read_bytes()
                path.write_bytes(b"this is no database" * 1000)
                second = up(folder)
                self.assertEqual(1, second.wait(5), second.report())
                self.assertIn(path.name, second.stderr())
                self.assertEqual(b"this is no database" * 1000, path.read_bytes())
                path.write_bytes(good)


class Stopping(AgentTest):
    """SIGTERM lets the agents finish what they are at, for a time."""

    def test_a_turn_under_way_is_finished(self):
        self.script(say("in time", delay_ms=3000))
        agent, told = self.agent(), []
        waiter = threading.Thread(target=lambda: told.append(agent.send("finish this")))
        waiter.start()
        self.wait_model_calls(1)
        os.kill(self.server.pid, signal.SIGTERM)
        wait_until(lambda: request(self.server_ready, path="/healthz/ready").status == 503)
        self.assertIn("stopping", agent.error("message/send", {"message": user_message("too late")})["message"])
        waiter.join(10)
        self.assertEqual(["in time"], [text_of(t["artifacts"][0]) for t in told])
        self.restarted()
        self.assertEqual("completed", self.agent().get(told[0]["id"])["status"]["state"])
        self.assertEqual(1, len(self.model_calls()), "it was paid for once")

    def test_one_that_takes_too_long_goes_on_later(self):
        self.script({"fault": "hang", "times": 1}, say("at last"))
        agent, told = self.agent(), []
        waiter = threading.Thread(target=lambda: told.append(agent.send("take your time")))
        waiter.start()
        self.wait_model_calls(1)
        stream = agent.follow("tasks/resubscribe", {"id": self.only_task()})
        wait_until(lambda: stream.results)
        self.restarted(self.server.restart)
        waiter.join(10)
        self.assertEqual("working", told[0]["status"]["state"], "who waited has the task's id")
        stream.wait_end(5)
        self.assertIn("stopping", text_of(stream.results[-1]["status"]["message"]))
        self.assertEqual("completed", self.agent().wait_final(told[0]["id"])["status"]["state"])

        def turns():
            found = self.rest("GET", f"/api/records?turn={told[0]['id']}").expect(200).data
            return sum(r["kind"] == "turn" for r in found) == 2 and found
        found = wait_until(turns)
        broken = next(r for r in found if r["kind"] == "turn" and "interrupted" in r.get("error", ""))
        call = next(r for r in found if r["kind"] == "exchange" and r["start_us"] < broken["start_us"] + broken["duration_us"])
        self.assertGreaterEqual(broken["duration_us"] + 50_000, call["duration_us"], "the turn is as long as its call")

    extra = ("--drain-ms", "6000")

    @property
    def server_ready(self):
        return self.server.endpoints()["ready"]

    def only_task(self):
        tasks = self.agent().must("tasks/list", {"status": "working"})["tasks"]
        self.assertEqual(1, len(tasks))
        return tasks[0]["id"]

    def restarted(self, how=None):
        if how:
            how()
        else:
            self.assertEqual(0, self.server.process.wait(10))
            self.server.process = None
            self.server.start()
        type(self).api, type(self).url = self.server.client(), self.server.endpoints()["ui"]


class FullDisk(unittest.TestCase):
    """A small file system of its own; skipped where mounting is not permitted."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sightline-full-")
        self.addCleanup(os.rmdir, self.folder)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", self.folder], capture_output=True, text=True)
        if done.returncode:
            self.skipTest(f"no small file system: mount says {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.folder], check=True)
        self.fake = FakeLlm()
        self.addCleanup(self.fake.stop)
        self.server = Sightline(state_dir=f"{self.folder}/state")
        self.addCleanup(self.server.kill)
        self.api = self.server.client()
        self.addCleanup(self.api.close)
        self.api.must_create(objects.namespace(NS))
        self.api.must_create(objects.secret(NS, "llm-key", Authorization="k"))
        self.api.must_create(objects.model_config(NS, "m", f"{self.fake.url}/v1", "llm-key"))
        self.api.must_create(objects.agent(NS, "plain", "m"))
        wait_ready(self.api, "plain")

    def fill(self, left=262144):
        """Takes all but what a few writes need."""
        filler = pathlib.Path(self.folder, "filler")
        with open(filler, "wb", buffering=0) as file:
            try:
                for _ in range(24 * 64):
                    file.write(b"\0" * 16384)
            except OSError:
                pass
            os.ftruncate(file.fileno(), max(0, file.tell() - left))
        return filler

    def test_clear_errors_and_reads_go_on(self):
        agent = A2a(self.server.endpoints()["ui"], "plain")
        before = agent.send("before")
        filler = self.fill()
        acked, refused = [], None
        for n in range(400):
            answer = self.api.create(objects.config_map(NS, f"c{n}", {"k": "x" * 20_000}))
            if answer.status != 201:
                refused = answer
                break
            acked.append(f"c{n}")
        self.assertIsNotNone(refused, "the disk never became full")
        self.assertIn(refused.status, (500, 503, 507))
        self.assertEqual("Failure", refused.object["status"])
        self.assertRegex(refused.message, r"(?i)disk|full|space")
        with self.subTest("reads"):
            self.assertEqual(set(acked), {n for n in self.api.names("ConfigMap", NS) if n.startswith("c")})
            self.assertFalse(self.api.exists("ConfigMap", NS, f"c{len(acked)}"))
            self.assertEqual(before, agent.get(before["id"]))
            self.assertEqual(200, request(self.server.endpoints()["ui"], "GET", "/api/agents").status)
        with self.subTest("tasks"):
            errors, started = [], []
            for n in range(200):
                answer = agent.call("message/send", {"message": {"kind": "message", "role": "user", "messageId": f"m{n}",
                                                                 "parts": [{"kind": "text", "text": "x" * 20_000}]}})
                if "error" in answer:
                    errors.append(answer["error"])
                    break
                started.append(answer["result"])
                if answer["result"]["status"]["state"] != "completed":
                    errors.append({"code": -32603, "message": text_of(answer["result"]["status"].get("message"))})
                    break
            self.assertTrue(errors)
            self.assertEqual(-32603, errors[0]["code"])
            self.assertRegex(errors[0]["message"], r"(?i)disk|full|space")
        filler.unlink()
        with self.subTest("after there is room again"):
            self.api.create(objects.config_map(NS, "after")).expect(201)
            self.assertEqual("completed", agent.send("after")["status"]["state"])
        with self.subTest("after a crash"):
            self.server.restart(hard=True)
            api = self.server.client()
            self.addCleanup(api.close)
            self.assertEqual(set(acked) | {"after"}, {n for n in api.names("ConfigMap", NS) if n.startswith("c") or n == "after"})
            self.assertEqual(before, A2a(self.server.endpoints()["ui"], "plain").get(before["id"]))

    def test_a_start_with_a_full_disk(self):
        filler = self.fill()
        with open(filler, "ab", buffering=0) as file:
            try:
                for _ in range(200):
                    file.write(b"\0" * 4096)
            except OSError:
                pass
        before = self.server.endpoints()
        self.server.kill()
        addresses = [a for name in ("api", "ui", "admin", "metrics", "ready") for a in (f"--{name}", before[name].split("//")[1])]
        process = Process([need_binary(), "up", "--state-dir", f"{self.folder}/state", *addresses])
        self.addCleanup(process.kill)
        process.wait_line("ready")  # where it was there is nothing new to write
        self.assertEqual([f"{NS}/plain"], [f"{a['agent']['metadata']['namespace']}/{a['agent']['metadata']['name']}"
                                           for a in request(before["ui"], "GET", "/api/agents").json["data"]])

    def test_a_task_that_ends_on_a_full_disk(self):
        """What its client was told stays so: now, when there is room again, and after a crash."""
        agent = A2a(self.server.endpoints()["ui"], "plain")
        self.fake.script([{"times": 1, "reply": {"text": "x" * 300_000}, "delay_ms": 500}])
        with agent.stream("slowly") as stream:
            stream.wait_for(lambda results: results)
            filler = self.fill(0)
            last = stream.wait_end()[-1]
        task = {"id": last["taskId"]}
        self.assertEqual("failed", last["status"]["state"])
        self.assertEqual("failed", agent.state(task["id"]))
        self.assertRegex(text_of(agent.get(task["id"])["status"]["message"]), r"(?i)disk|full|space")
        filler.unlink()
        self.fake.script([])
        self.assertEqual("completed", agent.send("after")["status"]["state"])
        self.assertEqual("failed", agent.state(task["id"]))
        records = wait_until(lambda: request(self.server.endpoints()["ui"], "GET", f"/api/records?turn={task['id']}").json["data"])
        self.assertIn("turn", [r["kind"] for r in records])
        wait_until(lambda: sqlite3.connect(f"{self.folder}/state/agents.db").execute(
            "SELECT state FROM tasks WHERE id = ?", (task["id"],)).fetchone() == ("failed",))
        self.server.restart(hard=True)
        after = A2a(self.server.endpoints()["ui"], "plain").get(task["id"])
        self.assertEqual("failed", after["status"]["state"])
        self.assertIn("x" * 300_000, [text_of(m) for m in after["history"]], "what was read of the answer is kept")


class SmallFiles(unittest.TestCase):
    """RLIMIT_FSIZE: the file that holds everything may not grow further. Needs no rights."""

    def test_a_limit_on_the_size_of_files(self):
        with tempfile.TemporaryDirectory() as folder:
            args = [str(need_binary()), "up", "--state-dir", folder]
            args += [a for name in ("api", "ui", "admin", "metrics", "ready") for a in (f"--{name}", "127.0.0.1:0")]
            process = Process(["sh", "-c", 'trap "" XFSZ; ulimit -f 8192; exec "$@"', "sh", *args])
            self.addCleanup(process.kill)
            process.wait_line("ready")
            server = Sightline(state_dir=folder, start=False)
            api, acked, refused = server.client(), [], None
            self.addCleanup(api.close)
            for n in range(400):
                answer = api.create(objects.config_map("default", f"c{n}", {"k": "x" * 50_000}))
                if answer.status != 201:
                    refused = answer
                    break
                acked.append(f"c{n}")
            self.assertIsNotNone(refused, "there was no limit")
            self.assertIn(refused.status, (500, 503, 507))
            self.assertTrue(refused.message)
            self.assertEqual(set(acked), {n for n in api.names("ConfigMap", "default") if n.startswith("c")})
            process.kill()
            with Sightline(state_dir=folder) as again:
                api = again.client()
                self.addCleanup(api.close)
                self.assertEqual(set(acked), {n for n in api.names("ConfigMap", "default") if n.startswith("c")})


if __name__ == "__main__":
    unittest.main()

"""`sightline invoke`, `traffic` and `explain`: what a person at a terminal sees of a task."""

import json
import re
import subprocess
import unittest

import harness
from harness import wait_until
from test_agents_kit import AgentTest, KEY, NS, say, text_of, use


class Invoke(AgentTest):
    def test_text(self):
        done = self.assert_exit(0, self.cli("invoke", "plain", "-n", NS, "--task", "hello there"))
        self.assertEqual(("You said: hello there\n", ""), (done.stdout, done.stderr))

    def test_name_with_its_namespace(self):
        self.assertEqual("You said: x\n", self.assert_exit(0, self.cli("invoke", f"{NS}/plain", "--task", "x")).stdout)

    def test_task_from_standard_input(self):
        done = self.cli("invoke", f"{NS}/plain", "--task", "-", stdin="from a pipe")
        self.assertEqual("You said: from a pipe\n", self.assert_exit(0, done).stdout)

    def test_json(self):
        done = self.assert_exit(0, self.cli("invoke", f"{NS}/plain", "--task", "hello", "-o", "json"))
        task = json.loads(done.stdout)
        self.assertEqual(("completed", "You said: hello"), (task["status"]["state"], text_of(task["artifacts"][0])))
        self.assertEqual(task, self.agent().get(task["id"]))

    def test_stream(self):
        self.script(say("one two three four five six seven eight"))
        done = self.assert_exit(0, self.cli("invoke", f"{NS}/chunks", "--task", "count", "--stream"))
        self.assertEqual("one two three four five six seven eight\n", done.stdout)

    def test_stream_prints_while_the_model_speaks(self):
        self.script(say("word " * 60 + "\n" + "word " * 100, chunk_delay_ms=30))
        process = harness.Process([harness.need_binary(), "invoke", f"{NS}/chunks", "--task", "speak", "--stream",
                                   "--state-dir", self.server.state_dir])
        process.wait_line(lambda line: line.startswith("word"))
        self.assertFalse(self.model_calls()[-1]["finished"])
        self.assertEqual(0, process.wait(20))

    def test_stream_as_json(self):
        done = self.assert_exit(0, self.cli("invoke", f"{NS}/chunks", "--task", "hello", "--stream", "-o", "json"))
        values = self.json_values(done.stdout)
        self.assertIn("completed", json.dumps(values[-1]))

    def json_values(self, text):
        decoder, values = json.JSONDecoder(), []
        while text.strip():
            value, end = decoder.raw_decode(text.lstrip())
            values.append(value)
            text = text.lstrip()[end:]
        return values

    def test_session(self):
        first = json.loads(self.cli("invoke", f"{NS}/plain", "--task", "my name is Ada", "-o", "json").stdout)
        done = self.cli("invoke", f"{NS}/plain", "--task", "and?", "--session", first["contextId"], "-o", "json")
        self.assertEqual(first["contextId"], json.loads(self.assert_exit(0, done).stdout)["contextId"])
        self.assertEqual(["system", "user", "assistant", "user"], [m["role"] for m in self.last_messages()])

    def test_a_turn_that_fails(self):
        self.script({"status": 500, "error": {"message": "it broke"}})
        for extra in ((), ("--stream",), ("-o", "json")):
            with self.subTest(extra):
                done = self.assert_exit(1, self.cli("invoke", f"{NS}/plain", "--task", "x", *extra))
                self.assertIn("it broke", done.stdout if "json" in extra else done.stderr)
                if "json" not in extra:
                    self.assertNotIn("it broke", done.stdout)

    def test_a_question(self):
        self.script(use("ask_user", {"questions": [{"question": "Which colour?"}]}), say("thank you"))
        done = self.cli("invoke", f"{NS}/plain", "--task", "paint")
        self.assertIn("Which colour?", done.stdout + done.stderr)
        task = self.agent().must("tasks/list", {})["tasks"][0]
        self.assertIn(task["id"], done.stdout + done.stderr, "how to answer")
        done = self.cli("invoke", f"{NS}/plain", "--task", "green", "--task-id", task["id"], "--session", task["contextId"])
        self.assertEqual("thank you\n", self.assert_exit(0, done).stdout)

    def test_what_cannot_be(self):
        for args, code, word in ((("nobody", "-n", NS, "--task", "x"), 1, "nobody"), (("plain", "-n", NS), 2, "task"),
                                 ((f"{NS}/plain", "--task", "x", "-o", "xml"), 2, "xml"), (("a/b/c", "--task", "x"), (1, 2), "a/b/c"),
                                 ((f"{NS}/plain", "--task", "x", "--nonsense"), 2, "nonsense")):
            with self.subTest(args):
                done = self.cli("invoke", *args)
                self.assertIn(done.returncode, code if isinstance(code, tuple) else (code,), done.stderr)
                self.assertIn(word, done.stderr)
                self.assertEqual("", done.stdout)

    def test_no_server(self):
        done = self.assert_exit(1, self.cli("invoke", f"{NS}/plain", "--task", "x", "--state-dir", "/tmp/no-such-dir-of-sightline",
                                            state_dir=False))
        self.assertIn("/tmp/no-such-dir-of-sightline", done.stderr)


class TrafficTest(AgentTest):
    def records(self, *args):
        return json.loads(self.assert_exit(0, self.cli("traffic", "-o", "json", *args)).stdout)

    def of_session(self, task, count):
        """The records of a task, once all of them are there."""
        def look():
            records = self.records("--session", task["contextId"])
            return len(records) >= count and records

        return wait_until(look, what=lambda: f"{count} records: {self.records('--session', task['contextId'])}")


class Traffic(TrafficTest):
    def test_one_array(self):
        task = self.agent().send("hello")
        records = self.of_session(task, 2)
        self.assertEqual({"turn", "exchange"}, {r["kind"] for r in records})
        turn = next(r for r in records if r["kind"] == "turn")
        exchange = next(r for r in records if r["kind"] == "exchange")
        for record in records:
            self.assertEqual((f"{NS}/plain", task["contextId"], task["id"]), (record["agent"], record["session"], record["turn"]))
        self.assertEqual((f"{NS}/gw", "http", f"{NS}/models", "api.openai.com:443", 200, "llm", "chat", "openai", "secret"),
                         tuple(exchange[k] for k in ("gateway", "listener", "route", "endpoint", "http.status", "protocol",
                                                     "gen_ai.operation.name", "gen_ai.provider.name", "auth")))
        self.assertRegex(exchange["tls.version"], "TLS")
        usage = task["history"][-1]["metadata"]["adk_usage_metadata"]
        for record in (turn, exchange):
            self.assertEqual((usage["promptTokenCount"], usage["candidatesTokenCount"]),
                             (record["gen_ai.usage.input_tokens"], record["gen_ai.usage.output_tokens"]))
        self.assertLessEqual(exchange["duration_us"], turn["duration_us"])
        self.assertLessEqual(turn["start_us"], exchange["start_us"])

    def test_one_record_each(self):
        self.script(use("k8s_get_available_api_resources"), say("done"))
        task = self.agent("tooled").send("look")
        records = self.of_session(task, 4)
        self.assertEqual(["exchange", "exchange", "tool_call", "turn"], sorted(r["kind"] for r in records))
        self.assertEqual(4, len({r["span_id"] for r in records}))
        self.assertEqual(4, len({r["id"] for r in records}))
        tool = next(r for r in records if r["kind"] == "tool_call")
        self.assertIn("k8s_get_available_api_resources", json.dumps(tool))

    def test_filters(self):
        one, other = self.agent().send("one"), self.agent("chunks").send("other")
        self.of_session(one, 2)
        self.of_session(other, 2)
        self.assertEqual({f"{NS}/chunks"}, {r["agent"] for r in self.records("--agent", f"{NS}/chunks")})
        self.assertEqual({one["contextId"]}, {r["session"] for r in self.records("--session", one["contextId"])})
        self.assertEqual([], self.records("--session", "no-such-session"))
        self.assertEqual([], self.records("--agent", f"{NS}/chunks", "--session", one["contextId"]))
        self.assertTrue(self.records("--since", "10m"))
        newest = max(r["start_us"] for r in self.records())
        wait_until(lambda: not [r for r in self.records("--since", "1s") if r["start_us"] <= newest], timeout=5,
                   what="--since 1s to leave the old ones out")
        self.assertTrue(self.records("--since", "1h"))

    def test_bad_filters(self):
        for args in (("--since", "soon"), ("--since", "-5m"), ("-o", "xml"), ("--nonsense",)):
            done = self.cli("traffic", *args)
            self.assertIn(done.returncode, (1, 2))
            self.assertEqual("", done.stdout)
            self.assertTrue(done.stderr)

    def test_table(self):
        task = self.agent().send("hello")
        self.of_session(task, 2)
        lines = self.assert_exit(0, self.cli("traffic")).stdout.splitlines()
        self.assertTrue(any("api.openai.com:443" in line and "auth=secret" in line for line in lines))
        self.assertTrue(any(f"{NS}/plain" in line for line in lines))

    def test_following(self):
        process = harness.Process([harness.need_binary(), "traffic", "-f", "-o", "json", "--agent", f"{NS}/plain",
                                   "--state-dir", self.server.state_dir])
        try:
            self.agent("chunks").send("not this")
            for _ in range(2):
                task = self.agent().send("this")
                process.wait_line(lambda line, turn=task["id"]: line.startswith("{") and json.loads(line)["turn"] == turn
                                  and json.loads(line)["kind"] == "exchange")
            records = [json.loads(line) for line in process.lines if line.strip()]
            self.assertEqual({f"{NS}/plain"}, {r["agent"] for r in records})
            self.assertEqual(len(records), len({r["id"] for r in records}), "each once")
        finally:
            process.end()

    def test_no_words_and_no_keys_in_records(self):
        task = self.agent().send("these are private words")
        self.of_session(task, 2)
        text = json.dumps(self.records())
        self.assertNotIn(KEY, text)
        self.assertNotIn(KEY, self.server.stderr())


class Explain(TrafficTest):
    def explain(self, identity, *args):
        return self.assert_exit(0, self.cli("explain", str(identity), *args)).stdout

    def test_one_trace_through_all_of_it(self):
        for name, turns in (("plain", 1), ("chunks", 1), ("tooled", 2)):
            with self.subTest(name):
                self.fake.clear()
                rules = [use("k8s_get_available_api_resources")] if name == "tooled" else []
                self.script(*rules, say("done"))
                task = self.agent(name).send("hello")
                records = self.of_session(task, 2 if turns == 1 else 4)
                trace = task["metadata"]["sightline_trace_id"]
                self.assertEqual({trace}, {r["trace_id"] for r in records})
                turn = next(r for r in records if r["kind"] == "turn")
                exchanges = [r for r in records if r["kind"] == "exchange"]
                for record in records:
                    if record is not turn:
                        self.assertEqual(turn["span_id"], record["parent_span_id"])
                sent = [re.fullmatch(r"00-([0-9a-f]{32})-([0-9a-f]{16})-0[01]", c["headers"]["traceparent"]) for c in self.model_calls()]
                self.assertEqual([trace] * turns, [m.group(1) for m in sent])
                self.assertEqual({r["span_id"] for r in exchanges}, {m.group(2) for m in sent})

    def test_the_callers_trace_goes_on(self):
        trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
        task = self.agent().must("message/send", {"message": {
            "kind": "message", "role": "user", "messageId": "m", "parts": [{"kind": "text", "text": "x"}]}},
            {"traceparent": f"00-{trace}-{span}-01", "tracestate": "vendor=a1,other=b2"})
        records = self.of_session(task, 2)
        self.assertEqual({trace}, {r["trace_id"] for r in records})
        self.assertEqual(span, next(r for r in records if r["kind"] == "turn")["parent_span_id"])
        sent = self.model_calls()[-1]["headers"]
        self.assertIn(trace, sent["traceparent"])
        self.assertEqual("vendor=a1,other=b2", sent["tracestate"])

    def test_a_broken_traceparent(self):
        for bad in ("nonsense", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "00-xyz-1-01", "ff-" + "a" * 32 + "-" + "b" * 16 + "-01"):
            task = self.agent().must("message/send", {"message": {
                "kind": "message", "role": "user", "messageId": "m", "parts": [{"kind": "text", "text": "x"}]}},
                {"traceparent": bad, "tracestate": "vendor=a1"})
            self.assertNotIn("tracestate", self.model_calls()[-1]["headers"])
            self.assertRegex(task["metadata"]["sightline_trace_id"], "^[0-9a-f]{32}$")
            self.assertNotEqual("0" * 32, task["metadata"]["sightline_trace_id"])

    def test_the_tree(self):
        self.script(use("k8s_get_available_api_resources"), say("done"))
        task = self.agent("tooled").send("look")
        records = self.of_session(task, 4)
        trace = records[0]["trace_id"]
        tree = self.explain(trace)
        for words in (trace, f"{NS}/tooled", task["contextId"], "api.openai.com:443", f"{NS}/models", f"{NS}/gw", "TLS",
                      "k8s_get_available_api_resources", "gpt-4o-mini", "Secret"):
            self.assertIn(words, tree)
        self.assertNotIn(KEY, tree)
        order = [tree.index(words) for words in ("turn of", "model call", "k8s_get_available_api_resources")]
        self.assertEqual(sorted(order), order)
        self.assertEqual(2, tree.count("model call"))
        for record in records:
            with self.subTest(record["kind"]):
                self.assertEqual(tree, self.explain(record["id"]))
                self.assertIn(f"#{record['id']}", tree)

    def test_by_turn_and_by_session(self):
        """What the log line names finds everything."""
        agent = self.agent()
        first = agent.send("the first question")
        second = agent.send("the second question", first["contextId"])
        self.of_session(first, 4)
        one, two = (self.explain(task["id"]) for task in (first, second))
        self.assertIn("question  the first question", one)
        self.assertIn("answer    You said: the first question", one)
        self.assertNotIn("second", one)
        self.assertEqual(one + two, self.explain(first["contextId"]))

    def test_a_long_question_is_one_short_line(self):
        task = self.agent().send("long\n\x1b[31m" + "word " * 1000)
        self.of_session(task, 2)
        line = next(x for x in self.explain(task["id"]).splitlines() if "question  long" in x)
        self.assertLess(len(line), 300)
        self.assertNotIn("\x1b", line)

    def test_yaml(self):
        task = self.agent().send("hello")
        self.of_session(task, 2)
        for args in (("explain", task["id"]), ("traffic", "--session", task["contextId"])):
            out = self.assert_exit(0, self.cli(*args, "-o", "yaml")).stdout
            self.assertEqual(2, len([x for x in out.splitlines() if x.startswith("- ")]), out)
            self.assertIn(f"turn: {task['id']}", out)

    def test_json(self):
        task = self.agent().send("hello")
        records = self.of_session(task, 2)
        values = json.loads(self.explain(records[0]["trace_id"], "-o", "json"))
        self.assertEqual({r["span_id"] for r in records}, {r["span_id"] for r in values})

    def test_a_failure(self):
        self.script({"status": 429, "error": {"message": "slow down"}})
        task = self.agent().send("hello")
        tree = self.explain(self.of_session(task, 2)[0]["trace_id"])
        self.assertIn("429", tree)
        self.assertIn("slow down", tree)

    def test_each_turn_has_its_own_words(self):
        self.script(use("ask_user", {"questions": [{"question": "Which colour?"}]}), say("FINAL"))
        task = self.agent().send("paint it")
        self.of_session(task, 2)
        self.agent().send("blue", task["contextId"], task["id"])
        self.of_session(task, 5)
        tree = self.explain(task["id"])
        first, second = tree[:tree.rindex("turn of agent")], tree[tree.rindex("turn of agent"):]
        self.assertIn("question  paint it", first)
        self.assertNotIn("FINAL", first)
        self.assertIn("question  blue", second)
        self.assertIn("answer    FINAL", second)

    def test_under_way(self):
        self.script({"fault": "hang"})
        task = self.agent().send("hang", blocking=False)
        self.wait_model_calls(1)
        told = self.explain(task["id"])
        self.assertIn(f"agent {NS}/plain is working", told)
        self.agent().must("tasks/cancel", {"id": task["id"]})

    def test_output_that_cannot_be_written(self):
        task = self.agent().send("hello")
        self.of_session(task, 2)
        for args in (("traffic",), ("explain", task["id"]), ("invoke", "plain", "-n", NS, "--task", "x")):
            with open("/dev/full", "w") as full:
                done = subprocess.run([str(harness.need_binary()), *args, "--state-dir", str(self.server.state_dir)], stdout=full,
                                      stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=30)
            self.assertEqual(1, done.returncode, done)
            self.assertIn("No space left", done.stderr)

    def test_what_a_model_says_is_only_text(self):
        bad = "red \x1b[31malert\x07 \u009b5m end"
        self.script(say(bad))
        for more in ((), ("--stream",)):
            out = self.cli("invoke", "plain", "-n", NS, "--task", "x", *more).stdout
            self.assertRegex(out, r"^red .*alert.* end\n$")
            self.assertNotRegex(out, r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
        self.script({"status": 429, "error": {"message": "slow\n     9  2026-01-01  forged \x1b[2J"}})
        task = self.agent().send("hello")
        self.of_session(task, 2)
        for args in (("traffic", "--session", task["contextId"]), ("explain", task["id"])):
            out = self.cli(*args).stdout
            self.assertNotRegex(out, r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
            self.assertFalse([x for x in out.splitlines() if x.startswith("     9  2026-01-01")], out)

    def test_an_answer_that_was_cut(self):
        for reason, words in (("max_tokens", "limit of tokens"), ("refusal", "refused")):
            self.script({"reply": {"text": "half", "stop_reason": reason}})
            for more in ((), ("--stream",)):
                done = self.cli("invoke", "plain", "-n", NS, "--task", "x", *more)
                self.assertEqual((0, "half\n"), (done.returncode, done.stdout))
                self.assertIn(words, done.stderr)
        self.script(say("whole"))
        self.assertEqual("", self.cli("invoke", "plain", "-n", NS, "--task", "x").stderr)

    def test_what_is_not_there(self):
        for identity in ("99999999", "4bf92f3577b34da6a3ce929d0e0e0000"):
            done = self.assert_exit(1, self.cli("explain", identity))
            self.assertIn(identity, done.stderr)
            self.assertEqual("", done.stdout)
        self.assertIn(self.cli("explain", "nonsense").returncode, (1, 2))
        self.assert_exit(2, self.cli("explain"))


if __name__ == "__main__":
    unittest.main()

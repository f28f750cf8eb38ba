"""The verbs for machines without kubectl, and the small ones: help, exit codes, output."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import objects
from harness import need_binary, walkthrough, wait_until
from test_agents_kit import AgentTest, KEY, NS, request

VERBS = ("up", "gateway", "kubeconfig", "apply", "get", "describe", "delete", "logs", "invoke", "traffic", "explain", "route",
         "translate", "validate", "fake-llm", "config-dump", "completion", "version")


def run(*args, stdin=None, env=None):
    return subprocess.run([str(need_binary()), *map(str, args)], input=stdin, capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL if stdin is None else None, env=env)


class Plain(unittest.TestCase):
    """Without a server."""

    def exits(self, code, done):
        self.assertEqual(code, done.returncode, f"{done.args}\n{done.stdout[-800:]}\n{done.stderr[-800:]}")
        return done

    def test_help(self):
        text = self.exits(0, run("--help")).stdout
        for verb in VERBS:
            with self.subTest(verb):
                self.assertRegex(text, rf"(?m)^\s+{verb}\s")
                done = self.exits(0, run(verb, "--help"))
                self.assertIn("Usage", done.stdout)
                self.assertEqual("", done.stderr)

    def test_usage_errors(self):
        for args in ((), ("nonsense",), ("get", "--nonsense"), ("get",), ("validate",), ("completion",), ("completion", "tcsh"),
                     ("explain",), ("invoke",), ("apply",), ("version", "-o", "xml"), ("get", "agents", "-o", "xml")):
            with self.subTest(args):
                done = self.exits(2, run(*args))
                self.assertEqual("", done.stdout)
                self.assertTrue(done.stderr.strip())

    def test_no_server(self):
        with tempfile.TemporaryDirectory() as folder:
            for args in (("get", "agents"), ("traffic",), ("explain", "1"), ("invoke", "a/b", "--task", "x"), ("config-dump",),
                         ("kubeconfig",), ("delete", "agent", "x"), ("logs", "x"), ("describe", "agent", "x")):
                with self.subTest(args):
                    done = self.exits(1, run(*args, "--state-dir", folder))
                    self.assertIn(folder, done.stderr)
                    self.assertEqual("", done.stdout)

    def test_a_server_that_went_away(self):
        """endpoints.json of a server that is no longer there."""
        with tempfile.TemporaryDirectory() as folder:
            endpoints = {k: "http://127.0.0.1:1" for k in ("ui", "admin", "metrics", "ready")}
            endpoints.update(api="https://127.0.0.1:1", kubeconfig=f"{folder}/kubeconfig", gateways={})
            pathlib.Path(folder, "endpoints.json").write_text(json.dumps(endpoints))
            for args in (("traffic",), ("invoke", "a/b", "--task", "x"), ("explain", "1")):
                with self.subTest(args):
                    self.assertIn("127.0.0.1:1", self.exits(1, run(*args, "--state-dir", folder)).stderr)

    def test_version(self):
        text = self.exits(0, run("version")).stdout
        self.assertRegex(text, r"\d+\.\d+\.\d+")
        found = json.loads(self.exits(0, run("version", "-o", "json")).stdout)
        self.assertTrue(any(str(v) in text for v in found.values()))

    def test_completion(self):
        for shell in ("bash", "zsh", "fish"):
            with self.subTest(shell):
                script = self.exits(0, run("completion", shell)).stdout
                for verb in ("invoke", "traffic", "config-dump"):
                    self.assertIn(verb, script)
                if shutil.which(shell):
                    check = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, timeout=20)
                    self.assertEqual((0, ""), (check.returncode, check.stderr))

    def test_completion_in_bash(self):
        if not shutil.which("bash"):
            self.skipTest("there is no bash")
        script = run("completion", "bash").stdout + (
            '\nCOMP_WORDS=(sightline tra); COMP_CWORD=1; COMP_LINE="sightline tra"; COMP_POINT=13\n'
            'f=$(complete -p sightline | sed "s/.*-F \\([^ ]*\\).*/\\1/"); $f sightline tra sightline; echo "${COMPREPLY[@]}"\n')
        done = subprocess.run(["bash", "--norc"], input=script, capture_output=True, text=True, timeout=20)
        self.assertEqual((["traffic", "translate"], ""), (sorted(done.stdout.split()), done.stderr))

    def validate(self, text, name="m.yaml"):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, name)
            path.write_text(text)
            done = run("validate", "-f", path)
            return done.returncode, done.stdout + done.stderr, str(path)

    def test_validate_good_ones(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = walkthrough(folder, "127.0.0.1")
            for args in (("-f", folder), [a for p in paths for a in ("-f", p)]):
                done = run("validate", *args)
                problems = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("error")]
                self.assertLessEqual(len(problems), 1, "at most the Secret in another namespace")
                self.assertTrue(all("anthropic-secret" in line for line in problems), problems)
                self.assertIn("6 objects", done.stdout + done.stderr)

    def test_validate_a_good_file(self):
        good = [objects.namespace("x"), objects.secret("x", "k", Authorization="v"),
                objects.model_config("x", "m", secret_name="k"), objects.agent("x", "a", "m")]
        code, out, _ = self.validate("\n---\n".join(json.dumps(o) for o in good))
        self.assertEqual(0, code, out)

    def test_validate_names_the_place(self):
        text = ("apiVersion: kagent.dev/v1alpha2\nkind: Agent\nmetadata:\n  name: a\n  namespace: x\nspec:\n"
                "  type: Declarative\n  declarative:\n    systemMessage: hi\n    stream: maybe\n")
        code, out, path = self.validate(text)
        self.assertEqual(1, code)
        self.assertRegex(out, rf"{path}:10:\d+")
        self.assertIn("stream", out)
        code, out, path = self.validate(text.replace("maybe", "true") + "    nonsense: 1\n")
        self.assertEqual(1, code)
        self.assertIn("nonsense", out)
        self.assertRegex(out, rf"{path}:11:\d+")

    def test_validate_bad_yaml(self):
        code, out, path = self.validate("kind: Agent\n  bad: [indent\n")
        self.assertEqual(1, code)
        self.assertRegex(out, rf"{path}:\d+:\d+")

    def test_validate_references(self):
        code, out, _ = self.validate(json.dumps(objects.agent("x", "a", "no-such-config")), "m.json")
        self.assertEqual(1, code)
        self.assertIn("no-such-config", out)

    def test_validate_a_route_whose_gateway_is_elsewhere(self):
        text = ("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: x}\nspec:\n"
                "  parentRefs:\n  - name: elsewhere\n  rules:\n  - matches:\n"
                "    - path: {type: RegularExpression, value: '/re/(['}\n    backendRefs:\n    - {name: missing, port: 80}\n")
        code, out, path = self.validate(text)
        self.assertEqual(1, code, out)
        self.assertRegex(out, rf"warning {path}:6:\d+: Gateway x/elsewhere is not among these files")
        self.assertRegex(out, rf"{path}:6:\d+: HTTPRoute x/r: .*\[")
        self.assertIn("missing", out)

    def test_validate_sections_and_ports_of_a_gateway_elsewhere(self):
        """None is a problem, and a Gateway that is there keeps its port."""
        parents = [{"name": "a-far", "sectionName": "one"}, {"name": "a-far", "sectionName": "two", "port": 8080},
                   {"name": "a-far", "sectionName": "one", "port": 8080}, {"name": "a-far", "port": 8080}]
        route = objects.route("x", "r", parents, [objects.backend_ref("b")])
        gateway = objects.gateway("x", "near", objects.listener(8080))
        gateway["spec"]["gatewayClassName"] = "agentgateway"
        all_of_it = [objects.namespace("x"), gateway, objects.static_backend("x", "b"), route]
        code, out, _ = self.validate("\n---\n".join(json.dumps(o) for o in all_of_it))
        self.assertEqual((0, 4), (code, out.count("is not among these files")), out)

    def test_validate_a_gateway_that_cannot_be(self):
        """It is a problem of its place, and the rest is looked at all the same."""
        routes = [objects.route("x", name, [{"name": parent}], [objects.backend_ref("missing")]) for name, parent in (("r", "Far"), ("s", "far"))]
        code, out, path = self.validate("\n---\n".join(json.dumps(o) for o in [objects.namespace("x"), *routes]))
        self.assertEqual(1, code, out)
        self.assertRegex(out, rf"error {path}:\d+:\d+: .*Far")
        self.assertIn("HTTPRoute x/s: ResolvedRefs", out)

    def test_validate_names_the_parent_beside_one_of_another_controller(self):
        theirs, ours = objects.gateway("x", "theirs", objects.listener(81), cls="else"), objects.gateway("x", "ours", objects.listener(80))
        text = ("apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: x}\nspec:\n"
                "  parentRefs:\n  - {name: theirs, sectionName: a}\n  - {name: ours, sectionName: http}\n  - {name: theirs, sectionName: b}\n"
                "  - {name: ours, sectionName: none}\n  rules: [{}]\n")
        others = [objects.namespace("x"), objects.gateway_class("else", "example.com/else"), theirs, ours]
        code, out, path = self.validate("\n---\n".join([text, *map(json.dumps, others)]))
        self.assertEqual(1, code, out)
        self.assertRegex(out, rf"error {path}:9:\d+: HTTPRoute x/r: Accepted NoMatchingParent")
        self.assertEqual(1, out.count("HTTPRoute x/r: "), out)

    def test_validate_listeners(self):
        gateway = objects.gateway("x", "g", objects.listener(8080), {**objects.listener(8443), "name": "tls", "protocol": "HTTPS"})
        gateway["spec"]["gatewayClassName"] = "agentgateway"
        gateway["spec"]["listeners"][1]["tls"] = {"certificateRefs": [{"name": "c"}]}
        code, out, path = self.validate(json.dumps(gateway))
        self.assertEqual(1, code, out)
        self.assertIn("Gateway x/g listener tls: Accepted UnsupportedProtocol", out)

    def test_validate_knows_the_listen_host(self):
        with tempfile.TemporaryDirectory() as folder:
            walkthrough(folder, "127.9.9.9")
            self.assertIn("taken to listen on 127.0.0.1", run("validate", "-f", folder).stdout)
            self.assertNotIn("ThroughGateway", run("validate", "-f", folder, "--listen-host", "127.9.9.9").stdout)

    def test_validate_what_is_not_there(self):
        done = run("validate", "-f", "/no/such/file.yaml")
        self.assertIn(done.returncode, (1, 2))
        self.assertIn("/no/such/file.yaml", done.stderr)


class Resources(AgentTest):
    def apply(self, text, *args):
        return self.cli("apply", "-f", "-", *args, stdin=text if isinstance(text, str) else json.dumps(text))

    def test_apply_get_delete(self):
        done = self.assert_exit(0, self.apply(objects.config_map(NS, "one", {"k": "v"})))
        self.assertEqual("configmap/one created\n", done.stdout)
        self.assertEqual("configmap/one unchanged\n", self.apply(objects.config_map(NS, "one", {"k": "v"})).stdout)
        self.assertEqual("configmap/one configured\n", self.apply(objects.config_map(NS, "one", {"k": "w"})).stdout)
        found = json.loads(self.assert_exit(0, self.cli("get", "configmap", "one", "-n", NS, "-o", "json")).stdout)
        self.assertEqual({"k": "w"}, found["data"])
        for kind in ("configmaps", "cm", "configmap"):
            self.assertIn("one", self.assert_exit(0, self.cli("get", kind, "-n", NS)).stdout)
        done = self.assert_exit(0, self.cli("delete", "configmap", "one", "-n", NS))
        self.assertIn("one", done.stdout)
        done = self.assert_exit(1, self.cli("get", "configmap", "one", "-n", NS))
        self.assertIn("not found", done.stderr)
        self.assertEqual("", done.stdout)
        self.assert_exit(1, self.cli("delete", "configmap", "one", "-n", NS))

    def test_a_field_that_was_removed_from_the_manifest(self):
        self.apply(objects.config_map(NS, "shrinking", {"a": "1", "b": "2"}))
        self.assert_exit(0, self.apply(objects.config_map(NS, "shrinking", {"a": "1"})))
        self.assertEqual({"a": "1"}, self.api.read("ConfigMap", NS, "shrinking")["data"])

    def test_many_documents_and_a_bad_one(self):
        text = "\n---\n".join(json.dumps(o) for o in (objects.config_map(NS, "m1"), {"kind": "Nonsense"}, objects.config_map(NS, "m2")))
        done = self.assert_exit(1, self.apply(text))
        self.assertIn("Nonsense", done.stderr)
        with tempfile.TemporaryDirectory() as folder:
            for name in ("b.yaml", "a.json", "c.yml"):
                pathlib.Path(folder, name).write_text(json.dumps(objects.config_map(NS, f"dir-{name[0]}")))
            pathlib.Path(folder, "notes.txt").write_text("not a manifest: [")
            self.assert_exit(0, self.cli("apply", "-f", folder))
            self.assertLessEqual({"dir-a", "dir-b", "dir-c"}, set(self.api.names("ConfigMap", NS)))
            self.assert_exit(0, self.cli("delete", "-f", folder))
            self.assertFalse({"dir-a", "dir-b", "dir-c"} & set(self.api.names("ConfigMap", NS)))

    def test_json_with_escaped_characters_beyond_the_first_plane(self):
        done = self.assert_exit(0, self.apply(json.dumps(objects.config_map(NS, "rocket", {"k": "\U0001F680"}))))
        self.assertEqual("", done.stderr)
        self.assertEqual("\U0001F680", self.api.read("ConfigMap", NS, "rocket")["data"]["k"])

    def test_the_namespace_option(self):
        obj = objects.config_map(None, "by-option")
        self.assert_exit(0, self.apply(obj, "-n", NS))
        self.assertTrue(self.api.exists("ConfigMap", NS, "by-option"))
        self.assert_exit(1, self.apply(objects.config_map("absent-ns", "x")))

    def test_refused_by_the_api(self):
        bad = objects.agent(NS, "bad", "m")
        bad["spec"]["type"] = "Nonsense"
        done = self.assert_exit(1, self.apply(bad))
        self.assertIn("spec.type", done.stderr)

    def test_get_tables(self):
        lines = self.assert_exit(0, self.cli("get", "agents", "-n", NS)).stdout.splitlines()
        self.assertRegex(lines[0], r"^NAME\s+TYPE\s+RUNTIME\s+READY\s+ACCEPTED")
        self.assertTrue(any(line.startswith("plain ") for line in lines))
        lines = self.assert_exit(0, self.cli("get", "agents", "-A")).stdout.splitlines()
        self.assertTrue(lines[0].startswith("NAMESPACE"))
        found = json.loads(self.cli("get", "agents", "-A", "-o", "json").stdout)
        self.assertTrue(found["kind"].endswith("List"))
        self.assertIn("name: plain", self.cli("get", "agent", "plain", "-n", NS, "-o", "yaml").stdout)
        self.assertEqual(0, self.cli("get", "configmaps", "-n", "default").returncode)
        done = self.assert_exit(1, self.cli("get", "gizmotrons"))
        self.assertIn("gizmotrons", done.stderr)

    def test_yaml_comes_back(self):
        text = self.assert_exit(0, self.cli("get", "agent", "plain", "-n", NS, "-o", "yaml")).stdout
        self.assertRegex(self.assert_exit(0, self.apply(text)).stdout, r"^agent(\.kagent\.dev)?/plain (unchanged|configured)\n$")

    def test_describe(self):
        text = self.assert_exit(0, self.cli("describe", "agent", "plain", "-n", NS)).stdout
        for word in ("plain", NS, "DeploymentReady"):
            self.assertIn(word, text)
        self.assert_exit(1, self.cli("describe", "agent", "absent", "-n", NS))

    def test_describe_of_a_secret_shows_no_value(self):
        text = self.assert_exit(0, self.cli("describe", "secret", "llm-key", "-n", NS)).stdout
        self.assertIn("Authorization", text)
        self.assertNotIn(KEY, text)
        self.assertNotIn("c2stYWdlbnRz", text)

    def test_logs(self):
        self.agent().send("hello")
        pods = wait_until(lambda: self.api.names("Pod", NS))
        pod = next(p for p in pods if "gw" in p)

        def lines():
            return self.assert_exit(0, self.cli("logs", pod, "-n", NS)).stdout.splitlines()

        wait_until(lambda: any("http.path=/openai/chat/completions" in line for line in lines()))

        def tail_is_the_end():  # lines may still come in between the two calls
            return lines()[-1:] == self.cli("logs", pod, "-n", NS, "--tail", "1").stdout.splitlines()

        wait_until(tail_is_the_end)
        self.assertEqual([], self.cli("logs", pod, "-n", NS, "--tail", "0").stdout.splitlines())
        done = self.assert_exit(1, self.cli("logs", "ghost", "-n", NS))
        self.assertIn("ghost", done.stderr)

    def test_config_dump(self):
        text = self.assert_exit(0, self.cli("config-dump")).stdout
        json.loads(text)
        self.assertIn(f"{NS}/models", text)
        self.assertNotIn(KEY, text)

    def test_kubeconfig(self):
        text = self.assert_exit(0, self.cli("kubeconfig")).stdout
        self.assertIn(self.server.endpoints()["api"], text)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            done = self.cli("get", "agents", "-n", NS, "--kubeconfig", file.name, state_dir=False)
            self.assertIn("plain", self.assert_exit(0, done).stdout)
        self.assertEqual(0, pathlib.Path(self.server.kubeconfig()).stat().st_mode & 0o077, "it holds a token")

    def test_the_state_directory_of_the_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            os.symlink(self.server.state_dir, pathlib.Path(folder, "sightline"))
            done = run("get", "agents", "-n", NS, env={**os.environ, "XDG_STATE_HOME": folder})
            self.assertIn("plain", done.stdout)

    def test_output_that_is_not_read(self):
        """`sightline get ... | head -1` ends quietly."""
        done = subprocess.run(["bash", "-c", f"set -o pipefail; {need_binary()} get agents -A -o json --state-dir "
                               f"{self.server.state_dir} | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"],
                              capture_output=True, text=True, timeout=20)
        self.assertIn(done.stdout.strip(), ("0", "1", "141"))
        self.assertNotIn("terminate", done.stderr)

    def test_nothing_secret_in_process_arguments(self):
        found = pathlib.Path(f"/proc/{self.server.pid}/cmdline").read_text()
        self.assertNotIn(KEY, found)
        self.assertEqual(200, request(self.url, "GET", "/health").status)


if __name__ == "__main__":
    unittest.main()

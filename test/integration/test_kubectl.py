"""The walk-through with kubectl: apply the six manifests, apply them again, look at everything. Each kubectl in turn."""

import http.client
import re
import time
import unittest

import harness
from harness import wait_until
from kubectl import KubectlTest, for_each_kubectl

CREATED = ["secret/anthropic-secret", "gateway.gateway.networking.k8s.io/agentgateway",
           "backend.gateway.kgateway.dev/anthropic", "httproute.gateway.networking.k8s.io/claude",
           "modelconfig.kagent.dev/anthropic-model-config", "agent.kagent.dev/testing-agentgateway"]
OBJECTS = [("Secret", "kagent", "anthropic-secret"), ("Gateway", "kgateway-system", "agentgateway"),
           ("Backend", "kgateway-system", "anthropic"), ("HTTPRoute", "kgateway-system", "claude"),
           ("ModelConfig", "kagent", "anthropic-model-config"), ("Agent", "kagent", "testing-agentgateway")]
SYSTEM = ("-n", "kgateway-system")


class WalkThroughTest(KubectlTest):
    """A server to which the six manifests were applied, one after the other, and that has settled."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = cls.home / "manifests"
        folder.mkdir()
        cls.manifests = harness.walkthrough(folder, cls.host)
        cls.first = [cls.kubectl.ok("apply", "-f", path).strip() for path in cls.manifests]
        cls.settle()

    @classmethod
    def versions(cls):
        metas = [cls.api.read(*where)["metadata"] for where in OBJECTS]
        return [(m["name"], m["resourceVersion"], m.get("generation")) for m in metas]

    @classmethod
    def settle(cls):
        """Waits until the agent is ready and a quarter of a second has passed without a change of the six objects."""
        def ready():
            conditions = cls.api.read(*OBJECTS[-1]).get("status", {}).get("conditions", [])
            return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

        wait_until(ready, what="the agent to be ready")
        last = {"versions": None, "since": 0.0}

        def quiet():
            now = cls.versions()
            if now != last["versions"]:
                last.update(versions=now, since=time.monotonic())
            return time.monotonic() - last["since"] > 0.25

        wait_until(quiet, what="the objects to settle")


class Apply(WalkThroughTest):
    def test_the_first_time_creates(self):
        self.assertEqual([f"{name} created" for name in CREATED], self.first)

    def test_the_second_time_changes_nothing(self):
        """The Secret (stringData) and the HTTPRoute (defaults inside a list) are patched to what they already are."""
        before = self.versions()
        lines = self.kubectl.ok("apply", "-f", self.manifests[0].parent).splitlines()
        words = ["configured", "unchanged", "unchanged", "configured", "unchanged", "unchanged"]
        self.assertEqual([f"{name} {word}" for name, word in zip(CREATED, words)], lines)
        self.assertEqual(before, self.versions())

    def test_the_secret_is_kept_encoded(self):
        found = self.kubectl.json("get", "secret", "anthropic-secret", "-n", "kagent")
        self.assertEqual({"Authorization": "c2stYW50LXRlc3Q="}, found["data"])
        self.assertNotIn("stringData", found)

    def test_diff(self):
        self.assertEqual("", self.kubectl.ok("diff", "-f", self.manifests[1], "-f", self.manifests[4]))
        changed = self.file("changed.yaml", self.manifests[2].read_text().replace("claude-3-5-haiku-latest", "another-model"))
        before = self.versions()
        done = self.kubectl.run("diff", "-f", changed)
        self.assertEqual(1, done.code, done.err)
        self.assertRegex(done.out, r"(?m)^-\s+model: claude-3-5-haiku-latest$")
        self.assertRegex(done.out, r"(?m)^\+\s+model: another-model$")
        self.assertEqual(before, self.versions())

    def test_a_typing_mistake_is_named(self):
        bad = self.file("typo.yaml", self.manifests[2].read_text().replace("model:", "modle:"))
        self.assertIn("modle", self.kubectl.fails("apply", "-f", bad))

    def test_a_broken_rule_is_named(self):
        text = self.manifests[3].read_text().replace("value: /anthropic", "value: anthropic").replace("name: claude", "name: bad")
        error = self.kubectl.fails("apply", "-f", self.file("bad.yaml", text))
        self.assertIn('The HTTPRoute "bad" is invalid', error)
        self.assertIn("value must be an absolute path and start with '/'", error)


class Look(WalkThroughTest):
    def test_gateway_classes(self):
        rows = {r["NAME"]: r for r in self.kubectl.table("get", "gatewayclass")}
        for name in ("agentgateway", "kgateway"):
            self.assertEqual(["NAME", "CONTROLLER", "ACCEPTED", "AGE"], list(rows[name]))
            self.assertEqual((f"kgateway.dev/{name}", "True"), (rows[name]["CONTROLLER"], rows[name]["ACCEPTED"]))
            self.assertRegex(rows[name]["AGE"], r"^\d+(s|m)")

    def test_everything_everywhere(self):
        out = self.kubectl.ok("get", "gateway,httproute,backend,modelconfig,agents", "-A")
        for name in CREATED[1:]:
            self.assertRegex(out, rf"(?m)^k(gateway-system|agent)\s+{re.escape(name)}\s")
        self.assertRegex(out, r"(?m)^NAMESPACE\s+NAME\s+CLASS\s+ADDRESS\s+PROGRAMMED\s+AGE$")
        self.assertRegex(out, rf"(?m)/agentgateway\s+agentgateway\s+{re.escape(self.host)}\s+True\s+\d+\w+$")
        self.assertRegex(out, r"(?m)/testing-agentgateway\s+Declarative\s+go\s+True\s+True$")
        self.assertRegex(out, r"(?m)/anthropic-model-config\s+OpenAI\s+claude-3-5-haiku-latest$")

    def test_short_names_and_categories(self):
        self.assertIn("backend.gateway.kgateway.dev/anthropic", self.kubectl.ok("get", "be", "-A", "-o", "name"))
        self.assertIn("modelconfig.kagent.dev/anthropic-model-config", self.kubectl.ok("get", "mc", "-A", "-o", "name"))
        self.assertIn("agent.kagent.dev/testing-agentgateway", self.kubectl.ok("get", "kagent", "-A", "-o", "name"))

    def test_the_parts_as_pods_and_services(self):
        pods = self.kubectl.table("get", "pods", *SYSTEM)
        gateway = [p for p in pods if p["NAME"].startswith("agentgateway")]
        self.assertEqual([("1/1", "Running", "0")], [(p["READY"], p["STATUS"], p["RESTARTS"]) for p in gateway])
        self.assertGreaterEqual(len(pods), 2, "the controller is missing")
        self.assertTrue(all(p["STATUS"] == "Running" for p in pods))
        out = self.kubectl.ok("get", "pods,svc", *SYSTEM)
        self.assertIn("pod/agentgateway", out)
        self.assertRegex(out, rf"(?m)^service/agentgateway\s+LoadBalancer\s+\S+\s+{re.escape(self.host)}\s+8080\S*\s")

    def test_the_parts_of_kagent(self):
        services = {s["NAME"]: s for s in self.kubectl.table("get", "svc", "-n", "kagent")}
        self.assertIn("kagent-controller", services)
        self.assertEqual("LoadBalancer", services["kagent-ui"]["TYPE"])
        ui = self.server.endpoints()["ui"].removeprefix("http://")
        found = self.kubectl.json("get", "svc", "kagent-ui", "-n", "kagent")
        address = found["status"]["loadBalancer"]["ingress"][0]["ip"]
        self.assertEqual(ui, f"{address}:{found['spec']['ports'][0]['port']}")
        self.assertTrue(self.kubectl.table("get", "pods", "-n", "kagent"))

    def test_output_forms(self):
        gateway = ("get", "gateway", "agentgateway", *SYSTEM)
        yaml = self.kubectl.ok(*gateway, "-o", "yaml")
        self.assertIn("apiVersion: gateway.networking.k8s.io/v1\n", yaml)
        if self.kubectl.minor >= 21:
            self.assertNotIn("managedFields", yaml)
        self.assertEqual("8080", self.kubectl.ok(*gateway, "-o", "jsonpath={.spec.listeners[0].port}"))
        self.assertEqual("agentgateway True\n", self.kubectl.ok(
            *gateway, "--no-headers", "-o", "custom-columns=N:.metadata.name,P:.status.conditions[?(@.type=='Programmed')].status")
            .replace("   ", " "))
        self.assertEqual(self.host, self.kubectl.json(*gateway)["status"]["addresses"][0]["value"])
        self.assertIn("agentgateway", self.kubectl.ok(*gateway, "-o", "wide"))
        self.assertEqual("gateway.gateway.networking.k8s.io/agentgateway\n", self.kubectl.ok(*gateway, "-o", "name"))

    def test_selectors_and_sorting(self):
        self.assertEqual("httproute.gateway.networking.k8s.io/claude\n",
                         self.kubectl.ok("get", "httproute", "-A", "-l", "app=agentgateway", "-o", "name"))
        self.assertEqual("", self.kubectl.ok("get", "httproute", "-A", "-l", "app!=agentgateway", "-o", "name"))
        self.assertEqual("secret/anthropic-secret\n", self.kubectl.ok(
            "get", "secret", "-n", "kagent", "--field-selector", "metadata.name=anthropic-secret", "-o", "name"))
        names = self.kubectl.ok("get", "ns", "--sort-by=.metadata.name", "--no-headers").split()[::3]
        self.assertEqual(sorted(names), names)

    def test_what_is_not_there(self):
        self.assertEqual('Error from server (NotFound): gateways.gateway.networking.k8s.io "absent" not found\n',
                         self.kubectl.fails("get", "gateway", "absent", *SYSTEM))
        self.assertIn("the server doesn't have a resource type", self.kubectl.fails("get", "nosuch"))
        done = self.kubectl.run("get", "configmap", "-n", "no-such-namespace")
        self.assertEqual((0, "No resources found in no-such-namespace namespace.\n"), (done.code, done.err))

    def test_describe(self):
        wanted = {
            ("gateway", "agentgateway", "kgateway-system"): ("Gateway Class Name:", "Programmed", self.host),
            ("httproute", "claude", "kgateway-system"): ("Replace Full Path:", "ResolvedRefs", "Accepted"),
            ("backend", "anthropic", "kgateway-system"): ("SecretNotFound", "claude-3-5-haiku-latest"),
            ("modelconfig", "anthropic-model-config", "kagent"): ("anthropic-secret", "Accepted"),
            ("agent", "testing-agentgateway", "kagent"): ("Reconciled", "DeploymentReady"),
            ("secret", "anthropic-secret", "kagent"): ("Authorization:", "bytes"),
            ("svc", "agentgateway", "kgateway-system"): ("LoadBalancer", "8080"),
            ("ns", "kagent", "kagent"): ("Active",),
        }
        for (kind, name, namespace), words in wanted.items():
            with self.subTest(kind):
                out = self.kubectl.ok("describe", kind, name, "-n", namespace)
                self.assertRegex(out, rf"(?m)^Name:\s+{name}$")
                for word in words:
                    self.assertIn(word, out)
                self.assertNotIn("sk-ant-test", out)
        pods = self.kubectl.ok("get", "pods", *SYSTEM, "-o", "name").split()
        self.assertIn("Running", self.kubectl.ok("describe", pods[0], *SYSTEM))

    def test_explain(self):
        out = self.kubectl.ok("explain", "gateway.spec.listeners")
        for word in ("FIELDS", "allowedRoutes", "hostname", "-required-", "protocol"):
            self.assertIn(word, out)
        out = self.kubectl.ok("explain", "agent.spec.declarative")
        for word in ("modelConfig", "systemMessage", "<string>", "tools"):
            self.assertIn(word, out)
        self.assertIn("listeners", self.kubectl.ok("explain", "gateway", "--recursive"))
        self.assertIn("stringData", self.kubectl.ok("explain", "secret"))
        self.assertIn("nosuch", self.kubectl.fails("explain", "gateway.spec.nosuch"))

    def test_api_resources(self):
        out = self.kubectl.ok("api-resources")
        for line in (r"gatewayclasses\s+gc\s+gateway\.networking\.k8s\.io/v1\s+false\s+GatewayClass",
                     r"httproutes\s+gateway\.networking\.k8s\.io/v1\s+true\s+HTTPRoute",
                     r"backends\s+be\s+gateway\.kgateway\.dev/v1alpha1\s+true\s+Backend",
                     r"modelconfigs\s+mc\s+kagent\.dev/v1alpha2\s+true\s+ModelConfig",
                     r"agents\s+kagent\.dev/v1alpha2\s+true\s+Agent",
                     r"configmaps\s+cm\s+v1\s+true\s+ConfigMap"):
            self.assertRegex(out, rf"(?m)^{line}\s*$")
        versions = self.kubectl.ok("api-versions").split()
        for version in ("v1", "gateway.networking.k8s.io/v1", "kagent.dev/v1alpha2", "apiextensions.k8s.io/v1"):
            self.assertIn(version, versions)

    def test_wait(self):
        for condition, what, namespace in (("Accepted", "gatewayclass/agentgateway", "default"),
                                           ("Programmed", "gateway/agentgateway", "kgateway-system"),
                                           ("Ready", "agent/testing-agentgateway", "kagent")):
            out = self.kubectl.ok("wait", f"--for=condition={condition}", what, "-n", namespace, "--timeout=20s")
            self.assertTrue(out.endswith("condition met\n"), out)
        error = self.kubectl.fails("wait", "--for=condition=Nonsense", "gateway/agentgateway", *SYSTEM, "--timeout=1s")
        self.assertIn("timed out waiting for the condition", error)
        if self.kubectl.minor >= 23:
            path = "--for=jsonpath={.status.addresses[0].value}=" + self.host
            self.kubectl.ok("wait", path, "gateway/agentgateway", *SYSTEM, "--timeout=20s")

    def test_version(self):
        self.assertRegex(self.kubectl.ok("version"), r"Server Version:.*v1\.\d+")

    def test_who_may(self):
        self.assertEqual("yes\n", self.kubectl.ok("auth", "can-i", "create", "gateways"))
        self.assertEqual("yes\n", self.kubectl.ok("auth", "can-i", "*", "*", "-A"))
        self.assertRegex(self.kubectl.ok("auth", "can-i", "--list"), r"(?m)^\*\.\*\s.*\[\*\]")

    def test_who_am_i(self):
        self.since(28, "auth whoami asks for a version before v1, or is not there")
        out = self.kubectl.ok("auth", "whoami")
        self.assertRegex(out, r"(?m)^Username\s+\S+")
        self.assertIn("system:masters", out)


class Events(WalkThroughTest):
    def test_columns(self):
        event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e.1", "namespace": "default"}, "type": "Warning",
                 "reason": "Odd", "message": "it was odd", "involvedObject": {"kind": "Pod", "name": "p"},
                 "source": {"component": "test"}, "lastTimestamp": "2026-01-01T00:00:00Z"}
        self.api.must_create(event)
        self.addCleanup(lambda: self.api.delete("Event", "default", "e.1"))
        heading, row = self.kubectl.ok("get", "events", "-n", "default").splitlines()
        self.assertEqual(["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"], heading.split())
        self.assertRegex(row, r"^\d+[dy]\S*\s+Warning\s+Odd\s+pod/p\s+it was odd$")
        wide = self.kubectl.ok("get", "events", "-n", "default", "-o", "wide").splitlines()
        self.assertRegex(wide[0], r"SUBOBJECT\s+SOURCE\s+MESSAGE\s+FIRST SEEN\s+COUNT\s+NAME$")
        self.assertTrue(wide[1].endswith("e.1"))
        self.assertEqual("event/e.1\n", self.kubectl.ok("get", "events", "-n", "default", "-o", "name"))

    def test_wide_services_and_pods(self):
        self.assertRegex(self.kubectl.ok("get", "svc", *SYSTEM, "-o", "wide"), r"AGE\s+SELECTOR\n.*app.kubernetes.io/name=")
        self.assertRegex(self.kubectl.ok("get", "pods", *SYSTEM, "-o", "wide"), r"NOMINATED NODE\s+READINESS GATES")


class Logs(WalkThroughTest):
    def ask(self, path):
        """A request that no route matches; the gateway logs it all the same."""
        connection = http.client.HTTPConnection(self.host, 8080, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def gateway_pod(self):
        pods = self.kubectl.ok("get", "pods", *SYSTEM, "-o", "name").split()
        return next(p for p in pods if p.startswith("pod/agentgateway"))

    def test_every_pod_has_a_log(self):
        for namespace in ("kgateway-system", "kagent"):
            for pod in self.kubectl.ok("get", "pods", "-n", namespace, "-o", "name").split():
                self.kubectl.ok("logs", pod, "-n", namespace)

    def test_the_controllers_tell_what_they_decided(self):
        out = self.kubectl.ok("logs", "kgateway", *SYSTEM)
        self.assertRegex(out, r"HTTPRoute kgateway-system/claude: parent agentgateway: Accepted=True/Accepted")
        out = self.kubectl.ok("logs", "kagent-controller", "-n", "kagent")
        self.assertRegex(out, r"Agent kagent/\S+: Accepted=True/Reconciled Ready=True")

    def test_the_requests_of_a_gateway(self):
        pod = self.gateway_pod()
        self.assertEqual(404, self.ask("/first"))
        wait_until(lambda: "/first" in self.kubectl.ok("logs", pod, *SYSTEM), what="the request in the log")
        self.assertEqual(404, self.ask("/second"))
        wait_until(lambda: "/second" in self.kubectl.ok("logs", pod, *SYSTEM, "--tail=1"), what="the last request")
        line = self.kubectl.ok("logs", pod, *SYSTEM, "--tail=1")
        self.assertEqual(1, line.count("\n"))
        self.assertRegex(line, r" request gateway=kgateway-system/agentgateway listener=http .*http\.method=GET "
                               r".*http\.path=/second .*http\.status=404 .*duration=\d+ms")
        self.assertRegex(self.kubectl.ok("logs", pod, *SYSTEM, "--tail=1", "--timestamps"), r"^20\d\d-\d\d-\d\dT\S+Z ")
        self.assertNotIn("/second", self.kubectl.ok("logs", pod, *SYSTEM, "--tail=0"))

    def test_follow(self):
        log = self.started("logs", "-f", self.gateway_pod(), *SYSTEM)
        self.ask("/followed/1")
        log.wait_line(lambda line: "/followed/1" in line)
        self.ask("/followed/2")
        log.wait_line(lambda line: "/followed/2" in line)

    def test_a_pod_that_is_not_there(self):
        self.assertIn("not found", self.kubectl.fails("logs", "absent", *SYSTEM))

    def test_pods_are_kept_by_the_server(self):
        self.assertIn("MethodNotAllowed", self.kubectl.fails("label", self.gateway_pod(), *SYSTEM, "a=b"))


@for_each_kubectl
class WalkThrough(Apply, Look, Logs):
    """All of the above on one server."""


if __name__ == "__main__":
    unittest.main()

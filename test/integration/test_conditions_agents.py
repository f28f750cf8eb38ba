"""Conditions of Backend, ModelConfig and Agent; that one bad object never holds up others; and that status settles."""

import unittest

import kube
import objects
from conditions import ConditionsTest, of_object
from harness import Sightline, free_port, private_host, wait_until

KEY = "sk-very-secret-value"


class Backends(ConditionsTest):
    def status_text(self, name):
        return str(self.api.read("Backend", self.ns, name)["status"])

    def test_a_good_one(self):
        self.api.must_create(objects.secret(self.ns, "llm-key", Authorization=KEY))
        self.api.must_create(objects.ai_backend(self.ns, "b"))
        self.expect("Backend", "b", {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"})
        self.assertNotIn(KEY, self.status_text("b"))

    def test_without_references(self):
        self.api.must_create(objects.static_backend(self.ns, "static"))
        inline = objects.ai_backend(self.ns, "inline")
        inline["spec"]["ai"]["llm"]["anthropic"]["authToken"] = {"kind": "Inline", "inline": KEY}
        self.api.must_create(inline)
        for name in ("static", "inline"):
            found = self.expect("Backend", name, {"Accepted": "True Accepted"})
            self.assertNotEqual("False", found.get("ResolvedRefs", {}).get("status"))
            self.assertNotIn(KEY, self.status_text(name))

    def test_a_secret_in_another_namespace(self):
        """The case of the walk-through: the message says where it looked and where such a secret is."""
        other = self.new_namespace()
        self.api.must_create(objects.secret(other, "llm-key", Authorization=KEY))
        self.api.must_create(objects.ai_backend(self.ns, "b"))
        found = self.expect("Backend", "b", {"Accepted": "True", "ResolvedRefs": "False SecretNotFound"})
        message = found["ResolvedRefs"]["message"]
        for word in ("llm-key", self.ns, other):
            self.assertRegex(message, rf"\b{word}\b")
        self.assertNotIn(KEY, message)
        self.api.must_create(objects.secret(self.ns, "llm-key", Authorization=KEY))
        self.expect("Backend", "b", {"ResolvedRefs": "True"})

    def test_a_secret_nowhere(self):
        self.api.must_create(objects.ai_backend(self.ns, "b", "found-nowhere"))
        found = self.expect("Backend", "b", {"ResolvedRefs": "False SecretNotFound"})
        for word in ("found-nowhere", self.ns):
            self.assertIn(word, found["ResolvedRefs"]["message"])

    def test_a_secret_that_comes_and_goes(self):
        self.api.must_create(objects.ai_backend(self.ns, "b"))
        self.expect("Backend", "b", {"ResolvedRefs": "False SecretNotFound"})
        self.api.must_create(objects.secret(self.ns, "llm-key", Authorization=KEY))
        self.expect("Backend", "b", {"ResolvedRefs": "True"})
        self.api.delete("Secret", self.ns, "llm-key").expect(200)
        self.expect("Backend", "b", {"ResolvedRefs": "False SecretNotFound"})

    def test_a_secret_without_the_key(self):
        self.api.must_create(objects.secret(self.ns, "llm-key", token=KEY))
        self.api.must_create(objects.ai_backend(self.ns, "b"))
        found = self.expect("Backend", "b", {"ResolvedRefs": "False"})
        self.assertIn("Authorization", found["ResolvedRefs"]["message"])
        self.assertNotIn(KEY, self.status_text("b"))

    def test_a_route_to_it(self):
        """A Backend without its secret is still a Backend that is there."""
        self.make_gateway()
        self.api.must_create(objects.ai_backend(self.ns, "b", "found-nowhere"))
        self.make_route("r", [objects.backend_ref("b")])
        self.route_is("r", {"Accepted": "True", "ResolvedRefs": "True"})


class ModelConfigs(ConditionsTest):
    def test_a_good_one(self):
        self.api.must_create(objects.secret(self.ns, "key", Authorization=KEY))
        self.api.must_create(objects.model_config(self.ns, "m", secret_name="key"))
        self.api.must_create(objects.model_config(self.ns, "keyless"))
        for name in ("m", "keyless"):
            self.expect("ModelConfig", name, {"Accepted": "True"})

    def test_a_secret_that_comes_and_goes(self):
        self.api.must_create(objects.model_config(self.ns, "m", secret_name="key"))
        found = self.expect("ModelConfig", "m", {"Accepted": "False"})
        self.assertIn("key", found["Accepted"]["message"])
        self.assertIn(self.ns, found["Accepted"]["message"])
        self.api.must_create(objects.secret(self.ns, "key", Authorization=KEY))
        self.expect("ModelConfig", "m", {"Accepted": "True"})
        self.api.delete("Secret", self.ns, "key").expect(200)
        self.expect("ModelConfig", "m", {"Accepted": "False"})

    def test_a_secret_without_the_key(self):
        self.api.must_create(objects.secret(self.ns, "key", other=KEY))
        self.api.must_create(objects.model_config(self.ns, "m", secret_name="key"))
        found = self.expect("ModelConfig", "m", {"Accepted": "False"})
        self.assertIn("Authorization", found["Accepted"]["message"])

    def test_the_hash_of_the_secret(self):
        def hash_now():
            return self.api.read("ModelConfig", self.ns, "m").get("status", {}).get("secretHash")

        self.api.must_create(objects.secret(self.ns, "key", Authorization=KEY))
        self.api.must_create(objects.model_config(self.ns, "m", secret_name="key"))
        first = wait_until(hash_now, what="secretHash")
        self.api.must_patch("Secret", self.ns, "key", {"stringData": {"Authorization": KEY + "2"}})
        wait_until(lambda: hash_now() not in (None, "", first), what="another secretHash")
        self.assertNotIn(KEY, str(self.api.read("ModelConfig", self.ns, "m")))

    def test_a_base_url_that_lost_its_slashes(self):
        self.api.must_create(objects.model_config(self.ns, "m", "http:1.2.3.4:8080/x"))
        found = self.expect("ModelConfig", "m", {"Accepted": "False"})
        self.assertIn("http://1.2.3.4:8080/x", found["Accepted"]["message"])
        self.api.must_patch("ModelConfig", self.ns, "m", {"spec": {"openAI": {"baseUrl": "http://1.2.3.4:8080/x"}}})
        self.expect("ModelConfig", "m", {"Accepted": "True"})

    def test_other_bad_base_urls(self):
        """Refused at once, or accepted by the API and then not by the controller; named in either case."""
        for n, url in enumerate(("1.2.3.4:8080/x", "ftp://1.2.3.4/x", "http://", "http://a b/", "http://1.2.3.4:99999/")):
            with self.subTest(url):
                answer = self.api.create(objects.model_config(self.ns, f"m{n}", url)).expect(201, 422)
                if answer.status == 422:
                    self.assertIn("baseUrl", answer.message)
                else:
                    found = self.expect("ModelConfig", f"m{n}", {"Accepted": "False"})
                    self.assertIn("baseUrl", found["Accepted"]["message"])


class Agents(ConditionsTest):
    def good(self, name="a", config="m"):
        self.api.must_create(objects.agent(self.ns, name, config))

    def refused(self, name, *words):
        found = self.expect("Agent", name, {"Accepted": "False ReconcileFailed"})
        for word in words:
            self.assertIn(word, found["Accepted"]["message"])
        self.assertNotEqual("True", found.get("Ready", {}).get("status"))

    def accepted(self, name):
        return self.expect("Agent", name, {"Accepted": "True Reconciled", "Ready": "True DeploymentReady"})

    def test_a_good_one(self):
        self.api.must_create(objects.model_config(self.ns, "m"))
        self.good()
        self.accepted("a")
        self.assertEqual(1, self.api.read("Agent", self.ns, "a")["status"]["observedGeneration"])
        self.api.must_patch("Agent", self.ns, "a", {"spec": {"description": "Another."}})
        self.accepted("a")
        wait_until(lambda: self.api.read("Agent", self.ns, "a")["status"]["observedGeneration"] == 2)

    def test_a_model_config_that_comes_and_goes(self):
        self.good(config="late")
        self.refused("a", "late")
        self.api.must_create(objects.model_config(self.ns, "late"))
        self.accepted("a")
        self.api.delete("ModelConfig", self.ns, "late").expect(200)
        self.refused("a", "late")

    def test_the_default_model_config(self):
        self.good(config=None)
        self.refused("a", "default-model-config")
        self.api.must_create(objects.model_config(self.ns, "default-model-config"))
        self.accepted("a")

    def test_a_model_config_of_another_namespace_does_not_count(self):
        self.api.must_create(objects.model_config(self.new_namespace(), "m"))
        self.good()
        self.refused("a", "m")

    def test_a_system_message_from_elsewhere(self):
        self.api.must_create(objects.model_config(self.ns, "m"))
        source = {"type": "ConfigMap", "name": "words", "key": "system"}
        self.api.must_create(objects.agent(self.ns, "a", "m", message=None, systemMessageFrom=source))
        self.refused("a", "words")
        self.api.must_create(objects.config_map(self.ns, "words", {"other": "x"}))
        self.refused("a", "system")
        self.api.must_patch("ConfigMap", self.ns, "words", {"data": {"system": "You are a test."}})
        self.accepted("a")


class Neighbours(ConditionsTest):
    """One bad object never blocks the others."""

    def test_among_routes(self):
        self.make_gateway()
        ref = self.make_backend()
        for n in range(10):
            self.make_route(f"bad{n}", [objects.backend_ref(f"absent{n}")])
            self.make_route(f"worse{n}", section="nosuch")
            self.make_route(f"good{n}", [ref])
        for n in range(10):
            self.route_is(f"good{n}", {"Accepted": "True", "ResolvedRefs": "True"})
            self.route_is(f"bad{n}", {"Accepted": "True", "ResolvedRefs": "False BackendNotFound"})
            self.route_is(f"worse{n}", {"Accepted": "False NoMatchingParent"}, section="nosuch")
        self.wait_attached("gw", {"http": 20})

    def test_an_expression_that_cannot_be_compiled(self):
        self.make_gateway()
        bad = objects.route(self.ns, "bad", [objects.parent("gw")], [self.make_backend()])
        bad["spec"]["rules"][0]["matches"] = [{"path": {"type": "RegularExpression", "value": "/(unclosed"}}]
        answer = self.api.create(bad).expect(201, 422)
        self.make_route("good", [objects.backend_ref("be")])
        self.route_is("good", {"Accepted": "True", "ResolvedRefs": "True"})
        if answer.status == 201:
            wait_until(lambda: self.says_bad("bad"), what="some condition of the bad route to say so")

    def says_bad(self, name):
        route = self.api.read("HTTPRoute", self.ns, name)
        conditions = [c for p in route.get("status", {}).get("parents", []) for c in p["conditions"]]
        return any((c["type"], c["status"]) in (("Accepted", "False"), ("PartiallyInvalid", "True")) for c in conditions)

    def test_among_agents(self):
        self.api.must_create(objects.model_config(self.ns, "broken", "http:1.2.3.4/x"))
        self.api.must_create(objects.model_config(self.ns, "m"))
        self.api.must_create(objects.ai_backend(self.ns, "broken", "absent"))
        for n in range(5):
            self.api.must_create(objects.agent(self.ns, f"bad{n}", "absent"))
            self.api.must_create(objects.agent(self.ns, f"good{n}", "m"))
        for n in range(5):
            self.expect("Agent", f"good{n}", {"Accepted": "True", "Ready": "True"})
            self.expect("Agent", f"bad{n}", {"Accepted": "False"})


class Settling(unittest.TestCase):
    """Status is written when something changed and not otherwise, also over a restart."""

    KINDS = ("GatewayClass", "Gateway", "HTTPRoute", "Backend", "ModelConfig", "Agent")

    @classmethod
    def setUpClass(cls):
        cls.host = private_host()
        cls.server = Sightline(listen_host=cls.host)
        cls.addClassCleanup(lambda: cls.server.stop())

    def versions(self, api):
        return {(kind, o["metadata"].get("namespace"), o["metadata"]["name"]): o["metadata"]["resourceVersion"]
                for kind in self.KINDS for o in api.items(kind)}

    def quiet_versions(self, api):
        """What there is after a second in which nothing changed."""
        def look():
            before = self.versions(api)
            version = api.list("Namespace").object["metadata"]["resourceVersion"]
            watches = [api.watch(kind, None, resourceVersion=version, timeoutSeconds="1") for kind in self.KINDS]
            for watch in watches:
                watch.wait_end()
                watch.close()
            return not any(watch.events for watch in watches) and before == self.versions(api) and before

        return wait_until(look, timeout=15, what="a second without changes")

    def test_it_comes_to_rest(self):
        api = self.server.client()
        port = objects.listener(free_port(self.host), **objects.allow("All"))
        for obj in (objects.namespace("rest"), objects.gateway("rest", "gw", port),
                    objects.static_backend("rest", "be"), objects.ai_backend("rest", "ai", "absent"),
                    objects.route("rest", "good", [objects.parent("gw")], [objects.backend_ref("be")]),
                    objects.route("rest", "bad", [objects.parent("gw")], [objects.backend_ref("absent")]),
                    objects.model_config("rest", "m"), objects.agent("rest", "a", "m"),
                    objects.agent("rest", "b", "absent")):
            api.must_create(obj)
        wait_until(lambda: of_object(api.read("Agent", "rest", "a")).get("Ready", {}).get("status") == "True")
        before = self.quiet_versions(api)
        self.server.restart()
        after = self.quiet_versions(self.server.client())
        self.assertEqual(before, after)
        address = self.server.endpoints()["gateways"]["rest/gw/http"]
        self.assertEqual(f"{self.host}:{port['port']}", address)


class Parts(ConditionsTest):
    def test_the_parts_of_the_program_are_shown(self):
        for namespace in ("kagent", "kgateway-system"):
            pods = wait_until(lambda: self.api.items("Pod", namespace))
            self.assertEqual({"Running"}, {p["status"]["phase"] for p in pods})
        self.assertLessEqual({"kagent-ui", "kagent-controller"}, set(self.api.names("Service", "kagent")))

    def test_pods_cannot_be_made(self):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": objects.meta("p", self.ns), "spec": {"containers": []}}
        self.assertEqual("MethodNotAllowed", self.api.create(pod).expect(405).reason)

    def test_logs_of_a_part(self):
        pod = wait_until(lambda: self.api.names("Pod", "kgateway-system"))[0]
        answer = self.api.call("GET", kube.path_of("Pod", "kgateway-system", pod, "log")).expect(200)
        self.assertTrue(answer.headers["content-type"].startswith("text/plain"))
        self.api.call("GET", kube.path_of("Pod", "kgateway-system", "absent", "log")).expect(404)


if __name__ == "__main__":
    unittest.main()

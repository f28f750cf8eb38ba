"""What the controllers say stays true: over lost classes, other writers, taken names, fields not acted on."""

import http.client
import unittest

import objects
from conditions import ConditionsTest, of_object, of_parent
from harness import wait_until

OURS = {"Accepted": "True Accepted", "Programmed": "True Programmed"}
NOBODY = {"Accepted": "Unknown Pending", "Programmed": "Unknown Pending"}


class Classes(ConditionsTest):
    """A Gateway follows its GatewayClass."""

    def setUp(self):
        super().setUp()
        self.cls = f"class-{self.ns}"
        self.api.must_create(objects.gateway_class(self.cls))
        self.listen_port = self.port()
        self.make_gateway("gw", objects.listener(self.listen_port), cls=self.cls)
        self.served()

    def status(self):
        return self.api.read("Gateway", self.ns, "gw")["status"]

    def served(self):
        self.expect("Gateway", "gw", OURS)
        self.assertEqual([{"type": "IPAddress", "value": self.host}], self.status()["addresses"])
        self.assertEqual(["http"], [entry["name"] for entry in self.status()["listeners"]])
        self.listener_is("gw", "http", OURS)

    def released(self):
        found = self.expect("Gateway", "gw", NOBODY)
        for condition in found.values():
            self.assertIn(self.cls, condition["message"])
        status = self.status()
        self.assertFalse(status.get("addresses"))
        self.assertFalse(status.get("listeners"))
        wait_until(lambda: f"{self.ns}/gw/http" not in self.server.endpoints()["gateways"], what="the listener to go")

    def test_deleted_and_made_again(self):
        self.api.delete("GatewayClass", None, self.cls).expect(200)
        self.released()
        self.api.must_create(objects.gateway_class(self.cls))
        self.served()

    def test_of_another_controller(self):
        self.api.delete("GatewayClass", None, self.cls).expect(200)
        self.api.must_create(objects.gateway_class(self.cls, "example.test/other"))
        self.released()
        self.api.delete("GatewayClass", None, self.cls).expect(200)
        self.api.must_create(objects.gateway_class(self.cls))
        self.served()

    def test_another_controllers_status_is_left_alone(self):
        self.api.must_create(objects.gateway_class(f"other-{self.ns}", "example.test/other"))
        self.make_gateway("theirs", objects.listener(self.port()), cls=f"other-{self.ns}")
        status = {"addresses": [{"type": "IPAddress", "value": "192.0.2.7"}],
                  "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "m",
                                  "lastTransitionTime": "2026-01-01T00:00:00Z"}]}
        self.api.patch("Gateway", self.ns, "theirs", {"status": status}, sub="status").expect(200)
        self.make_gateway("later", objects.listener(self.port()), cls=self.cls)
        self.expect("Gateway", "later", OURS)  # our controller has been round
        found = self.api.read("Gateway", self.ns, "theirs")["status"]
        self.assertEqual((status["addresses"], "True"), (found["addresses"], found["conditions"][0]["status"]))

    def test_the_gateway_moves_to_another_class(self):
        self.api.must_patch("Gateway", self.ns, "gw", {"spec": {"gatewayClassName": "no-such-class"}})
        self.expect("Gateway", "gw", NOBODY)
        self.assertFalse(self.status().get("addresses"))
        self.api.must_patch("Gateway", self.ns, "gw", {"spec": {"gatewayClassName": self.cls}})
        self.served()


class OtherWriters(ConditionsTest):
    """A status that somebody else changed is written again."""

    def spoil(self, kind, name, conditions):
        self.api.must_patch(kind, self.ns, name, {"status": {"conditions": conditions}}, sub="status")

    def wrong(self, kind, *types):
        one = {"status": "False", "reason": "Mischief", "message": "not so"}
        one["lastTransitionTime"] = "2030-01-01T00:00:00Z"
        if kind in ("Gateway", "Backend"):
            one["observedGeneration"] = 1
        return [{"type": name, **one} for name in types]

    def test_a_gateway(self):
        self.make_gateway()
        self.expect("Gateway", "gw", OURS)
        self.spoil("Gateway", "gw", self.wrong("Gateway", "Accepted", "Programmed"))
        self.expect("Gateway", "gw", OURS)
        self.api.must_patch("Gateway", self.ns, "gw", {"status": {"addresses": None, "listeners": None}}, sub="status")
        self.listener_is("gw", "http", OURS)
        self.assertTrue(self.api.read("Gateway", self.ns, "gw")["status"]["addresses"])

    def test_a_route(self):
        self.make_gateway()
        self.make_route("r", [self.make_backend()])
        good = {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}
        self.route_is("r", good)
        self.api.must_patch("HTTPRoute", self.ns, "r", {"status": {"parents": []}}, sub="status")
        self.route_is("r", good)

    def test_kinds_of_kagent(self):
        self.api.must_create(objects.model_config(self.ns, "m"))
        self.api.must_create(objects.agent(self.ns, "a", "m"))
        for kind, name in (("Agent", "a"), ("ModelConfig", "m")):
            with self.subTest(kind):
                self.expect(kind, name, {"Accepted": "True"})
                self.spoil(kind, name, self.wrong(kind, "Accepted"))
                self.expect(kind, name, {"Accepted": "True"})

    def test_a_class(self):
        name = f"class-{self.ns}"
        self.api.must_create(objects.gateway_class(name))
        self.expect("GatewayClass", name, {"Accepted": "True Accepted"})
        wrong = self.wrong("Gateway", "Accepted")
        self.api.must_patch("GatewayClass", None, name, {"status": {"conditions": wrong}}, sub="status")
        self.expect("GatewayClass", name, {"Accepted": "True Accepted"})


class TakenNames(ConditionsTest):
    """Gateways named as the Services and Pods that stand for parts of the program."""

    KINDS = ("Gateway", "Service", "Pod")

    def versions(self, ns):
        return [o["metadata"]["resourceVersion"] for kind in self.KINDS for o in self.api.items(kind, ns)]

    def at_rest(self, ns):
        """A second in which nothing of these kinds was written."""
        before = self.versions(ns)
        version = self.api.list("Gateway").object["metadata"]["resourceVersion"]
        watches = [self.api.watch(kind, ns, resourceVersion=version, timeoutSeconds="1") for kind in self.KINDS]
        for watch in watches:
            watch.wait_end()
            watch.close()
        return not any(watch.events for watch in watches) and before == self.versions(ns)

    def test_the_controller_comes_to_rest(self):
        for ns, name in (("kagent", "kagent-ui"), ("kgateway-system", "kgateway")):
            with self.subTest(f"{ns}/{name}"):
                self.api.must_create(objects.gateway(ns, name, objects.listener(self.port())))
                self.addCleanup(self.api.delete, "Gateway", ns, name)
                found = self.expect("Gateway", name, {"Programmed": "True"}, ns=ns)
                wait_until(lambda ns=ns: self.at_rest(ns), timeout=15, what="a second without writes")
                self.assertIn("its Service and Pod are not shown", found["Programmed"]["message"])

    def test_the_parts_keep_theirs(self):
        self.api.must_create(objects.gateway("kagent", "kagent-controller", objects.listener(self.port())))
        self.addCleanup(self.api.delete, "Gateway", "kagent", "kagent-controller")
        self.expect("Gateway", "kagent-controller", {"Programmed": "True"}, ns="kagent")
        for kind in ("Service", "Pod"):
            found = self.api.read(kind, "kagent", "kagent-controller")
            self.assertNotIn("ownerReferences", found["metadata"])

    def test_elsewhere_the_name_is_free(self):
        self.make_gateway("kagent-ui")
        found = self.expect("Gateway", "kagent-ui", {"Programmed": "True"})
        self.assertNotIn("not shown", found["Programmed"]["message"])
        wait_until(lambda: self.api.exists("Service", self.ns, "kagent-ui"))


class NotActedOn(ConditionsTest):
    """Fields that are kept and not acted on are named in a condition."""

    def agent(self, name, spec=None, **declarative):
        obj = objects.agent(self.ns, name, "m", **declarative)
        obj["spec"].update(spec or {})
        self.api.must_create(obj)
        return obj

    def test_fields_of_agents(self):
        self.api.must_create(objects.model_config(self.ns, "m"))
        server = {"apiGroup": "kagent.dev", "kind": "RemoteMCPServer", "name": "t", "toolNames": ["k8s_get_resources"]}
        tool = {"type": "McpServer", "mcpServer": server}
        cases = {
            "spec.allowedNamespaces": ({"allowedNamespaces": {"from": "All"}}, {}),
            "spec.declarative.deployment": ({}, {"deployment": {"replicas": 3}}),
            "spec.declarative.executeCodeBlocks": ({}, {"executeCodeBlocks": True}),
            "spec.declarative.tools[0].headersFrom": (
                {}, {"tools": [{**tool, "headersFrom": [{"name": "X", "value": "y"}]}]}),
            "spec.declarative.tools[0].mcpServer.allowedHeaders": (
                {}, {"tools": [{**tool, "mcpServer": {**server, "allowedHeaders": ["x-a"]}}]}),
        }
        for n, (field, (spec, declarative)) in enumerate(cases.items()):
            with self.subTest(field):
                self.agent(f"a{n}", spec, **declarative)
                found = self.expect("Agent", f"a{n}", {"Accepted": "True", "UnsupportedFeatures": "True"})
                self.assertIn(field, found["UnsupportedFeatures"]["message"])
        self.agent("plain", tools=[tool], executeCodeBlocks=False)
        self.assertNotIn("UnsupportedFeatures", self.expect("Agent", "plain", {"Accepted": "True"}))


class Infrastructure(ConditionsTest):
    def test_labels_and_annotations_of_what_is_made_for_a_gateway(self):
        obj = objects.gateway(self.ns, "gw", objects.listener(self.port()))
        mine, theirs = "example.test/team", "gateway.networking.k8s.io/gateway-name"
        obj["spec"]["infrastructure"] = {"labels": {mine: "a", theirs: "forged"}, "annotations": {mine: "b c"}}
        self.api.must_create(obj)
        self.expect("Gateway", "gw", OURS)

        def shown(kind):
            return self.api.get(kind, self.ns, "gw").status == 200 and self.api.read(kind, self.ns, "gw")["metadata"]

        for kind in ("Service", "Pod"):
            with self.subTest(kind):
                meta = wait_until(lambda kind=kind: shown(kind))
                self.assertEqual(("a", "gw"), (meta["labels"].get(mine), meta["labels"][theirs]))
                self.assertEqual({mine: "b c"}, meta.get("annotations"))
        self.api.must_patch("Gateway", self.ns, "gw", {"spec": {"infrastructure": {"labels": {mine: None}}}})
        for kind in ("Service", "Pod"):
            wait_until(lambda kind=kind: mine not in shown(kind)["labels"], what=f"the label to leave the {kind}")


class ServicesWithoutAddress(ConditionsTest):
    def ask(self, port, path):
        connection = http.client.HTTPConnection(self.host, port, timeout=10)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def test_the_reference_resolves_and_requests_get_503(self):
        """As a Service without ready endpoints; one that is not there is a bad reference, and gets 500."""
        port = self.port()
        self.make_gateway("gw", objects.listener(port, **objects.allow("All")))
        service = objects.service(self.ns, "headless", [80])
        service["spec"].update(clusterIP="None", selector={"a": "b"})
        self.api.must_create(service)
        self.make_route("r", [{"name": "headless", "port": 80}])
        self.make_route("absent", [{"name": "absent", "port": 80}])
        self.route_is("r", {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"})
        self.route_is("absent", {"Accepted": "True Accepted", "ResolvedRefs": "False BackendNotFound"})
        wait_until(lambda: self.ask(port, "/r")[0] != 404, what="the route to be live")
        self.assertEqual(503, self.ask(port, "/r")[0])
        self.assertEqual(500, self.ask(port, "/absent")[0])


if __name__ == "__main__":
    unittest.main()

"""Conditions of GatewayClass, Gateway and HTTPRoute."""

import datetime
import http.client
import socket
import time
import unittest

import objects
from conditions import ConditionsTest, of_object, of_parent, parents_of
from harness import wait_until

GOOD = {"Accepted": "True Accepted", "ResolvedRefs": "True ResolvedRefs"}


class GatewayClasses(ConditionsTest):
    def test_ours_are_there_and_accepted(self):
        for name, controller in (("agentgateway", "kgateway.dev/agentgateway"), ("kgateway", "kgateway.dev/kgateway")):
            self.expect("GatewayClass", name, {"Accepted": "True Accepted"})
            found = self.api.read("GatewayClass", None, name)
            self.assertEqual(controller, found["spec"]["controllerName"])
            features = [f["name"] for f in found["status"].get("supportedFeatures", [])]
            self.assertEqual(sorted(features), features)

    def test_another_of_our_controller(self):
        self.api.must_create(objects.gateway_class("mine"))
        self.expect("GatewayClass", "mine", {"Accepted": "True Accepted"})
        self.make_gateway("gw", cls="mine")
        self.expect("Gateway", "gw", {"Accepted": "True", "Programmed": "True"})

    def test_a_default_one_that_is_deleted_comes_back(self):
        self.api.delete("GatewayClass", None, "kgateway").expect(200)
        wait_until(lambda: self.api.exists("GatewayClass", None, "kgateway"))
        self.expect("GatewayClass", "kgateway", {"Accepted": "True Accepted"})

    def test_another_controller_is_left_alone(self):
        made = self.api.must_create(objects.gateway_class("foreign", "example.test/controller"))
        self.assertEqual(("Unknown", "Pending"), tuple(of_object(made)["Accepted"][k] for k in ("status", "reason")))
        self.api.must_create(objects.gateway(self.ns, "foreign", objects.listener(self.port()), cls="foreign"))
        self.api.must_create(objects.gateway(self.ns, "classless", objects.listener(self.port()), cls="no-such-class"))
        self.make_gateway("ours")
        self.expect("Gateway", "ours", {"Programmed": "True"})
        self.assertNotEqual("True", of_object(self.api.read("GatewayClass", None, "foreign")).get("Accepted", {}).get("status"))
        for name in ("foreign", "classless"):
            found = self.api.read("Gateway", self.ns, name)
            self.assertNotIn("True", [c["status"] for c in of_object(found).values()])
            self.assertFalse(found.get("status", {}).get("addresses"))


class Gateways(ConditionsTest):
    def endpoint(self, gateway, listener="http"):
        return self.server.endpoints()["gateways"].get(f"{self.ns}/{gateway}/{listener}")

    def test_a_good_one(self):
        port = self.port()
        self.make_gateway("gw", objects.listener(port))
        self.expect("Gateway", "gw", {"Accepted": "True Accepted", "Programmed": "True Programmed"})
        self.listener_is("gw", "http", {"Accepted": "True Accepted", "Programmed": "True Programmed",
                                        "ResolvedRefs": "True ResolvedRefs"})
        status = self.api.read("Gateway", self.ns, "gw")["status"]
        self.assertEqual([{"type": "IPAddress", "value": self.host}], status["addresses"])
        listener = status["listeners"][0]
        self.assertEqual(("http", 0), (listener["name"], listener["attachedRoutes"]))
        self.assertIn({"group": objects.GATEWAY_GROUP, "kind": "HTTPRoute"}, listener["supportedKinds"])
        self.assertNotEqual("True", {c["type"]: c["status"] for c in listener["conditions"]}.get("Conflicted"))
        self.assertEqual(f"{self.host}:{port}", wait_until(lambda: self.endpoint("gw")))
        self.check_it_answers(port)

    def check_it_answers(self, port):
        connection = http.client.HTTPConnection(self.host, port, timeout=10)
        connection.request("GET", "/")
        self.assertEqual(404, connection.getresponse().status)
        connection.close()

    def listens(self, port):
        with socket.socket() as s:
            return s.connect_ex((self.host, port)) == 0

    def test_another_port_and_the_end(self):
        first, second = self.port(), self.port()
        self.make_gateway("gw", objects.listener(first))
        self.expect("Gateway", "gw", {"Programmed": "True"})
        self.api.must_patch("Gateway", self.ns, "gw", {"spec": {"listeners": [objects.listener(second)]}})
        self.expect("Gateway", "gw", {"Accepted": "True", "Programmed": "True"})
        wait_until(lambda: self.endpoint("gw") == f"{self.host}:{second}")
        wait_until(lambda: self.listens(second) and not self.listens(first))
        self.api.delete("Gateway", self.ns, "gw").expect(200)
        wait_until(lambda: self.endpoint("gw") is None and not self.listens(second))

    def test_its_pod_and_service(self):
        port = self.port()
        self.make_gateway("gw", objects.listener(port))

        def look():
            services = [s for s in self.api.items("Service", self.ns) if s["metadata"]["name"] == "gw"]
            pods = [p for p in self.api.items("Pod", self.ns) if p["metadata"]["name"].startswith("gw")]
            return services and pods and pods[0]["status"]["phase"] == "Running" and (services[0], pods[0])

        service, pod = wait_until(look)
        self.assertEqual("LoadBalancer", service["spec"]["type"])
        self.assertEqual([port], [p["port"] for p in service["spec"]["ports"]])
        self.assertEqual([{"ip": self.host}], [{"ip": i["ip"]} for i in service["status"]["loadBalancer"]["ingress"]])
        self.assertEqual([True], [c["ready"] for c in pod["status"]["containerStatuses"]])
        self.api.delete("Gateway", self.ns, "gw").expect(200)
        wait_until(lambda: not self.api.items("Service", self.ns) and not self.api.items("Pod", self.ns))

    def names(self, kind):
        return sorted(o["metadata"]["name"] for o in self.api.items(kind, self.ns))

    def test_a_service_of_somebody_else_stays(self):
        own = objects.service(self.ns, "web", [5432])
        own["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "sightline"}
        made = self.api.must_create(own)
        self.make_gateway("web")
        found = self.expect("Gateway", "web", {"Programmed": "True"})
        self.assertIn(f"Service {self.ns}/web is somebody else's and stays as it is", found["Programmed"]["message"])
        self.api.delete("Gateway", self.ns, "web").expect(200)
        wait_until(lambda: self.names("Pod") == [])
        self.make_gateway("other")
        self.expect("Gateway", "other", {"Programmed": "True"})
        wait_until(lambda: self.names("Service") == ["other", "web"])
        self.assertEqual(made["spec"], self.api.read("Service", self.ns, "web")["spec"])
        self.api.must_patch("Service", self.ns, "other", {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}})
        self.api.must_patch("Gateway", self.ns, "other", {"spec": {"listeners": [objects.listener(self.port())]}})
        wait_until(lambda: "app.kubernetes.io/managed-by" in self.api.read("Service", self.ns, "other")["metadata"]["labels"],
                   what="ours to be mended, whatever its labels")
        self.api.delete("Service", self.ns, "web").expect(200)
        self.make_gateway("web")
        found = self.expect("Gateway", "web", {"Programmed": "True"})
        wait_until(lambda: self.names("Service") == ["other", "web"])
        self.assertNotIn("somebody else's", found["Programmed"]["message"])

    def test_only_what_listens_is_shown(self):
        port = self.port()
        self.make_gateway("gw", objects.listener(port, "good"), objects.listener(self.port(), "tcp", "TCP"))
        self.make_gateway("silent", objects.listener(self.port(), "https", "HTTPS", tls={"certificateRefs": [{"name": "absent"}]}))
        self.expect("Gateway", "silent", {"Programmed": "False"})
        wait_until(lambda: self.names("Service") == ["gw"])
        self.assertEqual([port], [p["port"] for p in self.api.read("Service", self.ns, "gw")["spec"]["ports"]])
        self.assertEqual(["gw"], self.names("Pod"))

    def test_a_listener_that_is_not_accepted_is_not_opened(self):
        nobody, other, good = self.port(), self.port(), self.port()
        self.make_gateway("gw", objects.listener(good, "good"), objects.listener(nobody, "nobody", **objects.allow("Selector")),
                          objects.listener(other, "other", allowedRoutes={"kinds": [{"kind": "TCPRoute"}]}))
        self.listener_is("gw", "nobody", {"Accepted": "False UnsupportedValue", "Programmed": "False Invalid"})
        self.listener_is("gw", "other", {"ResolvedRefs": "False InvalidRouteKinds", "Programmed": "False"})
        wait_until(lambda: self.listens(good))
        self.assertFalse(self.listens(nobody) or self.listens(other))

    def test_a_gateway_that_cannot_serve_holds_no_port(self):
        port = self.port()
        allow = {"allowedRoutes": {"namespaces": {"from": "Selector", "selector": {"matchExpressions": [{"key": "k", "operator": "Bogus"}]}}}}
        self.make_gateway("a", objects.listener(port, **allow))
        self.listener_is("a", "http", {"Accepted": "False UnsupportedValue"})
        wait_until(lambda: int(time.time()) > self.created("a"))
        self.make_gateway("b", objects.listener(port))
        self.expect("Gateway", "b", {"Programmed": "True"})
        wait_until(lambda: self.listens(port))

    def test_an_address_that_is_not_ours(self):
        port = self.port()
        for name, address, reason in (("elsewhere", {"value": "192.0.2.7"}, "AddressNotUsable"),
                                      ("named", {"type": "Hostname", "value": "a.test"}, "AddressNotUsable")):
            obj = objects.gateway(self.ns, name, objects.listener(port))
            obj["spec"]["addresses"] = [address]
            self.api.must_create(obj)
            self.expect("Gateway", name, {"Programmed": f"False {reason}"})
            self.listener_is(name, "http", {"Programmed": "False Invalid"})
            self.assertNotIn("addresses", self.api.read("Gateway", self.ns, name)["status"])
        self.expect("Gateway", "named", {"Accepted": "False UnsupportedAddress"})
        self.assertFalse(self.listens(port))

    def test_a_class_that_is_not_accepted(self):
        cls = objects.gateway_class("with-parameters")
        cls["spec"]["parametersRef"] = {"group": "", "kind": "ConfigMap", "name": "x", "namespace": "default"}
        self.api.must_create(cls)
        self.addCleanup(lambda: self.api.delete("GatewayClass", None, "with-parameters"))
        port = self.port()
        self.api.must_create(objects.gateway(self.ns, "gw", objects.listener(port), cls="with-parameters"))
        self.expect("Gateway", "gw", {"Accepted": "False InvalidParameters", "Programmed": "False Invalid"})
        self.assertFalse(self.listens(port))

    def test_conditions_of_others_stay(self):
        self.make_gateway("gw")
        self.expect("Gateway", "gw", {"Programmed": "True"})
        theirs = {"type": "example.test/Checked", "status": "True", "reason": "Fine", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        config = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "gw", "namespace": self.ns},
                  "status": {"conditions": [theirs]}}
        self.api.apply(config, "checker", "status").expect(200)
        self.api.must_patch("Gateway", self.ns, "gw", {"spec": {"listeners": [objects.listener(self.port())]}})
        found = self.expect("Gateway", "gw", {"Programmed": "True"})
        self.assertEqual("Fine", found["example.test/Checked"]["reason"])

    def test_a_route_kind_nobody_knows(self):
        kinds = [{"kind": "HTTPRoute"}, {"group": "example.test", "kind": "NoRoute"}]
        self.make_gateway("gw", objects.listener(self.port(), allowedRoutes={"kinds": kinds}))
        self.listener_is("gw", "http", {"ResolvedRefs": "False InvalidRouteKinds"})
        listener = self.api.read("Gateway", self.ns, "gw")["status"]["listeners"][0]
        self.assertEqual([{"group": objects.GATEWAY_GROUP, "kind": "HTTPRoute"}], listener["supportedKinds"])

    def test_a_protocol_nobody_speaks(self):
        port = self.port()
        self.make_gateway("gw", objects.listener(port, "good"), objects.listener(self.port(), "bad", "example.test/odd"))
        self.listener_is("gw", "bad", {"Accepted": "False UnsupportedProtocol"})
        self.listener_is("gw", "good", {"Accepted": "True", "Programmed": "True"})
        self.expect("Gateway", "gw", {"Accepted": "True"})
        self.check_it_answers(port)

    def test_https_without_its_certificate(self):
        tls = {"mode": "Terminate", "certificateRefs": [{"name": "absent"}]}
        port = self.port()
        self.make_gateway("gw", objects.listener(port, "https", "HTTPS", tls=tls), objects.listener(self.port(), "plain"))
        self.listener_is("gw", "plain", {"Programmed": "True"})
        found = self.listener_is("gw", "https", {"Programmed": "False"})
        self.assertTrue({(c["type"], c["reason"]) for c in found.values() if c["status"] == "False"}
                        & {("ResolvedRefs", "InvalidCertificateRef"), ("Accepted", "UnsupportedProtocol")}, found)
        with socket.socket() as s:  # it must not serve plain HTTP there instead
            s.settimeout(5)
            if s.connect_ex((self.host, port)) == 0:
                s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                try:
                    self.assertNotRegex(s.recv(100), rb"^HTTP/1\.1 404")
                except OSError:
                    pass

    def test_a_port_that_is_taken(self):
        with socket.socket() as taken:
            taken.bind((self.host, 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.make_gateway("unlucky", objects.listener(port))
            self.make_gateway("lucky")
            self.expect("Gateway", "lucky", {"Programmed": "True"})
            found = self.expect("Gateway", "unlucky", {"Programmed": "False"})
            status = self.api.read("Gateway", self.ns, "unlucky")["status"]
            self.assertIn(str(port), found["Programmed"]["message"] + str(status.get("listeners")))

    def test_two_gateways_want_one_port(self):
        """The older one keeps port and hostname; another hostname on the same port is no conflict."""
        port = self.port()
        self.make_gateway("a-younger-name", objects.listener(port, hostname="one.test"))
        self.expect("Gateway", "a-younger-name", {"Programmed": "True"})
        wait_until(lambda: int(time.time()) > self.created("a-younger-name"))
        self.make_gateway("a", objects.listener(port, hostname="one.test"))
        self.make_gateway("b", objects.listener(port, hostname="two.test"))
        self.listener_is("a", "http", {"Conflicted": "True HostnameConflict", "Accepted": "False PortUnavailable",
                                       "Programmed": "False"})
        self.expect("Gateway", "a", {"Programmed": "False"})
        self.expect("Gateway", "b", {"Programmed": "True"})
        self.listener_is("a-younger-name", "http", {"Conflicted": "False", "Programmed": "True"})
        self.api.delete("Gateway", self.ns, "a-younger-name").expect(200)
        self.listener_is("a", "http", {"Conflicted": "False", "Programmed": "True"})

    def created(self, name):
        text = self.api.read("Gateway", self.ns, name)["metadata"]["creationTimestamp"]
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    def test_the_time_of_the_last_transition(self):
        self.make_gateway("gw")
        before = self.expect("Gateway", "gw", {"Accepted": "True"})["Accepted"]
        self.api.must_patch("Gateway", self.ns, "gw", {"spec": {"infrastructure": {"labels": {"a": "b"}}}})
        after = self.expect("Gateway", "gw", {"Accepted": "True"})["Accepted"]
        self.assertEqual((2, before["lastTransitionTime"]), (after["observedGeneration"], after["lastTransitionTime"]))


class Routes(ConditionsTest):
    def test_a_good_one(self):
        self.make_gateway()
        self.make_route("r", [self.make_backend()])
        self.route_is("r", GOOD)
        entry = parents_of(self.api.read("HTTPRoute", self.ns, "r"))[0]
        self.assertEqual({"group": objects.GATEWAY_GROUP, "kind": "Gateway", "name": "gw", "namespace": self.ns},
                         entry["parentRef"])
        self.wait_attached("gw", {"http": 1})

    def test_a_backend_that_comes_and_goes(self):
        self.make_gateway()
        self.make_route("r", [objects.backend_ref("late")])
        found = self.route_is("r", {"Accepted": "True Accepted", "ResolvedRefs": "False BackendNotFound"})
        self.assertIn("late", found["ResolvedRefs"]["message"])
        self.wait_attached("gw", {"http": 1})
        self.make_backend("late")
        self.route_is("r", GOOD)
        self.api.delete("Backend", self.ns, "late").expect(200)
        self.route_is("r", {"ResolvedRefs": "False BackendNotFound"})

    def test_a_service_that_is_not_there(self):
        self.make_gateway()
        self.make_route("r", [{"name": "absent", "port": 80}])
        self.route_is("r", {"Accepted": "True", "ResolvedRefs": "False BackendNotFound"})

    def test_an_unknown_kind(self):
        self.make_gateway()
        self.make_route("r", [{"group": "example.test", "kind": "Nonsense", "name": "x"}])
        self.make_route("core", [{"kind": "ConfigMap", "name": "x"}])
        for name in ("r", "core"):
            self.route_is(name, {"Accepted": "True", "ResolvedRefs": "False InvalidKind"})

    def test_another_namespace_needs_a_grant(self):
        self.make_gateway()
        other = self.new_namespace()
        self.make_route("r", [self.make_backend("there", other)])
        self.make_route("ghost", [objects.backend_ref("absent", other)])
        for name in ("r", "ghost"):  # whether it exists is not told
            self.route_is(name, {"Accepted": "True", "ResolvedRefs": "False RefNotPermitted"})
        self.api.must_create(objects.grant(other, "g", self.ns))
        self.route_is("r", GOOD)
        self.route_is("ghost", {"ResolvedRefs": "False BackendNotFound"})
        self.api.delete("ReferenceGrant", other, "g").expect(200)
        self.route_is("r", {"ResolvedRefs": "False RefNotPermitted"})

    def test_grants_that_do_not_fit(self):
        self.make_gateway()
        other = self.new_namespace()
        self.make_route("r", [self.make_backend("there", other)])
        self.api.must_create(objects.grant(other, "other-name", self.ns, to_name="another"))
        self.api.must_create(objects.grant(other, "other-namespace", other))
        self.api.must_create(objects.grant(other, "other-kind", self.ns, from_kind="GRPCRoute"))
        self.api.must_create(objects.grant(self.ns, "wrong-side", self.ns))
        self.make_route("last", [self.make_backend()])
        self.route_is("last", GOOD)  # by then the grants were seen
        self.route_is("r", {"ResolvedRefs": "False RefNotPermitted"})
        self.api.must_patch("ReferenceGrant", other, "other-name", {"spec": {"to": [
            {"group": "gateway.kgateway.dev", "kind": "Backend", "name": "there"}]}})
        self.route_is("r", GOOD)

    def test_a_listener_for_its_own_namespace(self):
        self.make_gateway("gw", objects.listener(self.port(), **objects.allow("Same")))
        other = self.new_namespace()
        self.make_route("r", ns=other)
        self.route_is("r", {"Accepted": "False NotAllowedByListeners"}, ns=other)
        self.make_route("home", [self.make_backend()])
        self.route_is("home", GOOD)
        self.wait_attached("gw", {"http": 1})

    def test_a_listener_for_labelled_namespaces(self):
        selector = objects.allow("Selector", selector={"matchLabels": {"team": "a"}})
        self.make_gateway("gw", objects.listener(self.port(), **selector))
        other = self.new_namespace()
        self.make_route("r", ns=other)
        self.route_is("r", {"Accepted": "False NotAllowedByListeners"}, ns=other)
        self.api.must_patch("Namespace", None, other, {"metadata": {"labels": {"team": "a"}}})
        self.route_is("r", {"Accepted": "True"}, ns=other)
        self.api.must_patch("Namespace", None, other, {"metadata": {"labels": {"team": None}}})
        self.route_is("r", {"Accepted": "False NotAllowedByListeners"}, ns=other)

    def test_a_listener_for_other_kinds(self):
        kinds = {"allowedRoutes": {"kinds": [{"kind": "GRPCRoute"}]}}
        self.make_gateway("gw", objects.listener(self.port(), **kinds))
        self.make_route("r")
        self.route_is("r", {"Accepted": "False NotAllowedByListeners"})

    def test_hostnames(self):
        port = self.port()
        self.make_gateway("gw", objects.listener(port, "exact", hostname="a.example"),
                          objects.listener(port, "wild", hostname="*.w.example"))
        cases = {"same": ("a.example", True), "other": ("b.example", False), "below": ("x.w.example", True),
                 "deeper": ("x.y.w.example", True), "itself": ("w.example", False), "wider": ("*.example", True),
                 "none": (None, True)}
        for name, (host, _) in cases.items():
            self.make_route(name, [], hostnames=[host] if host else None)
        for name, (_, accepted) in cases.items():
            with self.subTest(name):
                self.route_is(name, {"Accepted": "True" if accepted else "False NoMatchingListenerHostname"})
        self.make_route("one-of-two", hostnames=["b.example", "a.example"])
        self.route_is("one-of-two", {"Accepted": "True"})

    def test_the_wrong_section_or_port(self):
        port = self.port()
        self.make_gateway("gw", objects.listener(port, "one"))
        self.make_route("section", section="two")
        self.route_is("section", {"Accepted": "False NoMatchingParent"}, section="two")
        self.make_route("port", port=port + 1 if port < 65535 else port - 1)
        self.route_is("port", {"Accepted": "False NoMatchingParent"})
        self.make_route("right", section="one", port=port)
        self.route_is("right", {"Accepted": "True"}, section="one")
        self.wait_attached("gw", {"one": 1})

    def test_a_parent_that_is_not_ours(self):
        self.make_gateway()
        self.make_route("nowhere", gateway="absent")
        self.api.must_create(objects.gateway(self.ns, "foreign", objects.listener(self.port()), cls="no-such-class"))
        self.make_route("foreign", gateway="foreign")
        self.make_route("ours")
        self.route_is("ours", {"Accepted": "True"})
        for name in ("nowhere", "foreign"):
            found = of_parent(self.api.read("HTTPRoute", self.ns, name))
            self.assertNotEqual("True", found.get("Accepted", {}).get("status"))

    def test_a_parent_that_comes_later(self):
        self.make_route("early", [self.make_backend()])
        self.make_gateway()
        self.route_is("early", GOOD)
        self.wait_attached("gw", {"http": 1})

    def test_two_parents(self):
        self.make_gateway("open")
        self.make_gateway("closed", objects.listener(self.port(), **objects.allow("Same")))
        other = self.new_namespace()
        parents = [objects.parent("open", self.ns), objects.parent("closed", self.ns)]
        self.api.must_create(objects.route(other, "r", parents))
        self.route_is("r", {"Accepted": "True"}, "open", ns=other)
        self.route_is("r", {"Accepted": "False NotAllowedByListeners"}, "closed", ns=other)
        self.api.must_patch("HTTPRoute", other, "r", {"spec": {"parentRefs": parents[:1]}})
        wait_until(lambda: [p["parentRef"]["name"] for p in parents_of(self.api.read("HTTPRoute", other, "r"))] == ["open"])
        self.route_is("r", {"Accepted": "True"}, "open", ns=other)

    def test_entries_of_other_controllers_stay(self):
        self.make_gateway()
        self.make_route("r", gateway="elsewhere")
        theirs = {"parentRef": {"group": objects.GATEWAY_GROUP, "kind": "Gateway", "name": "elsewhere", "namespace": self.ns},
                  "controllerName": "example.test/controller",
                  "conditions": [{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "theirs",
                                  "observedGeneration": 1, "lastTransitionTime": "2030-01-01T00:00:00Z"}]}
        self.api.must_patch("HTTPRoute", self.ns, "r", {"status": {"parents": [theirs]}}, sub="status")
        both = [objects.parent("elsewhere", self.ns), objects.parent("gw", self.ns)]
        self.api.must_patch("HTTPRoute", self.ns, "r", {"spec": {"parentRefs": both}})
        self.route_is("r", {"Accepted": "True"}, "gw")
        self.assertIn(theirs, self.api.read("HTTPRoute", self.ns, "r")["status"]["parents"])

    def test_a_rule_that_cannot_be_carried_out(self):
        """Two bad backendRefs in one rule are not two bad rules; each reference is answered for itself."""
        self.make_gateway()
        mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "svc", "port": 80}}}
        be = self.make_backend()
        bad = {"backendRefs": [{**be, "filters": [mirror]}, {**be, "filters": [mirror]}]}
        route = objects.route(self.ns, "r", [objects.parent("gw", self.ns)], [be])
        route["spec"]["rules"].append({"matches": [{"path": {"type": "PathPrefix", "value": "/bad"}}], **bad})
        self.api.must_create(route)
        self.route_is("r", {"Accepted": "True Accepted", "PartiallyInvalid": "True UnsupportedValue"})

    def test_attached_routes_are_counted(self):
        port = self.port()
        self.make_gateway("gw", objects.listener(port, "a", hostname="a.example"), objects.listener(port, "b"))
        self.make_route("both", hostnames=["a.example"])
        self.make_route("one", section="b")
        self.make_route("broken", [objects.backend_ref("absent")], section="b")
        self.make_route("refused", section="nosuch")
        route = objects.route(self.ns, "useless", [objects.parent("gw", self.ns, sectionName="b")], [])
        route["spec"]["rules"][0]["filters"] = [{"type": "CORS", "cors": {}}]
        self.api.must_create(route)
        self.route_is("useless", {"Accepted": "False UnsupportedValue"}, section="b")
        self.wait_attached("gw", {"a": 1, "b": 3})
        for name in ("both", "one", "broken", "refused", "useless"):
            self.api.delete("HTTPRoute", self.ns, name).expect(200)
        self.wait_attached("gw", {"a": 0, "b": 0})

    def test_a_changed_route_is_seen_again(self):
        self.make_gateway()
        self.make_route("r", [self.make_backend()])
        self.route_is("r", GOOD)
        self.api.must_patch("HTTPRoute", self.ns, "r", {"spec": {"hostnames": ["a.example"]}})
        found = self.route_is("r", GOOD)
        self.assertEqual({2}, {c["observedGeneration"] for c in found.values()})


if __name__ == "__main__":
    unittest.main()

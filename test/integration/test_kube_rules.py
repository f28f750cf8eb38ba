"""Rules of the core kinds: each refusal names the field that upstream names. And what is kept from deletion."""

import unittest

import objects
from harness import ServerTest, Sightline, wait_until


class RulesTest(ServerTest):
    def setUp(self):
        self.ns = self.new_namespace()

    def refused(self, obj, field, *words, reason="FieldValueInvalid", query=None):
        answer = self.api.create(obj, **(query or {})).expect(422)
        self.assertEqual(("Status", "Failure", "Invalid"),
                         tuple(answer.object[key] for key in ("kind", "status", "reason")))
        self.assertEqual([(reason, field)], [(c["reason"], c["field"]) for c in answer.causes], answer)
        for word in words:
            self.assertIn(word, answer.causes[0]["message"])
        self.assertFalse(self.api.exists(obj["kind"], self.ns, obj["metadata"]["name"]))

    def service(self, name="s", **spec):
        return {**objects.service(self.ns, name, []), "spec": spec}

    def config_map(self, **metadata):
        return objects.config_map(self.ns, "c", **metadata)


class Writes(RulesTest):
    def test_a_patch_that_cannot_be_applied_says_why(self):
        """kubectl shows the message only of a status without details."""
        self.api.must_create(self.config_map())
        for change, words in (([{"op": "test", "path": "/data/k", "value": "other"}], "/data/k"),
                              ([{"op": "replace", "path": "/data/none", "value": "x"}], "/data/none")):
            status = self.api.patch("ConfigMap", self.ns, "c", change, "json").expect(422).object
            self.assertIn(words, status["message"])
            self.assertNotIn("details", status)

    def test_finalizers_of_core_kinds_are_qualified(self):
        self.refused(self.config_map(finalizers=["x"]), "metadata.finalizers", "neither a standard finalizer name nor is it fully qualified")
        self.api.must_create(self.config_map(finalizers=["orphan"]))
        self.api.must_patch("ConfigMap", self.ns, "c", {"metadata": {"finalizers": None}})

    def test_who_creates_owns_no_status(self):
        self.api.must_create(objects.gateway(self.ns, "g", objects.listener(80)), fieldManager="somebody")
        made = self.api.read("Gateway", self.ns, "g")
        mine = [m for m in made["metadata"]["managedFields"] if m["manager"] == "somebody"]
        self.assertEqual([{"f:spec"}], [set(m["fieldsV1"]) for m in mine])

    def test_discovery_tells_that_collections_can_be_deleted(self):
        found = {r["name"]: r["verbs"] for r in self.api.call("GET", "/api/v1").expect(200).object["resources"]}
        self.assertIn("deletecollection", found["configmaps"])
        self.assertNotIn("deletecollection", found["pods"])

    def test_prefixes_are_replaced_where_one_is_matched(self):
        for kind, member, words in (("URLRewrite", "urlRewrite", "Within backendRefs, When using URLRewrite"),
                                    ("RequestRedirect", "requestRedirect", "Within backendRefs, when using RequestRedirect")):
            change = {"type": kind, member: {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/x"}}}
            route = objects.route(self.ns, "r", [objects.parent("g")])
            for match, status in (("Exact", 422), ("PathPrefix", 201)):
                route["spec"]["rules"] = [{"matches": [{"path": {"type": match, "value": "/a"}}],
                                           "backendRefs": [{"name": "s", "port": 80, "filters": [change]}]}]
                answer = self.api.create(route).expect(status)
                if status == 422:
                    self.assertIn(words, answer.causes[0]["message"])
            self.api.delete("HTTPRoute", self.ns, "r").expect(200)


class Data(RulesTest):
    def test_keys_are_file_names(self):
        for key in ("a/b", "..", "a b", "ü", "x" * 254):
            with self.subTest(key):
                words = ("a valid config key must consist of",) if len(key) < 254 else ()
                self.refused(objects.config_map(self.ns, "c", {key: "v"}), f"data[{key}]", *words)
                binary = {**self.config_map(), "data": {}, "binaryData": {key: "dg=="}}
                self.refused(binary, f"binaryData[{key}]", *words)
                secret = {**objects.secret(self.ns, "s"), "data": {key: "dg=="}}
                self.refused(secret, f"data[{key}]", *words)
        self.refused(objects.secret(self.ns, "s", **{"a/b": "v"}), "data[a/b]", "a valid config key")
        self.api.must_create(objects.config_map(self.ns, "c", {"a.b-c_D.9": "v", ".hidden": "v", "x" * 253: "v"}))

    def test_a_change_is_held_to_the_same(self):
        self.api.must_create(self.config_map())
        answer = self.api.patch("ConfigMap", self.ns, "c", {"data": {"a/b": "v"}}).expect(422)
        self.assertEqual(["data[a/b]"], [c["field"] for c in answer.causes])

    def test_a_key_in_both(self):
        self.refused({**self.config_map(), "data": {"k": "v"}, "binaryData": {"k": "dg=="}}, "binaryData[k]",
                     "duplicate of key present in data")

    def test_not_base64(self):
        """Upstream cannot even read it (400); here it is a rule, and names the field."""
        answer = self.api.create({**self.config_map(), "binaryData": {"b": "not base64!"}}).expect(422)
        self.assertEqual(["binaryData[b]"], [c["field"] for c in answer.causes])
        self.assertFalse(self.api.exists("ConfigMap", self.ns, "c"))


class Services(RulesTest):
    def test_names(self):
        for name in ("1abc", "9", "4-you"):
            with self.subTest(name):
                self.refused(objects.service(self.ns, name, [80]), "metadata.name", "a DNS-1035 label must consist of")
        self.api.must_create(objects.service(self.ns, "abc1", [80]))

    def test_several_ports_need_names(self):
        ports = [{"name": "a", "port": 80}, {"port": 81}]
        self.refused(self.service(ports=ports), "spec.ports[1].name", "Required value", reason="FieldValueRequired")
        answer = self.api.create(self.service(ports=[{"port": 80}, {"port": 81}])).expect(422)
        self.assertEqual([("FieldValueRequired", f"spec.ports[{n}].name") for n in range(2)],
                         [(c["reason"], c["field"]) for c in answer.causes])
        ports[1]["name"] = "a"
        self.refused(self.service(ports=ports), "spec.ports[1].name", '"a"', reason="FieldValueDuplicate")
        self.api.must_create(self.service(ports=[{"port": 80}]))

    def test_an_external_name_is_required(self):
        self.refused(self.service(type="ExternalName"), "spec.externalName", reason="FieldValueRequired")
        self.api.must_create(self.service(type="ExternalName", externalName="a.example"))

    def test_ports_are_required(self):
        self.refused(self.service(clusterIP="10.0.0.1", selector={"a": "b"}), "spec.ports", reason="FieldValueRequired")
        self.api.must_create(self.service(clusterIP="None", selector={"a": "b"}))


class Metadata(RulesTest):
    def test_one_controller_only(self):
        boss = objects.owner(self.api.must_create(objects.config_map(self.ns, "boss")), controller=True)
        other = objects.owner(self.api.must_create(objects.config_map(self.ns, "other")), controller=True)
        self.refused(self.config_map(ownerReferences=[boss, other]), "metadata.ownerReferences",
                     "only one reference can have Controller set to true")
        other["controller"] = False
        self.api.must_create(self.config_map(ownerReferences=[boss, other]))

    def test_finalizers_are_qualified_names(self):
        for name in ("not ok", "", "a/b/c", "-x", "UPPER.test/-"):
            with self.subTest(name):
                self.refused(self.config_map(finalizers=[name]), "metadata.finalizers")
        self.api.must_create(self.config_map(finalizers=["example.test/ok"]))
        answer = self.api.patch("ConfigMap", self.ns, "c", {"metadata": {"finalizers": ["not ok"]}}).expect(422)
        self.assertEqual(["metadata.finalizers"], [c["field"] for c in answer.causes])
        self.api.must_patch("ConfigMap", self.ns, "c", {"metadata": {"finalizers": None}})


class Standing(ServerTest):
    """What exists always."""

    def test_three_namespaces_cannot_be_deleted(self):
        for name in ("default", "kube-system", "kube-public"):
            with self.subTest(name):
                uid = self.api.read("Namespace", None, name)["metadata"]["uid"]
                answer = self.api.delete("Namespace", None, name).expect(403)
                self.assertEqual("Forbidden", answer.reason)
                self.assertIn(f'namespaces "{name}" is forbidden: this namespace may not be deleted', answer.message)
                found = self.api.read("Namespace", None, name)
                self.assertEqual((uid, "Active"), (found["metadata"]["uid"], found["status"]["phase"]))
                self.assertNotIn("deletionTimestamp", found["metadata"])

    def test_ours_come_back(self):
        for name in ("kagent", "kgateway-system"):
            with self.subTest(name):
                uid = self.api.read("Namespace", None, name)["metadata"]["uid"]
                self.api.must_create(objects.config_map(name, "c"))
                self.api.delete("Namespace", None, name).expect(200)

                def is_back(name=name, uid=uid):
                    answer = self.api.get("Namespace", None, name).expect(200, 404)
                    return answer.status == 200 and answer.object["metadata"]["uid"] != uid

                wait_until(is_back, what=f"a new {name}")
                self.assertEqual([], self.api.names("ConfigMap", name))
                self.api.must_create(objects.config_map(name, "again"))
                wait_until(lambda name=name: self.api.names("Pod", name), what="its Pods to be shown again")


class Kept(unittest.TestCase):
    def test_a_changed_class_stays_changed(self):
        """The GatewayClasses are made when they are missing, and otherwise left to the user."""
        with Sightline() as server:
            api = server.client()
            api.must_patch("GatewayClass", None, "kgateway", {"spec": {"description": "My own words"}})
            api.delete("GatewayClass", None, "agentgateway").expect(200)
            before = api.read("GatewayClass", None, "kgateway")
            server.restart()
            api = server.client()
            self.assertEqual("My own words", before["spec"]["description"])
            after = api.read("GatewayClass", None, "kgateway")
            self.assertEqual((before["spec"], before["metadata"]["uid"], before["metadata"]["generation"]),
                             (after["spec"], after["metadata"]["uid"], after["metadata"]["generation"]))
            wait_until(lambda: api.exists("GatewayClass", None, "agentgateway"), what="the missing one to be made")


if __name__ == "__main__":
    unittest.main()

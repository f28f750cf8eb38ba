"""How objects end: deletion, finalizers, owners, namespaces, definitions of kinds. And what outlives the process."""

import unittest

import objects
from harness import ServerTest, Sightline, wait_until


class LifecycleTest(ServerTest):
    def setUp(self):
        self.ns = self.new_namespace()

    def config_map(self, name, **meta):
        return self.api.must_create(objects.config_map(self.ns, name, **meta))

    def exists(self, name):
        return self.api.exists("ConfigMap", self.ns, name)

    def read(self, name):
        return self.api.read("ConfigMap", self.ns, name)

    def delete(self, name, body=None, **query):
        return self.api.delete("ConfigMap", self.ns, name, body, **query)

    def set_finalizers(self, name, finalizers):
        return self.api.patch("ConfigMap", self.ns, name, {"metadata": {"finalizers": finalizers}})


class Deletion(LifecycleTest):
    def test_the_answer(self):
        made = self.config_map("a")
        answer = self.delete("a").expect(200).object
        self.assertEqual(("Status", "Success"), (answer["kind"], answer["status"]))
        self.assertEqual({"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}, answer["details"])
        self.assertFalse(self.exists("a"))
        self.assertEqual("NotFound", self.delete("a").expect(404).reason)

    def test_preconditions(self):
        made = self.config_map("p")["metadata"]
        for wrong in ({"uid": "another"}, {"resourceVersion": "1"}):
            self.assertEqual("Conflict", self.delete("p", {"preconditions": wrong}).expect(409).reason)
        right = {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}
        self.delete("p", {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": right}).expect(200)
        self.assertFalse(self.exists("p"))

    def test_a_collection(self):
        for n in range(4):
            self.config_map(f"c{n}", labels={"n": str(n)})
        path = f"/api/v1/namespaces/{self.ns}/configmaps"
        self.api.call("DELETE", path, labelSelector="n in (1,2)").expect(200)
        self.assertEqual(["c0", "c3"], self.api.names("ConfigMap", self.ns))
        self.api.call("DELETE", path).expect(200)
        self.assertEqual([], self.api.names("ConfigMap", self.ns))

    def test_a_bad_policy(self):
        self.config_map("policy")
        self.delete("policy", propagationPolicy="Sideways").expect(400, 422)
        self.assertTrue(self.exists("policy"))


class Finalizers(LifecycleTest):
    def test_they_hold_the_object(self):
        self.config_map("held", finalizers=["example.test/one", "example.test/two"])
        answer = self.delete("held").expect(200).object
        self.assertEqual("ConfigMap", answer["kind"])
        self.assertRegex(answer["metadata"]["deletionTimestamp"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        again = self.delete("held").expect(200).object
        self.assertEqual(answer["metadata"]["deletionTimestamp"], again["metadata"]["deletionTimestamp"])
        self.set_finalizers("held", ["example.test/two"]).expect(200)
        self.assertTrue(self.exists("held"))
        self.set_finalizers("held", None).expect(200)
        self.assertFalse(self.exists("held"))

    def test_no_new_ones_while_deleting(self):
        self.config_map("late", finalizers=["example.test/one"])
        self.delete("late").expect(200)
        answer = self.set_finalizers("late", ["example.test/one", "example.test/new"]).expect(422)
        self.assertIn("no new finalizers can be added if the object is being deleted", answer.message)

    def test_other_changes_are_allowed_meanwhile(self):
        self.config_map("busy", finalizers=["example.test/one"])
        self.delete("busy").expect(200)
        self.api.must_patch("ConfigMap", self.ns, "busy", {"data": {"k": "w"}})
        self.assertEqual("w", self.read("busy")["data"]["k"])
        self.assertEqual("AlreadyExists", self.api.create(objects.config_map(self.ns, "busy")).expect(409).reason)

    def test_the_deletion_mark_cannot_be_taken_back(self):
        self.config_map("marked", finalizers=["example.test/one"])
        self.delete("marked").expect(200)
        self.api.patch("ConfigMap", self.ns, "marked", {"metadata": {"deletionTimestamp": None}})
        self.assertIn("deletionTimestamp", self.read("marked")["metadata"])

    def test_a_put_can_remove_the_last_one(self):
        self.config_map("put", finalizers=["example.test/one"])
        obj = self.delete("put").expect(200).object
        obj["metadata"]["finalizers"] = []
        self.api.replace(obj).expect(200)
        self.assertFalse(self.exists("put"))


class Owners(LifecycleTest):
    def dependent(self, name, *owners, **meta):
        return self.config_map(name, ownerReferences=list(owners), **meta)

    def wait_gone(self, name):
        wait_until(lambda: not self.exists(name), what=f"{name} to be collected")

    def test_dependents_follow(self):
        boss = self.config_map("boss")
        first = self.dependent("first", objects.owner(boss))
        self.dependent("second", objects.owner(first))
        self.config_map("bystander")
        self.delete("boss", {"propagationPolicy": "Background"}).expect(200)
        self.wait_gone("first")
        self.wait_gone("second")
        self.assertTrue(self.exists("bystander"))

    def test_over_kinds(self):
        gateway = self.api.must_create(objects.gateway(self.ns, "boss", objects.listener(1), cls="foreign"))
        self.dependent("child", objects.owner(gateway))
        self.api.delete("Gateway", self.ns, "boss").expect(200)
        self.wait_gone("child")

    def test_one_owner_left_is_enough(self):
        one, two = self.config_map("one"), self.config_map("two")
        self.dependent("child", objects.owner(one), objects.owner(two))
        marker = self.dependent("marker", objects.owner(one))
        self.delete("one").expect(200)
        self.wait_gone(marker["metadata"]["name"])
        self.assertTrue(self.exists("child"))
        self.delete("two").expect(200)
        self.wait_gone("child")

    def test_the_uid_counts_and_not_the_name(self):
        boss = self.config_map("boss")
        self.dependent("child", objects.owner(boss))
        self.delete("boss", propagationPolicy="Orphan").expect(200)
        again = self.config_map("boss")
        self.dependent("other", objects.owner(again))
        self.delete("boss").expect(200)
        self.wait_gone("other")
        self.assertTrue(self.exists("child"))

    def test_orphans(self):
        for name, body, query in (("body", {"propagationPolicy": "Orphan"}, {}),
                                  ("query", None, {"propagationPolicy": "Orphan"}),
                                  ("legacy", None, {"orphanDependents": "true"})):
            boss = self.config_map(f"boss-{name}")
            self.dependent(f"child-{name}", objects.owner(boss))
            self.delete(f"boss-{name}", body, **query).expect(200)
            wait_until(lambda: not self.exists(f"boss-{name}"))
            wait_until(lambda: not self.read(f"child-{name}")["metadata"].get("ownerReferences"))

    def test_foreground(self):
        boss = self.config_map("boss")
        self.dependent("child", objects.owner(boss, blockOwnerDeletion=True), finalizers=["example.test/one"])
        self.delete("boss", {"propagationPolicy": "Foreground"}).expect(200)
        wait_until(lambda: "deletionTimestamp" in self.read("child")["metadata"])
        held = self.read("boss")["metadata"]
        self.assertEqual(["foregroundDeletion"], held["finalizers"])
        self.assertIn("deletionTimestamp", held)
        self.set_finalizers("child", None).expect(200)
        self.wait_gone("child")
        self.wait_gone("boss")

    def test_an_owner_that_never_was(self):
        nobody = {"apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": "00000000-0000-4000-8000-000000000000"}
        self.dependent("lost", nobody)
        self.wait_gone("lost")


class Namespaces(LifecycleTest):
    def test_what_is_there_at_the_start(self):
        names = self.api.names("Namespace")
        for name in ("default", "kube-system", "kube-public", "kube-node-lease", "kagent", "kgateway-system"):
            self.assertIn(name, names)

    def test_a_new_one(self):
        found = self.api.read("Namespace", None, self.ns)
        self.assertEqual(self.ns, found["metadata"]["labels"]["kubernetes.io/metadata.name"])
        self.assertEqual(["kubernetes"], found["spec"]["finalizers"])
        self.assertEqual("Active", found["status"]["phase"])

    def test_deletion_takes_everything(self):
        self.config_map("a")
        self.api.must_create(objects.secret(self.ns, "b", k="v"))
        self.api.must_create(objects.gateway(self.ns, "c", objects.listener(1), cls="foreign"))
        self.api.must_create(objects.agent(self.ns, "d", "none"))
        self.api.delete("Namespace", None, self.ns, {"propagationPolicy": "Background"}).expect(200)
        wait_until(lambda: not self.api.exists("Namespace", None, self.ns), what="the namespace to go")
        for kind in ("ConfigMap", "Secret", "Gateway", "Agent"):
            self.assertEqual([], self.api.names(kind, self.ns))
        self.api.must_create(objects.namespace(self.ns))
        self.assertEqual([], self.api.names("ConfigMap", self.ns))
        self.config_map("a")

    def test_a_finalizer_inside_holds_it(self):
        self.config_map("held", finalizers=["example.test/one"])
        self.config_map("free")
        answer = self.api.delete("Namespace", None, self.ns).expect(200).object
        self.assertEqual("Terminating", answer["status"]["phase"])
        wait_until(lambda: not self.exists("free"), what="the rest of the contents to go")
        self.assertIn("deletionTimestamp", self.read("held")["metadata"])
        self.assertEqual("Terminating", self.api.read("Namespace", None, self.ns)["status"]["phase"])
        refused = self.api.create(objects.config_map(self.ns, "late")).expect(403)
        self.assertEqual("Forbidden", refused.reason)
        self.assertEqual(["NamespaceTerminating"], [c["reason"] for c in refused.causes])
        self.set_finalizers("held", None).expect(200)
        wait_until(lambda: not self.api.exists("Namespace", None, self.ns), what="the namespace to go")


class Definitions(LifecycleTest):
    """CustomResourceDefinitions."""

    def define(self, crd):
        self.api.must_create(crd)
        kind = crd["spec"]["names"]["kind"]
        wait_until(lambda: self.api.list(kind).status == 200, what=f"{kind} to be served")

    def test_from_definition_to_removal(self):
        self.define(objects.widget_crd())
        name = "widgets.example.test"
        found = wait_until(lambda: self.api.read("CustomResourceDefinition", None, name).get("status"))
        conditions = {c["type"]: c["status"] for c in found["conditions"]}
        self.assertEqual({"NamesAccepted": "True", "Established": "True"}, conditions)
        self.assertEqual("Widget", found["acceptedNames"]["kind"])
        self.assertEqual(["v1"], found["storedVersions"])
        made = self.api.must_create(objects.widget(self.ns, "one"))
        self.assertEqual("red", made["spec"]["color"])
        self.assertIn("example.test", [g["name"] for g in self.api.call("GET", "/apis").object["groups"]])
        self.assertIn("apis/example.test/v1", self.api.call("GET", "/openapi/v3").object["paths"])
        self.api.delete("CustomResourceDefinition", None, name).expect(200)
        wait_until(lambda: self.api.list("Widget").status == 404, what="the kind to go")
        self.define(objects.widget_crd())
        self.assertEqual([], self.api.names("Widget"))
        self.api.delete("CustomResourceDefinition", None, name).expect(200)

    def test_a_changed_schema_is_used_at_once(self):
        crd = objects.gizmo_crd()
        self.define(crd)
        self.api.create(objects.gizmo("big", size=200)).expect(422)
        path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size/maximum"
        self.api.must_patch("CustomResourceDefinition", None, crd["metadata"]["name"],
                            [{"op": "replace", "path": path, "value": 300}], "json")
        wait_until(lambda: self.api.create(objects.gizmo("big", size=200)).status == 201)

    def test_what_is_refused(self):
        def broken(change):
            crd = objects.crd("Sprocket", "sprockets")
            change(crd)
            return crd

        def rename(crd): crd["metadata"]["name"] = "other.example.test"
        def no_plural(crd): del crd["spec"]["names"]["plural"]
        def no_versions(crd): del crd["spec"]["versions"]
        def webhook(crd): crd["spec"]["conversion"] = {"strategy": "Webhook"}

        for change in (rename, no_plural, no_versions, webhook):
            with self.subTest(change.__name__):
                answer = self.api.create(broken(change)).expect(422)
                self.assertTrue(answer.causes)

    def test_one_for_a_built_in_kind_changes_nothing(self):
        crd = objects.crd("Backend", "backends")
        crd["metadata"]["name"] = "backends.gateway.kgateway.dev"
        crd["spec"]["group"] = "gateway.kgateway.dev"
        before = self.api.must_create(objects.ai_backend(self.ns, "before"))
        self.api.must_create(crd)
        self.assertEqual(before["spec"], self.api.read("Backend", self.ns, "before")["spec"])
        self.api.must_create(objects.ai_backend(self.ns, "after"))
        self.api.create({**objects.ai_backend(self.ns, "bad"), "spec": {"type": "Nonsense"}}).expect(422)
        self.api.delete("CustomResourceDefinition", None, crd["metadata"]["name"]).expect(200)
        self.assertEqual(["after", "before"], self.api.names("Backend", self.ns))
        self.api.must_create(objects.ai_backend(self.ns, "later"))


class Restart(unittest.TestCase):
    """What was acknowledged is there again after SIGKILL."""

    @classmethod
    def setUpClass(cls):
        cls.server = Sightline()
        cls.addClassCleanup(lambda: cls.server.stop())

    def test_everything_acknowledged_is_there(self):
        api = self.server.client()
        api.must_create(objects.widget_crd())
        wait_until(lambda: api.list("Widget").status == 200)
        for n in range(50):
            api.must_create(objects.config_map("default", f"m{n:02}"))
        api.must_create(objects.widget("default", "w"))
        api.must_create(objects.secret("default", "s", key="value"))
        api.delete("ConfigMap", "default", "m07").expect(200)
        last = api.must_patch("ConfigMap", "default", "m08", {"data": {"k": "last"}})
        before = {kind: api.items(kind, "default") for kind in ("ConfigMap", "Widget", "Secret")}
        old = api
        self.server.restart(hard=True)

        api = self.server.client()
        self.assertEqual((old.token, old.ca_pem), (api.token, api.ca_pem), "copies of the kubeconfig must stay good")
        self.assertEqual(49, len(before["ConfigMap"]))
        for kind, items in before.items():
            self.assertEqual(items, api.items(kind, "default"))
        made = api.must_create(objects.config_map("default", "new"))
        self.assertGreater(int(made["metadata"]["resourceVersion"]), int(last["metadata"]["resourceVersion"]))
        self.check_an_old_version_is_refused(api, last["metadata"]["resourceVersion"])

    def check_an_old_version_is_refused(self, api, last):
        """Either the watch goes on without a gap, or it says 410; the oldest version of all is too old by now."""
        for version, may_go_on in (("1", False), (last, True)):
            with api.watch("ConfigMap", "default", resourceVersion=version) as watch:
                if watch.status == 410:
                    status = watch.error
                else:
                    event = watch.wait_for(lambda events: events and events[0])
                    if may_go_on and event["type"] != "ERROR":
                        self.assertIn(("ADDED", "new"), watch.seen())
                        continue
                    self.assertEqual("ERROR", event["type"])
                    status = event["object"]
                    watch.wait_end()
                self.assertEqual((410, "Expired"), (status["code"], status["reason"]))
                self.assertIn("too old resource version", status["message"])


if __name__ == "__main__":
    unittest.main()

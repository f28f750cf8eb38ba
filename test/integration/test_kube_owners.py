"""Owners that this server does not know, or that live elsewhere; and what foreground deletion waits for."""

import unittest

import objects
from harness import ServerTest, Sightline, wait_until

UNKNOWN = {"apiVersion": "elsewhere.test/v1", "kind": "Rocket", "name": "r",
           "uid": "00000000-0000-4000-8000-000000000001"}
FINALIZER = "example.test/one"


class OwnersTest(ServerTest):
    def setUp(self):
        self.ns = self.new_namespace()

    def make(self, name, *owners, ns=None, **meta):
        if owners:
            meta["ownerReferences"] = list(owners)
        return self.api.must_create(objects.config_map(ns or self.ns, name, **meta))

    def exists(self, name, ns=None):
        return self.api.exists("ConfigMap", ns or self.ns, name)

    def wait_gone(self, name, ns=None):
        wait_until(lambda: not self.exists(name, ns), what=f"{name} to be collected")

    def delete(self, name, policy="Background"):
        self.api.delete("ConfigMap", self.ns, name, {"propagationPolicy": policy}).expect(200)

    def read(self, name):
        return self.api.read("ConfigMap", self.ns, name)


class Unknown(OwnersTest):
    def test_an_owner_of_an_unknown_kind_may_be_alive(self):
        self.make("kept", UNKNOWN)
        self.make("lost", {**UNKNOWN, "apiVersion": "v1", "kind": "ConfigMap"})
        self.wait_gone("lost")  # by then the other was looked at too
        self.assertTrue(self.exists("kept"))
        self.assertEqual([UNKNOWN], self.read("kept")["metadata"]["ownerReferences"])

    def test_beside_one_that_goes(self):
        boss = self.make("boss")
        self.make("kept", UNKNOWN, objects.owner(boss))
        self.make("marker", objects.owner(boss))
        self.delete("boss")
        self.wait_gone("marker")
        self.assertTrue(self.exists("kept"))

    def test_over_a_restart(self):
        with Sightline() as server:
            api = server.client()
            api.must_create(objects.config_map("default", "kept", ownerReferences=[UNKNOWN]))
            server.restart()
            api = server.client()
            lost = {**UNKNOWN, "apiVersion": "v1", "kind": "ConfigMap"}
            api.must_create(objects.config_map("default", "lost", ownerReferences=[lost]))
            wait_until(lambda: not api.exists("ConfigMap", "default", "lost"))
            self.assertTrue(api.exists("ConfigMap", "default", "kept"))


class Elsewhere(OwnersTest):
    """A reference without a namespace means the object's own, or an object that has none."""

    def test_an_owner_in_another_namespace_is_none(self):
        boss = self.make("boss")
        other = self.new_namespace()
        self.make("stray", objects.owner(boss), ns=other)
        self.make("child", objects.owner(boss))
        self.wait_gone("stray", other)
        self.assertTrue(self.exists("child"))
        self.assertTrue(self.exists("boss"))

    def test_an_owner_without_a_namespace(self):
        boss = self.api.must_create(objects.gateway_class(f"class-{self.ns}", "example.test/none"))
        other = self.new_namespace()
        for ns in (self.ns, other):
            self.make("child", objects.owner(boss), ns=ns)
        self.make("lost", {**UNKNOWN, "apiVersion": "v1", "kind": "ConfigMap"}, ns=other)
        self.wait_gone("lost", other)
        for ns in (self.ns, other):
            self.assertTrue(self.exists("child", ns))
        self.api.delete("GatewayClass", None, boss["metadata"]["name"]).expect(200)
        for ns in (self.ns, other):
            self.wait_gone("child", ns)


class Foreground(OwnersTest):
    def deleting(self, name):
        return self.exists(name) and "deletionTimestamp" in self.read(name)["metadata"]

    def test_it_waits_for_those_that_block(self):
        boss = self.make("boss")
        self.make("free", objects.owner(boss), finalizers=[FINALIZER])
        self.make("blocking", objects.owner(boss, blockOwnerDeletion=True), finalizers=[FINALIZER])
        self.delete("boss", "Foreground")
        wait_until(lambda: self.deleting("free") and self.deleting("blocking"), what="both to be deleted")
        self.assertEqual(["foregroundDeletion"], self.read("boss")["metadata"]["finalizers"])
        self.api.must_patch("ConfigMap", self.ns, "blocking", {"metadata": {"finalizers": None}})
        self.wait_gone("boss")
        self.assertTrue(self.deleting("free"))
        self.api.must_patch("ConfigMap", self.ns, "free", {"metadata": {"finalizers": None}})
        self.wait_gone("free")

    def test_it_does_not_wait_for_others(self):
        boss = self.make("boss")
        self.make("free", objects.owner(boss), finalizers=[FINALIZER])
        self.make("said-no", objects.owner(boss, blockOwnerDeletion=False), finalizers=[FINALIZER])
        self.delete("boss", "Foreground")
        self.wait_gone("boss")
        for name in ("free", "said-no"):
            wait_until(lambda name=name: self.deleting(name), what=f"{name} to be deleted too")
            self.api.must_patch("ConfigMap", self.ns, name, {"metadata": {"finalizers": None}})


if __name__ == "__main__":
    unittest.main()

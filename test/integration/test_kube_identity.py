"""A write cannot make another object of one, and a body must be what it says it is."""

import unittest

import kube
import objects
from harness import ServerTest


class IdentityTest(ServerTest):
    def setUp(self):
        self.ns = self.new_namespace()
        self.made = self.api.must_create(objects.config_map(self.ns, "c"))

    def unchanged(self):
        self.assertEqual(self.made, self.api.read("ConfigMap", self.ns, "c"))
        self.assertEqual(["c"], self.api.names("ConfigMap", self.ns))

    def refused(self, answer, status, *words):
        answer.expect(status)
        self.assertEqual(("Status", "Failure", status), tuple(answer.object[k] for k in ("kind", "status", "code")))
        for word in words:
            self.assertIn(word, answer.message)
        self.unchanged()
        return answer


class Somebody(IdentityTest):
    def test_nobody_is_somebody_else(self):
        """kubectl --as: refused, not carried out as the one user there is."""
        answer = self.api.call("GET", f"/api/v1/namespaces/{self.ns}/configmaps", extra={"Impersonate-User": "bob"})
        self.refused(answer, 403, '"bob"', "impersonation")


class Patches(IdentityTest):
    CHANGES = (("name", "metadata", "other"), ("namespace", "metadata", "default"), ("kind", None, "Secret"),
               ("apiVersion", None, "v2"))

    def patch(self, body, how):
        return self.api.patch("ConfigMap", self.ns, "c", body, how)

    def test_merge(self):
        for key, place, value in self.CHANGES:
            with self.subTest(key):
                body = {place: {key: value}} if place else {key: value}
                self.refused(self.patch(body, "merge"), 400, key)

    def test_json(self):
        for key, place, value in self.CHANGES:
            with self.subTest(key):
                path = f"/{place}/{key}" if place else f"/{key}"
                self.refused(self.patch([{"op": "replace", "path": path, "value": value}], "json"), 400, key)

    def test_strategic(self):
        for key, place, value in self.CHANGES:
            with self.subTest(key):
                body = {place: {key: value}} if place else {key: value}
                self.refused(self.patch(body, "strategic"), 400, key)

    def test_the_uid(self):
        other = "00000000-0000-4000-8000-000000000000"
        for body, how in (({"metadata": {"uid": other}}, "merge"), ({"metadata": {"uid": other}}, "strategic"),
                          ([{"op": "replace", "path": "/metadata/uid", "value": other}], "json")):
            with self.subTest(how):
                self.assertEqual("Conflict", self.refused(self.patch(body, how), 409, other).reason)

    def test_its_own_identity_may_be_named(self):
        meta = self.made["metadata"]
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {k: meta[k] for k in ("name", "namespace", "uid")}}
        for how in ("merge", "strategic"):
            self.patch(body, how).expect(200)
        self.unchanged()

    def test_the_status(self):
        gateway = self.api.must_create(objects.gateway(self.ns, "g", objects.listener(1), cls="foreign"))
        answer = self.api.patch("Gateway", self.ns, "g", {"metadata": {"name": "other"}}, sub="status")
        self.refused(answer, 400, "name")
        self.assertEqual(gateway, self.api.read("Gateway", self.ns, "g"))


class OtherNamespaces(IdentityTest):
    """What the body says against what the URL says."""

    def setUp(self):
        super().setUp()
        self.other = self.new_namespace()
        self.path = kube.path_of("ConfigMap", self.ns, "c")
        self.strange = objects.config_map(self.other, "c", {"k": "changed"})

    def tearDown(self):
        self.assertEqual([], self.api.names("ConfigMap", self.other))

    def test_put(self):
        self.refused(self.api.call("PUT", self.path, self.strange), 400, "namespace", self.other, self.ns)

    def apply(self, obj, name="c"):
        return self.api.call("PATCH", kube.path_of("ConfigMap", self.ns, name), obj, fieldManager="m",
                             content_type=kube.PATCH_TYPES["apply"])

    def test_apply(self):
        self.refused(self.apply(self.strange), 400, "namespace", self.other, self.ns)
        self.strange["metadata"]["name"] = "fresh"
        self.refused(self.apply(self.strange, "fresh"), 400, "namespace")

    def test_apply_with_managed_fields(self):
        obj = objects.config_map(self.ns, "c", {"k": "changed"})
        obj["metadata"]["managedFields"] = self.made["metadata"]["managedFields"]
        self.refused(self.apply(obj), 400, "metadata.managedFields must be nil")


class Bodies(IdentityTest):
    def test_a_deletion_with_another_kind(self):
        for body in (objects.config_map(self.ns, "c"), {"kind": "ConfigMap"}, [], "x"):
            with self.subTest(body):
                text = body if not isinstance(body, str) else f'"{body}"'
                self.refused(self.api.delete("ConfigMap", self.ns, "c", text), 400, "DeleteOptions")
        path = kube.path_of("ConfigMap", self.ns)
        self.refused(self.api.call("DELETE", path, {"kind": "ConfigMap", "apiVersion": "v1"}), 400, "DeleteOptions")
        for body in ({}, {"kind": "DeleteOptions", "apiVersion": "v1"}):
            self.api.must_create(objects.config_map(self.ns, "d"))
            self.api.delete("ConfigMap", self.ns, "d", body).expect(200)
        self.unchanged()

    def test_metadata_of_a_wrong_type(self):
        good = objects.config_map(self.ns, "c")
        for metadata, field in (("x", "metadata"), ([], "metadata"), (5, "metadata"), ({"name": 5}, "metadata.name"),
                                ({"name": ["c"]}, "metadata.name"),
                                ({"name": "c", "namespace": {}}, "metadata.namespace"),
                                ({"generateName": True}, "metadata.generateName")):
            body = {**good, "metadata": metadata}
            for method, path in (("POST", kube.path_of("ConfigMap", self.ns)),
                                 ("PUT", kube.path_of("ConfigMap", self.ns, "c"))):
                with self.subTest(method=method, metadata=metadata):
                    self.refused(self.api.call(method, path, body), 400, f"{field} must be")

    def test_numbers_that_do_not_fit(self):
        """int32 of the kinds: refused where they are written, and not only where they are read."""
        config = objects.model_config(self.ns, "m")
        for field, value in (("timeout", 99999999999), ("seed", 2**31), ("maxTokens", -2**31 - 1)):
            with self.subTest(field):
                config["spec"]["openAI"] = {"baseUrl": "http://127.0.0.1:9/v1", field: value}
                answer = self.refused(self.api.create(config), 422, f"spec.openAI.{field}", str(value))
                self.assertEqual({f"spec.openAI.{field}"}, {c["field"] for c in answer.causes})
        config["spec"]["openAI"] = {"baseUrl": "http://127.0.0.1:9/v1", "timeout": 2**31 - 1}
        self.api.must_create(config)
        answer = self.api.patch("ModelConfig", self.ns, "m", {"spec": {"openAI": {"timeout": 99999999999}}})
        self.refused(answer, 422, "spec.openAI.timeout")


if __name__ == "__main__":
    unittest.main()

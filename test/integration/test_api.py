"""The API over HTTPS: who may ask, discovery, reading, lists, selectors, tables."""

import os
import re
import unittest

import kube
import objects
from harness import ServerTest

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
DISCOVERY = ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
             "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json")


class Access(ServerTest):
    def check_unauthorized(self, answer):
        answer.expect(401)
        self.assertEqual("Status", answer.object["kind"])
        self.assertEqual("Unauthorized", answer.reason)
        self.assertEqual(401, answer.object["code"])

    def test_without_a_token(self):
        for path in ("/api", "/apis", CONFIG_MAPS, "/apis/kagent.dev/v1alpha2/agents", "/openapi/v3"):
            with self.subTest(path):
                self.check_unauthorized(self.api.call("GET", path, token=""))
        self.check_unauthorized(self.api.call("POST", CONFIG_MAPS, objects.config_map("default", "x"), token=""))
        self.assertFalse(self.api.exists("ConfigMap", "default", "x"))

    def test_with_a_wrong_token(self):
        for token in ("wrong", self.api.token[:-1], self.api.token + "x", self.api.token.swapcase() + "0"):
            self.check_unauthorized(self.api.call("GET", CONFIG_MAPS, token=token))

    def test_with_another_scheme(self):
        extra = {"Authorization": f"Basic {self.api.token}"}
        self.check_unauthorized(self.api.call("GET", CONFIG_MAPS, token="", extra=extra))

    def test_the_token_is_not_told(self):
        answer = self.api.call("GET", CONFIG_MAPS, token="wrong")
        self.assertNotIn(self.api.token, answer.text + str(answer.headers))
        self.assertNotIn(self.api.token, self.server.stderr() + "\n".join(self.server.process.lines))

    def test_health_needs_no_token(self):
        for path in ("/healthz", "/livez", "/readyz"):
            with self.subTest(path):
                self.assertEqual("ok", self.api.call("GET", path, token="").expect(200).text.strip())

    def test_version(self):
        found = self.api.call("GET", "/version", token="").expect(200).object
        self.assertRegex(found["gitVersion"], r"^v1\.\d+\.\d+")
        self.assertEqual("1", found["major"])
        self.assertRegex(found["minor"], r"^\d+\+?$")

    def test_what_there_is(self):
        paths = self.api.call("GET", "/").expect(200).object["paths"]
        for path in ("/api", "/api/v1", "/apis/kagent.dev/v1alpha2", "/openapi/v3", "/version"):
            self.assertIn(path, paths)
        self.check_unauthorized(self.api.call("GET", "/", token=""))

    def test_the_kubeconfig_is_private(self):
        self.assertEqual(0, os.stat(self.server.kubeconfig()).st_mode & 0o077)


class Discovery(ServerTest):
    def group_versions(self):
        groups = self.api.call("GET", "/apis").expect(200).object["groups"]
        return ["v1"] + [v["groupVersion"] for g in groups for v in g["versions"]]

    def test_the_kinds_are_served(self):
        wanted = {"httproutes": ("HTTPRoute", True), "gateways": ("Gateway", True),
                  "gatewayclasses": ("GatewayClass", False)}
        listed = self.api.call("GET", "/apis/gateway.networking.k8s.io/v1").expect(200).object["resources"]
        found = {r["name"]: (r["kind"], r["namespaced"]) for r in listed}
        for name, facts in wanted.items():
            self.assertEqual(facts, found.get(name))
            self.assertIn(f"{name}/status", found)
        for kind, (version, plural, namespaced) in kube.RESOURCES.items():
            if version.startswith("example.test"):
                continue
            base = "/apis/" if "/" in version else "/api/"
            listed = self.api.call("GET", base + version).expect(200).object
            self.assertEqual(("APIResourceList", version), (listed["kind"], listed["groupVersion"]))
            entry = next((r for r in listed["resources"] if r["name"] == plural), None)
            self.assertIsNotNone(entry, f"{version} {plural}")
            self.assertEqual((kind, namespaced), (entry["kind"], entry["namespaced"]))

    def test_aggregated(self):
        for path in ("/api", "/apis"):
            answer = self.api.call("GET", path, accept=DISCOVERY).expect(200)
            content_type = answer.headers["content-type"].replace(" ", "")
            for part in ("application/json", "g=apidiscovery.k8s.io", "v=v2", "as=APIGroupDiscoveryList"):
                self.assertIn(part, content_type)
            self.assertEqual("APIGroupDiscoveryList", answer.object["kind"])
            for group in answer.object["items"]:
                for version in group["versions"]:
                    self.assertTrue(version["resources"], version)
                    for resource in version["resources"]:
                        self.assertIn(resource["scope"], ("Namespaced", "Cluster"))

    def test_aggregated_and_classic_agree(self):
        aggregated = {f"{g['metadata']['name']}/{v['version']}"
                      for g in self.api.call("GET", "/apis", accept=DISCOVERY).object["items"] for v in g["versions"]}
        self.assertEqual(set(self.group_versions()) - {"v1"}, aggregated)

    def test_every_group_version_has_an_openapi_document(self):
        index = self.api.call("GET", "/openapi/v3").expect(200).object["paths"]
        for version in self.group_versions():
            with self.subTest(version):
                key = ("apis/" if "/" in version else "api/") + version
                self.assertIn(key, index)
                document = self.api.call("GET", index[key]["serverRelativeURL"]).expect(200).object
                self.assertTrue(document["openapi"].startswith("3."))

    def test_openapi_v2_is_protobuf(self):
        answer = self.api.call("GET", "/openapi/v2", accept="application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
        answer.expect(200)
        self.assertNotIn("@", answer.headers["content-type"])

    def test_unknown_things(self):
        for path in ("/apis/nosuch.example/v1", "/api/v2", "/apis/kagent.dev/v9/agents", "/api/v1/nosuch",
                     "/api/v1/namespaces/default/nosuch/x", "/nosuch",
                     "/apis/gateway.networking.k8s.io/v1/namespaces/default/gatewayclasses"):
            with self.subTest(path):
                answer = self.api.call("GET", path).expect(404)
                self.assertEqual(("Status", "NotFound"), (answer.object["kind"], answer.reason))


class Reading(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = cls.new_namespace()
        cls.other = cls.new_namespace()
        for n in range(7):
            labels = {"n": str(n), "parity": ("even", "odd")[n % 2]}
            if n == 3:
                labels["app.example/special"] = "yes"
            cls.api.must_create(objects.config_map(cls.ns, f"map-{n}", labels=labels))
        cls.api.must_create(objects.config_map(cls.other, "map-0"))

    def pages(self, **query):
        out, token = [], ""
        while True:
            page = self.api.list("ConfigMap", self.ns, **query, **({"continue": token} if token else {})).expect(200).object
            out.append(page)
            token = page["metadata"].get("continue", "")
            if not token:
                return out

    def test_pages(self):
        pages = self.pages(limit=3)
        names = [[i["metadata"]["name"] for i in p["items"]] for p in pages]
        self.assertEqual([["map-0", "map-1", "map-2"], ["map-3", "map-4", "map-5"], ["map-6"]], names)
        self.assertEqual([4, 1, None], [p["metadata"].get("remainingItemCount") for p in pages])
        self.assertEqual(1, len({p["metadata"]["resourceVersion"] for p in pages}))

    def test_a_page_that_just_fits(self):
        self.assertEqual(1, len(self.pages(limit=7)))
        self.assertEqual([6, 1], [len(p["items"]) for p in self.pages(limit=6)])

    def test_pages_with_a_selector(self):
        pages = self.pages(limit=2, labelSelector="parity=even")
        self.assertNotIn("remainingItemCount", pages[0]["metadata"], "it would count what is passed over")
        self.assertEqual([2, 2], [len(p["items"]) for p in pages])

    def test_metadata_alone(self):
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
        path = kube.path_of("ConfigMap", self.ns)
        found = self.api.call("GET", path, accept=accept, limit=1).expect(200).object
        self.assertEqual(("PartialObjectMetadataList", "meta.k8s.io/v1"), (found["kind"], found["apiVersion"]))
        self.assertEqual({"kind", "apiVersion", "metadata"}, set(found["items"][0]))
        one = self.api.call("GET", path + "/map-0", accept=accept.replace("List", "")).expect(200).object
        self.assertEqual(found["items"][0], one)
        whole = self.api.call("GET", path + "/map-0", accept="application/json," + accept.split(",")[0]).expect(200).object
        self.assertEqual("ConfigMap", whole["kind"], "the first form named goes first")

    def test_changes_between_pages(self):
        ns = self.new_namespace()
        for n in range(6):
            self.api.must_create(objects.config_map(ns, f"m{n}"))
        first = self.api.list("ConfigMap", ns, limit=2).object
        self.api.delete("ConfigMap", ns, "m0").expect(200)
        self.api.must_create(objects.config_map(ns, "a-new-one"))
        rest = self.api.list("ConfigMap", ns, **{"continue": first["metadata"]["continue"]}).expect(200).object
        self.assertEqual(["m2", "m3", "m4", "m5"], [i["metadata"]["name"] for i in rest["items"]])
        self.assertEqual(first["metadata"]["resourceVersion"], rest["metadata"]["resourceVersion"])

    def test_a_bad_continue_token(self):
        for token in ("x", "bm9uc2Vuc2U=", "====", "%00"):
            answer = self.api.list("ConfigMap", self.ns, **{"continue": token}).expect(400, 410)
            self.assertEqual("Status", answer.object["kind"])

    def test_a_list_names_its_kind(self):
        found = self.api.list("ConfigMap", self.ns).expect(200).object
        self.assertEqual(("ConfigMapList", "v1"), (found["kind"], found["apiVersion"]))
        self.assertGreater(int(found["metadata"]["resourceVersion"]), 0)
        everywhere = self.api.items("ConfigMap", fieldSelector="metadata.name=map-0")
        self.assertEqual([self.ns, self.other], sorted(i["metadata"]["namespace"] for i in everywhere))

    def test_a_list_in_a_missing_namespace_is_empty(self):
        self.assertEqual([], self.api.items("ConfigMap", "no-such-namespace"))

    def test_label_selectors(self):
        cases = {
            "n=3": "3", "n==3": "3", "n!=3": "012456", "parity=odd": "135", "n in (1, 2,9)": "12",
            "n notin (1,2)": "03456", "app.example/special": "3", "!app.example/special": "012456",
            "parity=even,n!=0": "246", "parity=even,n in (0,1)": "0", "n": "0123456", "nothing": "",
            "nothing!=x": "0123456",
        }
        for selector, wanted in cases.items():
            with self.subTest(selector):
                names = self.api.names("ConfigMap", self.ns, labelSelector=selector)
                self.assertEqual([f"map-{n}" for n in wanted], names)

    def test_bad_label_selectors(self):
        for selector in ("a in (b", "a in b", "=b", "a=b=c", "a b", "-bad=x", "a=" + "x" * 64, "!", "a in ()("):
            with self.subTest(selector):
                self.assertEqual("BadRequest", self.api.list("ConfigMap", self.ns, labelSelector=selector).expect(400).reason)

    def test_field_selectors(self):
        cases = {"metadata.name=map-2": ["map-2"], "metadata.name==map-2": ["map-2"],
                 "metadata.name!=map-2": [f"map-{n}" for n in (0, 1, 3, 4, 5, 6)],
                 f"metadata.namespace={self.other}": [], "metadata.name=map-1,metadata.name=map-2": []}
        for selector, wanted in cases.items():
            with self.subTest(selector):
                self.assertEqual(wanted, self.api.names("ConfigMap", self.ns, fieldSelector=selector))

    def test_an_unknown_field_in_a_selector(self):
        for kind, ns in (("ConfigMap", self.ns), ("Gateway", self.ns), ("GatewayClass", None)):
            answer = self.api.list(kind, ns, fieldSelector="spec.nosuch=x").expect(400)
            self.assertIn("field label not supported: spec.nosuch", answer.message)

    def test_secrets_by_type(self):
        self.api.must_create({**objects.secret(self.ns, "typed", a="b"), "type": "example.test/kind"})
        self.api.must_create(objects.secret(self.ns, "opaque", a="b"))
        self.assertEqual(["typed"], self.api.names("Secret", self.ns, fieldSelector="type=example.test/kind"))

    def test_not_found(self):
        answer = self.api.get("HTTPRoute", self.ns, "absent").expect(404)
        self.assertEqual('httproutes.gateway.networking.k8s.io "absent" not found', answer.message)
        self.assertEqual({"name": "absent", "group": "gateway.networking.k8s.io", "kind": "httproutes"},
                         answer.object["details"])
        self.assertEqual(("Status", "v1", "Failure", "NotFound", 404),
                         tuple(answer.object[k] for k in ("kind", "apiVersion", "status", "reason", "code")))

    def test_methods_that_are_not_there(self):
        for method, path in (("POST", f"{CONFIG_MAPS}/x"), ("PUT", CONFIG_MAPS), ("PATCH", CONFIG_MAPS),
                             ("POST", "/api/v1/configmaps")):
            with self.subTest(method=method, path=path):
                answer = self.api.call(method, path, {}, content_type="application/merge-patch+json"
                                       if method == "PATCH" else "application/json")
                answer.expect(405)
                self.assertEqual("MethodNotAllowed", answer.reason)

    def test_both_versions_of_a_kind(self):
        self.api.must_create(objects.gateway(self.ns, "twice", objects.listener(1), cls="foreign"))
        for version in ("v1", "v1beta1"):
            path = f"/apis/gateway.networking.k8s.io/{version}/namespaces/{self.ns}/gateways"
            found = self.api.call("GET", f"{path}/twice").expect(200).object
            self.assertEqual(f"gateway.networking.k8s.io/{version}", found["apiVersion"])
            self.assertEqual(f"gateway.networking.k8s.io/{version}", self.api.call("GET", path).object["apiVersion"])


class Tables(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = cls.new_namespace()
        cls.api.must_create(objects.config_map(cls.ns, "one", {"a": "1", "b": "2"}))
        cls.api.must_create(objects.config_map(cls.ns, "two"))

    def table(self, kind, ns, name=None, **query):
        path = kube.path_of(kind, ns, name)
        found = self.api.call("GET", path, accept=kube.TABLE, **query).expect(200).object
        self.assertEqual(("Table", "meta.k8s.io/v1"), (found["kind"], found["apiVersion"]))
        return found

    def columns(self, table):
        return [c["name"] for c in table["columnDefinitions"]]

    def test_a_list(self):
        found = self.table("ConfigMap", self.ns)
        self.assertEqual(["Name", "Data", "Age"], self.columns(found))
        self.assertEqual(["one", "two"], [r["cells"][0] for r in found["rows"]])
        self.assertEqual([2, 1], [r["cells"][1] for r in found["rows"]])
        self.assertRegex(found["rows"][0]["cells"][2], r"^\d+s$")
        self.assertGreater(int(found["metadata"]["resourceVersion"]), 0)
        row = found["rows"][0]["object"]
        self.assertEqual("PartialObjectMetadata", row["kind"])
        self.assertEqual((self.ns, "one"), (row["metadata"]["namespace"], row["metadata"]["name"]))
        self.assertNotIn("data", row)

    def test_one_object(self):
        self.assertEqual([["one"]], [r["cells"][:1] for r in self.table("ConfigMap", self.ns, "one")["rows"]])

    def test_what_a_row_includes(self):
        whole = self.table("ConfigMap", self.ns, includeObject="Object")["rows"][0]["object"]
        self.assertEqual({"a": "1", "b": "2"}, whole["data"])
        self.assertFalse(self.table("ConfigMap", self.ns, includeObject="None")["rows"][0].get("object"))

    def test_pages_of_a_table(self):
        first = self.table("ConfigMap", self.ns, limit=1)
        self.assertEqual(1, len(first["rows"]))
        second = self.table("ConfigMap", self.ns, limit=1, **{"continue": first["metadata"]["continue"]})
        self.assertEqual(["two"], [r["cells"][0] for r in second["rows"]])

    def test_columns_of_the_kinds(self):
        wanted = {
            "GatewayClass": ["Name", "Controller", "Accepted", "Age"],
            "Gateway": ["Name", "Class", "Address", "Programmed", "Age"],
            "HTTPRoute": ["Name", "Hostnames", "Age"],
            "Backend": ["Name", "Type", "Accepted", "Age"],
            "ModelConfig": ["Name", "Provider", "Model"],
            "Agent": ["Name", "Type", "Runtime", "Ready", "Accepted"],
            "Pod": ["Name", "Ready", "Status", "Restarts", "Age"],
            "Service": ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"],
            "Secret": ["Name", "Type", "Data", "Age"],
            "Namespace": ["Name", "Status", "Age"],
        }
        for kind, columns in wanted.items():
            with self.subTest(kind):
                ns = None if not kube.RESOURCES[kind][2] else "default"
                found = [c["name"] for c in self.table(kind, ns)["columnDefinitions"] if not c.get("priority")]
                self.assertEqual(columns, found)

    def test_a_plain_accept_is_no_table(self):
        self.assertEqual("ConfigMapList", self.api.list("ConfigMap", self.ns).object["kind"])

    def test_types_that_cannot_be_made(self):
        self.assertEqual("NotAcceptable", self.api.call("GET", CONFIG_MAPS, accept="application/cbor").expect(406).reason)
        # Protobuf is asked for by every Go client, with JSON as the second choice.
        answer = self.api.call("GET", CONFIG_MAPS, accept="application/vnd.kubernetes.protobuf,application/json").expect(200)
        self.assertTrue(re.match(r"application/json\b", answer.headers["content-type"]))


if __name__ == "__main__":
    unittest.main()

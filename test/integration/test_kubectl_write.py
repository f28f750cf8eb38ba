"""Writing with kubectl: create, edit, patch, label, annotate, delete, server-side apply, definitions of kinds."""

import json
import unittest

import objects
from harness import wait_until
from kubectl import KubectlTest, for_each_kubectl


class WriteTest(KubectlTest):
    count = 0

    def setUp(self):
        WriteTest.count += 1
        self.ns = f"write{WriteTest.count}"
        self.api.must_create(objects.namespace(self.ns))

    def route(self, name="r", **labels):
        obj = objects.route(self.ns, name, [objects.parent("none")], [objects.backend_ref("b")], "/old")
        obj["metadata"]["labels"] = labels or {"app": "test"}
        return self.api.must_create(obj)

    def read(self, kind, name):
        return self.api.read(kind, self.ns, name)

    def k(self, *args, **more):
        return self.kubectl.ok(*args, "-n", self.ns, **more)

    def k_fails(self, *args, **more):
        return self.kubectl.fails(*args, "-n", self.ns, **more)

    def apply(self, obj, *args):
        return self.k("apply", *args, "-f", "-", stdin=obj)


class Create(WriteTest):
    def test_namespaces(self):
        self.assertEqual("namespace/fresh created\n", self.kubectl.ok("create", "ns", "fresh"))
        self.assertEqual("Active", self.api.read("Namespace", None, "fresh")["status"]["phase"])
        self.assertIn('(AlreadyExists): namespaces "fresh" already exists', self.kubectl.fails("create", "ns", "fresh"))
        self.assertRegex(self.kubectl.ok("delete", "ns", "fresh"), r'^namespace "fresh" deleted')

    def test_secrets(self):
        self.assertEqual("secret/s created\n", self.k("create", "secret", "generic", "s", "--from-literal=a=b", "--from-literal=c=ü"))
        found = self.read("Secret", "s")
        self.assertEqual(("Opaque", {"a": "Yg==", "c": "w7w="}), (found["type"], found["data"]))

    def test_config_maps(self):
        (self.home / "binary").write_bytes(b"\xff\x00\xfe")
        self.k("create", "configmap", "c", "--from-literal=a=b", "--from-literal=e=", f"--from-file=bin={self.home}/binary")
        found = self.read("ConfigMap", "c")
        self.assertEqual(({"a": "b", "e": ""}, {"bin": "/wD+"}), (found["data"], found["binaryData"]))

    def test_services(self):
        self.k("create", "service", "clusterip", "s", "--tcp=80:8080")
        port = self.read("Service", "s")["spec"]["ports"][0]
        self.assertEqual((80, 8080, "TCP"), (port["port"], port["targetPort"], port["protocol"]))

    def test_dry_run(self):
        self.assertIn("(server dry run)", self.k("create", "secret", "generic", "dry", "--from-literal=a=b", "--dry-run=server"))
        out = self.k("create", "-f", "-", "--dry-run=server", stdin=objects.route(self.ns, "dry", [objects.parent("g")]))
        self.assertEqual("httproute.gateway.networking.k8s.io/dry created (server dry run)\n", out)
        bad = objects.gateway(self.ns, "dry", objects.listener(0))
        self.assertIn("spec.listeners[0].port", self.k_fails("create", "-f", "-", "--dry-run=server", "--validate=false", stdin=bad))
        for kind in ("Secret", "HTTPRoute", "Gateway"):
            self.assertFalse(self.api.exists(kind, self.ns, "dry"))

    def test_a_missing_namespace(self):
        error = self.kubectl.fails("create", "configmap", "x", "-n", "no-such")
        self.assertIn('namespaces "no-such" not found', error)


class Change(WriteTest):
    def test_edit(self):
        self.route()
        out = self.k("edit", "httproute", "r", env={"KUBE_EDITOR": "sed -i s#/old#/new#", "EDITOR": "sed -i s#/old#/new#"})
        self.assertEqual("httproute.gateway.networking.k8s.io/r edited\n", out)
        found = self.read("HTTPRoute", "r")
        self.assertEqual(("/new", 2), (found["spec"]["rules"][0]["matches"][0]["path"]["value"], found["metadata"]["generation"]))
        self.api.must_create(objects.config_map(self.ns, "c", {"k": "before"}))
        self.k("edit", "configmap", "c", env={"KUBE_EDITOR": "sed -i s/before/after/"})
        self.assertEqual({"k": "after"}, self.read("ConfigMap", "c")["data"])
        done = self.kubectl.run("edit", "configmap", "c", "-n", self.ns, env={"KUBE_EDITOR": "true"})
        self.assertIn("no changes made", done.out + done.err)

    def test_patch(self):
        self.route()
        name = ("httproute", "r")
        out = self.k("patch", *name, "--type=merge", "-p", json.dumps({"spec": {"hostnames": ["a.example"]}}))
        self.assertEqual("httproute.gateway.networking.k8s.io/r patched\n", out)
        self.k("patch", *name, "--type=json", "-p", '[{"op":"add","path":"/spec/hostnames/-","value":"b.example"}]')
        self.assertEqual(["a.example", "b.example"], self.read("HTTPRoute", "r")["spec"]["hostnames"])
        out = self.k("patch", *name, "--type=merge", "-p", "{}")
        self.assertIn("patched (no change)", out)
        error = self.k_fails("patch", *name, "-p", "{\"spec\":{}}")
        if self.kubectl.minor >= 27:
            self.assertIn("application/strategic-merge-patch+json is not supported by gateway.networking.k8s.io/v1, "
                          "Kind=HTTPRoute: ", error)
        self.assertIn("the body of the request was in an unknown format - accepted media types include: "
                      "application/json-patch+json, application/merge-patch+json", error)
        error = self.k_fails("patch", *name, "--type=json", "-p", '[{"op":"test","path":"/spec/hostnames","value":1}]')
        self.assertIn("invalid", error)

    def test_a_strategic_patch_of_a_core_kind(self):
        self.api.must_create(objects.service(self.ns, "svc", [80, 81]))
        self.k("patch", "svc", "svc", "-p", '{"spec":{"ports":[{"port":81,"name":"renamed"}]}}')
        self.assertEqual({80: "p80", 81: "renamed"}, {p["port"]: p["name"] for p in self.read("Service", "svc")["spec"]["ports"]})

    def test_label_and_annotate(self):
        self.route()
        self.api.must_create(objects.config_map(self.ns, "c"))
        for kind, api_kind, name in (("httproute", "HTTPRoute", "r"), ("configmap", "ConfigMap", "c")):
            self.assertRegex(self.k("label", kind, name, "tier=one"), r" labeled\n$")
            self.assertIn("already has a value", self.k_fails("label", kind, name, "tier=two"))
            self.k("label", kind, name, "tier=two", "--overwrite")
            self.assertEqual("two", self.read(api_kind, name)["metadata"]["labels"]["tier"])
            self.assertIn(f"/{name}", self.k("get", kind, "-l", "tier in (two)", "-o", "name"))
            self.k("label", kind, name, "tier-")
            self.assertNotIn("tier", self.read(api_kind, name)["metadata"].get("labels", {}))
            self.assertRegex(self.k("annotate", kind, name, "note=some words"), r" annotated?\n$")
            self.assertEqual("some words", self.read(api_kind, name)["metadata"]["annotations"]["note"])
            self.assertEqual(1, self.read(api_kind, name)["metadata"].get("generation", 1))
        self.assertIn("invalid", self.k_fails("label", "httproute", "r", "bad=not ok").lower())

    def test_replace(self):
        self.route()
        obj = self.kubectl.json("get", "httproute", "r", "-n", self.ns)
        obj["spec"]["hostnames"] = ["a.example"]
        self.assertEqual("httproute.gateway.networking.k8s.io/r replaced\n", self.k("replace", "-f", "-", stdin=obj))
        self.assertIn("(Conflict)", self.k_fails("replace", "-f", "-", stdin=obj))

    def test_apply_changes_what_the_manifest_changes(self):
        manifest = objects.config_map(self.ns, "c", {"a": "1", "b": "2"})
        self.assertEqual("configmap/c created\n", self.apply(manifest))
        self.api.must_patch("ConfigMap", self.ns, "c", {"data": {"by-another": "x"}})
        manifest["data"] = {"a": "3"}
        self.assertEqual("configmap/c configured\n", self.apply(manifest))
        self.assertEqual({"a": "3", "by-another": "x"}, self.read("ConfigMap", "c")["data"])
        self.assertEqual("configmap/c unchanged\n", self.apply(manifest))

    def test_a_backend_spelled_as_before_2_1(self):
        """It is stored in today's spelling, stays as it is when applied again, and changes with its manifest."""
        earlier = objects.ai_backend_of_before_2_1(self.ns, "b")
        for args in ((), ("--server-side", "--field-manager=ssa", "--force-conflicts")):
            self.apply(earlier, *args)
            found = self.read("Backend", "b")
            self.assertEqual("AI", found["spec"]["type"])
            llm = found["spec"]["ai"]["llm"]
            self.assertEqual({"host", "port", "openai"}, set(llm))
            self.assertEqual(("127.0.0.1", 9, "m"), (llm["host"], llm["port"], llm["openai"]["model"]))
            self.apply(earlier, *args)
            self.assertEqual(1, self.read("Backend", "b")["metadata"]["generation"])

    def test_what_an_earlier_spelling_brought_goes_with_it(self):
        """Client-side apply compares manifests by names that are not stored: nothing of the one before may stay."""
        def applied(llm=None, **ai):
            made = objects.ai_backend_of_before_2_1(self.ns, "b")
            made["spec"] = {"type": "AI", "ai": ai or {"llm": llm}}
            self.apply(made)
            return self.read("Backend", "b")["spec"]["ai"]

        token = {"authToken": {"kind": "SecretRef", "secretRef": {"name": "llm-key"}}}
        provider = {"provider": {"openai": token}}
        everything = {**provider, "hostOverride": {"host": "there.test", "port": 9},
                      "pathOverride": {"fullPath": "/p"}, "authHeaderOverride": {"headerName": "X-Key"}}
        today = {"openai": token, "host": "there.test", "port": 9, "path": {"full": "/p"},
                 "authHeader": {"headerName": "X-Key"}}
        for fewer, gone in (("hostOverride", ("host", "port")), ("pathOverride", ("path",)), ("authHeaderOverride", ("authHeader",))):
            self.assertEqual({"llm": today}, applied(everything))
            left = applied({k: v for k, v in everything.items() if k != fewer})
            self.assertEqual({"llm": {k: v for k, v in today.items() if k not in gone}}, left)
        self.assertEqual({"llm": today}, applied(everything))
        self.assertEqual({"llm": {**today, "port": 10}}, applied({**everything, "hostOverride": {"host": "there.test", "port": 10}}))
        self.assertEqual({"llm": {"anthropic": token}}, applied({"provider": {"anthropic": token}}))
        self.assertEqual({"llm": {"openai": token}}, applied({"openai": token}))
        self.assertEqual({"llm": today}, applied(everything))
        self.assertEqual({"llm": {"openai": token, "host": "there.test", "port": 9}},  # the same, now as one says it today
                         applied({"openai": token, "host": "there.test", "port": 9}))
        pool = {"priorities": [{"pool": [provider]}]}
        named = [{"providers": [{"name": "priority-0-0", "openai": token}]}]
        self.assertEqual({"priorityGroups": named}, applied(multipool=pool))
        self.assertEqual({"llm": {"openai": token}}, applied(provider))
        self.assertEqual({"priorityGroups": named}, applied(multipool=pool))
        self.assertEqual({"priorityGroups": named}, applied(priorityGroups=named))
        self.assertEqual({"llm": {"anthropic": token}}, applied({"anthropic": token}))

    def test_get_watch(self):
        self.route()
        for n, form in enumerate(((), ("-o", "json"))):
            watch = self.started("get", "httproute", "-n", self.ns, "-w", *form)
            watch.wait_line(lambda line: line.startswith("r ") or '"name": "r"' in line)
            self.api.must_patch("HTTPRoute", self.ns, "r", {"spec": {"hostnames": [f"x{n}.example"]}})
            watch.wait_line(lambda line: f"x{n}.example" in line)
            self.api.must_create(objects.route(self.ns, f"later{n}", [objects.parent("none")]))
            watch.wait_line(lambda line: f"later{n}" in line)


class Delete(WriteTest):
    def test_by_name_file_and_label(self):
        for name in ("a", "b", "c", "d"):
            self.api.must_create(objects.config_map(self.ns, name, labels={"pair": "cd" if name in "cd" else "ab"}))
        self.assertRegex(self.k("delete", "configmap", "a"), r'^configmap "a" deleted')
        self.k("delete", "-f", "-", stdin=objects.config_map(self.ns, "b"))
        self.assertEqual(["c", "d"], self.api.names("ConfigMap", self.ns))
        self.k("delete", "configmap", "-l", "pair=cd")
        self.assertEqual([], self.api.names("ConfigMap", self.ns))
        self.assertIn("(NotFound)", self.k_fails("delete", "configmap", "a"))
        self.assertEqual("", self.k("delete", "configmap", "a", "--ignore-not-found"))

    def test_all(self):
        self.route("a")
        self.route("b")
        self.k("delete", "httproute", "--all")
        self.assertEqual([], self.api.names("HTTPRoute", self.ns))

    def test_it_waits_for_finalizers(self):
        obj = objects.config_map(self.ns, "held", finalizers=["example.test/one"])
        self.api.must_create(obj)
        delete = self.started("delete", "configmap", "held", "-n", self.ns)
        wait_until(lambda: "deletionTimestamp" in self.read("ConfigMap", "held")["metadata"])
        waiting = self.started("wait", "--for=delete", "configmap/held", "-n", self.ns, "--timeout=30s")
        self.assertIsNone(delete.child.poll())
        self.api.patch("ConfigMap", self.ns, "held", {"metadata": {"finalizers": None}}).expect(200)
        self.assertEqual(0, delete.wait(), delete.report())
        if waiting.wait() != 0:  # old ones fail when there is nothing left at their start
            self.assertIn("no matching resources found", waiting.stderr())

    def test_a_namespace(self):
        self.route()
        self.kubectl.ok("delete", "ns", self.ns)
        self.assertFalse(self.api.exists("Namespace", None, self.ns))
        self.assertEqual([], self.api.names("HTTPRoute", self.ns))


class Wait(WriteTest):
    def wait_for_condition(self, **env):
        """A `wait` that begins before the condition is there."""
        self.route()
        self.api.must_create(objects.gateway(self.ns, "g", objects.listener(1), cls="foreign"))
        waiting = self.started("wait", "--for=condition=Shiny", "gateway/g", "-n", self.ns, "--timeout=30s", env=env)
        condition = {"type": "Shiny", "status": "False", "reason": "No", "message": "", "observedGeneration": 1,
                     "lastTransitionTime": "2030-01-01T00:00:00Z"}
        self.api.must_patch("Gateway", self.ns, "g", {"status": {"conditions": [condition]}}, sub="status")
        condition["status"] = "True"
        self.api.must_patch("Gateway", self.ns, "g", {"status": {"conditions": [condition]}}, sub="status")
        self.assertEqual(0, waiting.wait(), waiting.report())
        self.assertIn("gateway.gateway.networking.k8s.io/g condition met", waiting.lines)

    def test_for_a_condition_to_come(self):
        self.wait_for_condition()

    def test_with_streamed_lists(self):
        self.since(33, "no watch-list client")
        self.wait_for_condition(KUBE_FEATURE_WatchListClient="true")


class ServerSideApply(WriteTest):
    def ssa(self, obj, manager, *more):
        return self.apply(obj, "--server-side", f"--field-manager={manager}", *more)

    def test_create_and_again(self):
        for obj, name in ((objects.config_map(self.ns, "c"), "configmap/c"),
                          (objects.ai_backend(self.ns, "b"), "backend.gateway.kgateway.dev/b")):
            self.assertEqual(f"{name} serverside-applied\n", self.ssa(obj, "one"))
            before = self.read(obj["kind"], obj["metadata"]["name"])
            self.assertEqual(f"{name} serverside-applied\n", self.ssa(obj, "one"))
            after = self.read(obj["kind"], obj["metadata"]["name"])
            for found in (before, after):  # the controller writes the status of a Backend in between
                if found.pop("status", None) or obj["kind"] == "Backend":
                    del found["metadata"]["resourceVersion"], found["metadata"]["managedFields"]
            self.assertEqual(before, after)

    def test_a_conflict(self):
        self.ssa(objects.config_map(self.ns, "c", {"k": "one"}), "one")
        self.ssa(objects.ai_backend(self.ns, "b", model="one"), "one")
        for obj, field in ((objects.config_map(self.ns, "c", {"k": "two"}), ".data.k"),
                           (objects.ai_backend(self.ns, "b", model="two"), ".spec.ai.llm.anthropic.model")):
            error = self.k_fails("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=obj)
            self.assertIn("Apply failed with 1 conflict", error)
            self.assertIn('conflict with "one"', error)
            self.assertIn(field, error)
            self.ssa(obj, "two", "--force-conflicts")
        self.assertEqual("two", self.read("ConfigMap", "c")["data"]["k"])
        self.assertEqual("two", self.read("Backend", "b")["spec"]["ai"]["llm"]["anthropic"]["model"])

    def test_after_a_client_side_apply(self):
        obj = objects.ai_backend(self.ns, "b", model="one")
        self.apply(obj)
        obj["spec"]["ai"]["llm"]["anthropic"]["model"] = "two"
        self.since(26, "does not take over from client-side apply")
        self.assertEqual("backend.gateway.kgateway.dev/b serverside-applied\n", self.apply(obj, "--server-side"))
        self.assertEqual("two", self.read("Backend", "b")["spec"]["ai"]["llm"]["anthropic"]["model"])

    def test_an_earlier_spelling_owns_todays_fields(self):
        earlier = objects.ai_backend_of_before_2_1(self.ns, "b")
        self.ssa(earlier, "one")
        del earlier["spec"]["ai"]["llm"]["hostOverride"]
        self.ssa(earlier, "one")
        self.assertEqual({"openai"}, set(self.read("Backend", "b")["spec"]["ai"]["llm"]))
        other = objects.ai_backend(self.ns, "b", provider="openai", model="two")
        error = self.k_fails("apply", "--server-side", "--field-manager=two", "-f", "-", stdin=other)
        self.assertIn(".spec.ai.llm.openai.model", error)
        earlier["spec"]["ai"]["llm"]["hostOverride"] = {"host": "h", "port": 1, "hots": "h"}
        answer = self.api.apply(earlier, "one", fieldValidation="Strict", force="true")
        self.assertEqual(400, answer.status, answer.text)
        self.assertIn('unknown field "spec.ai.llm.hostOverride.hots"', answer.message)

    def test_diff(self):
        self.ssa(objects.config_map(self.ns, "c", {"k": "one"}), "kubectl")
        done = self.kubectl.run("diff", "--server-side", "-n", self.ns, "-f", "-", stdin=objects.config_map(self.ns, "c", {"k": "two"}))
        self.assertEqual(1, done.code, done.err)
        self.assertRegex(done.out, r"(?m)^\+\s+k: two$")


class Definitions(WriteTest):
    """CustomResourceDefinitions applied with kubectl."""

    def test_a_new_kind(self):
        crd = self.file("crd.json", objects.widget_crd())
        name = "customresourcedefinition.apiextensions.k8s.io/widgets.example.test"
        self.assertEqual(f"{name} created\n", self.kubectl.ok("apply", "-f", crd))
        self.kubectl.ok("wait", "--for=condition=Established", "crd/widgets.example.test", "--timeout=20s")
        self.assertEqual(f"{name} unchanged\n", self.kubectl.ok("apply", "-f", crd))
        self.check_objects()
        self.kubectl.ok("delete", "-f", crd)
        self.assertEqual(404, self.api.list("Widget", self.ns).status)
        self.k_fails("get", "widgets")

    def check_objects(self):
        widget = objects.widget(self.ns, "w", size=7)
        self.assertEqual("widget.example.test/w created\n", self.apply(widget))
        self.assertEqual("widget.example.test/w unchanged\n", self.apply(widget))
        row = self.kubectl.table("get", "widgets", "-n", self.ns)[0]
        self.assertEqual((["NAME", "SIZE", "READY", "AGE"], "w", "7"), (list(row), row["NAME"], row["SIZE"]))
        self.assertIn("red", self.k("get", "wd", "-o", "wide"))
        watch = self.started("get", "widget", "w", "-n", self.ns, "-w")
        watch.wait_line(lambda line: line.startswith("w "))
        widget["spec"]["size"] = 8
        self.assertEqual("widget.example.test/w configured\n", self.apply(widget))
        watch.wait_line(lambda line: line.startswith("w ") and " 8 " in line)
        watch.kill()
        error = self.k_fails("apply", "--validate=false", "-f", "-", stdin=objects.widget(self.ns, "bad", color="blue"))
        self.assertIn('The Widget "bad" is invalid: spec.color: Unsupported value: "blue"', error)
        self.assertIn("color", self.k("explain", "widget.spec"))
        self.assertIn("Widget", self.k("describe", "widget", "w"))
        self.assertEqual("widget.example.test/w serverside-applied\n",
                         self.apply(objects.widget(self.ns, "w", size=8), "--server-side", "--field-manager=x", "--force-conflicts"))

    def test_a_built_in_kind(self):
        """The definitions of Gateway API, kgateway and kagent may be installed; they change nothing."""
        crd = objects.crd("Backend", "backends")
        crd["metadata"]["name"] = "backends.gateway.kgateway.dev"
        crd["spec"]["group"] = "gateway.kgateway.dev"
        backend = objects.ai_backend(self.ns, "b")
        self.apply(backend)
        self.assertIn("created", self.kubectl.ok("apply", "-f", self.file("backend-crd.json", crd)))
        self.kubectl.ok("wait", "--for=condition=Established", "crd/backends.gateway.kgateway.dev", "--timeout=20s")
        self.assertEqual("backend.gateway.kgateway.dev/b unchanged\n", self.apply(backend))
        self.assertIn("anthropic", self.k("explain", "backend.spec.ai.llm"))
        bad = {**backend, "spec": {"type": "AI"}}
        self.assertIn("ai backend must be specified", self.k_fails("apply", "--validate=false", "-f", "-", stdin=bad))
        self.kubectl.ok("delete", "crd", "backends.gateway.kgateway.dev")
        self.assertIn("b", self.api.names("Backend", self.ns))


@for_each_kubectl
class Write(Create, Change, Delete, Wait, ServerSideApply, Definitions):
    """All of the above on one server."""



if __name__ == "__main__":
    unittest.main()

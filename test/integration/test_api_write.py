"""Writing through the API: metadata, generation, optimistic concurrency, patches, apply, defaults, dry run."""

import threading
import unittest

import objects
from harness import ServerTest, wait_until


class WriteTest(ServerTest):
    """With the two kinds of objects.py defined: Widget (status subresource) and Gizmo (none, cluster-scoped)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for definition in (objects.widget_crd(), objects.gizmo_crd()):
            cls.api.must_create(definition)
        for kind in ("Widget", "Gizmo"):
            wait_until(lambda: cls.api.list(kind).status == 200, what=f"{kind} to be served")
        cls.ns = cls.new_namespace()

    def make(self, name, **spec):
        return self.api.must_create(objects.widget(self.ns, name, **spec))

    def widget(self, name):
        return self.api.read("Widget", self.ns, name)

    def patch(self, name, patch, how="merge", **query):
        return self.api.must_patch("Widget", self.ns, name, patch, how, **query)

    def version(self, obj):
        return int(obj["metadata"]["resourceVersion"])


class Metadata(WriteTest):
    def test_what_the_server_sets(self):
        sent = objects.widget(self.ns, "stamped")
        sent["metadata"].update({"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "generation": 7,
                                 "deletionTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x"})
        meta = self.api.must_create(sent)["metadata"]
        self.assertRegex(meta["uid"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertRegex(meta["creationTimestamp"], r"^20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(1, meta["generation"])
        self.assertRegex(meta["resourceVersion"], r"^\d+$")
        self.assertNotIn("deletionTimestamp", meta)
        self.assertNotIn("selfLink", meta)

    def test_what_the_server_keeps(self):
        before = self.make("kept")["metadata"]
        after = self.patch("kept", {"metadata": {"creationTimestamp": None, "generation": 99, "labels": {"a": "b"}}})
        for key in ("uid", "creationTimestamp", "generation"):
            self.assertEqual(before[key], after["metadata"][key])

    def test_a_new_object_of_an_old_name_has_a_new_uid(self):
        first = self.make("again")
        self.api.delete("Widget", self.ns, "again").expect(200)
        self.assertNotEqual(first["metadata"]["uid"], self.make("again")["metadata"]["uid"])

    def test_generated_names(self):
        names = set()
        for _ in range(20):
            obj = objects.config_map(self.ns, "")
            obj["metadata"] = {"namespace": self.ns, "generateName": "made-"}
            names.add(self.api.must_create(obj)["metadata"]["name"])
        self.assertEqual(20, len(names))
        for name in names:
            self.assertRegex(name, r"^made-[a-z0-9]{5}$")

    def test_bad_names(self):
        for name in ("Upper", "under_score", "-dash", "dot.", "a" * 254, "sp ace", "a/b", "ü", "a\u0000b"):
            with self.subTest(name):
                answer = self.api.create(objects.config_map(self.ns, name)).expect(422)
                self.assertEqual("metadata.name", answer.causes[0]["field"])
        self.assertEqual("metadata.name", self.api.create(objects.namespace("a.b")).expect(422).causes[0]["field"])
        nameless = self.api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": self.ns}})
        self.assertIn("name or generateName is required", nameless.expect(422).message)

    def test_bad_labels_and_annotations(self):
        for labels in ({"-bad": "x"}, {"ok": "not ok"}, {"a/b/c": "x"}, {"ok": "x" * 64}, {"": "x"}):
            with self.subTest(labels):
                answer = self.api.create(objects.config_map(self.ns, "labelled", labels=labels)).expect(422)
                self.assertTrue(answer.causes[0]["field"].startswith("metadata.labels"))
        big = {"big": "x" * (256 * 1024 + 1)}
        answer = self.api.create(objects.config_map(self.ns, "annotated", annotations=big)).expect(422)
        self.assertIn("metadata.annotations: Too long", answer.message)

    def test_the_url_and_the_body_must_agree(self):
        path = f"/api/v1/namespaces/{self.ns}/configmaps"
        self.api.call("POST", path, objects.config_map("elsewhere", "x")).expect(400)
        self.api.call("POST", path, objects.secret(self.ns, "x")).expect(400)
        self.api.call("POST", path, {**objects.config_map(self.ns, "x"), "apiVersion": "v2"}).expect(400)
        self.api.call("PUT", f"{path}/other", objects.config_map(self.ns, "x")).expect(400)
        self.assertEqual([], [n for n in self.api.names("ConfigMap", self.ns) if n in ("x", "other")])

    def test_a_missing_namespace(self):
        answer = self.api.create(objects.config_map("no-such", "x")).expect(404)
        self.assertEqual('namespaces "no-such" not found', answer.message)


class Generation(WriteTest):
    def test_only_the_spec_counts(self):
        self.assertEqual(1, self.make("g")["metadata"]["generation"])
        self.assertEqual(1, self.patch("g", {"metadata": {"labels": {"a": "b"}}})["metadata"]["generation"])
        self.assertEqual(2, self.patch("g", {"spec": {"size": 2}})["metadata"]["generation"])
        self.assertEqual(2, self.patch("g", {"metadata": {"annotations": {"a": "b"}}})["metadata"]["generation"])
        self.assertEqual(2, self.patch("g", {"status": {"phase": "Up"}}, sub="status")["metadata"]["generation"])
        self.assertEqual(3, self.patch("g", {"spec": {"size": 3}})["metadata"]["generation"])

    def test_without_a_status_subresource_everything_counts(self):
        self.api.must_create(objects.gizmo("g"))
        after = self.api.must_patch("Gizmo", None, "g", {"status": {"phase": "Up"}})
        self.assertEqual((2, {"phase": "Up"}), (after["metadata"]["generation"], after["status"]))
        self.api.patch("Gizmo", None, "g", {"status": {}}, sub="status").expect(404)

    def test_a_write_that_changes_nothing(self):
        before = self.make("same")
        for patch in ({}, {"spec": {"size": 1}}, {"metadata": {"labels": None}}):
            self.assertEqual(self.version(before), self.version(self.patch("same", patch)))
        self.assertEqual(self.version(before), self.version(self.api.replace(before).expect(200).object))

    def test_versions_grow_over_all_kinds(self):
        versions = [self.version(self.make("v1")), self.version(self.api.must_create(objects.gizmo("v2"))),
                    self.version(self.api.must_create(objects.config_map(self.ns, "v3"))),
                    self.version(self.patch("v1", {"spec": {"size": 9}}))]
        self.assertEqual(sorted(set(versions)), versions)


class Status(WriteTest):
    def test_the_two_halves_are_separate(self):
        created = self.api.must_create({**objects.widget(self.ns, "halves"), "status": {"phase": "Forged"}})
        self.assertFalse(created.get("status"))
        self.assertFalse(self.patch("halves", {"status": {"phase": "Forged"}}).get("status"))
        after = self.patch("halves", {"status": {"phase": "Up"}, "spec": {"size": 50},
                                      "metadata": {"labels": {"x": "y"}}}, sub="status")
        self.assertEqual(({"phase": "Up"}, 1), (after["status"], after["spec"]["size"]))
        self.assertNotIn("labels", after["metadata"])
        replaced = self.widget("halves")
        replaced["spec"]["size"], replaced["status"] = 2, {"phase": "Forged"}
        self.assertEqual("Up", self.api.replace(replaced).expect(200).object["status"]["phase"])

    def test_put_and_get(self):
        obj = self.make("put")
        obj["status"] = {"phase": "Up", "conditions": [{"type": "Ready", "status": "True"}]}
        self.assertEqual("Up", self.api.replace(obj, "status").expect(200).object["status"]["phase"])
        found = self.api.call("GET", f"/apis/example.test/v1/namespaces/{self.ns}/widgets/put/status").expect(200).object
        self.assertEqual("Ready", found["status"]["conditions"][0]["type"])
        self.assertEqual("Conflict", self.api.replace(obj, "status").expect(409).reason)

    def test_it_is_validated(self):
        self.make("valid")
        self.api.patch("Widget", self.ns, "valid", {"status": {"phase": 7}}, sub="status").expect(422)


class Concurrency(WriteTest):
    def test_a_stale_put(self):
        first = self.make("stale")
        self.patch("stale", {"spec": {"size": 2}})
        first["spec"]["size"] = 3
        answer = self.api.replace(first).expect(409)
        self.assertEqual("Conflict", answer.reason)
        self.assertEqual('Operation cannot be fulfilled on widgets.example.test "stale": the object has been modified; '
                         'please apply your changes to the latest version and try again', answer.message)
        self.assertEqual(2, self.widget("stale")["spec"]["size"])

    def test_a_put_without_a_version(self):
        obj = self.make("unversioned")
        del obj["metadata"]["resourceVersion"]
        answer = self.api.replace(obj).expect(422)
        self.assertIn("metadata.resourceVersion: Invalid value: 0x0: must be specified for an update", answer.message)
        core = self.api.must_create(objects.config_map(self.ns, "unversioned"))
        del core["metadata"]["resourceVersion"]
        core["data"] = {"k": "w"}
        self.assertEqual({"k": "w"}, self.api.replace(core).expect(200).object["data"])

    def test_a_patch_with_a_version(self):
        first = self.make("guarded")
        self.patch("guarded", {"spec": {"size": 2}})
        for how, patch in (("merge", {"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]},
                                      "spec": {"size": 3}}),
                           ("json", [{"op": "replace", "path": "/metadata/resourceVersion",
                                      "value": first["metadata"]["resourceVersion"]}])):
            self.api.patch("Widget", self.ns, "guarded", patch, how).expect(409)

    def test_creating_what_exists(self):
        self.make("there")
        answer = self.api.create(objects.widget(self.ns, "there")).expect(409)
        self.assertEqual(("AlreadyExists", 'widgets.example.test "there" already exists'), (answer.reason, answer.message))

    def test_changing_what_does_not_exist(self):
        obj = objects.widget(self.ns, "nowhere")
        obj["metadata"]["resourceVersion"] = "1"
        self.api.replace(obj).expect(404)
        self.api.patch("Widget", self.ns, "nowhere", {}).expect(404)
        self.api.delete("Widget", self.ns, "nowhere").expect(404)

    def test_a_version_on_create(self):
        obj = objects.widget(self.ns, "versioned")
        obj["metadata"]["resourceVersion"] = "5"
        self.api.create(obj).expect(400)

    def test_racing_increments(self):
        """Four clients add one, each 25 times, with read, replace and retry: no addition is lost."""
        self.api.must_create(objects.config_map(self.ns, "counter", {"n": "0"}))
        failures = []

        def work():
            api = self.api.copy()
            try:
                for _ in range(25):
                    while True:
                        obj = api.read("ConfigMap", self.ns, "counter")
                        obj["data"]["n"] = str(int(obj["data"]["n"]) + 1)
                        if api.replace(obj).expect(200, 409).status == 200:
                            break
            except Exception as error:  # told by the main thread
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], failures)
        self.assertEqual("100", self.api.read("ConfigMap", self.ns, "counter")["data"]["n"])


class Patches(WriteTest):
    def test_merge(self):
        self.make("merge", color="green", plain=["a", "b"])
        after = self.patch("merge", {"spec": {"plain": ["c"], "note": "hi", "color": None}})
        self.assertEqual({"size": 1, "color": "red", "plain": ["c"], "note": "hi"}, after["spec"])

    def test_json(self):
        self.make("json", plain=["a", "b"])
        after = self.patch("json", [{"op": "test", "path": "/spec/size", "value": 1},
                                    {"op": "add", "path": "/spec/plain/1", "value": "x"},
                                    {"op": "remove", "path": "/spec/plain/0"},
                                    {"op": "add", "path": "/metadata/labels", "value": {"a/b": "1"}},
                                    {"op": "replace", "path": "/metadata/labels/a~1b", "value": "2"},
                                    {"op": "copy", "from": "/spec/size", "path": "/spec/target"}], "json")
        self.assertEqual((["x", "b"], {"a/b": "2"}, 1),
                         (after["spec"]["plain"], after["metadata"]["labels"], after["spec"]["target"]))

    def test_json_that_fails(self):
        before = self.make("json-bad")
        for patch in ([{"op": "test", "path": "/spec/size", "value": 9}],
                      [{"op": "replace", "path": "/spec/nosuch/deep", "value": 1}],
                      [{"op": "replace", "path": "/spec/size", "value": 2}, {"op": "remove", "path": "/spec/absent"}]):
            self.assertEqual("Invalid", self.api.patch("Widget", self.ns, "json-bad", patch, "json").expect(422).reason)
        for patch in ([{"op": "nonsense", "path": "/spec"}], {"op": "add"}, "[", [{"op": "add"}]):
            self.api.patch("Widget", self.ns, "json-bad", patch, "json").expect(400, 422)
        self.assertEqual(self.version(before), self.version(self.widget("json-bad")))

    def test_too_many_operations(self):
        self.make("many")
        patch = [{"op": "add", "path": "/spec/size", "value": 2}] * 10_001
        self.api.patch("Widget", self.ns, "many", patch, "json").expect(400, 413, 422)

    def test_strategic_is_for_core_kinds(self):
        self.make("strategic")
        answer = self.api.patch("Widget", self.ns, "strategic", {"spec": {"size": 2}}, "strategic").expect(415)
        self.assertIn("the body of the request was in an unknown format - accepted media types include: "
                      "application/json-patch+json, application/merge-patch+json", answer.message)
        self.assertEqual("UnsupportedMediaType", answer.reason)
        for kind, obj in (("Gateway", objects.gateway(self.ns, "s", objects.listener(1), cls="foreign")),
                          ("Agent", objects.agent(self.ns, "s", "none"))):
            self.api.must_create(obj)
            self.api.patch(kind, self.ns, "s", {}, "strategic").expect(415)

    def test_strategic_merges_lists_by_key(self):
        self.api.must_create(objects.service(self.ns, "svc", [80, 81]))
        ports = [{"port": 81, "name": "renamed"}, {"port": 82, "name": "p82"}]
        after = self.api.must_patch("Service", self.ns, "svc", {"spec": {"ports": ports}}, "strategic")
        found = {p["port"]: p["name"] for p in after["spec"]["ports"]}
        self.assertEqual({80: "p80", 81: "renamed", 82: "p82"}, found)
        gone = {"spec": {"ports": [{"port": 80, "$patch": "delete"}]}}
        after = self.api.must_patch("Service", self.ns, "svc", gone, "strategic")
        self.assertEqual([81, 82], sorted(p["port"] for p in after["spec"]["ports"]))
        after = self.api.must_patch("Service", self.ns, "svc",
                                    {"spec": {"ports": [{"port": 90, "name": "p90"}, {"$patch": "replace"}]}}, "strategic")
        self.assertEqual([90], [p["port"] for p in after["spec"]["ports"]])

    def test_an_unknown_type(self):
        self.make("type")
        path = f"/apis/example.test/v1/namespaces/{self.ns}/widgets/type"
        for content_type in ("application/json", "text/plain", "application/cbor", "application/x-www-form-urlencoded"):
            self.api.call("PATCH", path, "{}", content_type=content_type).expect(415)
        self.api.call("POST", f"/api/v1/namespaces/{self.ns}/configmaps", "x", content_type="application/cbor").expect(415)

    def test_empty_metadata_is_none(self):
        name = "bare"
        body = objects.config_map(self.ns, name)
        body["metadata"].update(labels={}, annotations={}, finalizers=[], ownerReferences=[])
        made = self.api.create(body).expect(201).object
        self.assertEqual(set(), {"labels", "annotations", "finalizers", "ownerReferences"} & set(made["metadata"]))
        patched = self.api.must_patch("ConfigMap", self.ns, name, {"metadata": {"annotations": {}, "labels": {}}})
        self.assertEqual(made["metadata"]["resourceVersion"], self.api.read("ConfigMap", self.ns, name)["metadata"]["resourceVersion"])

    def test_a_patch_is_validated(self):
        before = self.make("valid")
        answer = self.api.patch("Widget", self.ns, "valid", {"spec": {"size": 0}}).expect(422)
        self.assertEqual(["spec.size"], [c["field"] for c in answer.causes])
        self.assertEqual(self.version(before), self.version(self.widget("valid")))


class Apply(WriteTest):
    def config(self, name, **spec):
        return {"apiVersion": "example.test/v1", "kind": "Widget", "metadata": objects.meta(name, self.ns), "spec": spec}

    def apply(self, name, manager, **spec):
        return self.api.apply(self.config(name, **spec), manager)

    def managers(self, obj):
        return {(m["manager"], m["operation"], m.get("subresource", "")) for m in obj["metadata"]["managedFields"]}

    def test_it_creates_and_then_changes_nothing(self):
        first = self.apply("a", "one", size=1).expect(201).object
        self.assertEqual({("one", "Apply", "")}, self.managers(first))
        second = self.apply("a", "one", size=1).expect(200).object
        self.assertEqual(self.version(first), self.version(second))

    def test_a_conflict(self):
        self.apply("c", "one", size=1, note="mine").expect(201)
        answer = self.apply("c", "two", size=2).expect(409)
        self.assertEqual("Conflict", answer.reason)
        self.assertEqual([("FieldManagerConflict", ".spec.size")], [(c["reason"], c["field"]) for c in answer.causes])
        self.assertIn('conflict with "one"', answer.causes[0]["message"])
        self.assertRegex(answer.message, r'^Apply failed with 1 conflict: conflict with "one".*\.spec\.size')
        self.assertEqual(1, self.widget("c")["spec"]["size"])
        self.apply("c", "two", size=1).expect(200)  # agreeing is no conflict
        forced = self.api.apply(self.config("c", size=2), "two", force="true").expect(200).object
        self.assertEqual((2, "mine"), (forced["spec"]["size"], forced["spec"]["note"]))

    def test_a_conflict_with_an_update(self):
        self.make("u")
        self.patch("u", {"spec": {"size": 5}}, fieldManager="editor")
        answer = self.apply("u", "one", size=6).expect(409)
        self.assertIn('conflict with "editor" using example.test/v1', answer.causes[0]["message"])

    def test_fields_left_out_go_away(self):
        self.apply("r", "one", size=1, note="mine", tags=["a", "b"]).expect(201)
        self.apply("r", "two", tags=["b", "c"]).expect(200)
        after = self.apply("r", "one", size=1).expect(200).object["spec"]
        self.assertNotIn("note", after)
        self.assertEqual(["b", "c"], sorted(after["tags"]))

    def test_lists_merge_by_key(self):
        self.apply("l", "one", size=1, ports=[{"name": "http", "port": 80}]).expect(201)
        after = self.apply("l", "two", ports=[{"name": "tls", "port": 443}]).expect(200).object
        self.assertEqual({"http": 80, "tls": 443}, {p["name"]: p["port"] for p in after["spec"]["ports"]})
        answer = self.apply("l", "two", ports=[{"name": "http", "port": 81}]).expect(409)
        self.assertIn('ports[name="http"].port', answer.causes[0]["field"])

    def test_status_is_owned_apart(self):
        self.apply("s", "one", size=1).expect(201)
        status = {**self.config("s"), "status": {"phase": "Up"}}
        del status["spec"]
        after = self.api.apply(status, "ctl", "status", force="true").expect(200).object
        self.assertEqual("Up", after["status"]["phase"])
        self.assertIn(("ctl", "Apply", "status"), self.managers(after))

    def test_a_manager_is_required(self):
        body = self.config("m", size=1)
        answer = self.api.patch("Widget", self.ns, "m", body, "apply").expect(400, 422)
        self.assertIn("fieldManager", answer.message)
        self.assertFalse(self.api.exists("Widget", self.ns, "m"))

    def test_a_yaml_body(self):
        text = f"apiVersion: example.test/v1\nkind: Widget\nmetadata: {{name: from-yaml, namespace: {self.ns}}}\nspec:\n  size: 4\n"
        answer = self.api.patch("Widget", self.ns, "from-yaml", text, "apply", fieldManager="one").expect(201)
        self.assertEqual(4, answer.object["spec"]["size"])

    def test_updates_are_tracked_by_user_agent(self):
        found = self.make("ua")
        self.assertIn(("integration-test", "Update", ""), self.managers(found))

    def test_built_in_kinds(self):
        self.api.apply(objects.config_map(self.ns, "core", {"a": "1"}), "one").expect(201)
        after = self.api.apply(objects.config_map(self.ns, "core", {"b": "2"}), "two").expect(200).object
        self.assertEqual({"a": "1", "b": "2"}, after["data"])
        gateway = objects.gateway(self.ns, "gw", objects.listener(80, "a"), cls="foreign")
        self.api.apply(gateway, "one").expect(201)
        other = {**gateway, "spec": {"gatewayClassName": "foreign", "listeners": [objects.listener(81, "b")]}}
        merged = self.api.apply(other, "two").expect(200).object
        self.assertEqual(["a", "b"], sorted(item["name"] for item in merged["spec"]["listeners"]))


class DryRun(WriteTest):
    def test_nothing_is_stored(self):
        kept = self.api.must_create(objects.config_map(self.ns, "kept"))
        with self.api.watch("ConfigMap", self.ns, resourceVersion=kept["metadata"]["resourceVersion"]) as watch:
            made = self.api.create(objects.config_map(self.ns, "dry"), dryRun="All").expect(201).object
            self.assertTrue(made["metadata"]["uid"])
            patched = self.api.must_patch("ConfigMap", self.ns, "kept", {"data": {"k": "new"}}, dryRun="All")
            self.assertEqual("new", patched["data"]["k"])
            self.api.replace({**kept, "data": {"k": "new"}}, dryRun="All").expect(200)
            self.api.apply(objects.config_map(self.ns, "dry2"), "m", dryRun="All").expect(201)
            self.api.delete("ConfigMap", self.ns, "kept", dryRun="All").expect(200)
            self.api.delete("ConfigMap", self.ns, "kept", {"dryRun": ["All"]}).expect(200)
            self.api.must_create(objects.config_map(self.ns, "marker"))
            watch.wait_for(lambda events: events)
            self.assertEqual([("ADDED", "marker")], watch.seen())
        self.assertEqual(kept, self.api.read("ConfigMap", self.ns, "kept"))
        for name in ("dry", "dry2"):
            self.assertFalse(self.api.exists("ConfigMap", self.ns, name))

    def test_the_generation_is_told(self):
        self.make("gen")
        self.assertEqual(2, self.patch("gen", {"spec": {"size": 2}}, dryRun="All")["metadata"]["generation"])
        self.assertEqual(1, self.widget("gen")["metadata"]["generation"])

    def test_everything_is_checked(self):
        self.api.create(objects.widget(self.ns, "bad", size=0), dryRun="All").expect(422)
        self.api.create(objects.widget("no-such", "bad"), dryRun="All").expect(404)
        self.make("exists")
        self.api.create(objects.widget(self.ns, "exists"), dryRun="All").expect(409)

    def test_an_unknown_value(self):
        answer = self.api.create(objects.config_map(self.ns, "maybe"), dryRun="Maybe").expect(400, 422)
        self.assertIn("dryRun", answer.message)
        self.assertFalse(self.api.exists("ConfigMap", self.ns, "maybe"))


if __name__ == "__main__":
    unittest.main()

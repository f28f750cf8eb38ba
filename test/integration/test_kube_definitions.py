"""Definitions that go while their objects wait; logs of the pods that stand for parts of the program."""

import unittest

import objects
from harness import ServerTest, wait_until

FINALIZER = "example.test/hold"
LOG = "/api/v1/namespaces/kgateway-system/pods/kgateway/log"


class Definitions(ServerTest):
    def test_one_goes_with_its_last_object(self):
        definition = objects.widget_crd()
        self.api.must_create(definition)
        widget = objects.widget("default", "held", size=1)
        widget["metadata"]["finalizers"] = [FINALIZER]
        wait_until(lambda: self.api.create(widget).status == 201, what="the definition to be served")
        name = definition["metadata"]["name"]
        self.api.delete("CustomResourceDefinition", None, name).expect(200)
        held = self.api.read("CustomResourceDefinition", None, name)
        self.assertIn("customresourcecleanup.apiextensions.k8s.io", held["metadata"]["finalizers"])
        self.assertIn("deletionTimestamp", self.api.read("Widget", "default", "held")["metadata"])
        self.api.create(objects.widget("default", "late")).expect(405)
        self.api.must_patch("Widget", "default", "held", {"metadata": {"finalizers": None}})
        wait_until(lambda: not self.api.exists("CustomResourceDefinition", None, name), what="the definition to go")
        self.api.get("Widget", "default", "held").expect(404)


def named(plural, kind, group="names.test", **names):
    """A definition of one open version."""
    version = {"name": "v1", "served": True, "storage": True,
               "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": {"plural": plural, "kind": kind, **names}, "versions": [version]}}


def schema_of(definition):
    return definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def sized(plural, spec):
    """A definition whose spec has this schema."""
    out = named(plural, plural.capitalize()[:-1])
    out["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {"type": "object", "properties": {"spec": spec}}
    return out


class Changed(ServerTest):
    """Objects that were stored before their definition changed."""

    def setUp(self):
        self.definition = sized("plums", {"type": "object", "properties": {
            "size": {"type": "integer", "maximum": 10}, "mode": {"type": "string"}}})
        self.api.must_create(self.definition)
        self.addCleanup(self.api.delete, "CustomResourceDefinition", None, "plums.names.test")
        self.path = "/apis/names.test/v1/namespaces/default/plums"
        self.plum = {"apiVersion": "names.test/v1", "kind": "Plum", "metadata": {"name": "p", "finalizers": [FINALIZER]},
                     "spec": {"size": 8, "mode": "a"}}
        wait_until(lambda: self.api.call("POST", self.path, self.plum).status == 201)
        self.addCleanup(self.patch, {"metadata": {"finalizers": None}})

    def change(self, spec):
        schema_of(self.definition)["properties"]["spec"] = spec
        self.api.must_patch("CustomResourceDefinition", None, "plums.names.test", {"spec": {"versions": self.definition["spec"]["versions"]}})

    def patch(self, change):
        return self.api.call("PATCH", self.path + "/p", change, content_type="application/merge-patch+json")

    def read(self):
        return self.api.call("GET", self.path + "/p").expect(200).object

    def test_what_is_not_touched_may_stay_as_it_was(self):
        self.change({"type": "object", "properties": {"size": {"type": "integer", "maximum": 4}, "mode": {"type": "string"}}})
        self.patch({"metadata": {"labels": {"a": "b"}}}).expect(200)
        self.patch({"spec": {"mode": "b"}}).expect(200)
        self.assertIn("spec.size", self.patch({"spec": {"size": 9}}).expect(422).object["message"])
        self.patch({"spec": {"size": 3}}).expect(200)
        self.patch({"spec": {"size": 8}}).expect(422)
        self.api.call("DELETE", self.path + "/p").expect(200)
        self.patch({"metadata": {"finalizers": None}}).expect(200)
        self.api.call("GET", self.path + "/p").expect(404)

    def test_a_default_added_beside_a_rule_is_no_change_of_the_writer(self):
        before = self.read()["metadata"]
        self.change({"type": "object", "required": ["owner"], "properties": {
            "size": {"type": "integer"}, "mode": {"type": "string"}, "owner": {"type": "string"}, "late": {"type": "string", "default": "hello"}}})
        labelled = self.patch({"metadata": {"labels": {"a": "b"}}}).expect(200).object
        self.assertEqual(before["generation"], labelled["metadata"]["generation"])
        again = self.patch({"metadata": {"labels": {"a": "b"}}}).expect(200).object
        self.assertEqual(labelled["metadata"]["resourceVersion"], again["metadata"]["resourceVersion"])
        self.patch({"spec": {"size": 1}}).expect(422)

    def test_another_version_loses_nothing_of_what_is_stored(self):
        version = {"name": "v1beta1", "served": True, "storage": False, "schema": {"openAPIV3Schema": {
            "type": "object", "properties": {"spec": {"type": "object", "properties": {"mode": {"type": "string", "default": "old"}}}}}}}
        self.definition["spec"]["versions"].append(version)
        self.change({"type": "object", "properties": {"size": {"type": "integer"}, "mode": {"type": "string"}, "late": {"type": "string", "default": "hello"}}})
        older = self.path.replace("/v1/", "/v1beta1/")
        found = wait_until(lambda: (lambda a: a.status == 200 and a.object)(self.api.call("GET", older + "/p")))
        self.assertEqual({"size": 8, "mode": "a", "late": "hello"}, found["spec"])
        self.assertEqual("names.test/v1beta1", found["apiVersion"])
        self.assertEqual(8, self.read()["spec"]["size"])

    def test_the_table_shows_what_is_read(self):
        self.definition["spec"]["versions"][0]["additionalPrinterColumns"] = [{"name": "Late", "type": "string", "jsonPath": ".spec.late"}]
        self.change({"type": "object", "properties": {"late": {"type": "string", "default": "hello"}}})
        table = self.api.call("GET", self.path, accept="application/json;as=Table;v=v1;g=meta.k8s.io").expect(200).object
        self.assertEqual(["p", "hello"], table["rows"][0]["cells"])

    def test_it_is_read_as_the_definition_is_now(self):
        self.change({"type": "object", "properties": {"size": {"type": "integer"}, "late": {"type": "string", "default": "hello"}}})
        for found in (self.read(), self.api.call("GET", self.path).expect(200).object["items"][0]):
            self.assertEqual({"size": 8, "late": "hello"}, found["spec"])


class Schemas(ServerTest):
    def test_what_is_no_structural_schema_is_refused(self):
        at = "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties[a]"
        for member, field, words in (({"type": "strin"}, "type", 'Unsupported value: "strin"'), ({"type": "array"}, "items", "Required value"),
                                     ({"type": "string", "default": 5}, "default", "must be of type string"),
                                     ({"type": "object", "properties": {"b": {"type": "string"}}, "additionalProperties": {"type": "string"}}, "additionalProperties", "Forbidden"),
                                     ({"type": "object", "$ref": "#/x"}, "$ref", "Forbidden"),
                                     ({"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"}, "x-kubernetes-list-map-keys", "Required value"),
                                     ({"type": "string", "x-kubernetes-list-type": "set"}, "type", "must be array")):
            with self.subTest(member=member):
                status = self.api.create(sized("bads", {"type": "object", "properties": {"a": member}})).expect(422).object
                self.assertIn((f"{at}.{field}", True), [(c["field"], words in c["message"]) for c in status["details"]["causes"]])

    def test_what_is_one_is_taken(self):
        for i, member in enumerate(({"type": "integer", "default": 3.0}, {"type": "number", "default": 1}, {"x-kubernetes-int-or-string": True, "default": "a"},
                                    {"type": "string", "nullable": True, "default": None}, {"type": "object", "additionalProperties": True},
                                    {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
                                    {"x-kubernetes-preserve-unknown-fields": True}, {"type": "array", "items": {"type": "string"}, "default": []})):
            self.api.create(sized(f"good{i}s", {"type": "object", "properties": {"a": member}})).expect(201)


class Names(ServerTest):
    def condition(self, definition, kind):
        found = self.api.read("CustomResourceDefinition", None, definition["metadata"]["name"])
        return next((c["status"], c["reason"], c["message"]) for c in found["status"]["conditions"] if c["type"] == kind)

    def serves(self, plural):
        return self.api.call("GET", f"/apis/names.test/v1/namespaces/default/{plural}").status

    def test_a_name_that_another_has_is_refused_until_it_is_free(self):
        first = named("apples", "Apple", singular="apple", shortNames=["ap"])
        self.api.must_create(first)
        self.assertEqual("True", self.condition(first, "NamesAccepted")[0])
        for rival, reason, taken in ((named("apes", "Ape", shortNames=["ap"]), "ShortNamesConflict", "ap"),
                                     (named("pears", "Apple", singular="pear"), "KindConflict", "Apple"),
                                     (named("plums", "Plum", singular="apple"), "SingularConflict", "apple")):
            self.api.must_create(rival)
            self.assertEqual(("False", reason, f'"{taken}" is already in use'), self.condition(rival, "NamesAccepted"))
            self.assertEqual(("False", "NotAccepted"), self.condition(rival, "Established")[:2])
            self.assertEqual(404, self.serves(rival["spec"]["names"]["plural"]))
        other = named("apes", "Ape", group="elsewhere.test", shortNames=["ap"])
        self.api.must_create(other)
        self.assertEqual("True", self.condition(other, "NamesAccepted")[0], "of another group")
        self.api.delete("CustomResourceDefinition", None, "apples.names.test").expect(200)
        wait_until(lambda: self.serves("apes") == 200 and self.serves("pears") == 200, what="the names to be free")

    def test_who_asks_for_a_taken_name_keeps_its_own(self):
        figs, dates = named("figs", "Fig", singular="fig", shortNames=["fg"]), named("dates", "Date", shortNames=["dt"])
        self.api.must_create(figs)
        self.api.must_create(dates)
        self.api.must_patch("CustomResourceDefinition", None, "figs.names.test", {"spec": {"names": {"shortNames": ["dt"]}}})
        self.assertEqual("False", self.condition(figs, "NamesAccepted")[0])
        self.assertEqual("True", self.condition(figs, "Established")[0])
        rival = named("figments", "Fig", shortNames=["fg"])
        self.api.must_create(rival)
        self.assertEqual("False", self.condition(rival, "NamesAccepted")[0], "Fig and fg are figs' still")
        listed = {r["name"]: r for r in self.api.call("GET", "/apis/names.test/v1").expect(200).object["resources"]}
        self.assertEqual(["fg"], listed["figs"]["shortNames"])
        self.api.must_patch("CustomResourceDefinition", None, "dates.names.test", {"spec": {"names": {"shortNames": ["da"]}}})
        wait_until(lambda: self.condition(figs, "NamesAccepted")[0] == "True", what="dt to be free")

    def test_kinds_that_are_built_in_are_taken(self):
        rival = named("aagents", "Agent", group="kagent.dev", singular="aagent")
        self.api.must_create(rival)
        self.assertEqual(("False", "KindConflict"), self.condition(rival, "NamesAccepted")[:2])

    def test_one_applied_again_keeps_what_it_has(self):
        definition = named("kept", "Kept")
        self.api.must_create(definition)
        name = definition["metadata"]["name"]
        second = {**definition["spec"]["versions"][0], "name": "v2"}
        first = {**definition["spec"]["versions"][0], "storage": False}
        self.api.must_patch("CustomResourceDefinition", None, name, {"spec": {"versions": [first, second]}})
        wait_until(lambda: self.api.read("CustomResourceDefinition", None, name)["status"]["storedVersions"] == ["v1", "v2"])
        answer = self.api.patch("CustomResourceDefinition", None, name, {"spec": {"versions": [second]}}).expect(422)
        self.assertIn('"v1": must appear in spec.versions', answer.message)

    def test_what_is_kept_and_not_carried_out_is_said(self):
        definition = named("ruled", "Ruled")
        version = definition["spec"]["versions"][0]
        version["schema"]["openAPIV3Schema"]["properties"] = {"spec": {
            "type": "object", "x-kubernetes-validations": [{"rule": "self.n < 10"}], "properties": {"n": {"type": "integer"}}}}
        version["subresources"] = {"scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}}
        version["selectableFields"] = [{"jsonPath": ".spec.n"}]
        said = " ".join(self.api.create(definition).expect(201).warnings)
        for words in ("x-kubernetes-validations are kept but not checked", "subresources.scale: kept", "selectableFields: kept"):
            self.assertIn(words, said)
        self.assertEqual([], self.api.create(named("plain", "Plain")).expect(201).warnings)
        own = named("gateways", "Gateway", group="gateway.networking.k8s.io")
        own["spec"]["versions"][0]["schema"] = version["schema"]
        said, = self.api.create(own).expect(201).warnings
        self.assertIn("Gateway is built in: the definition is kept", said)

    def test_its_own_fields_are_checked(self):
        definition = named("typos", "Typo")
        definition["spec"]["versions"][0]["subresorces"] = {"status": {}}
        answer = self.api.create(definition, fieldValidation="Strict").expect(400)
        self.assertIn('unknown field "spec.versions[0].subresorces"', answer.message)
        definition = named("typos", "Typo")
        definition["spec"]["versions"][0]["additionalPrinterColumns"] = [{"name": False, "type": "string", "jsonPath": ".x"}]
        self.assertIn("additionalPrinterColumns[0].name", self.api.create(definition).expect(400, 422).message)


class Logs(ServerTest):
    def log(self, query):
        return self.api.call("GET", f"{LOG}?{query}")

    def test_what_cannot_be_given_is_refused(self):
        for query in ("container=nope", "previous=true", "tailLines=abc", "limitBytes=-1", "sinceSeconds=x",
                      "sinceTime=yesterday"):
            self.assertEqual(400, self.log(query).status, query)

    def test_what_is_large_is_taken(self):
        for query in ("limitBytes=20", "tailLines=0", "sinceSeconds=9223372036854775807", "container=kgateway"):
            self.log(query).expect(200)


if __name__ == "__main__":
    unittest.main()

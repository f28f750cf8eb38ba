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

"""get, delete, describe and apply find the kind that was meant, and say so when there is none."""

import base64
import json
import subprocess
import unittest

import kube
import objects
from harness import ServerTest, need_binary, wait_until

GROUPS = ("one.test", "two.test")
VALUE = "s3cret-of-the-test"


def gadget_crd(group):
    """Both groups name their kind Gadget."""
    crd = objects.crd("Gadget", "gadgets")
    crd["metadata"]["name"] = f"gadgets.{group}"
    crd["spec"]["group"] = group
    return crd


class VerbsTest(ServerTest):
    def setUp(self):
        self.ns = self.new_namespace()

    def cli(self, *args, stdin=None):
        if isinstance(stdin, dict):
            stdin = json.dumps(stdin)
        return subprocess.run([str(need_binary()), *args, "--state-dir", str(self.server.state_dir)], input=stdin or "",
                              capture_output=True, text=True, timeout=30)

    def exits(self, code, *args, **more):
        done = self.cli(*args, **more)
        self.assertEqual(code, done.returncode, f"{done.args}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}")
        return done

    def names_printed(self, text):
        return [line.split()[0] for line in text.splitlines()[1:]]


class Groups(VerbsTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for group in GROUPS:
            cls.api.must_create(gadget_crd(group))
            wait_until(lambda group=group: cls.api.call("GET", f"/apis/{group}/v1/gadgets").status == 200)

    def path(self, group, name=""):
        return f"/apis/{group}/v1/namespaces/{self.ns}/gadgets/{name}".rstrip("/")

    def gadget(self, group, name="g"):
        return {"apiVersion": f"{group}/v1", "kind": "Gadget", "metadata": objects.meta(name, self.ns),
                "spec": {"size": 1}}

    def setUp(self):
        super().setUp()
        for group in GROUPS:
            self.api.call("POST", self.path(group), self.gadget(group)).expect(201)

    def left(self):
        return [group for group in GROUPS if self.api.call("GET", self.path(group, "g")).status == 200]

    def test_delete_by_manifest(self):
        for n, group in enumerate(GROUPS):
            with self.subTest(group):
                self.exits(0, "delete", "-f", "-", stdin=self.gadget(group))
                self.assertEqual(list(GROUPS[n + 1:]), self.left())
        self.exits(1, "delete", "-f", "-", stdin=self.gadget(GROUPS[0]))

    def test_delete_the_second_first(self):
        self.exits(0, "delete", "-f", "-", stdin=self.gadget(GROUPS[1]))
        self.assertEqual([GROUPS[0]], self.left())

    def test_delete_by_name(self):
        self.exits(0, "delete", f"gadgets.{GROUPS[1]}", "g", "-n", self.ns)
        self.assertEqual([GROUPS[0]], self.left())

    def test_get(self):
        for group in GROUPS:
            name = f"only-{group.split('.')[0]}"
            self.api.call("POST", self.path(group), self.gadget(group, name)).expect(201)
            for text in (f"gadgets.{group}", f"gadget.v1.{group}"):
                found = self.exits(0, "get", text, "-n", self.ns).stdout
                self.assertEqual(["g", name], self.names_printed(found))

    def test_a_group_that_is_not_there(self):
        for args in (("get", "gadgets.three.test"), ("get", "gateways.no.such.group"), ("get", "configmaps.apps"),
                     ("describe", "gadgets.three.test", "g"), ("delete", "gadgets.three.test", "g")):
            with self.subTest(args):
                done = self.exits(1, *args, "-n", self.ns)
                self.assertIn(args[1], done.stderr)
                self.assertEqual("", done.stdout)
        strange = self.gadget("three.test")
        for verb in ("delete", "apply"):
            self.assertIn("three.test/v1", self.exits(1, verb, "-f", "-", stdin=strange).stderr)
        self.assertEqual(list(GROUPS), self.left())


class Names(VerbsTest):
    def setUp(self):
        super().setUp()
        for name in ("a", "b", "c"):
            self.api.must_create(objects.config_map(self.ns, name, {"k": f"value of {name}"}))

    def test_several(self):
        found = self.exits(0, "get", "configmaps", "a", "b", "-n", self.ns).stdout
        self.assertEqual(["a", "b"], self.names_printed(found))
        found = self.exits(0, "get", "configmap", "c", "a", "-n", self.ns, "-o", "yaml").stdout
        self.assertLess(found.index("value of c"), found.index("value of a"))
        self.assertNotIn("value of b", found)

    def test_one_of_several_is_missing(self):
        for names in (("a", "absent"), ("absent", "a"), ("a", "absent", "b")):
            with self.subTest(names):
                done = self.exits(1, "get", "configmaps", *names, "-n", self.ns)
                self.assertIn('configmaps "absent" not found', done.stderr)

    def test_pairs(self):
        found = self.exits(0, "get", "configmap/a", "cm/c", "-n", self.ns).stdout
        self.assertEqual([("a", "1"), ("c", "1")],
                         [tuple(line.split()[:2]) for line in found.splitlines() if not line.startswith("NAME")])
        self.exits(1, "get", "configmap/a", "cm/absent", "-n", self.ns)

    def test_yaml_comes_back(self):
        """What `get -o yaml` prints holds managedFields, which the API refuses in an apply."""
        text = self.exits(0, "get", "configmap", "a", "b", "-n", self.ns, "-o", "yaml").stdout
        self.assertIn("managedFields", text)
        before = self.api.items("ConfigMap", self.ns)
        done = self.exits(0, "apply", "-f", "-", stdin=text.replace("value of b", "changed"))
        self.assertRegex(done.stdout, r"^configmap/a (unchanged|configured)\nconfigmap/b configured\n$")
        after = self.api.items("ConfigMap", self.ns)
        self.assertEqual([o["metadata"]["uid"] for o in before], [o["metadata"]["uid"] for o in after])
        self.assertEqual(["value of a", "changed", "value of c"], [o["data"]["k"] for o in after])


class Secrets(VerbsTest):
    ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"

    def test_describe_shows_no_copy(self):
        """As `kubectl apply` leaves it: the manifest, stringData included, in an annotation."""
        obj = objects.secret(self.ns, "s", token=VALUE)
        obj["metadata"]["annotations"] = {self.ANNOTATION: json.dumps(obj), "example.test/mine": "kept"}
        self.api.must_create(obj)
        encoded = base64.b64encode(VALUE.encode()).decode()
        stored = self.api.call("GET", kube.path_of("Secret", self.ns, "s")).expect(200).text
        self.assertIn(VALUE, stored)
        for kind in ("secret", "secrets", "Secret"):
            text = self.exits(0, "describe", kind, "s", "-n", self.ns).stdout
            for hidden in (VALUE, encoded):
                self.assertNotIn(hidden, text)
            self.assertIn("token", text)
            self.assertIn(f"{len(VALUE)} bytes", text)
            self.assertIn("kept", text)


if __name__ == "__main__":
    unittest.main()

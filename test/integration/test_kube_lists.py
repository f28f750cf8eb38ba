"""Long lists inside objects, long lists of objects, and the versions a list may be asked for."""

import threading
import time
import unittest

import objects
from harness import ServerTest, Sightline, wait_until

SMALL, LARGE = 2_000, 8_000  # items; four times as many
RATIO_MAX = 9  # linear cost gives about 4, quadratic cost about 16
ROUNDS = 3


def ports(count, port):
    return [{"name": f"n{n}", "port": port} for n in range(count)]


def seconds(action):
    started = time.monotonic()
    action()
    return time.monotonic() - started


def cpu_seconds(pid, action):
    """What a process used of the processors meanwhile, which other load does not change: clock_getcpuclockid(3)."""
    clock = (~pid << 3) | 2
    before = time.clock_gettime(clock)
    action()
    return time.clock_gettime(clock) - before


class Neighbour:
    """Another client, which reads one object over and over; `waits` holds how long each answer took."""

    def __init__(self, api, path):
        self.api, self.path, self.waits, self.statuses, self.stopped = api.copy(), path, [], set(), False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        while not self.stopped:
            took = seconds(lambda: self.statuses.add(self.api.call("GET", self.path).status))
            self.waits.append(took)

    def longest_wait(self, action):
        """The longest that an answer took while `action` ran, which counts as one of them."""
        self.waits = []
        own = seconds(action)
        return max(own, *wait_until(lambda: self.waits))

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.waits)
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join()
        self.api.close()


class LongListsInside(ServerTest):
    """Lists with x-kubernetes-list-type: map are matched item by item with what there was."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api.must_create(objects.widget_crd())
        wait_until(lambda: cls.api.list("Widget").status == 200)
        cls.ns = cls.new_namespace()

    def patch(self, count, port):
        self.api.must_patch("Widget", self.ns, f"w{count}", {"spec": {"ports": ports(count, port)}})

    def cost(self, action):
        return min(cpu_seconds(self.server.pid, lambda: action(port)) for port in range(1, ROUNDS + 1))

    def test_a_patch_costs_by_the_length(self):
        took = {}
        for count in (SMALL, LARGE):
            self.api.must_create(objects.widget(self.ns, f"w{count}", ports=ports(count, 0)))
            took[count] = self.cost(lambda port, count=count: self.patch(count, port))
            found = self.api.read("Widget", self.ns, f"w{count}")["spec"]["ports"]
            self.assertEqual(ports(count, ROUNDS), found)
        self.assertLess(took[LARGE], RATIO_MAX * took[SMALL], took)

    def test_an_apply_costs_by_the_length(self):
        took = {}
        for count in (SMALL, LARGE):
            def apply(port, count=count):
                obj = objects.widget(self.ns, f"applied{count}", ports=ports(count, port))
                self.api.apply(obj, "test").expect(200, 201)

            apply(0)
            took[count] = self.cost(apply)
        self.assertLess(took[LARGE], RATIO_MAX * took[SMALL], took)

    def test_others_are_answered_meanwhile(self):
        waits = {}
        for count in (SMALL, LARGE):
            self.api.create(objects.widget(self.ns, f"w{count}", ports=ports(count, 0))).expect(201, 409)
            with Neighbour(self.api, f"/api/v1/namespaces/{self.ns}") as other:
                waits[count] = [other.longest_wait(lambda port=port: self.patch(count, port))
                                for port in range(10, 10 + ROUNDS)]
            self.assertEqual({200}, other.statuses)
        self.assertLess(min(waits[LARGE]), RATIO_MAX * max(waits[SMALL]), waits)


class LongListsOfObjects(ServerTest):
    COUNT, BYTES = 20, 900_000  # 18 MB in all: more than a slow watcher may leave unread

    def test_a_watch_begins_with_all_there_is(self):
        ns = self.new_namespace()
        for n in range(self.COUNT):
            self.api.must_create(objects.config_map(ns, f"big{n:02}", {"k": "x" * self.BYTES}))
        with self.api.watch("ConfigMap", ns, sendInitialEvents="true", resourceVersionMatch="NotOlderThan",
                            allowWatchBookmarks="true") as watch:
            self.assertEqual(200, watch.status, watch.error)
            watch.wait_for(lambda events: watch.ended or events and events[-1]["type"] == "BOOKMARK",
                           what="the bookmark")
            self.assertEqual([("ADDED", f"big{n:02}") for n in range(self.COUNT)], watch.seen())
            bookmark = watch.events[-1]
            self.assertEqual("BOOKMARK", bookmark["type"])
            self.assertEqual("true", bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"])
            self.api.must_create(objects.config_map(ns, "later"))
            watch.wait_for(lambda _: ("ADDED", "later") in watch.seen(), what="the watch to go on")


class Versions(ServerTest):
    """resourceVersion, resourceVersionMatch and limit of lists."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = cls.new_namespace()
        cls.old = cls.api.must_create(objects.config_map(cls.ns, "a"))["metadata"]["resourceVersion"]
        cls.api.must_create(objects.config_map(cls.ns, "b"))

    def refused(self, status, reason, **query):
        answer = self.api.list("ConfigMap", self.ns, **query).expect(status)
        self.assertEqual(("Status", "Failure", reason, status),
                         tuple(answer.object[key] for key in ("kind", "status", "reason", "code")))
        return answer

    def version(self):
        return self.api.list("ConfigMap", self.ns).expect(200).object["metadata"]["resourceVersion"]

    def test_a_future_one(self):
        future = int(self.version()) + 100_000
        for query in ({}, {"resourceVersionMatch": "NotOlderThan"}, {"resourceVersionMatch": "Exact"}):
            with self.subTest(query):
                answer = self.refused(504, "Timeout", resourceVersion=future, **query)
                self.assertIn("Too large resource version", answer.message)
                self.assertEqual(["ResourceVersionTooLarge"], [c["reason"] for c in answer.causes])

    def test_exactly_an_old_one(self):
        answer = self.api.list("ConfigMap", self.ns, resourceVersion=self.old, resourceVersionMatch="Exact").expect(200).object
        self.assertEqual((self.old, ["a"]), (answer["metadata"]["resourceVersion"], [i["metadata"]["name"] for i in answer["items"]]))
        self.assertEqual(["a"], self.api.names("ConfigMap", self.ns, resourceVersion=self.old, limit=5), "of a page, too")
        for query in ({}, {"resourceVersionMatch": "NotOlderThan"}):
            self.assertEqual(["a", "b"], self.api.names("ConfigMap", self.ns, resourceVersion=self.old, **query))

    def test_exactly_the_present_one(self):
        def look():  # the controller may write something in between
            answer = self.api.list("ConfigMap", self.ns, resourceVersion=self.version(), resourceVersionMatch="Exact")
            return answer.status == 200 and answer.object["items"]

        self.assertEqual(["a", "b"], [item["metadata"]["name"] for item in wait_until(look)])

    def test_pages_bring_their_own(self):
        token = self.api.list("ConfigMap", self.ns, limit=1).expect(200).object["metadata"]["continue"]
        answer = self.refused(400, "BadRequest", resourceVersion=self.old, **{"continue": token})
        self.assertIn("not allowed when using continue", answer.message)
        with Sightline() as server:  # what it was before a start is not kept
            api = server.client()
            for name in ("a", "b"):
                api.must_create(objects.config_map("default", name))
            token = api.list("ConfigMap", "default", limit=1).expect(200).object["metadata"]["continue"]
            api.must_create(objects.config_map("default", "c"))
            server.restart()
            answer = server.client().list("ConfigMap", "default", **{"continue": token}).expect(410).object
            self.assertEqual("Expired", answer["reason"])

    def test_a_match_without_a_version(self):
        for match in ("Exact", "NotOlderThan"):
            answer = self.refused(422, "Invalid", resourceVersionMatch=match)
            self.assertIn("resourceVersionMatch is forbidden unless resourceVersion is provided", answer.message)
        self.refused(422, "Invalid", resourceVersionMatch="Nonsense", resourceVersion=self.old)
        self.refused(422, "Invalid", resourceVersionMatch="Exact", resourceVersion="0")

    def test_garbage(self):
        for text in ("abc", "-1", "1.5", "1x", "99999999999999999999"):
            with self.subTest(resourceVersion=text):
                answer = self.refused(400, "BadRequest", resourceVersion=text)
                self.assertIn("resourceVersion", answer.message)
        for text in ("abc", "1.5", "1x", "99999999999999999999"):
            with self.subTest(limit=text):
                self.assertIn("limit", self.refused(400, "BadRequest", limit=text).message)

    def test_what_is_no_garbage(self):
        for query in ({"resourceVersion": "0"}, {"resourceVersion": ""}, {"limit": "0"}, {"limit": "500"}):
            with self.subTest(query):
                self.assertEqual(["a", "b"], self.api.names("ConfigMap", self.ns, **query))


class Order(ServerTest):
    """Server-side apply leaves list items in the order of the applied manifest."""

    def names(self, obj):
        return [port["name"] for port in obj["spec"]["ports"]]

    def apply(self, names, manager="one"):
        entries = [{"name": name, "port": 80 + ord(name[0])} for name in names]
        obj = {**objects.service(self.ns, "s", []), "spec": {"ports": entries}}
        return self.names(self.api.apply(obj, manager, force="true").expect(200, 201).object)

    def setUp(self):
        self.ns = self.new_namespace()

    def test_it_follows_the_manifest(self):
        self.assertEqual(["a", "b", "c"], self.apply("abc"))
        self.assertEqual(["c", "a", "b"], self.apply("cab"))
        self.assertEqual(["d", "c", "b"], self.apply("dcb"))

    def test_items_of_others_stay(self):
        self.apply("abc")
        self.apply("z", "two")
        found = self.apply("cba")
        self.assertEqual(["c", "b", "a"], [name for name in found if name != "z"])
        self.assertIn("z", found)

    def test_a_defined_kind(self):
        self.api.must_create(objects.widget_crd())
        wait_until(lambda: self.api.list("Widget").status == 200)
        for order in ("ab", "ba"):
            obj = objects.widget(self.ns, "w", ports=[{"name": n} for n in order], tags=list(order))
            spec = self.api.apply(obj, "one").expect(200, 201).object["spec"]
            self.assertEqual((list(order), list(order)), (self.names({"spec": spec}), spec["tags"]))


if __name__ == "__main__":
    unittest.main()

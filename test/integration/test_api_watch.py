"""Watching: every change once and in order, selectors, bookmarks, initial events, versions too old or too new."""

import threading
import unittest

import kube
import objects
from harness import ServerTest


class WatchTest(ServerTest):
    def setUp(self):
        self.ns = self.new_namespace()

    def create(self, name, **meta):
        return self.api.must_create(objects.config_map(self.ns, name, **meta))

    def set(self, name, value):
        return self.api.must_patch("ConfigMap", self.ns, name, {"data": {"k": value}})

    def delete(self, name):
        self.api.delete("ConfigMap", self.ns, name).expect(200)

    def list_version(self):
        return self.api.list("ConfigMap", self.ns).expect(200).object["metadata"]["resourceVersion"]

    def watch(self, **query):
        watch = self.api.watch("ConfigMap", self.ns, **query)
        self.addCleanup(watch.close)
        self.assertEqual(200, watch.status, watch.error)
        return watch

    def until_marker(self, watch, name="marker"):
        """Creates a last object and waits for it, so that whatever came before has arrived."""
        self.create(name)
        watch.wait_for(lambda _: ("ADDED", name) in watch.seen(), what="the marker")


class Leaving(WatchTest):
    def test_what_leaves_the_selection_is_told_as_it_was(self):
        before = self.create("a", labels={"in": "yes"})
        watch = self.watch(labelSelector="in=yes", resourceVersion=before["metadata"]["resourceVersion"])
        after = self.api.must_patch("ConfigMap", self.ns, "a", {"metadata": {"labels": {"in": "no"}}})
        event = watch.wait_for(lambda events: events and events[0])
        self.assertEqual(("DELETED", {"in": "yes"}), (event["type"], event["object"]["metadata"]["labels"]))
        self.assertEqual(after["metadata"]["resourceVersion"], event["object"]["metadata"]["resourceVersion"])

    def test_metadata_alone(self):
        watch = kube.Watch(self.api, kube.path_of("ConfigMap", self.ns), accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
                           sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true")
        self.addCleanup(watch.close)
        mark = watch.wait_for(lambda events: next((e for e in events if e["type"] == "BOOKMARK"), None))
        self.assertEqual(("PartialObjectMetadata", "meta.k8s.io/v1"), (mark["object"]["kind"], mark["object"]["apiVersion"]))
        self.create("a")
        event = watch.wait_for(lambda events: next((e for e in events if e["type"] == "ADDED"), None))
        self.assertEqual(("PartialObjectMetadata", {"kind", "apiVersion", "metadata"}), (event["object"]["kind"], set(event["object"])))


class Changes(WatchTest):
    def test_from_a_list(self):
        self.create("before")
        watch = self.watch(resourceVersion=self.list_version())
        self.create("a")
        self.set("a", "1")
        self.set("before", "2")
        self.delete("a")
        self.until_marker(watch)
        self.assertEqual([("ADDED", "a"), ("MODIFIED", "a"), ("MODIFIED", "before"), ("DELETED", "a"),
                          ("ADDED", "marker")], watch.seen())
        event = watch.events[0]["object"]
        self.assertEqual(("ConfigMap", "v1"), (event["kind"], event["apiVersion"]))
        versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in watch.events]
        self.assertEqual(sorted(set(versions)), versions)

    def test_from_the_past(self):
        version = self.list_version()
        self.create("a")
        self.set("a", "1")
        self.delete("a")
        watch = self.watch(resourceVersion=version)
        watch.wait_for(lambda events: len(events) == 3)
        self.assertEqual(["ADDED", "MODIFIED", "DELETED"], watch.seen("a"))

    def test_without_a_version_what_exists_comes_first(self):
        self.create("a")
        self.create("b")
        for query in ({}, {"resourceVersion": "0"}):
            watch = self.watch(**query)
            watch.wait_for(lambda events: len(events) == 2)
            self.assertEqual([("ADDED", "a"), ("ADDED", "b")], watch.seen())
        self.set("a", "1")
        watch.wait_for(lambda events: len(events) == 3)
        self.assertEqual(("MODIFIED", "a"), watch.seen()[2])

    def test_a_write_that_changes_nothing_is_no_event(self):
        self.create("a")
        watch = self.watch(resourceVersion=self.list_version())
        self.set("a", "v")
        self.api.must_patch("ConfigMap", self.ns, "a", {})
        self.until_marker(watch)
        self.assertEqual([("ADDED", "marker")], watch.seen())

    def test_the_last_form_is_told_on_deletion(self):
        self.create("a")
        last = self.set("a", "last")
        watch = self.watch(resourceVersion=self.list_version())
        self.delete("a")
        event = watch.wait_for(lambda events: events and events[0])
        self.assertEqual(("DELETED", "last"), (event["type"], event["object"]["data"]["k"]))
        self.assertGreater(int(event["object"]["metadata"]["resourceVersion"]), int(last["metadata"]["resourceVersion"]))

    def test_a_held_deletion(self):
        self.create("a", finalizers=["example.test/one"])
        watch = self.watch(resourceVersion=self.list_version())
        self.delete("a")
        self.api.must_patch("ConfigMap", self.ns, "a", {"metadata": {"finalizers": None}})
        self.until_marker(watch)
        self.assertEqual(["MODIFIED", "DELETED"], watch.seen("a"))

    def test_one_namespace_or_all(self):
        other = self.new_namespace()
        here = self.watch(resourceVersion=self.list_version())
        everywhere = self.api.watch("ConfigMap", None, resourceVersion=self.list_version())
        self.addCleanup(everywhere.close)
        self.api.must_create(objects.config_map(other, "there"))
        self.until_marker(here)
        everywhere.wait_for(lambda _: ("ADDED", "marker") in everywhere.seen())
        self.assertEqual([("ADDED", "marker")], here.seen())
        self.assertEqual([("ADDED", "there"), ("ADDED", "marker")], everywhere.seen())


class Selectors(WatchTest):
    def test_entering_and_leaving(self):
        self.create("in", labels={"a": "1"})
        self.create("out", labels={"a": "2"})
        watch = self.watch(resourceVersion=self.list_version(), labelSelector="a=1")

        def label(name, value):
            self.api.must_patch("ConfigMap", self.ns, name, {"metadata": {"labels": {"a": value}}})

        label("out", "1")
        self.set("out", "x")
        label("out", "2")
        self.set("out", "y")
        label("in", None)
        self.delete("in")
        self.create("marker", labels={"a": "1"})
        watch.wait_for(lambda _: watch.seen("marker"))
        self.assertEqual(["ADDED", "MODIFIED", "DELETED"], watch.seen("out"))
        self.assertEqual(["DELETED"], watch.seen("in"))

    def test_by_name(self):
        watch = self.watch(resourceVersion=self.list_version(), fieldSelector="metadata.name=b")
        for name in ("a", "b", "c"):
            self.create(name)
        self.delete("b")
        watch.wait_for(lambda events: len(events) == 2)
        self.assertEqual([("ADDED", "b"), ("DELETED", "b")], watch.seen())

    def test_bad_selectors(self):
        for query in ({"labelSelector": "a in ("}, {"fieldSelector": "spec.nosuch=1"}):
            with self.api.watch("ConfigMap", self.ns, **query) as watch:
                self.assertEqual(400, watch.status)


class Bookmarks(WatchTest):
    def bookmarks(self, watch):
        return [e["object"] for e in watch.events if e["type"] == "BOOKMARK"]

    def test_before_the_end(self):
        self.create("a")
        version = self.list_version()
        watch = self.watch(resourceVersion=version, allowWatchBookmarks="true", timeoutSeconds="1")
        watch.wait_end()
        self.assertTrue(watch.clean, "the watch was cut instead of ended")
        found = self.bookmarks(watch)
        self.assertTrue(found)
        self.assertEqual("ConfigMap", found[-1]["kind"])
        self.assertGreaterEqual(int(found[-1]["metadata"]["resourceVersion"]), int(version))

    def test_only_when_asked_for(self):
        watch = self.watch(resourceVersion=self.list_version(), timeoutSeconds="1")
        watch.wait_end()
        self.assertTrue(watch.clean)
        self.assertEqual([], watch.events)

    def test_a_watch_goes_on_from_a_bookmark(self):
        watch = self.watch(resourceVersion=self.list_version(), allowWatchBookmarks="true", timeoutSeconds="1")
        self.create("a")
        watch.wait_end()
        self.create("b")
        again = self.watch(resourceVersion=self.bookmarks(watch)[-1]["metadata"]["resourceVersion"])
        again.wait_for(lambda events: events)
        self.assertEqual(([("ADDED", "a")], [("ADDED", "b")]), (watch.seen(), again.seen()))

    def initial(self, **query):
        return self.watch(sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true",
                          **query)

    def test_initial_events(self):
        names = [f"m{n}" for n in range(5)]
        for name in names:
            self.create(name)
        version = int(self.list_version())
        for query in ({}, {"resourceVersion": str(version)}, {"resourceVersion": "0"}):
            watch = self.initial(**query)
            watch.wait_for(lambda events: any(e["type"] == "BOOKMARK" for e in events))
            self.assertEqual([("ADDED", n) for n in names], sorted(watch.seen()))
            mark = self.bookmarks(watch)[0]["metadata"]
            self.assertEqual("true", mark["annotations"]["k8s.io/initial-events-end"])
            self.assertGreaterEqual(int(mark["resourceVersion"]), version)
            self.assertEqual("BOOKMARK", watch.events[-1]["type"])
        self.set("m0", "later")
        watch.wait_for(lambda _: watch.seen()[-1] == ("MODIFIED", "m0"))

    def test_initial_events_of_nothing(self):
        watch = self.initial(labelSelector="no=match")
        watch.wait_for(lambda events: events)
        self.assertEqual(["BOOKMARK"], [e["type"] for e in watch.events])

    def test_initial_events_need_a_match(self):
        with self.api.watch("ConfigMap", self.ns, sendInitialEvents="true", allowWatchBookmarks="true") as watch:
            self.assertEqual((422, "Invalid"), (watch.status, watch.error["reason"]))
        self.api.list("ConfigMap", self.ns, sendInitialEvents="true", resourceVersionMatch="NotOlderThan").expect(422)


class Versions(WatchTest):
    def test_from_the_future(self):
        version = str(int(self.list_version()) + 1_000_000)
        with self.api.watch("ConfigMap", self.ns, resourceVersion=version) as watch:
            self.assertEqual((504, "Timeout"), (watch.status, watch.error["reason"]))
            self.assertIn("Too large resource version", watch.error["message"])
            self.assertEqual(["ResourceVersionTooLarge"], [c["reason"] for c in watch.error["details"]["causes"]])

    def test_that_are_none(self):
        for version in ("abc", "-5", "1.5", "99999999999999999999999"):
            with self.subTest(version), self.api.watch("ConfigMap", self.ns, resourceVersion=version) as watch:
                self.assertIn(watch.status, (400, 410, 504))


class Tables(WatchTest):
    def test_rows(self):
        self.create("a")
        watch = self.watch(resourceVersion=self.list_version(), accept=kube.TABLE)
        self.set("a", "1")
        self.create("b")
        events = watch.wait_for(lambda events: len(events) == 2 and events)
        self.assertEqual(["MODIFIED", "ADDED"], [e["type"] for e in events])
        tables = [e["object"] for e in events]
        self.assertEqual(["Table", "Table"], [t["kind"] for t in tables])
        self.assertEqual([["a"], ["b"]], [t["rows"][0]["cells"][:1] for t in tables])
        self.assertEqual("Name", tables[0]["columnDefinitions"][0]["name"])
        self.assertEqual("b", tables[1]["rows"][0]["object"]["metadata"]["name"])


class Torture(WatchTest):
    WRITERS, CHANGES = 4, 40

    def write(self, who, failures):
        try:
            api = self.api.copy()
            name = f"w{who}"
            for n in range(self.CHANGES):
                api.must_create(objects.config_map(self.ns, name, {"k": f"{n}"}))
                api.must_patch("ConfigMap", self.ns, name, {"data": {"k": f"{n}+"}})
                api.delete("ConfigMap", self.ns, name).expect(200)
        except Exception as error:  # told by the main thread
            failures.append(error)

    def check(self, events):
        """Every change of every writer, once, in order."""
        for who in range(self.WRITERS):
            mine = [(e["type"], e["object"]["data"]["k"]) for e in events
                    if e["type"] != "BOOKMARK" and e["object"]["metadata"]["name"] == f"w{who}"]
            wanted = []
            for n in range(self.CHANGES):
                wanted += [("ADDED", f"{n}"), ("MODIFIED", f"{n}+"), ("DELETED", f"{n}+")]
            self.assertEqual(wanted, mine)

    def test_concurrent_writers(self):
        version = self.list_version()
        watches = [self.watch(resourceVersion=version) for _ in range(8)]
        failures = []
        writers = [threading.Thread(target=self.write, args=(who, failures)) for who in range(self.WRITERS)]
        for writer in writers:
            writer.start()
        resumed = self.watch_in_pieces(version)
        for writer in writers:
            writer.join()
        self.assertEqual([], failures)
        total = self.WRITERS * self.CHANGES * 3
        for watch in watches:
            watch.wait_for(lambda events: len(events) >= total, what="all changes")
            self.check(watch.events)
        self.check(resumed)

    def watch_in_pieces(self, version):
        """Watches, closes after some events, and goes on from the last version seen, until all changes are there."""
        events, total = [], self.WRITERS * self.CHANGES * 3
        while len(events) < total:
            with self.api.watch("ConfigMap", self.ns, resourceVersion=version) as watch:
                part = watch.wait_for(lambda found: len(found) >= min(17, total - len(events)) and found)
            events += part
            version = part[-1]["object"]["metadata"]["resourceVersion"]
        return events

    def test_many_watches_and_a_slow_one(self):
        version = self.list_version()
        watches = [self.watch(resourceVersion=version) for _ in range(60)]
        slow = self.api.connect()
        self.addCleanup(slow.close)
        path = kube.path_of("ConfigMap", self.ns)
        slow.request("GET", f"{path}?watch=true&resourceVersion={version}", headers=self.api.headers())
        value = "x" * 20_000
        self.create("big")
        for n in range(100):  # nobody reads `slow`: its events must not hold up the others
            self.set("big", f"{n} {value}")
        for watch in watches:
            watch.wait_for(lambda events: len(events) == 101, what="101 events")

    def test_watches_that_went_away(self):
        for _ in range(50):
            with self.api.watch("ConfigMap", self.ns, resourceVersion=self.list_version()):
                pass
            self.create("x")
            self.delete("x")
        self.assertEqual("ok", self.api.call("GET", "/healthz").text.strip())


if __name__ == "__main__":
    unittest.main()

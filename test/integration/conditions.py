"""Waiting for conditions: one place that knows where each kind keeps them."""

import json

import harness
import objects


def by_type(conditions):
    return {c["type"]: c for c in conditions or []}


def of_object(obj):
    return by_type(obj.get("status", {}).get("conditions"))


def of_listener(gateway, name):
    for entry in gateway.get("status", {}).get("listeners", []):
        if entry["name"] == name:
            return by_type(entry.get("conditions"))
    return {}


def parents_of(route):
    """The entries that our controller wrote, and only those."""
    return [p for p in route.get("status", {}).get("parents", []) if p["controllerName"] == objects.CONTROLLER]


def of_parent(route, gateway=None, section=None):
    for entry in parents_of(route):
        ref = entry["parentRef"]
        if gateway in (None, ref["name"]) and section == ref.get("sectionName"):
            return by_type(entry.get("conditions"))
    return {}


class ConditionsTest(harness.ServerTest):
    """A server whose Gateways listen on an address of its own; every test in a namespace of its own."""

    private = True

    def setUp(self):
        self.ns = self.new_namespace()
        self.host = self.server.listen_host

    def port(self):
        return harness.free_port(self.host)

    def expect(self, kind, name, wanted, find=of_object, ns=None):
        """Waits until each condition of `wanted` is there, up to date, as "Status" or "Status Reason"; returns them."""
        last = {}
        namespace = None if kind == "GatewayClass" else ns or self.ns

        def look():
            obj = self.api.read(kind, namespace, name)
            found = find(obj)
            last.update(status=obj.get("status"), generation=obj["metadata"]["generation"])
            whole = obj.get("status", {}).get("observedGeneration")  # kagent's kinds have it there
            for condition, text in wanted.items():
                one = found.get(condition)
                if one is None or one.get("observedGeneration", whole) != obj["metadata"]["generation"]:
                    return None
                if text not in (one["status"], f"{one['status']} {one['reason']}"):
                    return None
            return found

        return harness.wait_until(look, what=lambda: f"{kind} {name}: {wanted}; it has {json.dumps(last, indent=1)}")

    def route_is(self, name, wanted, gateway=None, section=None, ns=None):
        return self.expect("HTTPRoute", name, wanted, lambda obj: of_parent(obj, gateway, section), ns)

    def listener_is(self, gateway, listener, wanted):
        return self.expect("Gateway", gateway, wanted, lambda obj: of_listener(obj, listener))

    def wait_attached(self, gateway, counts, ns=None):
        """Waits for the attachedRoutes of the listeners, e.g. {"http": 1}."""
        def look():
            status = self.api.read("Gateway", ns or self.ns, gateway).get("status", {})
            return {e["name"]: e["attachedRoutes"] for e in status.get("listeners", [])} == counts

        harness.wait_until(look, what=lambda: f"{counts}: {self.api.read('Gateway', ns or self.ns, gateway).get('status')}")

    def make_gateway(self, name="gw", *listeners, **more):
        """A Gateway that listens; by default one listener that takes routes of all namespaces."""
        listeners = listeners or [objects.listener(self.port(), **objects.allow("All"))]
        self.api.must_create(objects.gateway(self.ns, name, *listeners, **more))
        return name

    def make_route(self, name, refs=(), gateway="gw", ns=None, section=None, port=None, **more):
        parent = objects.parent(gateway, self.ns, **({"sectionName": section} if section else {}),
                                **({"port": port} if port else {}))
        return self.api.must_create(objects.route(ns or self.ns, name, [parent], refs, f"/{name}", **more))

    def make_backend(self, name="be", ns=None):
        self.api.must_create(objects.static_backend(ns or self.ns, name))
        return objects.backend_ref(name, ns)

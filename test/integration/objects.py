"""Builders of the objects that the tests create. Each returns a new dict."""

GATEWAY_GROUP = "gateway.networking.k8s.io"
CONTROLLER = "kgateway.dev/agentgateway"


def meta(name, namespace=None, **more):
    out = {"name": name}
    if namespace:
        out["namespace"] = namespace
    out.update(more)
    return out


def namespace(name, **more):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta(name, **more)}


def config_map(ns, name, data=None, **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(name, ns, **more), "data": data or {"k": "v"}}


def secret(ns, name, **values):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta(name, ns), "stringData": values}


def service(ns, name, ports, **more):
    """`ports` is a list of port numbers or of whole entries."""
    entries = [p if isinstance(p, dict) else {"name": f"p{p}", "port": p} for p in ports]
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta(name, ns, **more), "spec": {"ports": entries}}


def owner(obj, **more):
    out = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": obj["metadata"]["name"],
           "uid": obj["metadata"]["uid"]}
    out.update(more)
    return out


def gateway_class(name, controller=CONTROLLER):
    return {"apiVersion": f"{GATEWAY_GROUP}/v1", "kind": "GatewayClass", "metadata": meta(name),
            "spec": {"controllerName": controller}}


def listener(port, name="http", protocol="HTTP", **more):
    return {"name": name, "port": port, "protocol": protocol, **more}


def allow(source, **more):
    """allowedRoutes by namespace: All, Same, Selector (with `selector`)."""
    return {"allowedRoutes": {"namespaces": {"from": source, **more}}}


def gateway(ns, name, *listeners, cls="agentgateway"):
    return {"apiVersion": f"{GATEWAY_GROUP}/v1", "kind": "Gateway", "metadata": meta(name, ns),
            "spec": {"gatewayClassName": cls, "listeners": list(listeners)}}


def parent(name, ns=None, **more):
    return {"name": name, **({"namespace": ns} if ns else {}), **more}


def backend_ref(name, ns=None, **more):
    out = {"group": "gateway.kgateway.dev", "kind": "Backend", "name": name}
    if ns:
        out["namespace"] = ns
    out.update(more)
    return out


def route(ns, name, parents, refs=(), path="/", hostnames=None, **rule):
    """An HTTPRoute of one rule."""
    rule = {"matches": [{"path": {"type": "PathPrefix", "value": path}}], "backendRefs": list(refs), **rule}
    spec = {"parentRefs": list(parents), "rules": [rule]}
    if hostnames:
        spec["hostnames"] = hostnames
    return {"apiVersion": f"{GATEWAY_GROUP}/v1", "kind": "HTTPRoute", "metadata": meta(name, ns), "spec": spec}


def grant(ns, name, from_ns, to_name=None, from_kind="HTTPRoute"):
    """Lets HTTPRoutes of `from_ns` refer to Backends of `ns` (to one of them if `to_name`)."""
    to = {"group": "gateway.kgateway.dev", "kind": "Backend", **({"name": to_name} if to_name else {})}
    return {"apiVersion": f"{GATEWAY_GROUP}/v1beta1", "kind": "ReferenceGrant", "metadata": meta(name, ns),
            "spec": {"from": [{"group": GATEWAY_GROUP, "kind": from_kind, "namespace": from_ns}], "to": [to]}}


def ai_backend(ns, name, secret_name="llm-key", provider="anthropic", model="claude-3-5-haiku-latest"):
    token = {"kind": "SecretRef", "secretRef": {"name": secret_name}}
    return {"apiVersion": "gateway.kgateway.dev/v1alpha1", "kind": "Backend", "metadata": meta(name, ns),
            "spec": {"type": "AI", "ai": {"llm": {provider: {"authToken": token, "model": model}}}}}


def ai_backend_of_before_2_1(ns, name, secret_name="llm-key", host="127.0.0.1", port=9):
    """As kgateway 2.0 spelled it."""
    token = {"kind": "SecretRef", "secretRef": {"name": secret_name}}
    return {"apiVersion": "gateway.kgateway.dev/v1alpha1", "kind": "Backend", "metadata": meta(name, ns),
            "spec": {"type": "ai", "ai": {"llm": {"hostOverride": {"host": host, "port": port},
                                                  "provider": {"openai": {"authToken": token, "model": "m"}}}}}}


def static_backend(ns, name, host="127.0.0.1", port=9):
    return {"apiVersion": "gateway.kgateway.dev/v1alpha1", "kind": "Backend", "metadata": meta(name, ns),
            "spec": {"type": "Static", "static": {"hosts": [{"host": host, "port": port}]}}}


def model_config(ns, name, base_url="http://127.0.0.1:9/v1", secret_name=None, key="Authorization"):
    spec = {"model": "claude-3-5-haiku-latest", "provider": "OpenAI", "openAI": {"baseUrl": base_url}}
    if secret_name:
        spec.update({"apiKeySecret": secret_name, "apiKeySecretKey": key})
    return {"apiVersion": "kagent.dev/v1alpha2", "kind": "ModelConfig", "metadata": meta(name, ns), "spec": spec}


def agent(ns, name, config=None, message="You are a test.", **declarative):
    inner = {"systemMessage": message, **declarative}
    if message is None:
        del inner["systemMessage"]
    if config:
        inner["modelConfig"] = config
    return {"apiVersion": "kagent.dev/v1alpha2", "kind": "Agent", "metadata": meta(name, ns),
            "spec": {"type": "Declarative", "description": "A test agent.", "declarative": inner}}


def widget(ns, name, **spec):
    return {"apiVersion": "example.test/v1", "kind": "Widget", "metadata": meta(name, ns),
            "spec": {"size": 1, **spec}}


def gizmo(name, **spec):
    return {"apiVersion": "example.test/v1", "kind": "Gizmo", "metadata": meta(name), "spec": {"size": 1, **spec}}


def crd(kind, plural, namespaced=True, status=True, short=()):
    """A CustomResourceDefinition of example.test with one of each thing that writes depend on."""
    named_port = {"type": "object", "required": ["name"],
                  "properties": {"name": {"type": "string"}, "port": {"type": "integer"}}}
    spec = {"type": "object", "required": ["size"], "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 100},
        "color": {"type": "string", "enum": ["red", "green"], "default": "red"},
        "note": {"type": "string", "pattern": "^[a-z ]*$", "maxLength": 40},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "ports": {"type": "array", "items": named_port, "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": ["name"]},
        "plain": {"type": "array", "items": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "target": {"x-kubernetes-int-or-string": True},
    }}
    condition = {"type": "object", "properties": {k: {"type": "string"} for k in ("type", "status", "reason", "message")}}
    conditions = {"type": "array", "items": condition, "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": ["type"]}
    schema = {"type": "object", "description": f"A {kind} of the tests.", "properties": {
        "spec": spec,
        "status": {"type": "object", "properties": {"phase": {"type": "string"}, "conditions": conditions}}}}
    version = {
        "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": [
            {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
            {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status"},
            {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}]}
    if status:
        version["subresources"] = {"status": {}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List",
             "shortNames": list(short)}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": meta(f"{plural}.example.test"),
            "spec": {"group": "example.test", "scope": "Namespaced" if namespaced else "Cluster", "names": names,
                     "versions": [version]}}


def widget_crd():
    return crd("Widget", "widgets", short=["wd"])


def gizmo_crd():
    """Cluster-scoped and without the status subresource."""
    return crd("Gizmo", "gizmos", namespaced=False, status=False)

"""What the API says of wrong objects: causes with their fields, unknown fields; and what it adds to right ones."""

import copy
import unittest

import objects
from harness import ServerTest

REMOVE = object()


def changed(obj, *changes):
    """A copy of `obj` with each (path, value) set; a value of REMOVE takes the member away."""
    out = copy.deepcopy(obj)
    for path, value in changes:
        at = out
        *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
        for step in steps:
            if isinstance(at, dict):
                at = at.setdefault(step, {})
            else:
                at = at[step]
        if value is REMOVE:
            del at[last]
        else:
            at[last] = value
    return out


class Refused(ServerTest):
    """Each case: a change to a good object, the field of one cause, and words of its message."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = cls.new_namespace()
        cls.api.must_create(objects.widget_crd())

    def check(self, good, cases):
        self.api.create(good, dryRun="All").expect(201)
        name = good["metadata"]["name"]
        for changes, field, words in cases:
            with self.subTest(field=field, words=words):
                changes = [changes] if isinstance(changes, tuple) else changes
                answer = self.api.create(changed(good, *changes)).expect(422)
                self.assertEqual("Invalid", answer.reason)
                self.assertRegex(answer.message, rf'^{good["kind"]}[\w.]* "{name}" is invalid: ')
                causes = {c["field"]: c for c in answer.causes}
                self.assertIn(field, causes)
                self.assertTrue(any(words in c["message"] for c in answer.causes), answer.causes)
                self.assertIn(words, answer.message)
                for cause in answer.causes:
                    self.assertTrue(cause["reason"].startswith("FieldValue"), cause)
        self.assertFalse(self.api.exists(good["kind"], good["metadata"].get("namespace"), name))

    def test_http_route(self):
        rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/v1"}}}
        redirect = {"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}
        good = objects.route(self.ns, "r", [objects.parent("g")], [objects.backend_ref("b")], "/a", ["a.example"],
                             filters=[rewrite])
        rule = "spec.rules.0"
        at = "spec.rules[0]"
        path = f"{at}.matches[0].path"
        self.check(good, [
            ((f"{rule}.matches.0.path.value", "a"), path,
             "value must be an absolute path and start with '/' when type one of ['Exact', 'PathPrefix']"),
            ((f"{rule}.matches.0.path.value", "/a//b"), path, "must not contain '//' when type one of ['Exact', 'PathPrefix']"),
            ((f"{rule}.matches.0.path.value", "/a/.."), path, "must not end with '/..'"),
            ((f"{rule}.matches.0.path.value", "/ü"), path, "must only contain valid characters"),
            ((f"{rule}.matches.0.path.value", "/" + "a" * 1024), f"{path}.value", "Too long"),
            ((f"{rule}.matches.0.path.type", "Prefix"), f"{path}.type",
             'Unsupported value: "Prefix": supported values: "Exact", "PathPrefix", "RegularExpression"'),
            ((f"{rule}.matches.0.method", "get"), f"{at}.matches[0].method", 'Unsupported value: "get"'),
            ((f"{rule}.matches.0.headers", [{"name": "a b", "value": "x"}]), f"{at}.matches[0].headers[0].name", "should match"),
            ((f"{rule}.matches.0.headers", [{"name": "a"}]), f"{at}.matches[0].headers[0].value", "Required value"),
            ((f"{rule}.filters.0.urlRewrite", REMOVE), f"{at}.filters[0]",
             "filter.urlRewrite must be specified for URLRewrite filter.type"),
            ((f"{rule}.filters.0.requestRedirect", {}), f"{at}.filters[0]",
             "filter.requestRedirect must be nil if the filter.type is not RequestRedirect"),
            ((f"{rule}.filters.0.urlRewrite.path", {"type": "ReplaceFullPath"}), f"{at}.filters[0].urlRewrite.path",
             "replaceFullPath must be specified when type is set to 'ReplaceFullPath'"),
            ((f"{rule}.filters.0.urlRewrite.path.type", "Nope"), f"{at}.filters[0].urlRewrite.path.type", "Unsupported value"),
            ((f"{rule}.filters.0.type", "Nope"), f"{at}.filters[0].type", 'Unsupported value: "Nope"'),
            ((f"{rule}.filters", [rewrite, rewrite]), f"{at}.filters", "URLRewrite filter cannot be repeated"),
            ((f"{rule}.filters", [rewrite, redirect]), f"{at}.filters",
             "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both"),
            ((f"{rule}.filters", [redirect]), at, "RequestRedirect filter must not be used together with backendRefs"),
            ((f"{rule}.backendRefs.0.weight", -1), f"{at}.backendRefs[0].weight", "should be greater than or equal to 0"),
            ((f"{rule}.backendRefs.0.weight", "1"), f"{at}.backendRefs[0].weight", "must be of type integer"),
            ((f"{rule}.backendRefs.0.name", REMOVE), f"{at}.backendRefs[0].name", "Required value"),
            ((f"{rule}.backendRefs", [{"name": "svc"}]), f"{at}.backendRefs[0]", "Must have port for Service reference"),
            ((f"{rule}.backendRefs.0.port", 65536), f"{at}.backendRefs[0].port", "should be less than or equal to 65535"),
            ((f"{rule}.timeouts", {"request": "5"}), f"{at}.timeouts.request", "should match"),
            ((f"{rule}.timeouts", {"request": "1s", "backendRequest": "2s"}), f"{at}.timeouts",
             "backendRequest timeout cannot be longer than request timeout"),
            (("spec.hostnames", ["1.2.3.4_"]), "spec.hostnames[0]", "should match"),
            (("spec.hostnames", "a.example"), "spec.hostnames", "must be of type array"),
            (("spec.parentRefs", [{"name": "g"}, {"name": "g"}]), "spec.parentRefs", "sectionName or port must be"),
            (("spec.parentRefs.0.port", 0), "spec.parentRefs[0].port", "should be greater than or equal to 1"),
            (("spec.rules", [{}] * 17), "spec.rules", "Too many: 17: must have at most 16 items"),
            (("spec.rules", {}), "spec.rules", "must be of type array"),
        ])

    def test_the_object_is_named(self):
        """kubectl prints these: The KIND "NAME" is invalid."""
        for bad in (objects.gateway(self.ns, "named"), objects.widget(self.ns, "named", size=0)):
            with self.subTest(bad["kind"]):
                details = self.api.create(bad).expect(422).object["details"]
                self.assertEqual((bad["kind"], "named", bad["apiVersion"].split("/")[0]),
                                 (details.get("kind"), details.get("name"), details.get("group")))

    def test_several_causes(self):
        bad = changed(objects.route(self.ns, "r", [objects.parent("g")]), ("spec.rules.0.matches.0.method", "x"),
                      ("spec.parentRefs.0.port", 0), ("spec.hostnames", ["UPPER"]))
        answer = self.api.create(bad).expect(422)
        self.assertEqual({"spec.rules[0].matches[0].method", "spec.parentRefs[0].port", "spec.hostnames[0]"},
                         {c["field"] for c in answer.causes})
        self.assertRegex(answer.message, r"is invalid: \[spec\..*\]$")

    def test_gateway(self):
        good = objects.gateway(self.ns, "g", objects.listener(80))
        first = "spec.listeners[0]"
        self.check(good, [
            (("spec.listeners", REMOVE), "spec.listeners", "Required value"),
            (("spec.listeners", []), "spec.listeners", "should have at least 1 items"),
            (("spec.gatewayClassName", REMOVE), "spec.gatewayClassName", "Required value"),
            (("spec.listeners.0.port", 0), f"{first}.port", "should be greater than or equal to 1"),
            (("spec.listeners.0.port", 70000), f"{first}.port", "should be less than or equal to 65535"),
            (("spec.listeners.0.port", "80"), f"{first}.port", "must be of type integer"),
            (("spec.listeners.0.name", REMOVE), f"{first}.name", "Required value"),
            (("spec.listeners.0.protocol", REMOVE), f"{first}.protocol", "Required value"),
            (("spec.listeners.0.protocol", "not a protocol"), f"{first}.protocol", "should match"),
            (("spec.listeners.0.hostname", "under_score"), f"{first}.hostname", "should match"),
            (("spec.listeners.0.tls", {"mode": "Terminate", "certificateRefs": [{"name": "x"}]}), "spec.listeners",
             "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']"),
            (("spec.listeners.0.allowedRoutes", {"namespaces": {"from": "Nowhere"}}), f"{first}.allowedRoutes.namespaces.from",
             'Unsupported value: "Nowhere"'),
            (("spec.listeners", [objects.listener(80), objects.listener(81)]), "spec.listeners[1]", "Duplicate value"),
            (("spec.listeners", [objects.listener(80, "a"), objects.listener(80, "b")]), "spec.listeners",
             "Combination of port, protocol and hostname must be unique for each listener"),
        ])

    def test_gateway_class(self):
        self.check(objects.gateway_class("c", "example.test/c"), [
            (("spec.controllerName", "no-slash"), "spec.controllerName", "should match"),
            (("spec.controllerName", REMOVE), "spec.controllerName", "Required value"),
            (("spec.description", "x" * 65), "spec.description", "Too long"),
        ])
        self.api.must_create(objects.gateway_class("immutable", "example.test/c"))
        answer = self.api.patch("GatewayClass", None, "immutable", {"spec": {"controllerName": "example.test/d"}}).expect(422)
        self.assertIn("spec.controllerName: Invalid value", answer.message)
        self.assertIn("Value is immutable", answer.message)

    def test_backend(self):
        good = objects.ai_backend(self.ns, "b")
        llm = "spec.ai.llm"
        token = {"kind": "SecretRef", "secretRef": {"name": "s"}}
        self.check(good, [
            (("spec.type", REMOVE), "spec.type", "Required value"),
            (("spec.type", "Ai"), "spec.type", 'Unsupported value: "Ai"'),
            (("spec.type", "Static"), "spec", "static backend must be specified when type is 'Static'"),
            (("spec.static", {"hosts": [{"host": "h", "port": 1}]}), "spec",
             "static backend must be nil if the type is not 'Static'"),
            (("spec.ai", {}), "spec.ai", "exactly one of the fields in [llm priorityGroups] must be set"),
            ((llm, {}), llm, "exactly one of the fields in"),
            ((f"{llm}.openai", {"authToken": token}), llm, "exactly one of the fields in"),
            ((f"{llm}.anthropic.authToken", REMOVE), f"{llm}.anthropic.authToken", "Required value"),
            ((f"{llm}.anthropic.authToken.kind", "Magic"), f"{llm}.anthropic.authToken.kind", 'Unsupported value: "Magic"'),
            ((f"{llm}.anthropic.model", 5), f"{llm}.anthropic.model", "must be of type string"),
            ((f"{llm}.port", 0), f"{llm}.port", "should be greater than or equal to 1"),
        ])
        self.check(objects.static_backend(self.ns, "static"), [
            (("spec.static.hosts", []), "spec.static.hosts", "should have at least 1 items"),
            (("spec.static.hosts.0.port", REMOVE), "spec.static.hosts[0].port", "Required value"),
        ])

    def test_model_config(self):
        good = objects.model_config(self.ns, "m", secret_name="s")
        self.check(good, [
            (("spec.model", REMOVE), "spec.model", "Required value"),
            (("spec.provider", "Nobody"), "spec.provider", 'Unsupported value: "Nobody"'),
            (("spec.provider", "Anthropic"), "spec", "provider.openAI must be nil if the provider is not OpenAI"),
            (("spec.apiKeySecret", REMOVE), "spec", "apiKeySecret must be set if apiKeySecretKey is set"),
            (("spec.apiKeySecretKey", REMOVE), "spec", "apiKeySecretKey must be set if apiKeySecret is set"),
            (("spec.apiKeyPassthrough", True), "spec", "apiKeyPassthrough and apiKeySecret are mutually exclusive"),
            (("spec.openAI.temperature", 0.5), "spec.openAI.temperature", "must be of type string"),
            (("spec.openAI.maxTokens", 0), "spec.openAI.maxTokens", "should be greater than or equal to 1"),
            (("spec.openAI.apiFormat", "xml"), "spec.openAI.apiFormat", 'Unsupported value: "xml"'),
            (("spec.tls", {"caCertSecretKey": "k"}), "spec.tls", "caCertSecretKey"),
        ])

    def test_agent(self):
        good = objects.agent(self.ns, "a", "m")
        at = "spec.declarative"
        server = {"name": "s", "kind": "RemoteMCPServer", "toolNames": ["x"]}
        self.check(good, [
            (("spec.type", "Magic"), "spec.type", 'Unsupported value: "Magic"'),
            ((at, REMOVE), "spec",
             "declarative must be specified if type is Declarative, or byo must be specified if type is BYO"),
            (("spec.type", "BYO"), "spec", "byo must be specified if type is BYO"),
            ((f"{at}.runtime", "cobol"), f"{at}.runtime", 'Unsupported value: "cobol"'),
            ((f"{at}.systemMessageFrom", {"type": "ConfigMap", "name": "c", "key": "k"}), at,
             "systemMessage and systemMessageFrom are mutually exclusive"),
            ((f"{at}.stream", "yes"), f"{at}.stream", "must be of type boolean"),
            ((f"{at}.tools", [{"type": "McpServer", "mcpServer": server}] * 21), f"{at}.tools",
             "Too many: 21: must have at most 20 items"),
            ((f"{at}.tools", [{"type": "McpServer"}]), f"{at}.tools[0]",
             "type.mcpServer must be specified for McpServer filter.type"),
            ((f"{at}.tools", [{"type": "Agent", "mcpServer": server}]), f"{at}.tools[0]",
             "type.mcpServer must be nil if the type is not McpServer"),
            ((f"{at}.tools", [{"type": "McpServer", "mcpServer": {**server, "requireApproval": ["y"]}}]), f"{at}.tools[0].mcpServer",
             "each RequireApproval entry must also appear in ToolNames"),
            ((f"{at}.a2aConfig", {"skills": []}), f"{at}.a2aConfig.skills", "should have at least 1 items"),
        ])

    def test_core_kinds(self):
        answer = self.api.create({**objects.secret(self.ns, "s"), "data": {"k": "not base64!"}}).expect(400, 422)
        self.assertIn("base64", answer.message)
        self.check(objects.service(self.ns, "svc", [80]), [
            (("spec.ports.0.port", 0), "spec.ports[0].port", "greater than or equal to 1"),
            (("spec.type", "Magic"), "spec.type", 'Unsupported value: "Magic"'),
        ])
        self.api.must_create({**objects.config_map(self.ns, "locked"), "immutable": True})
        self.api.patch("ConfigMap", self.ns, "locked", {"data": {"k": "w"}}).expect(422)


class FieldValidation(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = cls.new_namespace()

    def route(self, name):
        return changed(objects.route(self.ns, name, [objects.parent("g")]), ("spec.bogus", 1), ("spec.rules.0.typo", {}))

    def test_strict(self):
        answer = self.api.create(self.route("strict"), fieldValidation="Strict").expect(400)
        self.assertEqual("BadRequest", answer.reason)
        self.assertIn("strict decoding error: ", answer.message)
        for field in ("spec.bogus", "spec.rules[0].typo"):
            self.assertIn(f'unknown field "{field}"', answer.message)
        self.assertFalse(self.api.exists("HTTPRoute", self.ns, "strict"))

    def test_warn_is_the_default(self):
        for name, query in (("warn", {"fieldValidation": "Warn"}), ("bare", {})):
            answer = self.api.create(self.route(name), **query).expect(201)
            self.assertEqual({'299 - "unknown field \\"spec.bogus\\""', '299 - "unknown field \\"spec.rules[0].typo\\""'},
                             set(answer.warnings))
            stored = self.api.read("HTTPRoute", self.ns, name)["spec"]
            self.assertNotIn("bogus", stored)
            self.assertNotIn("typo", stored["rules"][0])

    def test_more_warnings_than_a_client_reads(self):
        """Python's http.client gives up at 100 headers, after the object is stored."""
        route = self.route("many")
        route["spec"].update({f"bogus{i}": i for i in range(300)})
        answer = self.api.create(route).expect(201)
        self.assertEqual(32, len(answer.warnings))
        self.assertEqual('299 - "and 271 more warnings"', answer.warnings[-1])

    def test_ignore(self):
        answer = self.api.create(self.route("ignore"), fieldValidation="Ignore").expect(201)
        self.assertEqual([], answer.warnings)
        self.assertNotIn("bogus", answer.object["spec"])

    def test_other_values(self):
        self.api.create(objects.config_map(self.ns, "x"), fieldValidation="Maybe").expect(400, 422)

    def test_duplicate_keys(self):
        text = ('{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"twice","name":"twice"},'
                '"data":{"k":"1","k":"2"}}')
        path = f"/api/v1/namespaces/{self.ns}/configmaps"
        answer = self.api.call("POST", path, text, fieldValidation="Strict").expect(400)
        self.assertIn("duplicate field", answer.message)
        self.assertIn("metadata.name", answer.message)
        answer = self.api.call("POST", path, text).expect(201)
        self.assertTrue(any("duplicate field" in w for w in answer.warnings), answer.warnings)

    def test_unknown_fields_of_patches(self):
        self.api.must_create(objects.route(self.ns, "patched", [objects.parent("g")]))
        patch = {"spec": {"bogus": 1}}
        answer = self.api.patch("HTTPRoute", self.ns, "patched", patch, fieldValidation="Strict").expect(400)
        self.assertIn('unknown field "spec.bogus"', answer.message)
        self.assertTrue(self.api.patch("HTTPRoute", self.ns, "patched", patch).expect(200).warnings)

    def test_unknown_fields_of_core_kinds(self):
        bad = {**objects.config_map(self.ns, "core"), "datas": {}}
        answer = self.api.create(bad, fieldValidation="Strict").expect(400)
        self.assertIn('unknown field "datas"', answer.message)

    def test_fields_kept_on_purpose(self):
        self.api.must_create(objects.widget_crd())
        free = {"a": {"b": [1, {"c": None}]}, "d": "e"}
        answer = self.api.create(objects.widget(self.ns, "free", free=free, nosuch=1)).expect(201)
        self.assertEqual(free, answer.object["spec"]["free"])
        self.assertNotIn("nosuch", answer.object["spec"])
        self.assertEqual(1, len(answer.warnings))


class Defaults(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = cls.new_namespace()

    def test_http_route(self):
        bare = objects.route(self.ns, "bare", [objects.parent("g")])
        del bare["spec"]["rules"]
        spec = self.api.must_create(bare)["spec"]
        self.assertEqual([{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "g"}], spec["parentRefs"])
        self.assertEqual([{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}], spec["rules"])

    def test_backend_refs(self):
        route = objects.route(self.ns, "refs", [objects.parent("g")], [{"name": "svc", "port": 80}])
        route["spec"]["rules"][0]["matches"] = [{"method": "GET"}]
        rule = self.api.must_create(route)["spec"]["rules"][0]
        self.assertEqual([{"group": "", "kind": "Service", "name": "svc", "port": 80, "weight": 1}], rule["backendRefs"])
        self.assertEqual({"type": "PathPrefix", "value": "/"}, rule["matches"][0]["path"])

    def test_gateway(self):
        spec = self.api.must_create(objects.gateway(self.ns, "g", objects.listener(1), cls="foreign"))["spec"]
        self.assertEqual({"namespaces": {"from": "Same"}}, spec["listeners"][0]["allowedRoutes"])

    def test_a_whole_listener_is_left_alone(self):
        """Else a second client-side apply of such a manifest would always say `configured`."""
        whole = objects.gateway(self.ns, "whole", objects.listener(1, **objects.allow("All")), cls="foreign")
        self.assertEqual(whole["spec"], self.api.must_create(whole)["spec"])

    def test_kagent_kinds(self):
        model = objects.model_config(self.ns, "m")
        del model["spec"]["provider"]
        self.assertEqual("OpenAI", self.api.must_create(model)["spec"]["provider"])
        agent = objects.agent(self.ns, "a")
        del agent["spec"]["type"]
        spec = self.api.must_create(agent)["spec"]
        self.assertEqual(("Declarative", "go", "default-model-config"),
                         (spec["type"], spec["declarative"]["runtime"], spec["declarative"]["modelConfig"]))

    def test_null_is_as_good_as_absent(self):
        agent = objects.agent(self.ns, "null", runtime=None)
        self.assertEqual("go", self.api.must_create(agent)["spec"]["declarative"]["runtime"])

    def test_secrets(self):
        made = self.api.must_create(objects.secret(self.ns, "s", Authorization="sk-test"))
        self.assertEqual(("Opaque", {"Authorization": "c2stdGVzdA=="}), (made["type"], made["data"]))
        self.assertNotIn("stringData", made)
        after = self.api.must_patch("Secret", self.ns, "s", {"stringData": {"other": "x"}}, "strategic")
        self.assertEqual({"Authorization": "c2stdGVzdA==", "other": "eA=="}, after["data"])
        self.assertNotIn("stringData", after)
        again = self.api.must_patch("Secret", self.ns, "s", {"stringData": {"other": "x"}}, "strategic")
        self.assertEqual(after["metadata"]["resourceVersion"], again["metadata"]["resourceVersion"])


if __name__ == "__main__":
    unittest.main()

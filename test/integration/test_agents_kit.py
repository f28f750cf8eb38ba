"""What the agent tests share: a server with a gateway to a scripted model, an A2A client, a REST client. No tests here."""

import http.client
import json
import socket
import subprocess
import threading
import urllib.parse
import uuid

import harness
import objects
from harness import wait_until

NS = "lab"
FINAL = ("completed", "failed", "canceled", "rejected")
KEY = "sk-agents-secret-value"


def say(text, **rule):
    """A rule of fake-llm: answer with this text."""
    return {"reply": {"text": text}, **rule}


def use(name, arguments=None, times=1, call="call_1", **rule):
    """A rule of fake-llm: call one tool, by default once. With call=None each call gets an id of its own."""
    calls = [{"name": name, "arguments": {} if arguments is None else arguments, **({"id": call} if call else {})}]
    return {"times": times, "reply": {"tool_calls": calls}, **rule}


def text_of(message):
    """The text parts of a message or artifact, of either protocol version."""
    return "".join(part.get("text", "") for part in (message or {}).get("parts", []))


def user_message(text, context=None, task=None, **more):
    message = {"kind": "message", "role": "user", "messageId": str(uuid.uuid4()),
               "parts": [{"kind": "text", "text": text}], **more}
    if context:
        message["contextId"] = context
    if task:
        message["taskId"] = task
    return message


def v1_message(text, context=None, task=None):
    message = {"role": "ROLE_USER", "messageId": str(uuid.uuid4()), "parts": [{"text": text}]}
    if context:
        message["contextId"] = context
    if task:
        message["taskId"] = task
    return message


class Reply:
    def __init__(self, status, headers, body, what):
        self.status, self.headers, self.body, self.what = status, headers, body, what

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise AssertionError(f"not JSON: {self!r}") from None

    @property
    def text(self):
        return self.body.decode(errors="replace")

    @property
    def data(self):
        """What kagent's envelope holds."""
        body = self.json
        if body.get("error") is not False or "data" not in body:
            raise AssertionError(f"not kagent's envelope {{error: false, data, message}}: {self!r}")
        return body["data"]

    def expect(self, *statuses):
        if self.status not in statuses:
            raise AssertionError(f"expected {statuses}: {self!r}")
        return self

    def __repr__(self):
        return f"{self.what}: {self.status} {self.text[:1500]}"


def request(url, method="GET", path="/", body=None, headers=None, timeout=20):
    """One HTTP request on a connection of its own. A dict or list becomes JSON."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    headers = dict(headers or {})
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    if body is not None:
        headers.setdefault("Content-Type", "application/json")
    try:
        try:
            connection.request(method, path, body, headers)
        except OSError:
            if not body or connection.sock is None:
                raise
            # A body may be refused before all of it was sent: then the answer is there to read.
        answer = connection.getresponse()
        return Reply(answer.status, answer.headers, answer.read(), f"{method} {path}")
    finally:
        connection.close()


class Stream:
    """A server-sent event stream of JSON-RPC answers: `results` grows until `ended`."""

    def __init__(self, url, path, body, headers):
        parts = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        self._connection.request("POST", path, json.dumps(body),
                                 {"Content-Type": "application/json", "Accept": "text/event-stream", **headers})
        self._socket = self._connection.sock
        self._answer = self._connection.getresponse()
        self.status, self.headers = self._answer.status, self._answer.headers
        self.results, self.envelopes, self.ended, self.body, self.comments = [], [], False, b"", 0
        if not (self.headers.get("content-type") or "").startswith("text/event-stream"):
            self.body, self.ended = self._answer.read(), True
            self._connection.close()
            return
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        data = []
        try:
            for raw in self._answer:
                line = raw.decode().rstrip("\r\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line.startswith("data:"):
                    data.append(line[5:].lstrip(" "))
                elif not line and data:
                    envelope = json.loads("\n".join(data))
                    data = []
                    self.envelopes.append(envelope)
                    self.results.append(envelope.get("result"))
        except (OSError, ValueError, http.client.HTTPException):
            pass
        self.ended = True

    def wait_for(self, check, timeout=15, what="events"):
        def look():
            return check(list(self.results))

        return wait_until(look, timeout, lambda: f"{what}; status {self.status} ended {self.ended} {self.body[:500]!r} "
                                                 f"last events {json.dumps(self.envelopes[-4:])[:2500]}")

    def wait_end(self, timeout=15):
        self.wait_for(lambda _: self.ended, timeout, "the end of the stream")
        return self.results

    def close(self):
        """Goes away, as a client that was closed would."""
        try:
            self._socket.shutdown(2)
        except OSError:
            pass
        if hasattr(self, "_thread"):
            self._thread.join(5)
        self._answer.close()
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class A2a:
    """One agent over A2A. `version` is the A2A-Version header; None sends none."""

    def __init__(self, url, name, namespace=NS, version=None):
        self.url, self.path, self.version = url, f"/api/a2a/{namespace}/{name}/", version
        self._ids = 0

    def headers(self, extra=None):
        return {**({"A2A-Version": self.version} if self.version else {}), **(extra or {})}

    def envelope(self, method, params):
        self._ids += 1
        return {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params}

    def raw(self, body, headers=None):
        return request(self.url, "POST", self.path, body, self.headers(headers), timeout=60)

    def call(self, method, params, headers=None):
        """The whole JSON-RPC answer, of which the envelope is checked."""
        body = self.envelope(method, params)
        reply = self.raw(body, headers).expect(200)
        answer = reply.json
        if answer.get("jsonrpc") != "2.0" or answer.get("id") != body["id"] or ("result" in answer) == ("error" in answer):
            raise AssertionError(f"not a JSON-RPC answer to id {body['id']}: {reply!r}")
        return answer

    def must(self, method, params, headers=None):
        answer = self.call(method, params, headers)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def error(self, method, params, headers=None):
        answer = self.call(method, params, headers)
        if "error" not in answer:
            raise AssertionError(f"{method} was expected to fail: {json.dumps(answer)[:1500]}")
        return answer["error"]

    def send(self, text, context=None, task=None, blocking=True, **more):
        params = {"message": user_message(text, context, task, **more)}
        params["configuration"] = {"blocking": blocking}
        return self.must("message/send", params)

    def get(self, task, **more):
        return self.must("tasks/get", {"id": task, **more})

    def state(self, task):
        return self.get(task)["status"]["state"]

    def stream(self, text, context=None, task=None, method="message/stream", headers=None):
        body = self.envelope(method, {"message": user_message(text, context, task)})
        return Stream(self.url, self.path, body, self.headers(headers))

    def follow(self, method, params, headers=None):
        return Stream(self.url, self.path, self.envelope(method, params), self.headers(headers))

    def wait_state(self, task, *states, timeout=10):
        """Polls until the task is in one of the states; returns the task."""
        last = {}

        def look():
            last.update(self.get(task))
            return last["status"]["state"] in states and dict(last)

        return wait_until(look, timeout, lambda: f"{states}; the task is {json.dumps(last)[:1500]}")

    def wait_final(self, task, timeout=10):
        return self.wait_state(task, *FINAL, timeout=timeout)


class AgentTest(harness.ServerTest):
    """A server with a gateway, an OpenAI backend that is fake-llm over TLS, ModelConfig `m` and some agents."""

    tools = ("k8s_get_resources", "k8s_describe_resource", "k8s_get_pod_logs", "k8s_get_available_api_resources")

    @classmethod
    def setUpClass(cls):
        cls.fake = harness.FakeLlm(tls=True)
        cls.addClassCleanup(cls.fake.stop)
        cls.host = harness.private_host()
        cls.server = harness.Sightline(*cls.extra, listen_host=cls.host, upstream_ca=cls.fake.ca,
                                       resolve=[f"{name}:443:127.0.0.1:{cls.fake.port}"
                                                for name in ("api.openai.com", "api.anthropic.com")])
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.api = cls.server.client()
        cls.url = cls.server.endpoints()["ui"]
        cls.port = harness.free_port(cls.host)
        build_lab(cls.api, cls.host, cls.port)
        cls.make_agent("plain")
        cls.make_agent("chunks", stream=True)
        cls.make_agent("tooled", tools=[tool_entry(cls.tools)])

    @classmethod
    def make_agent(cls, name, config="m", **declarative):
        cls.api.must_create(objects.agent(NS, name, config, **declarative))
        wait_ready(cls.api, name)
        return cls.agent(name)

    @classmethod
    def agent(cls, name="plain", version=None):
        return A2a(cls.url, name, version=version)

    @classmethod
    def make_config(cls, name, **openai):
        config = objects.model_config(NS, name, f"http://{cls.host}:{cls.port}/openai", "llm-key")
        config["spec"]["openAI"].update(openai)
        cls.api.must_create(config)

    def setUp(self):
        self.fake.script([])
        self.fake.clear()

    def script(self, *rules):
        self.fake.script(list(rules))

    def model_calls(self):
        return [r for r in self.fake.requests() if r["path"] == "/v1/chat/completions"]

    def last_messages(self):
        """The messages of the last model call, checked for form."""
        messages = self.model_calls()[-1]["body"]["messages"]
        assert_well_formed(messages)
        return messages

    def wait_model_calls(self, count):
        return wait_until(lambda: len(self.model_calls()) >= count and self.model_calls(),
                          what=f"{count} model calls at fake-llm")

    def rest(self, method, path, body=None, headers=None):
        return request(self.url, method, path, body, headers)

    def cli(self, *args, stdin=None, timeout=30, state_dir=True):
        """Runs the program with --state-dir; returns the finished process, with text in stdout and stderr."""
        command = [str(harness.need_binary()), *args]
        if state_dir:
            command += ["--state-dir", str(self.server.state_dir)]
        return subprocess.run(command, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                              capture_output=True, text=True, timeout=timeout)

    def assert_exit(self, code, done):
        self.assertEqual(code, done.returncode, f"{done.args}\nstdout: {done.stdout[-1500:]}\nstderr: {done.stderr[-1500:]}")
        return done


def tool_entry(names, kind="RemoteMCPServer", name="kagent-tool-server"):
    reference = {"apiGroup": "kagent.dev", "kind": kind, "name": name, "toolNames": list(names)}
    return {"type": "McpServer", "mcpServer": reference}


def build_lab(api, host, port, provider="openai", model="gpt-4o-mini"):
    """Namespace, key, gateway, AI backend, route /openai and ModelConfig `m` that leads there."""
    api.must_create(objects.namespace(NS))
    api.must_create(objects.secret(NS, "llm-key", Authorization=KEY))
    api.must_create(objects.gateway(NS, "gw", objects.listener(port, **objects.allow("All"))))
    api.must_create(objects.ai_backend(NS, "ai", provider=provider, model=model))
    rewrite = {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath",
                                                             "replaceFullPath": "/v1/chat/completions"}}}
    api.must_create(objects.route(NS, "models", [objects.parent("gw")], [objects.backend_ref("ai")], "/openai",
                                  filters=[rewrite]))
    api.must_create(objects.model_config(NS, "m", f"http://{host}:{port}/openai", "llm-key"))

    def reachable():
        try:
            return request(f"http://{host}:{port}", "POST", "/openai/chat/completions", {
                "model": "x", "messages": [{"role": "user", "content": "ping"}]}).status == 200
        except OSError:
            return False

    wait_until(reachable, what="the gateway to answer through the route")


def wait_ready(api, name, namespace=NS):
    def look():
        conditions = api.read("Agent", namespace, name).get("status", {}).get("conditions", [])
        return all(any(c["type"] == kind and c["status"] == "True" for c in conditions) for kind in ("Accepted", "Ready"))

    wait_until(look, what=lambda: f"Agent {name} Ready: {api.read('Agent', namespace, name).get('status')}")


def assert_well_formed(messages):
    """OpenAI's rule: an assistant's tool calls are all answered, once and at once; no answer is left over."""
    open_calls = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                raise AssertionError(f"an answer to no open call: {json.dumps(messages)[:2500]}")
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            raise AssertionError(f"calls {open_calls} were never answered: {json.dumps(messages)[:2500]}")
        open_calls = [call["id"] for call in message.get("tool_calls") or []]
    if open_calls:
        raise AssertionError(f"calls {open_calls} were never answered: {json.dumps(messages)[:2500]}")


class HangingModel:
    """A model of plain sockets that takes a request and notes when the caller goes away.

    It never answers; or sends `answer` (bytes) and closes.
    """

    def __init__(self, answer=None):
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.requests, self.gone, self._open = 0, 0, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        data, counted = b"", False
        try:
            while chunk := connection.recv(65536):
                data += chunk
                if b'"messages"' in data and not counted:
                    counted, self.requests = True, self.requests + 1
                    if self._answer is not None:
                        connection.sendall(self._answer)
                        connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if counted:
            self.gone += 1

    def stop(self):
        for one in (self._listener, *self._open):
            one.close()

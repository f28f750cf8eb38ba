"""Starts and stops the program for the integration tests, and waits for things without sleeping a fixed time.

Python standard library only. Environment:
  SIGHTLINE    the binary; by default build/release/sightline under the repository root
  KUBECTL      one kubectl; by default /usr/bin/kubectl
  KUBECTLS     more kubectls, colon separated, for the version matrix
  WALKTHROUGH  the folder of walk-through manifests; by default examples/walkthrough/published
"""

import atexit
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
import weakref

import kube

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("SIGHTLINE") or ROOT / "build/release/sightline")
WALKTHROUGH = pathlib.Path(os.environ.get("WALKTHROUGH") or ROOT / "examples/walkthrough/published")
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 10.0

_running = weakref.WeakSet()


@atexit.register
def _kill_leftovers():
    for process in list(_running):
        process.kill()


def wait_until(check, timeout=PATIENCE_SECONDS, what=""):
    """Calls `check` every 20 ms until it returns something true, and returns that.

    `what` is a text, or a function that makes one, for the failure message.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            text = what() if callable(what) else what
            raise AssertionError(f"not within {timeout:g} s: {text or check}")
        time.sleep(POLL_SECONDS)


def free_port(host="127.0.0.1"):
    """A TCP port nobody listens on now. `port: 0` is not valid in a Gateway, so tests look for one beforehand."""
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


_hosts_given = 0


def private_host():
    """A loopback address for one server alone, so that Gateways may keep the port their manifest names."""
    global _hosts_given
    _hosts_given += 1
    pid = os.getpid()
    return f"127.{20 + (pid >> 8) % 200}.{1 + pid % 250}.{1 + _hosts_given % 250}"


class Process:
    """A child program: stdout is read line by line, stderr is kept in a file."""

    def __init__(self, args, env=None, stderr=None, cwd=None):
        self.args = [str(a) for a in args]
        self.lines = []
        self._own_stderr = stderr is None  # then it lives as long as the process
        if self._own_stderr:
            handle, stderr = tempfile.mkstemp(prefix="stderr-")
            os.close(handle)
        self.stderr_path, self._last_stderr = pathlib.Path(stderr), ""
        with open(stderr, "ab") as err:
            self.child = subprocess.Popen(self.args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err,
                                          env=env, cwd=cwd)
        _running.add(self)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.lines.append(line.decode(errors="replace").rstrip("\n"))

    @property
    def pid(self):
        return self.child.pid

    def stderr(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else self._last_stderr

    def report(self):
        out, err = "\n".join(self.lines[-20:]), self.stderr()[-3000:]
        return f"{' '.join(self.args)}\nexit code: {self.child.poll()}\nstdout: {out}\nstderr: {err}"

    def wait_line(self, matches, timeout=PATIENCE_SECONDS):
        """The first line of stdout for which `matches` (a function, or a text it equals) holds."""
        test = matches if callable(matches) else lambda line: line == matches

        def look():
            found = next((line for line in list(self.lines) if test(line)), None)
            if found is None and self.child.poll() is not None and not self._reader.is_alive():
                raise AssertionError("ended before the awaited line\n" + self.report())
            return found is not None and [found]

        return wait_until(look, timeout, lambda: "a line of output\n" + self.report())[0]

    def end(self, timeout=PATIENCE_SECONDS):
        """SIGTERM; returns the exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.wait(timeout)

    def wait(self, timeout=PATIENCE_SECONDS):
        try:
            code = self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            report = self.report()
            self.kill()
            raise AssertionError("did not end in time\n" + report) from None
        self._release()
        return code

    def kill(self):
        """SIGKILL, as a power cut would."""
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        self._release()

    def _release(self):
        self._reader.join(5)
        self.child.stdout.close()
        self._last_stderr = self.stderr()
        if self._own_stderr:
            self.stderr_path.unlink(missing_ok=True)


def need_binary():
    if not BINARY.exists():
        raise RuntimeError(f"there is no {BINARY}: build it, or name another in $SIGHTLINE")
    return BINARY


class Sightline:
    """`sightline up` on free ports with a state directory of its own (kept over restart())."""

    def __init__(self, *extra, listen_host=None, resolve=(), upstream_ca=None, state_dir=None, start=True):
        self._own_dir = state_dir is None
        self.state_dir = pathlib.Path(state_dir or tempfile.mkdtemp(prefix="sightline-"))
        self.listen_host = listen_host or "127.0.0.1"
        self.extra = list(extra)
        if listen_host:
            self.extra += ["--listen-host", listen_host]
        for entry in resolve:
            self.extra += ["--resolve", entry]
        if upstream_ca:
            self.extra += ["--upstream-ca", upstream_ca]
        self.process = None
        if start:
            self.start()

    def start(self):
        args = [need_binary(), "up", "--state-dir", self.state_dir]
        for listener in ("api", "ui", "admin", "metrics", "ready"):
            args += [f"--{listener}", "127.0.0.1:0"]
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self.process = Process(args + self.extra, stderr=self.state_dir / "stderr.log")
        try:
            self.process.wait_line("ready")
        except BaseException:
            self.kill()
            self._clean()
            raise
        return self

    @property
    def pid(self):
        return self.process.pid

    def endpoints(self):
        return json.loads((self.state_dir / "endpoints.json").read_text())

    def kubeconfig(self):
        return self.endpoints()["kubeconfig"]

    def client(self):
        """A client of the API with the kubeconfig's CA and token."""
        return kube.Client.from_kubeconfig(self.kubeconfig())

    def stderr(self):
        return self.process.stderr()

    def stop(self):
        """SIGTERM; the program must drain and exit with 0."""
        if self.process is None:
            return
        process, self.process = self.process, None
        code = process.end()
        report = process.report()
        self._clean()
        if code != 0:
            raise AssertionError(f"SIGTERM ended it with {code} and not with 0\n{report}")

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process = None

    def restart(self, hard=False):
        """Stops (or kills, when `hard`) and starts again on the same state directory."""
        process, self.process = self.process, None
        if hard:
            process.kill()
        elif process.end() != 0:
            raise AssertionError("SIGTERM did not end it with 0\n" + process.report())
        return self.start()

    def _clean(self):
        if self._own_dir:
            shutil.rmtree(self.state_dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
        else:
            self.kill()
            self._clean()


class FakeLlm:
    """`sightline fake-llm`: a scripted model provider. `script` is a list of rules."""

    def __init__(self, script=None, tls=False, listen="127.0.0.1:0"):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="fake-llm-"))
        args = [need_binary(), "fake-llm", "--listen", listen]
        self.ca = self.dir / "ca.pem" if tls else None
        if tls:
            args += ["--tls", "--ca-out", self.ca]
        if script is not None:
            path = self.dir / "script.json"
            path.write_text(json.dumps(script))
            args += ["--script", path]
        self.process = Process(args, stderr=self.dir / "stderr.log")
        self.process.wait_line("ready")
        line = self.process.wait_line(lambda text: text.startswith("listening on "))
        self.url = line.removeprefix("listening on ")
        self.host, self.port = urllib.parse.urlsplit(self.url).hostname, urllib.parse.urlsplit(self.url).port

    def _control(self, method, path, body=None):
        if self.ca:
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=20,
                                                     context=kube.tls_context(self.ca.read_text()))
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=20)
        try:
            connection.request(method, path, None if body is None else json.dumps(body),
                               {"content-type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status >= 300:
            raise AssertionError(f"{method} {path}: {answer.status} {text[:300]!r}")
        return text

    def requests(self):
        return json.loads(self._control("GET", "/__requests"))

    def clear(self):
        self._control("DELETE", "/__requests")

    def script(self, rules):
        self._control("POST", "/__script", rules)

    def stop(self):
        code = self.process.end()
        report = self.process.report()
        shutil.rmtree(self.dir, ignore_errors=True)
        if code != 0:
            raise AssertionError(f"SIGTERM ended fake-llm with {code}\n{report}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class ServerTest(unittest.TestCase):
    """One server for all tests of a class: `server`, and `api` to talk to it. Tests work in namespaces of their own."""

    private = False  # Gateways on a loopback address of the class's own
    extra = ()
    _namespaces = 0

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Sightline(*cls.extra, listen_host=private_host() if cls.private else None)
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.api = cls.server.client()

    @classmethod
    def new_namespace(cls, labels=None):
        ServerTest._namespaces += 1
        name = f"ns{ServerTest._namespaces}"
        metadata = {"name": name, "labels": labels} if labels else {"name": name}
        cls.api.must_create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        return name


def walkthrough(folder, host, key="sk-ant-test"):
    """Copies the six manifests of the walk-through into `folder` with the placeholders filled; returns their paths."""
    paths = []
    for source in sorted(WALKTHROUGH.glob("0?-*.yaml")):
        text = source.read_text().replace("$ANTHROPIC_API_KEY", key)
        text = text.replace("YOUR_AGENTGATEWAY_IP", host)
        target = pathlib.Path(folder) / source.name
        target.write_text(text)
        paths.append(target)
    if len(paths) != 6:
        raise AssertionError(f"expected six manifests in {WALKTHROUGH}, found {[p.name for p in paths]}")
    return paths


def kubectl_binaries():
    """The kubectls to test with, each once, in the order named."""
    named = [os.environ.get("KUBECTL") or "/usr/bin/kubectl", *os.environ.get("KUBECTLS", "").split(":")]
    found = {}
    for path in filter(None, named):
        if os.access(path, os.X_OK):
            found.setdefault(os.path.realpath(path), path)
        elif path != "/usr/bin/kubectl":
            raise RuntimeError(f"there is no kubectl at {path}")
    return list(found.values())


def resident_bytes(pid):
    """Resident memory of a process, in bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024

"""Runs kubectl against a server, and makes each test class once for every kubectl there is."""

import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness

Done = collections.namedtuple("Done", "code out err")


class Kubectl:
    """One kubectl binary with a home of its own, so that nothing is cached from elsewhere."""

    def __init__(self, binary, kubeconfig, home):
        self.binary = binary
        self.env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(home), "KUBECONFIG": str(kubeconfig),
                    "LC_ALL": "C.UTF-8"}
        self.minor = minor_version(binary)

    def run(self, *args, stdin=None, env=None, timeout=60):
        """Done(code, out, err), whatever the code."""
        if isinstance(stdin, (dict, list)):
            stdin = json.dumps(stdin)
        done = subprocess.run([self.binary, *map(str, args)], input=stdin or "", env={**self.env, **(env or {})},
                              capture_output=True, text=True, timeout=timeout)
        return Done(done.returncode, done.stdout, done.stderr)

    def ok(self, *args, **more):
        """The output of a command that must succeed."""
        done = self.run(*args, **more)
        if done.code != 0:
            raise AssertionError(f"kubectl {' '.join(map(str, args))}: {done.code}\n{done.out}\n{done.err}")
        return done.out

    def fails(self, *args, **more):
        """The error output of a command that must fail."""
        done = self.run(*args, **more)
        if done.code == 0:
            raise AssertionError(f"kubectl {' '.join(map(str, args))} succeeded:\n{done.out}\n{done.err}")
        return done.err

    def json(self, *args, **more):
        return json.loads(self.ok(*args, "-o", "json", **more))

    def table(self, *args, **more):
        """Rows as dicts by column heading. Cells must not hold runs of two blanks."""
        lines = [line for line in self.ok(*args, **more).splitlines() if line.strip()]
        heads = re.split(r"\s{2,}", lines[0].strip())
        starts = [lines[0].index(head) for head in heads]
        return [{head: line[start:end].strip() for head, start, end in zip(heads, starts, [*starts[1:], None])}
                for line in lines[1:]]

    def start(self, *args, env=None):
        """A running kubectl (get -w, logs -f)."""
        return harness.Process([self.binary, *args], env={**self.env, **(env or {})})


def minor_version(binary):
    out = subprocess.run([binary, "version", "--client", "-o", "json"], capture_output=True, text=True, timeout=60,
                         env={"PATH": os.environ.get("PATH", ""), "HOME": "/nonexistent"}).stdout
    return int(re.search(r'"minor":\s*"(\d+)', out).group(1))


class KubectlTest:
    """Mixed into a TestCase by for_each_kubectl: one server, `kubectl`, and `api` for looking behind it."""

    binary = None
    extra = ()

    @classmethod
    def setUpClass(cls):
        if cls.binary is None:
            raise unittest.SkipTest("there is no kubectl; name one in $KUBECTL")
        super().setUpClass()
        cls.home = pathlib.Path(tempfile.mkdtemp(prefix="kubectl-"))
        cls.addClassCleanup(shutil.rmtree, cls.home, ignore_errors=True)
        cls.host = harness.private_host()
        cls.server = harness.Sightline(*cls.extra, listen_host=cls.host)
        cls.addClassCleanup(lambda: cls.server.stop())
        cls.api = cls.server.client()
        cls.kubectl = Kubectl(cls.binary, cls.server.kubeconfig(), cls.home)

    def since(self, minor, why):
        if self.kubectl.minor < minor:
            self.skipTest(f"kubectl 1.{self.kubectl.minor}: {why}")

    def started(self, *args, **more):
        process = self.kubectl.start(*args, **more)
        self.addCleanup(process.kill)
        return process

    def file(self, name, content):
        path = self.home / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path


def for_each_kubectl(mixin):
    """Adds to the mixin's module one TestCase for each kubectl (or a skipped one if there is none)."""
    module = sys.modules[mixin.__module__]
    for binary in harness.kubectl_binaries() or [None]:
        label = re.sub(r"\W+", "_", pathlib.Path(binary).name) if binary else "missing"
        name = f"{mixin.__name__}_{label}"
        while hasattr(module, name):
            name += "_"
        made = type(name, (mixin, unittest.TestCase), {"binary": binary, "__module__": mixin.__module__})
        setattr(module, name, made)
    return mixin

"""Certificates for upstreams of the tests, made with the openssl command."""

import pathlib
import shutil
import ssl
import subprocess
import tempfile
import unittest

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Authority:
    """A CA in a folder of its own: `ca` is its certificate's path."""

    def __init__(self):
        if not shutil.which("openssl"):
            raise unittest.SkipTest("there is no openssl command to make certificates with")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="certificates-"))
        self.ca = self.dir / "ca.pem"
        self._run("req", "-x509", *CURVE, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "2")

    def _run(self, *args):
        subprocess.run(["openssl", *args], cwd=self.dir, check=True, capture_output=True, timeout=30)

    def server(self, *names, days=2):
        """A server context with a certificate for these names; negative days: expired."""
        stem = f"leaf{len(list(self.dir.iterdir()))}"
        (self.dir / f"{stem}.ext").write_text("subjectAltName=" + ",".join(f"DNS:{n}" for n in names))
        self._run("req", *CURVE, "-keyout", f"{stem}.key", "-out", f"{stem}.csr", "-subj", f"/CN={names[0]}")
        self._run("x509", "-req", "-in", f"{stem}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                  "-days", str(days), "-extfile", f"{stem}.ext", "-out", f"{stem}.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.dir / f"{stem}.pem", self.dir / f"{stem}.key")
        return context

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

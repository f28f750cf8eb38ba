"""Bytes that no honest client sends: each gets a clear refusal, and the server goes on serving."""

import http.client
import json
import os
import socket
import ssl
import unittest

import kube
import objects
from harness import ServerTest, resident_bytes

MIB = 1 << 20


class HostileTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ns = cls.new_namespace()
        cls.path = kube.path_of("ConfigMap", cls.ns)

    def tearDown(self):
        self.api.close()
        self.assertEqual("ok", self.api.call("GET", "/healthz").expect(200).text.strip())
        self.api.call("GET", self.path).expect(200)

    def refused(self, answer, *statuses):
        """A 4xx with a Status body that says something."""
        answer.expect(*(statuses or range(400, 500)))
        status = answer.object
        self.assertEqual(("Status", "Failure", answer.status), (status["kind"], status["status"], status["code"]))
        self.assertTrue(status["message"])
        self.assertLess(len(status["message"]), 5000)
        return status["message"]

    def connect(self):
        sock = socket.create_connection((self.api.host, self.api.port), timeout=20)
        return kube.tls_context(self.api.ca_pem).wrap_socket(sock, server_hostname=self.api.host)

    def head(self, method="POST", path=None, *lines):
        lines = [f"{method} {path or self.path} HTTP/1.1", "Host: x", f"Authorization: Bearer {self.api.token}", *lines]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def exchange(self, data):
        """Sends bytes; returns what comes back until the end, or until nothing more comes."""
        with self.connect() as sock:
            got = b""
            try:
                sock.sendall(data)
                sock.settimeout(1.5)
                while part := sock.recv(65536):
                    got += part
                    if b"\r\n\r\n" in got:
                        sock.settimeout(0.3)
            except OSError:
                pass
            return got


class Bodies(HostileTest):
    def test_malformed_json(self):
        for text in ("", "{", "}", "[1,", '{"a":}', '{"a" "b"}', "nul", "'a'", '{"a":1,}', "{}{}", '{"a":\x01}',
                     '{"a":"\n"}', '{"a":"\\x"}', '{"a":"\\ud800"}', '{"a":01}', '{"a":1e}', '{"a":.5}', "NaN"):
            with self.subTest(text):
                self.refused(self.api.call("POST", self.path, text), 400)

    def test_json_that_is_no_object(self):
        for text in ("null", "[]", "5", '"x"', "true", "[[]]"):
            with self.subTest(text):
                self.refused(self.api.call("POST", self.path, text), 400, 422)

    def test_malformed_yaml(self):
        for text in ("a: [", "a: b: c", "\ta: b", "a: 'x", "{a: b", "- a\nb: c", "a: *nowhere",
                     "%YAML 9\n---\na", "a: &x\n  b: !!binary ["):
            with self.subTest(text):
                self.refused(self.api.call("POST", self.path, text, content_type="application/yaml"), 400, 422)

    def test_a_yaml_alias_bomb(self):
        lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
        lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
        before = resident_bytes(self.server.pid)
        self.refused(self.api.call("POST", self.path, "\n".join(lines), content_type="application/yaml"), 400, 413, 422)
        self.assertLess(resident_bytes(self.server.pid) - before, 100 * MIB)

    def test_deep_nesting(self):
        for opening, closing in (("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")):
            for depth in (2_000, 100_000):
                body = opening * depth + "1" + closing * depth
                self.refused(self.api.call("POST", self.path, body), 400, 413, 422)
                self.refused(self.api.call("POST", self.path, opening * depth), 400, 413)
                self.refused(self.api.call("POST", self.path, body, content_type="application/yaml"), 400, 413, 422)

    def test_invalid_utf8(self):
        good = json.dumps(objects.config_map(self.ns, "utf8", {"k": "VALUE"})).encode()
        for bad in (b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80"):
            with self.subTest(bad):
                self.refused(self.api.call("POST", self.path, good.replace(b"VALUE", bad)), 400)
                self.refused(self.api.call("POST", self.path, good.replace(b"VALUE", bad),
                                           content_type="application/yaml"), 400)
        self.assertFalse(self.api.exists("ConfigMap", self.ns, "utf8"))

    def test_odd_but_valid_text_survives(self):
        value = "ü \u2028 \U0001f600 \u0000 \x7f \\ \" </script>"
        self.api.must_create(objects.config_map(self.ns, "odd", {"k": value}))
        self.assertEqual(value, self.api.read("ConfigMap", self.ns, "odd")["data"]["k"])

    def test_wrong_types(self):
        good = objects.config_map(self.ns, "types")
        for change in ({"metadata": []}, {"metadata": "x"}, {"metadata": {"name": 5}}, {"data": []}, {"data": {"k": 5}},
                       {"kind": 5}, {"apiVersion": {}}, {"metadata": {"name": "types", "labels": {"a": 1}}},
                       {"metadata": {"name": "types", "finalizers": "x"}},
                       {"metadata": {"name": "types", "ownerReferences": [5]}}):
            with self.subTest(change):
                self.refused(self.api.call("POST", self.path, {**good, **change}, dryRun="All"), 400, 422)

    def test_huge_numbers(self):
        path = kube.path_of("Gateway", self.ns)
        text = json.dumps(objects.gateway(self.ns, "n", objects.listener(4711)))
        for number in ("1e999", "123456789012345678901234567890", "-1e400", "1e-999", "80.5", "9" * 5000):
            with self.subTest(number[:40]):
                self.refused(self.api.call("POST", path, text.replace("4711", number)), 400, 422)

    def test_patches(self):
        before = self.api.must_create(objects.config_map(self.ns, "patched"))
        for how, body in (("json", "{"), ("json", '[{"op":"add","path":"no-slash","value":1}]'), ("json", "null"),
                          ("json", '[{"op":"add","path":"/data/~2","value":"x"}]'),
                          ("json", '[{"op":"move","from":"/data","path":"/data/k"}]'),
                          ("json", '[{"op":"remove","path":""}]'), ("merge", "5"), ("merge", "[]"), ("merge", "{"),
                          ("strategic", "[]"), ("strategic", '{"data":{"$patch":"sideways"}}'),
                          ("strategic", '{"metadata":{"finalizers":[{"a":1}]}}'), ("apply", "5"), ("apply", "a: ["),
                          ("apply", "{}"), ("merge", '{"metadata":null}'), ("merge", '{"metadata":5}'),
                          ("merge", '{"kind":"Secret"}')):
            with self.subTest(how=how, body=body):
                answer = self.api.patch("ConfigMap", self.ns, "patched", body, how, fieldManager="m", dryRun="All")
                self.assertLess(answer.status, 500, answer)
                if answer.status < 300:  # then it must not have done any harm
                    self.assertEqual(before["data"], answer.object.get("data"))
                    self.assertEqual(before["metadata"]["uid"], answer.object["metadata"]["uid"])

    def test_deep_patches(self):
        self.api.create(objects.config_map(self.ns, "deep")).expect(201, 409)
        for how in ("merge", "strategic", "apply"):
            body = '{"data":' + '{"a":' * 50_000 + "1" + "}" * 50_001
            self.refused(self.api.patch("ConfigMap", self.ns, "deep", body, how, fieldManager="m"), 400, 422)

    def test_protobuf(self):
        def post(body):
            return self.api.call("POST", "/api/v1/namespaces", body, content_type="application/vnd.kubernetes.protobuf")
        for body in (b"", b"k8s", b"k8s\0", b"k8s\0" + b"\xff" * 40, b"k8s\0\x0a\xff\xff\xff\xff\x0f", b"{}", os.urandom(500),
                     b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09Namespace\x12\x7f", b"k8s\0" + b"\x0a\x02" * 1000):
            with self.subTest(body[:20]):
                self.refused(post(body), 400, 415, 422)

    def test_random_bytes(self):
        for content_type in ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf"):
            for size in (1, 10, 1000, 50_000):
                self.refused(self.api.call("POST", self.path, os.urandom(size), content_type=content_type))


class Sizes(HostileTest):
    def sized(self, size):
        obj = objects.config_map(self.ns, "big", {"k": ""})
        return {**obj, "data": {"k": "x" * (size - len(json.dumps(obj)))}}

    def test_just_too_big(self):
        for size in (3 * MIB + 1000, 5 * MIB):
            message = self.refused(self.api.call("POST", self.path, self.sized(size)), 413)
            self.assertRegex(message, r"(?i)too large")
        self.api.call("POST", self.path, self.sized(1_000_000), dryRun="All").expect(201)

    def send_much(self, head, parts):
        """Sends until an answer comes; returns it. Whoever sends 50 MB may be answered before the end."""
        with self.connect() as sock:
            sock.sendall(head)
            got = b""
            try:
                for part in parts:
                    sock.settimeout(20)
                    sock.sendall(part)
                    sock.settimeout(0)
                    try:
                        got = sock.recv(65536)
                        break
                    except (ssl.SSLWantReadError, BlockingIOError):
                        continue
                sock.settimeout(20)
                while part := sock.recv(65536):
                    got += part
                    if b"\r\n\r\n" in got:
                        sock.settimeout(1)
            except OSError:
                pass
            return got

    def test_fifty_megabytes(self):
        before = resident_bytes(self.server.pid)
        got = self.send_much(self.head("POST", None, "Content-Type: application/json", f"Content-Length: {50 * MIB}"),
                             [b" " * MIB] * 50)
        self.assertRegex(got, rb"^HTTP/1\.1 413 ")
        self.assertLess(resident_bytes(self.server.pid) - before, 40 * MIB, "the body was kept in memory")

    def test_fifty_megabytes_in_chunks(self):
        chunk = b"%x\r\n" % MIB + b" " * MIB + b"\r\n"
        got = self.send_much(self.head("POST", None, "Content-Type: application/json", "Transfer-Encoding: chunked"),
                             [chunk] * 50)
        self.assertRegex(got, rb"^HTTP/1\.1 413 ")

    def test_a_length_beyond_all_bounds(self):
        for length in (1 << 40, (1 << 63) - 1, 1 << 64, 10 ** 40, -1):
            got = self.exchange(self.head("POST", None, f"Content-Length: {length}"))
            self.assertRegex(got, rb"^(HTTP/1\.1 4(00|13) |$)")

    def test_a_long_head(self):
        for lines in (["X: " + "y" * 300_000], [f"X{n}: y" for n in range(20_000)]):
            got = self.exchange(self.head("GET", self.path, *lines))
            self.assertRegex(got, rb"^(HTTP/1\.1 4(00|13|31) |$)")
        got = self.exchange(self.head("GET", self.path + "?x=" + "y" * 300_000))
        self.assertRegex(got, rb"^(HTTP/1\.1 4(00|13|14|31) |$)")

    def test_a_secret_of_more_than_a_mebibyte(self):
        answer = self.api.create(objects.secret(self.ns, "fat", k="x" * (MIB + 1))).expect(422)
        self.assertIn("Too long", answer.message)
        self.assertLess(len(answer.body), 10_000, "the value is echoed")


class Wire(HostileTest):
    def test_garbage_in_tls(self):
        for data in (os.urandom(1000), b"\r\n" * 50, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0" * 100,
                     b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
                     b"GET  /  HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(100)):
            with self.subTest(data[:20]):
                self.assertNotRegex(self.exchange(data), rb"^HTTP/1\.1 ([23]|50[0-4])")

    def test_garbage_instead_of_tls(self):
        for data in (os.urandom(1000), b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff", b"\x80"):
            with socket.create_connection((self.api.host, self.api.port), timeout=5) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                try:
                    self.assertNotIn(b" 200 ", sock.recv(65536))
                except OSError:
                    pass

    def test_two_lengths(self):
        smuggled = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        for lines in (["Content-Length: 0", "Transfer-Encoding: chunked"], ["Content-Length: 0", "Content-Length: 5"],
                      ["Transfer-Encoding: chunked, identity"], ["Transfer-Encoding: xchunked"],
                      ["Content-Length: 0x5"], ["Content-Length: +5"], ["Transfer-Encoding : chunked"]):
            with self.subTest(lines):
                got = self.exchange(self.head("POST", None, *lines) + smuggled)
                self.assertRegex(got, rb"^(HTTP/1\.1 (400|501) |$)")
                self.assertNotIn(b" 200 ", got)

    def test_bad_chunks(self):
        head = self.head("POST", None, "Content-Type: application/json", "Transfer-Encoding: chunked")
        for data in (b"xyz\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"5\r\nabcdefgh", b"1\nx\n0\n\n", b"5" * 5000):
            with self.subTest(data[:20]):
                self.assertRegex(self.exchange(head + data), rb"^(HTTP/1\.1 4\d\d |$)")

    def test_clients_that_leave(self):
        body = json.dumps(objects.config_map(self.ns, "left")).encode()
        head = self.head("POST", None, "Content-Type: application/json", f"Content-Length: {len(body)}")
        for cut in (1, 10, len(head) - 1, len(head), len(head) + 5):
            with self.connect() as sock:
                sock.sendall((head + body)[:cut])
        self.assertFalse(self.api.exists("ConfigMap", self.ns, "left"))

    def test_requests_in_a_row_on_one_connection(self):
        ask = self.head("GET", "/healthz")
        self.assertEqual(3, self.exchange(ask * 3).count(b"HTTP/1.1 200 "))


class Targets(HostileTest):
    def test_odd_paths(self):
        for path in ("/api/v1/namespaces/../../healthz", "/api/v1/namespaces/%2e%2e/configmaps", "//api//v1", "/api/v1//",
                     "/apis/", "/apis//", "/api/v1/namespaces//configmaps", "/%00", "/api/v1/%", "/api/v1/%zz", "/" + "a/" * 3000,
                     "/api/v1/namespaces/a/configmaps/b/c/d/e", "/apis/a/b/c/d/e/f", "/api/v1/namespaces/%ff/configmaps/x",
                     "/api/v1/namespaces/default/configmaps/a%2Fb", "/openapi/v3/../../x", "/openapi/v3/apis/no/such"):
            with self.subTest(path[:60]):
                self.assertLess(self.api.call("GET", path).status, 500)
                self.assertNotEqual(200, self.api.call("GET", path, token="").status)

    def test_odd_queries(self):
        for query in ("?limit=-1", "?limit=x", "?limit=99999999999999999999", "?%zz=%", "?a", "?=", "?&&&", "?continue=" + "A" * 5000,
                      "?labelSelector=" + "a" * 5000, "?labelSelector=" + "%28" * 3000, "?labelSelector=a%00b", "?labelSelector=%ff",
                      "?fieldSelector=%3D%3D%3D", "?fieldSelector=metadata.name", "?watch=maybe&timeoutSeconds=1",
                      "?watch=true&timeoutSeconds=-5", "?watch=true&timeoutSeconds=0&resourceVersion=1"):
            with self.subTest(query[:40]):
                connection = self.api.connect(timeout=10)
                self.addCleanup(connection.close)
                connection.request("GET", self.path + query, headers=self.api.headers())
                self.assertLess(connection.getresponse().status, 500)

    def test_odd_methods(self):
        for method in ("BREW", "TRACE", "CONNECT", "OPTIONS", "get", "A" * 5000):
            connection = self.api.connect(timeout=10)
            self.addCleanup(connection.close)
            with self.subTest(method[:20]):
                try:
                    connection.request(method, self.path, headers=self.api.headers())
                    status = connection.getresponse().status
                except (http.client.HTTPException, OSError):
                    continue  # closed without an answer
                self.assertTrue(400 <= status < 500 or status == 501 or method == "OPTIONS" and status < 300, status)

    def test_odd_headers(self):
        for extra in ({"Accept": "x" * 5000}, {"Accept": ",,,;;;=,"}, {"Accept": ""}, {"Content-Type": ";;;"},
                      {"User-Agent": ""}, {"User-Agent": "/" * 3000}, {"Accept-Encoding": "gzip;q=2, *"}):
            with self.subTest(str(extra)[:40]):
                answer = self.api.call("PATCH", f"{self.path}/absent", "{}", content_type="application/merge-patch+json", extra=extra)
                self.assertLess(answer.status, 500)


if __name__ == "__main__":
    unittest.main()

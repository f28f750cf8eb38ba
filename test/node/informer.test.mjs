// The official Kubernetes client over the embedded API with the generated kubeconfig: informers, watches, typed clients, logs.

import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import { PassThrough } from "node:stream";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import * as k8s from "@kubernetes/client-node";
import { freePort, gateway, namespace, pause, privateHost, Sightline, waitUntil, within } from "./harness.mjs";

// The client's watch calls this, which Node 18 lacks, and then does not use what it gives.
AbortSignal.any ??= ([first]) => first;

const COUNT = 300;
const LANES = 20;

/** Runs `work(i)` for 0..n-1, some at once. */
async function each(n, work) {
  let next = 0;
  await Promise.all(Array.from({ length: LANES }, async () => {
    while (next < n) await work(next++);
  }));
}

const merge = k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.MergePatch);
const strategic = k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.StrategicMergePatch);
const jsonPatch = k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.JsonPatch);
const configMap = (name, data = { k: "v" }, labels) => ({ metadata: { name, labels }, data });

describe("the Kubernetes client", { timeout: 180_000 }, () => {
  let server, kc, core, ns;
  let count = 0;
  const cleanups = [];

  const clientOf = (Api) => {
    const config = new k8s.KubeConfig();
    config.loadFromFile(server.endpoints.kubeconfig);
    return config.makeApiClient(Api);
  };

  before(async () => {
    server = await Sightline.start({ listenHost: privateHost() });
    kc = new k8s.KubeConfig();
    kc.loadFromFile(server.endpoints.kubeconfig);
    core = kc.makeApiClient(k8s.CoreV1Api);
  });
  after(() => server?.stop());
  beforeEach(async () => {
    ns = `ns${++count}`;
    await core.createNamespace({ body: { metadata: { name: ns } } });
  });
  afterEach(async () => {
    while (cleanups.length) await cleanups.pop()();
  });

  const failure = async (promise, code) => {
    const error = await promise.then(() => assert.fail("it must fail"), (e) => e);
    assert.equal(error.code, code, String(error.message ?? error));
    const status = typeof error.body === "string" ? JSON.parse(error.body) : error.body;
    assert.equal(status.kind, "Status");
    assert.equal(status.code, code);
    return status;
  };

  /** A running informer over the namespace's config maps, with everything it told in `seen`. */
  const inform = async (labelSelector) => {
    const where = ns;
    const list = () => core.listNamespacedConfigMap({ namespace: where, labelSelector });
    const informer = k8s.makeInformer(kc, `/api/v1/namespaces/${where}/configmaps`, list, labelSelector);
    const seen = [];
    const told = { seen, errors: [], connects: 0, informer };
    for (const kind of ["add", "update", "delete"])
      informer.on(kind, (o) => seen.push({ kind, name: o.metadata.name, version: o.metadata.resourceVersion, data: o.data }));
    let over = false;
    informer.on("connect", () => { told.connects += 1; });
    informer.on("error", (e) => {
      told.errors.push(e);
      if (!over) setTimeout(() => over || informer.start(), 100); // as its documentation says to
    });
    cleanups.push(() => { over = true; return informer.stop(); });
    await informer.start();
    return told;
  };

  const byName = (seen) => {
    const all = new Map();
    for (const one of seen) all.set(one.name, [...(all.get(one.name) ?? []), one]);
    return all;
  };

  test("an informer sees each of another client's changes once, in order", async () => {
    await each(10, (i) => core.createNamespacedConfigMap({ namespace: ns, body: configMap(`before-${i}`) }));
    const told = await inform();
    assert.equal(told.seen.length, 10, "what was there is told as added");
    told.seen.length = 0;

    const other = clientOf(k8s.CoreV1Api);
    await each(COUNT, async (i) => {
      const name = `cm-${i}`;
      const made = await other.createNamespacedConfigMap({ namespace: ns, body: configMap(name, { step: "1" }) });
      await other.replaceNamespacedConfigMap({ namespace: ns, name, body: { ...made, data: { step: "2" } } });
      await other.patchNamespacedConfigMap({ namespace: ns, name, body: { data: { step: "3" } } }, merge);
      await other.deleteNamespacedConfigMap({ namespace: ns, name });
    });
    await waitUntil(() => told.seen.filter((s) => s.kind === "delete").length >= COUNT, () => `all deletes; ${told.seen.length} events`);
    const all = byName(told.seen);
    assert.equal(all.size, COUNT);
    for (const [name, events] of all) {
      assert.deepEqual(events.map((e) => [e.kind, e.data.step]), [["add", "1"], ["update", "2"], ["update", "3"], ["delete", "3"]], name);
      assert.ok(events.every((e, i) => i === 0 || Number(e.version) > Number(events[i - 1].version)), `versions of ${name} grow: ${events.map((e) => e.version)}`);
    }
    const versions = told.seen.map((s) => Number(s.version));
    assert.ok(versions.every((v, i) => i === 0 || v > versions[i - 1]), "versions grow over the whole stream, and none comes twice");
    assert.deepEqual(told.informer.list(ns).map((o) => o.metadata.name).sort(), Array.from({ length: 10 }, (_, i) => `before-${i}`).sort());
    assert.deepEqual([told.connects, told.errors.length], [1, 0], "one watch served it all");
  });

  test("ten informers at once see the same", async () => {
    const told = [];
    for (let i = 0; i < 10; i++) told.push(await inform());
    await each(50, (i) => core.createNamespacedConfigMap({ namespace: ns, body: configMap(`cm-${i}`) }));
    for (const one of told) await waitUntil(() => one.seen.length >= 50, () => `50 events, not ${one.seen.length}`);
    for (const one of told) assert.deepEqual(one.seen, told[0].seen);
  });

  test("a label selector's informer sees objects come into and go out of its view", async () => {
    const told = await inform("tier=gold");
    const name = "moves";
    await core.createNamespacedConfigMap({ namespace: ns, body: configMap(name) });
    const label = (tier) => core.patchNamespacedConfigMap({ namespace: ns, name, body: { metadata: { labels: { tier } } } }, merge);
    await label("gold");
    await label("gold"); // changes nothing
    await core.patchNamespacedConfigMap({ namespace: ns, name, body: { data: { k: "w" } } }, merge);
    await label("tin");
    await label("gold");
    await core.deleteNamespacedConfigMap({ namespace: ns, name });
    await waitUntil(() => told.seen.filter((s) => s.kind === "delete").length === 2, () => JSON.stringify(told.seen));
    assert.deepEqual(told.seen.map((s) => s.kind), ["add", "update", "delete", "add", "delete"]);
  });

  for (const hard of [false, true]) {
    test(`an informer survives a server ${hard ? "kill" : "restart"}`, async () => {
      await each(40, (i) => core.createNamespacedConfigMap({ namespace: ns, body: configMap(`cm-${i}`) }));
      const told = await inform();
      assert.equal(told.seen.length, 40);
      await server.restart({ hard });
      // At once, most likely before the informer is back: it must learn of these all the same.
      const change = async (again) => {
        try {
          await again();
        } catch (error) {
          if (error.code) throw error;
          await again(); // a kept connection that the old server left behind
        }
      };
      await change(() => core.deleteNamespacedConfigMap({ namespace: ns, name: "cm-0" }));
      await change(() => core.patchNamespacedConfigMap({ namespace: ns, name: "cm-1", body: { data: { k: "changed" } } }, merge));
      await change(() => core.createNamespacedConfigMap({ namespace: ns, body: configMap("late") }));
      const { informer } = told;
      await waitUntil(() => !informer.get("cm-0", ns) && informer.get("cm-1", ns)?.data.k === "changed" && informer.get("late", ns),
        () => `the changes; errors ${told.errors.map(String)}; events ${JSON.stringify(told.seen.slice(40))}`);
      await core.createNamespacedConfigMap({ namespace: ns, body: configMap("later") });
      await waitUntil(() => informer.get("later", ns), "changes to flow again");
      const there = await core.listNamespacedConfigMap({ namespace: ns });
      assert.deepEqual(informer.list(ns).map((o) => [o.metadata.name, o.metadata.resourceVersion]).sort(),
        there.items.map((o) => [o.metadata.name, o.metadata.resourceVersion]).sort());
      assert.deepEqual(told.seen.slice(40).map((s) => `${s.kind} ${s.name}`).sort(), ["add late", "add later", "delete cm-0", "update cm-1"]);
    });
  }

  describe("a watch", () => {
    const watch = async (query, path = `/api/v1/namespaces/${ns}/configmaps`) => {
      const out = { events: [], done: false };
      const ended = (error) => { out.done = true; out.error = error; };
      const controller = await new k8s.Watch(kc).watch(path, query, (type, object) => out.events.push({ type, object, name: object.metadata?.name }), ended);
      cleanups.push(() => controller.abort());
      return out;
    };

    test("from a version replays what came after it", async () => {
      const { metadata } = await core.listNamespacedConfigMap({ namespace: ns });
      for (const name of ["a", "b"]) await core.createNamespacedConfigMap({ namespace: ns, body: configMap(name) });
      await core.deleteNamespacedConfigMap({ namespace: ns, name: "a" });
      const got = await watch({ resourceVersion: metadata.resourceVersion });
      await waitUntil(() => got.events.length >= 3, () => JSON.stringify(got));
      assert.deepEqual(got.events.map((e) => `${e.type} ${e.name}`), ["ADDED a", "ADDED b", "DELETED a"]);
      assert.ok(got.events.every((e) => e.object.kind === "ConfigMap" && e.object.apiVersion === "v1"));
    });

    test("without a version begins with what is there", async () => {
      await core.createNamespacedConfigMap({ namespace: ns, body: configMap("a") });
      const got = await watch({});
      await waitUntil(() => got.events.length === 1);
      assert.equal(got.events[0].type, "ADDED");
    });

    test("with initial events ends them with a marked bookmark", async () => {
      await core.createNamespacedConfigMap({ namespace: ns, body: configMap("a") });
      const got = await watch({ sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", allowWatchBookmarks: true });
      await waitUntil(() => got.events.length >= 2, () => JSON.stringify(got));
      const [added, mark] = got.events;
      assert.equal(added.type, "ADDED");
      assert.equal(mark.type, "BOOKMARK");
      assert.equal(mark.object.metadata.annotations["k8s.io/initial-events-end"], "true");
    });

    test("ends after timeoutSeconds, without an error", async () => {
      const got = await watch({ timeoutSeconds: 1 });
      await waitUntil(() => got.done, "the end", 4000);
      assert.ok(!got.error, String(got.error));
    });

    test("from a version far ahead, or from no version at all", async () => {
      const junk = await watch({ resourceVersion: "junk" });
      await waitUntil(() => junk.done);
      assert.equal(junk.error?.statusCode, 400);
    });

    test("is free of what other namespaces do", async () => {
      const got = await watch({});
      await core.createNamespace({ body: { metadata: { name: `${ns}-other` } } });
      await core.createNamespacedConfigMap({ namespace: `${ns}-other`, body: configMap("not-mine") });
      await core.createNamespacedConfigMap({ namespace: ns, body: configMap("mine") });
      await waitUntil(() => got.events.length >= 1);
      assert.deepEqual(got.events.map((e) => e.name), ["mine"]);
    });
  });

  for (const kind of ["ConfigMap", "Secret"]) {
    test(`the typed client's life of a ${kind}`, async () => {
      const verb = (name) => (args, ...more) => core[`${name}Namespaced${kind}`]({ namespace: ns, ...args }, ...more);
      const text = (value) => (kind === "Secret" ? Buffer.from(value).toString("base64") : value);
      const body = kind === "Secret" ? { metadata: { name: "one" }, stringData: { k: "grün" } } : configMap("one", { k: "grün" });
      const made = await verb("create")({ body });
      assert.equal(made.data.k, text("grün"));
      assert.equal(made.stringData, undefined);
      if (kind === "Secret") assert.equal(made.type, "Opaque");
      assert.match(made.metadata.uid, /^[0-9a-f-]{36}$/);
      assert.ok(made.metadata.creationTimestamp instanceof Date);
      assert.equal((await failure(verb("create")({ body }), 409)).reason, "AlreadyExists");
      await failure(verb("create")({ body: { ...body, metadata: { name: "Not Valid!" } } }), 422);

      const merged = await verb("patch")({ name: "one", body: { data: { more: text("2") }, metadata: { labels: { a: "b" } } } }, merge);
      assert.deepEqual(merged.data, { k: text("grün"), more: text("2") });
      const patched = await verb("patch")({ name: "one", body: [{ op: "test", path: "/data/more", value: text("2") }, { op: "remove", path: "/data/k" }] }, jsonPatch);
      assert.deepEqual(patched.data, { more: text("2") });
      const annotated = await verb("patch")({ name: "one", body: { metadata: { annotations: { x: "y" } } } }, strategic);
      assert.deepEqual([annotated.metadata.labels, annotated.metadata.annotations], [{ a: "b" }, { x: "y" }]);
      const applied = await verb("patch")({ name: "one", fieldManager: "node-test", force: true, body: { apiVersion: "v1", kind, metadata: { name: "one" }, data: { mine: text("3") } } },
        k8s.setHeaderOptions("Content-Type", k8s.PatchStrategy.ServerSideApply));
      assert.deepEqual(applied.data, { more: text("2"), mine: text("3") });

      assert.equal((await failure(verb("replace")({ name: "one", body: made }), 409)).reason, "Conflict");
      const replaced = await verb("replace")({ name: "one", body: { ...applied, data: { only: text("4") } } });
      assert.deepEqual((await verb("read")({ name: "one" })).data, { only: text("4") });
      assert.equal(replaced.metadata.uid, made.metadata.uid);

      await each(25, (i) => verb("create")({ body: { metadata: { name: `n-${String(i).padStart(2, "0")}`, labels: { half: String(i % 2) } } } }));
      assert.equal((await verb("list")({})).items.length, 26);
      assert.equal((await verb("list")({ labelSelector: "half=1" })).items.length, 12);
      assert.deepEqual((await verb("list")({ fieldSelector: "metadata.name=one" })).items.map((o) => o.metadata.name), ["one"]);
      const names = [];
      let token;
      do {
        const page = await verb("list")({ limit: 10, _continue: token });
        assert.ok(page.items.length <= 10);
        names.push(...page.items.map((o) => o.metadata.name));
        token = page.metadata._continue;
      } while (token);
      assert.equal(new Set(names).size, 26);
      assert.equal(names.length, 26);

      await core[`deleteCollectionNamespaced${kind}`]({ namespace: ns, labelSelector: "half" });
      assert.deepEqual((await verb("list")({})).items.map((o) => o.metadata.name), ["one"]);
      await verb("delete")({ name: "one" });
      assert.equal((await failure(verb("read")({ name: "one" }), 404)).reason, "NotFound");
      await failure(verb("delete")({ name: "one" }), 404);
    });
  }

  test("of 20 writers with one counter none is lost", async () => {
    await core.createNamespacedConfigMap({ namespace: ns, body: configMap("counter", { n: "0" }) });
    await Promise.all(Array.from({ length: 20 }, async () => {
      for (;;) {
        const now = await core.readNamespacedConfigMap({ namespace: ns, name: "counter" });
        now.data.n = String(Number(now.data.n) + 1);
        try {
          return await core.replaceNamespacedConfigMap({ namespace: ns, name: "counter", body: now });
        } catch (error) {
          if (error.code !== 409) throw error;
        }
      }
    }));
    assert.equal((await core.readNamespacedConfigMap({ namespace: ns, name: "counter" })).data.n, "20");
  });

  test("the generic client and custom objects", async () => {
    const objects = k8s.KubernetesObjectApi.makeApiClient(kc);
    const made = await objects.create({ apiVersion: "gateway.kgateway.dev/v1alpha1", kind: "Backend", metadata: { name: "b", namespace: ns }, spec: { type: "Static", static: { hosts: [{ host: "127.0.0.1", port: 9 }] } } });
    assert.equal(made.metadata.generation, 1);
    const patched = await objects.patch({ apiVersion: made.apiVersion, kind: made.kind, metadata: { name: "b", namespace: ns }, spec: { static: { hosts: [{ host: "127.0.0.1", port: 10 }] } } },
      undefined, undefined, undefined, undefined, k8s.PatchStrategy.MergePatch);
    assert.equal(patched.metadata.generation, 2);
    const custom = kc.makeApiClient(k8s.CustomObjectsApi);
    const at = { group: "gateway.kgateway.dev", version: "v1alpha1", namespace: ns, plural: "backends" };
    assert.deepEqual((await custom.listNamespacedCustomObject(at)).items.map((o) => o.metadata.name), ["b"]);
    const refused = await failure(custom.createNamespacedCustomObject({ ...at, body: { apiVersion: "gateway.kgateway.dev/v1alpha1", kind: "Backend", metadata: { name: "bad" }, spec: { type: "AI" } } }), 422);
    assert.equal(refused.reason, "Invalid");
    const accepted = await waitUntil(async () => (await custom.getNamespacedCustomObject({ ...at, name: "b" })).status?.conditions?.find((c) => c.type === "Accepted"), "a condition");
    assert.equal(accepted.status, "True", accepted.message);
    await objects.delete(patched);
    await failure(objects.read(patched), 404);
  });

  test("discovery, version and access", async () => {
    const groups = (await kc.makeApiClient(k8s.ApisApi).getAPIVersions()).groups.map((g) => g.name);
    for (const name of ["gateway.networking.k8s.io", "gateway.kgateway.dev", "kagent.dev"]) assert.ok(groups.includes(name), `${name} in ${groups}`);
    assert.match((await kc.makeApiClient(k8s.VersionApi).getCode()).gitVersion, /^v1\.\d+/);
    assert.ok((await core.getAPIResources()).resources.some((r) => r.name === "secrets"));
    const review = await kc.makeApiClient(k8s.AuthorizationV1Api).createSelfSubjectAccessReview({ body: { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec: { resourceAttributes: { namespace: ns, verb: "create", resource: "secrets" } } } });
    assert.equal(review.status.allowed, true);
    const definitions = kc.makeApiClient(k8s.ApiextensionsV1Api);
    assert.deepEqual((await definitions.listCustomResourceDefinition()).items.filter((d) => !d.spec.names.kind), []);
  });

  test("without the token there is nothing to be had", async () => {
    const bare = new k8s.KubeConfig();
    bare.loadFromClusterAndUser({ name: "c", server: kc.getCurrentCluster().server, caData: kc.getCurrentCluster().caData }, { name: "nobody" });
    const refused = () => assert.rejects(bare.makeApiClient(k8s.CoreV1Api).listNamespacedSecret({ namespace: ns }), { code: 401 });
    await refused();
    bare.loadFromClusterAndUser({ name: "c", server: kc.getCurrentCluster().server, caData: kc.getCurrentCluster().caData }, { name: "nobody", token: "wrong" });
    await refused();
  });

  test("a gateway pod's log, followed", async () => {
    const port = await freePort(server.extra[1]);
    await server.apply([namespace(ns), gateway(ns, "edge", port)]);
    const pod = await waitUntil(async () => (await core.listNamespacedPod({ namespace: ns })).items.find((p) => p.metadata.name.startsWith("edge")), "the gateway's pod");
    const live = (path) => waitUntil(() => fetch(`http://${server.extra[1]}:${port}${path}`).then((r) => r.text().then(() => true), () => false), "the gateway to listen");
    await live("/first");
    const logs = () => core.readNamespacedPodLog({ namespace: ns, name: pod.metadata.name });
    await waitUntil(async () => (await logs()).includes("http.path=/first"), async () => `the request in the log: ${await logs()}`);

    const stream = new PassThrough();
    let text = "";
    stream.setEncoding("utf8").on("data", (t) => { text += t; });
    const controller = await new k8s.Log(kc).log(ns, pod.metadata.name, pod.spec.containers[0].name, stream, { follow: true, tailLines: 1 });
    await waitUntil(() => text.includes("/first"), "the last line");
    for (let i = 0; i < 50; i++) await live(`/more-${i}`);
    await live("/end");
    // Whole lines; those of one worker may come before those of another.
    const paths = () => text.split("\n").slice(0, -1).filter((l) => l.includes("/more-")).map((l) => /http\.path=(\S+)/.exec(l)[1]);
    await waitUntil(() => text.includes("/end") && paths().length >= 50, () => `the lines as they come: ${text.slice(-500)}`);
    assert.deepEqual(paths().sort(), Array.from({ length: 50 }, (_, i) => `/more-${i}`).sort(), "each line once");
    controller.abort();
    assert.equal((await core.readNamespacedPodLog({ namespace: ns, name: pod.metadata.name, tailLines: 3 })).trimEnd().split("\n").length, 3);
    assert.match(await core.readNamespacedPodLog({ namespace: ns, name: pod.metadata.name, tailLines: 1, timestamps: true }), /^\d{4}-\d\d-\d\dT\S+Z /);
  });

  test("a namespace takes its objects along, and an informer sees each go", async () => {
    await each(30, (i) => core.createNamespacedConfigMap({ namespace: ns, body: configMap(`cm-${i}`) }));
    const told = await inform();
    await core.deleteNamespace({ name: ns });
    await within(10_000, waitUntil(() => told.seen.filter((s) => s.kind === "delete").length === 30), "30 deletes");
    await waitUntil(() => core.readNamespace({ name: ns }).then(() => false, (e) => e.code === 404), "the namespace to go");
  });
});

describe("SIGTERM", { timeout: 60_000 }, () => {
  for (const [name, bytes] of [["connections that said nothing", ""], ["kept connections", "GET /api/agents HTTP/1.1\r\nHost: x\r\n\r\n"], ["half a request", "GET /api/agents HTTP/1.1\r\nHo"]]) {
    test(`with ${name}: exit 0`, async () => {
      const exits = [];
      for (let i = 0; i < 8; i++) {
        const server = await Sightline.start();
        const sockets = [];
        for (const where of [...Array(50).fill("ui"), ...Array(10).fill("api")]) {
          const { hostname, port } = new URL(server.endpoints[where]);
          const socket = net.connect(port, hostname).on("error", () => {});
          sockets.push(socket);
          await new Promise((done) => socket.once("connect", done));
          if (bytes && where === "ui") socket.write(bytes);
          if (bytes.endsWith("\r\n\r\n") && where === "ui") await new Promise((done) => socket.once("data", done));
        }
        await pause(100);
        const exit = await server.process.end();
        exits.push(exit === 0 ? 0 : `${exit} ${server.stderr().trim().split("\n").at(-1)}`);
        for (const socket of sockets) socket.destroy();
        fs.rmSync(server.dir, { recursive: true, force: true });
      }
      assert.deepEqual(exits, exits.map(() => 0));
    });
  }
});

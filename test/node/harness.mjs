// Starts and stops the program for the client tests, and waits for things without sleeping a fixed time.
// $SIGHTLINE names the binary; by default build/release/sightline under the repository root.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const BINARY = process.env.SIGHTLINE || path.join(ROOT, "build/release/sightline");
const PATIENCE_MS = 10_000;

const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Calls `check` every 20 ms until it gives something truthy, and gives that. `what` is a text, or makes one. */
export async function waitUntil(check, what = "", timeout = PATIENCE_MS) {
  const deadline = Date.now() + timeout;
  for (;;) {
    const found = await check();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`not within ${timeout} ms: ${typeof what === "function" ? await what() : what || check}`);
    await pause(20);
  }
}

/** Fails when the promise does not settle in time. */
export async function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms); });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A TCP port nobody listens on now. */
export function freePort(host = "127.0.0.1") {
  return new Promise((done, failed) => {
    const server = net.createServer();
    server.once("error", failed);
    server.listen(0, host, () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

let hosts = 0;
/** A loopback address for one server alone. */
export function privateHost() {
  hosts += 1;
  return `127.${20 + ((process.pid >> 8) % 200)}.${1 + (process.pid % 250)}.${100 + (hosts % 150)}`;
}

class Process {
  constructor(args, stderrPath) {
    if (!fs.existsSync(BINARY)) throw new Error(`there is no ${BINARY}: build it, or name another in $SIGHTLINE`);
    this.args = args;
    this.stderrPath = stderrPath;
    this.lines = [];
    const err = fs.openSync(stderrPath, "a");
    this.child = spawn(BINARY, args, { stdio: ["ignore", "pipe", err] });
    fs.closeSync(err);
    running.add(this.child);
    this.ended = new Promise((done) => this.child.once("close", (code, signal) => {
      running.delete(this.child);
      this.exit = code ?? signal;
      done(this.exit);
    }));
    let rest = "";
    this.child.stdout.setEncoding("utf8").on("data", (text) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop();
      this.lines.push(...parts);
    });
  }

  stderr() {
    return fs.existsSync(this.stderrPath) ? fs.readFileSync(this.stderrPath, "utf8") : "";
  }

  report() {
    return `${this.args.join(" ")}\nexit: ${this.exit}\nstdout: ${this.lines.slice(-20).join("\n")}\nstderr: ${this.stderr().slice(-3000)}`;
  }

  waitLine(matches) {
    return waitUntil(() => {
      const found = this.lines.find(matches);
      if (found === undefined && this.exit !== undefined) throw new Error(`ended before the awaited line\n${this.report()}`);
      return found;
    }, () => this.report());
  }

  async end(signal = "SIGTERM") {
    this.child.kill(signal);
    try {
      return await within(PATIENCE_MS, this.ended, `the end after ${signal}\n${this.report()}`);
    } catch (error) {
      this.child.kill("SIGKILL");
      throw error;
    }
  }
}

/** Stops each, then reports what went wrong. */
export async function stopAll(...all) {
  const results = await Promise.allSettled(all.filter(Boolean).map((one) => one.stop()));
  const failed = results.find((r) => r.status === "rejected");
  if (failed) throw failed.reason;
}

/** `sightline up` on free ports with a state directory of its own. */
export class Sightline {
  constructor({ listenHost, resolve = [], upstreamCa } = {}) {
    this.dir = fs.mkdtempSync(path.join(os.tmpdir(), "sightline-node-"));
    this.extra = [];
    if (listenHost) this.extra.push("--listen-host", listenHost);
    for (const entry of resolve) this.extra.push("--resolve", entry);
    if (upstreamCa) this.extra.push("--upstream-ca", upstreamCa);
  }

  static async start(options) {
    const server = new Sightline(options);
    await server.start();
    return server;
  }

  async start(addresses = {}) {
    const args = ["up", "--state-dir", this.dir];
    for (const name of ["api", "ui", "admin", "metrics", "ready"]) args.push(`--${name}`, addresses[name] ?? "127.0.0.1:0");
    this.process = new Process([...args, ...this.extra], path.join(this.dir, "stderr.log"));
    await this.process.waitLine((line) => line === "ready");
  }

  get endpoints() {
    return JSON.parse(fs.readFileSync(path.join(this.dir, "endpoints.json"), "utf8"));
  }

  stderr() {
    return this.process.stderr();
  }

  /** Starts again on the same addresses and state, so that clients may find it again. */
  async restart({ hard = false, meanwhile } = {}) {
    const addresses = {};
    for (const name of ["api", "ui"]) addresses[name] = new URL(this.endpoints[name]).host;
    const code = await this.process.end(hard ? "SIGKILL" : "SIGTERM");
    if (!hard) assert.equal(code, 0, this.process.report());
    await meanwhile?.();
    await this.start(addresses);
  }

  async stop() {
    const code = await this.process.end();
    const report = this.process.report();
    fs.rmSync(this.dir, { recursive: true, force: true });
    assert.equal(code, 0, `SIGTERM must end it with 0\n${report}`);
  }

  /** Runs a command of the program against this server. Input is text. */
  cli(args, input = "") {
    return new Promise((done, failed) => {
      const child = spawn(BINARY, [...args, "--state-dir", this.dir], { stdio: ["pipe", "pipe", "pipe"] });
      running.add(child);
      let out = "", err = "";
      child.stdout.setEncoding("utf8").on("data", (t) => { out += t; });
      child.stderr.setEncoding("utf8").on("data", (t) => { err += t; });
      child.once("error", failed);
      child.once("close", (code) => { running.delete(child); done({ code, out, err }); });
      child.stdin.on("error", () => {});
      child.stdin.end(input);
    });
  }

  /** Applies objects (JSON is YAML) or a text of manifests. */
  async apply(manifests) {
    const text = typeof manifests === "string" ? manifests : manifests.map((m) => JSON.stringify(m)).join("\n---\n");
    const { code, out, err } = await this.cli(["apply", "-f", "-"], text);
    assert.equal(code, 0, `apply: ${out}\n${err}`);
    return out;
  }
}

/** `sightline fake-llm`: a scripted model provider, with TLS if asked. */
export class FakeLlm {
  static async start({ tls = false } = {}) {
    const fake = new FakeLlm();
    fake.dir = fs.mkdtempSync(path.join(os.tmpdir(), "fake-llm-node-"));
    const args = ["fake-llm", "--listen", "127.0.0.1:0"];
    if (tls) args.push("--tls", "--ca-out", (fake.ca = path.join(fake.dir, "ca.pem")));
    fake.process = new Process(args, path.join(fake.dir, "stderr.log"));
    await fake.process.waitLine((line) => line === "ready");
    const line = await fake.process.waitLine((text) => text.startsWith("listening on "));
    fake.url = line.slice("listening on ".length);
    fake.port = Number(new URL(fake.url).port);
    return fake;
  }

  async control(method, where, body) {
    const { default: client } = await import(this.ca ? "node:https" : "node:http");
    return new Promise((done, failed) => {
      const request = client.request(`${this.url}${where}`, { method, agent: false, ca: this.ca && fs.readFileSync(this.ca), headers: { "content-type": "application/json" } }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (t) => { text += t; }).once("error", failed);
        answer.once("end", () => (answer.statusCode < 300 ? done(JSON.parse(text || "null")) : failed(new Error(`${method} ${where}: ${answer.statusCode} ${text}`))));
      });
      request.once("error", failed);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  requests() {
    return this.control("GET", "/__requests");
  }

  async last() {
    return (await this.requests()).at(-1);
  }

  /** Sets the rules and forgets earlier requests. */
  async script(...rules) {
    await this.control("POST", "/__script", rules);
    await this.control("DELETE", "/__requests");
  }

  async stop() {
    const code = await this.process.end();
    fs.rmSync(this.dir, { recursive: true, force: true });
    assert.equal(code, 0, this.process.report());
  }
}

// Builders of objects.
const meta = (namespace, name) => ({ name, namespace });
export const namespace = (name) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
export const secret = (ns, name, stringData) => ({ apiVersion: "v1", kind: "Secret", metadata: meta(ns, name), stringData });
export const gateway = (ns, name, port) => ({
  apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: meta(ns, name),
  spec: { gatewayClassName: "agentgateway", listeners: [{ name: "http", protocol: "HTTP", port, allowedRoutes: { namespaces: { from: "All" } } }] },
});
/** An Anthropic backend; `more` may hold host and port. */
export const anthropic = (ns, name, model, secretName, more = {}) => ({
  apiVersion: "gateway.kgateway.dev/v1alpha1", kind: "Backend", metadata: meta(ns, name),
  spec: { type: "AI", ai: { llm: { anthropic: { authToken: { kind: "SecretRef", secretRef: { name: secretName } }, model }, ...more } } },
});
export const route = (ns, name, gatewayName, prefix, backend) => ({
  apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata: meta(ns, name),
  spec: {
    parentRefs: [{ name: gatewayName }],
    rules: [{
      matches: [{ path: { type: "PathPrefix", value: prefix } }],
      filters: [{ type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/v1/chat/completions" } } }],
      backendRefs: [{ group: "gateway.kgateway.dev", kind: "Backend", name: backend }],
    }],
  },
});
export const modelConfig = (ns, name, model, baseUrl, secretName) => ({
  apiVersion: "kagent.dev/v1alpha2", kind: "ModelConfig", metadata: meta(ns, name),
  spec: { provider: "OpenAI", model, apiKeySecret: secretName, apiKeySecretKey: "Authorization", openAI: { baseUrl } },
});
export const agent = (ns, name, config, declarative = {}, description = "Answers questions.") => ({
  apiVersion: "kagent.dev/v1alpha2", kind: "Agent", metadata: meta(ns, name),
  spec: { type: "Declarative", description, declarative: { modelConfig: config, systemMessage: "You are a test.", ...declarative } },
});

/** Waits until the model route answers. */
export const routeLive = (url) => waitUntil(async () => {
  const body = JSON.stringify({ model: "x", messages: [{ role: "user", content: "ping" }] });
  const answer = await fetch(`${url}/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body }).catch(() => null);
  await answer?.text();
  return answer?.status === 200;
}, `${url} to answer`);

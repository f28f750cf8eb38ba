// The page in a real Chromium. $SCREENSHOTS names a folder for pictures of what is tested.

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { agent, anthropic, FakeLlm, freePort, gateway, modelConfig, namespace, pause, privateHost, route, routeLive, secret, Sightline, stopAll, waitUntil } from "./harness.mjs";

const CHROMIUM = process.env.CHROMIUM || "/usr/bin/chromium";
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"];
const KEY = "sk-ant-page-secret";
const MODEL = "claude-3-5-haiku-latest";
const TOOLS = ["k8s_get_resources", "k8s_describe_resource"];
const skip = fs.existsSync(CHROMIUM) ? false : `there is no ${CHROMIUM}: install chromium, or name another in $CHROMIUM`;

describe("the page", { skip, timeout: 240_000 }, () => {
  let fake, server, browser, origin;

  before(async () => {
    fake = await FakeLlm.start({ tls: true });
    const host = privateHost();
    const port = await freePort(host);
    server = await Sightline.start({ listenHost: host, upstreamCa: fake.ca, resolve: [`api.anthropic.com:443:127.0.0.1:${fake.port}`] });
    const toolServer = { type: "McpServer", mcpServer: { apiGroup: "kagent.dev", kind: "RemoteMCPServer", name: "kagent-tool-server", toolNames: TOOLS } };
    await server.apply([
      namespace("lab"), secret("lab", "llm-key", { Authorization: KEY }), gateway("lab", "gw", port), anthropic("lab", "ai", MODEL, "llm-key"),
      route("lab", "models", "gw", "/models", "ai"), modelConfig("lab", "m", MODEL, `http://${host}:${port}/models`, "llm-key"),
      agent("lab", "helper", "m", { stream: true, tools: [toolServer] }, "Helps with the cluster."), agent("lab", "quiet", "m"), agent("lab", "unready", "there-is-none"),
    ]);
    await routeLive(`http://${host}:${port}/models`);
    origin = server.endpoints.ui;
    await waitUntil(async () => {
      const { data } = await (await fetch(`${origin}/api/agents`)).json();
      return data.filter((a) => a.deploymentReady).length === 2;
    }, "two agents to be ready");
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS, headless: true });
  });
  after(async () => {
    await browser?.close();
    await stopAll(server, fake);
  });
  beforeEach(() => fake.script());

  const picture = async (page, name) => {
    if (!process.env.SCREENSHOTS) return;
    fs.mkdirSync(process.env.SCREENSHOTS, { recursive: true });
    await page.screenshot({ path: path.join(process.env.SCREENSHOTS, `${name}.png`) });
  };

  /** A test in a page of its own; afterwards nothing may have gone wrong or elsewhere. `expected` allows console errors. */
  const pageTest = (name, work, { expected, ...options } = {}) => test(name, { timeout: 60_000 }, async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
    context.setDefaultTimeout(8000);
    const page = await context.newPage();
    const problems = [], elsewhere = [], leaks = [];
    page.on("console", (m) => m.type() === "error" && problems.push(m.text()));
    page.on("pageerror", (e) => problems.push(String(e)));
    page.on("request", (r) => new URL(r.url()).origin !== origin && !r.url().startsWith("data:") && elsewhere.push(r.url()));
    page.on("response", async (r) => (await r.text().catch(() => "")).includes(KEY) && leaks.push(r.url()));
    await page.addInitScript(() => {
      window.violations = [];
      addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
    });
    try {
      await work(page);
      const violations = await page.evaluate(() => window.violations);
      assert.deepEqual(problems.filter((p) => !expected?.test(p)), [], "errors on the console");
      assert.deepEqual(violations.filter((v) => !expected?.test(v)), [], "violations of the content policy");
      assert.deepEqual(elsewhere.filter((u) => !expected?.test(u)), [], "requests to other origins");
      assert.deepEqual(leaks, [], "answers that hold the key");
    } catch (error) {
      await picture(page, `failed-${name.replace(/\W+/g, "-")}`);
      const shown = await page.locator("body").innerText().catch(() => "");
      error.message += `\n${page.url()}\n${problems.join("\n")}\npage: ${shown.slice(0, 1500)}`;
      throw error;
    } finally {
      await context.close();
    }
  });

  const box = (page) => page.getByRole("textbox", { name: "Message" });
  const open = async (page, where = "helper") => {
    await page.goto(`${origin}/agents/lab/${where}/chat`);
    await box(page).waitFor();
  };
  const ask = async (page, text) => {
    await box(page).fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  };
  const turn = (page, i = -1) => (i < 0 ? page.locator(".exchange-row").last() : page.locator(".exchange-row").nth(i));
  const answer = (page, i) => turn(page, i).locator(".agent");
  const trail = (page, i) => turn(page, i).getByRole("complementary", { name: "Trail" });
  const sees = (locator, text) => locator.getByText(text).filter({ visible: true }).first().waitFor();
  /** Asks, and waits until the answer stands and the page may be asked again. */
  const converse = async (page, text, said) => {
    await ask(page, text);
    await sees(answer(page), said);
    await page.getByRole("button", { name: "Send" }).waitFor();
  };
  const tool = (name, args, id) => ({ id, name, arguments: args });
  const sidebar = (page) => page.getByRole("navigation", { name: "Agents and sessions" });

  pageTest("loads, with a strict content policy", async (page) => {
    const response = await page.goto(origin);
    assert.equal(response.status(), 200);
    const headers = response.headers();
    const policy = Object.fromEntries(headers["content-security-policy"].split(";").map((d) => d.trim().split(/\s+/)).map(([k, ...v]) => [k, v.join(" ")]));
    assert.equal(policy["default-src"], "'self'");
    assert.equal(policy["object-src"], "'none'");
    assert.equal(policy["base-uri"], "'none'");
    assert.equal(policy["frame-ancestors"], "'none'");
    assert.doesNotMatch(headers["content-security-policy"], /unsafe-|https?:|\*/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.match(await page.title(), /Sightline/);
    await box(page).waitFor();
    assert.ok(await page.locator("html").getAttribute("lang"));
    await picture(page, "start");
  });

  pageTest("the content policy holds in the browser", async (page) => {
    await open(page);
    await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "window.broken = true";
      document.body.append(script);
    });
    assert.equal(await page.evaluate(() => window.broken), undefined);
    assert.equal((await page.evaluate(() => window.violations)).length, 1);
  }, { expected: /script-src|inline/ });

  pageTest("lists agents with their state", async (page) => {
    await page.goto(origin);
    const names = sidebar(page).locator(".agents .name");
    await names.first().waitFor();
    assert.deepEqual((await names.allTextContents()).sort(), ["helper", "quiet", "unready"]);
    const bad = sidebar(page).getByRole("button", { name: /unready/ });
    assert.match(await bad.getAttribute("title"), /there-is-none/);
    await bad.click();
    assert.ok(await box(page).isDisabled(), "an agent that is not ready cannot be asked");
    await page.getByText(/there-is-none/).first().waitFor(); // why: in words, not only as a tooltip
  });

  pageTest("streams the answer as Markdown, with the trail beside it", async (page) => {
    const text = "Here is what I can do:\n\n- look at **resources**\n- read `logs`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```sh\nkubectl get pods\n```\n\nAsk me anything at all.";
    await fake.script({ chunk_delay_ms: 60, reply: { text, input_tokens: 183, output_tokens: 240 } });
    await open(page);
    await page.getByRole("button", { name: "What can you do?" }).click();
    await sees(answer(page), /Here is what/);
    assert.ok(!(await answer(page).innerText()).includes("Ask me anything"), "the answer shows while it comes");
    await page.getByRole("button", { name: "Stop" }).waitFor();
    await picture(page, "streaming");
    await sees(answer(page), "Ask me anything at all.");
    await page.getByRole("button", { name: "Send" }).waitFor();
    assert.match(page.url(), /\/agents\/lab\/helper\/chat\/[\w-]+$/);
    assert.equal(await turn(page).locator(".user").innerText(), "What can you do?");
    assert.deepEqual(await answer(page).locator("li").allInnerTexts(), ["look at resources", "read logs"]);
    assert.equal(await answer(page).locator("strong").innerText(), "resources");
    assert.equal(await answer(page).locator("td").count(), 2);
    assert.match(await answer(page).locator("pre").innerText(), /kubectl get pods/);
    assert.equal((await answer(page).innerText()).match(/Here is what/g).length, 1, "the answer stands once");
    assert.equal(await page.locator(".exchange-row").count(), 1);

    const hop = trail(page).locator(".hop.exchange");
    await hop.waitFor();
    assert.equal(await hop.count(), 1);
    await sees(hop, "api.anthropic.com:443");
    await sees(hop, /TLSv1\.3/);
    await sees(hop, "backend's Secret");
    await sees(hop, "183 in · 240 out");
    assert.match(await hop.locator(".time").innerText(), /^[\d.]+ m?s$/);
    await sees(trail(page), /423 tokens/);
    assert.equal(await trail(page).locator(".hop.turn").count(), 1);
    await hop.locator("summary").click();
    for (const words of ["lab/gw", "lab/models", MODEL, "200"]) await hop.locator("dd").getByText(words, { exact: true }).first().waitFor();
    await picture(page, "answered");
    await sees(trail(page), /\b1 model call\b/);
  });

  pageTest("a second question in the same session", async (page) => {
    await open(page);
    await converse(page, "first question", "You said: first question");
    const url = page.url();
    await converse(page, "second question", "You said: second question");
    assert.equal(page.url(), url);
    assert.equal(await page.locator(".exchange-row").count(), 2);
    assert.deepEqual((await fake.last()).body.messages.map((m) => m.role), ["user", "assistant", "user"]);
    for (const i of [0, 1]) {
      await trail(page, i).locator(".hop.exchange").first().waitFor();  // told a moment after the answer
      assert.equal(await trail(page, i).locator(".hop.exchange").count(), 1);
    }
    const place = await turn(page, 1).boundingBox();
    assert.ok(place.y + place.height <= 800, "the newest turn is in view");
  });

  pageTest("a long conversation scrolls to its end", async (page) => {
    await fake.script({ reply: { text: Array.from({ length: 60 }, (_, i) => `Line ${i}.`).join("\n\n") } });
    await open(page);
    await converse(page, "a long answer", "Line 59.");
    await page.waitForFunction(() => {
      const last = [...document.querySelectorAll(".agent p")].at(-1).getBoundingClientRect();
      return last.bottom <= innerHeight && last.top >= 0;
    });
    assert.ok(await box(page).isVisible());
    await picture(page, "long");
  });

  pageTest("tool calls with their results", async (page) => {
    await fake.script(
      { times: 1, reply: { text: "I look at the config maps.", tool_calls: [tool("k8s_get_resources", { resource_type: "configmaps", namespace: "lab" }, "toolu_1"), tool("k8s_get_resources", { resource_type: "nonsense" }, "toolu_2")] } },
      { chunk_delay_ms: 20, reply: { text: "There is **one**." } });
    await open(page);
    await converse(page, "what is there?", "There is");
    await sees(answer(page), "I look at the config maps.");
    const calls = answer(page).locator(".tool");
    assert.equal(await calls.count(), 2);
    await sees(calls.first(), "k8s_get_resources");
    await calls.first().locator("summary").click();
    await sees(calls.first(), /configmaps/);
    assert.equal(await calls.first().locator("pre").count(), 2, "arguments and result");
    const result = await calls.first().locator("pre").last().innerText();
    assert.ok(result.trim().length > 0, "the result is not empty");
    await calls.last().locator("summary").click();
    assert.match(await calls.last().locator("pre").last().innerText(), /nonsense/);
    await trail(page).locator(".hop.tool_call").nth(1).waitFor();
    assert.equal(await trail(page).locator(".hop.tool_call").count(), 2);
    assert.equal(await trail(page).locator(".hop.exchange").count(), 2);
    await sees(trail(page), /2 model calls/);
    assert.equal((await answer(page).innerText()).match(/I look at the config maps/g).length, 1);
    await picture(page, "tools");
    await page.reload();
    await sees(answer(page), "There is");
    assert.equal(await answer(page).locator(".tool").count(), 2);
    const order = await answer(page).innerText();
    assert.ok(order.indexOf("I look") < order.indexOf("k8s_get_resources") && order.indexOf("k8s_get_resources") < order.indexOf("There is"), order);
  });

  pageTest("the stop button cancels", async (page) => {
    await fake.script({ chunk_delay_ms: 100, reply: { text: "going on and on ".repeat(200) } });
    await open(page);
    await ask(page, "a long story");
    await sees(answer(page), /going on/);
    await page.getByRole("button", { name: "Stop" }).click();
    await sees(answer(page), "stopped");
    await page.getByRole("button", { name: "Send" }).waitFor();
    await waitUntil(async () => (await fake.last()).aborted, "the model call to be aborted", 3000);
    await picture(page, "stopped");
    await fake.script({ reply: { text: "Better now." } });
    await converse(page, "and now?", "Better now.");
  });

  pageTest("what was read before the stop stays", async (page) => {
    await fake.script({ chunk_delay_ms: 100, reply: { text: "going on and on ".repeat(200) } });
    await open(page);
    await ask(page, "a long story");
    await sees(answer(page), /going on/);
    await page.getByRole("button", { name: "Stop" }).click();
    await sees(answer(page), "stopped");
    await page.getByRole("button", { name: "Send" }).waitFor();
    assert.match(await answer(page).innerText(), /going on/);
  });

  pageTest("stop before the first word", async (page) => {
    await fake.script({ delay_ms: 30_000 });
    await open(page);
    await ask(page, "are you there?");
    await page.getByRole("button", { name: "Stop" }).click();
    await sees(answer(page), "stopped");
    await page.getByRole("button", { name: "Send" }).waitFor();
  });

  pageTest("the trail of a stopped turn has its cancelled call, and blames nobody", async (page) => {
    await fake.script({ chunk_delay_ms: 50, reply: { text: "word ".repeat(400) } });
    await open(page);
    await ask(page, "speak");
    await sees(answer(page), "word");
    await page.getByRole("button", { name: "Stop" }).click();
    await sees(answer(page), "stopped");
    const hop = trail(page).locator(".hop.exchange");
    await sees(hop, "stopped");
    await sees(trail(page), /1 model call/);
    assert.equal(await trail(page).locator(".hop.failed").count(), 0);
    await picture(page, "stopped");
  });

  pageTest("the message box grows with its text, and not over the page", async (page) => {
    await open(page);
    const height = async () => (await box(page).boundingBox()).height;
    const small = await height();
    await box(page).fill("one line\n".repeat(8));
    assert.ok(await height() > 2 * small, `${await height()} of ${small}`);
    await box(page).fill("one line\n".repeat(200));
    assert.ok(await height() <= 800 * 0.4 + 1, `${await height()}`);
    await picture(page, "long-message");
  });

  pageTest("a session is deleted when one is sure", async (page) => {
    await open(page, "quiet");
    await converse(page, "about plums", "You said: about plums");
    await page.getByRole("button", { name: "New chat" }).click();
    await converse(page, "about figs", "You said: about figs");
    const sessions = sidebar(page).locator(".sessions");
    const remove = sessions.getByRole("button", { name: "Delete about plums" });
    await remove.click();
    await box(page).click();  // not sure after all
    await remove.click();
    await picture(page, "really-delete");
    await sessions.getByRole("button", { name: "Really delete about plums" }).click();
    await sessions.getByRole("button", { name: /^about plums/ }).waitFor({ state: "detached" });
    await sees(answer(page), "You said: about figs");
    await sessions.getByRole("button", { name: "Delete about figs" }).click();
    await sessions.getByRole("button", { name: "Really delete about figs" }).click();
    await page.locator(".exchange-row").waitFor({ state: "detached" });
    assert.match(page.url(), /\/agents\/lab\/quiet\/chat$/);
  });

  pageTest("sessions: listed, switched, reloaded, gone back to", async (page) => {
    await open(page, "quiet");
    await converse(page, "about apples", "You said: about apples");
    const first = page.url();
    await page.getByRole("button", { name: "New chat" }).click();
    await page.locator(".exchange-row").waitFor({ state: "detached" });
    await converse(page, "about pears", "You said: about pears");
    assert.notEqual(page.url(), first);
    const sessions = sidebar(page).locator(".sessions");
    await sessions.getByRole("button", { name: /^about apples/ }).waitFor();
    await sessions.getByRole("button", { name: /^about pears/ }).waitFor();
    assert.equal(await sidebar(page).locator(".sessions li").count(), 2);
    await sessions.getByRole("button", { name: /^about apples/ }).click();
    await sees(answer(page), "You said: about apples");
    assert.equal(page.url(), first);
    assert.equal(await page.locator(".exchange-row").count(), 1);
    await page.reload();
    await sees(answer(page), "You said: about apples");
    await trail(page).locator(".hop.exchange").waitFor();
    await picture(page, "sessions");
    await page.goBack();
    await sees(answer(page), "You said: about pears");
    await page.goForward();
    await sees(answer(page), "You said: about apples");
  });

  pageTest("what could not be sent is in the box again", async (page) => {
    await open(page, "quiet");
    await converse(page, "first", "You said: first");
    let fail;
    await page.route("**/api/a2a/**", async (route) => { await new Promise((go) => { fail = go; }); await route.abort(); });
    await ask(page, "precious words");
    await box(page).fill("and more");
    await waitUntil(() => fail, "the request");
    fail();
    await page.getByText("may not have arrived").waitFor();
    assert.equal(await box(page).inputValue(), "precious words\nand more");
    await picture(page, "not-sent");
    await page.unroute("**/api/a2a/**");
    await page.getByRole("button", { name: "Send" }).click();
    await sees(answer(page), /You said: precious words/);
    assert.equal(await page.getByText("may not have arrived").count(), 0);
  }, { expected: /ERR_FAILED/ });

  pageTest("what is said elsewhere in the session appears", async (page) => {
    await open(page, "quiet");
    await converse(page, "here", "You said: here");
    const contextId = page.url().split("/").at(-1);
    const message = { kind: "message", role: "user", messageId: crypto.randomUUID(), contextId, parts: [{ kind: "text", text: "from elsewhere" }] };
    await fetch(`${origin}/api/a2a/lab/quiet/`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "message/send", params: { message } }) });
    await sees(answer(page), "You said: from elsewhere");
    assert.equal(await page.locator(".exchange-row").count(), 2);
  });

  pageTest("a session of another agent is not shown as this one's", async (page) => {
    await fake.script({ chunk_delay_ms: 100, reply: { text: "mine ".repeat(100) } });
    await open(page, "quiet");
    await ask(page, "speak on");
    await page.waitForURL(/chat\/.+/);
    let tries = 0;
    page.on("request", (r) => { tries += r.url().includes("/api/a2a/lab/helper"); });
    await page.goto(page.url().replace("/quiet/", "/helper/"));
    await page.getByText("This conversation is with lab/quiet").waitFor();
    assert.equal(tries, 0, "what runs there is not followed from here");
    await page.getByRole("button", { name: "Open it there" }).click();
    await page.locator(".exchange-row").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await sees(answer(page), "stopped");
  });

  pageTest("footnotes lead within their own answer, and nothing is lost on the way", async (page) => {
    await fake.script({ reply: { text: "See[^1].\n\n[^1]: The note of this answer.\n" } });
    await open(page);
    await converse(page, "one", "The note of this answer.");
    await converse(page, "two", "The note of this answer.");
    await box(page).fill("half a thought");
    const marks = page.locator(".agent sup a");
    const targets = await marks.evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    assert.equal(new Set(targets).size, 2, targets.join());
    await marks.last().click();
    await picture(page, "footnotes");
    assert.equal(await box(page).inputValue(), "half a thought");
    assert.equal(await page.locator(".exchange-row").count(), 2);
  });

  pageTest("an answer that was cut says so", async (page) => {
    await fake.script({ reply: { text: "half an", stop_reason: "max_tokens" } });
    await open(page);
    await converse(page, "long", "half an");
    await sees(answer(page), "cut short: the model came to its limit of tokens");
    await picture(page, "cut");
  });

  pageTest("a turn goes on while the page is reloaded", async (page) => {
    await open(page, "helper");
    await converse(page, "hello", "You said: hello");
    await fake.script({ chunk_delay_ms: 80, reply: { text: `begin ${"middle ".repeat(40)}finish` } });
    await ask(page, "slowly");
    await sees(answer(page), /middle/);
    await page.reload();
    await sees(page.locator(".user"), "slowly");
    await page.getByRole("button", { name: "Stop" }).waitFor();
    await sees(answer(page), /finish/);
    await page.getByRole("button", { name: "Send" }).waitFor();
    assert.equal(await page.locator(".exchange-row").count(), 2);
    assert.equal((await answer(page).innerText()).match(/begin/g).length, 1);
    assert.equal((await fake.requests()).length, 1, "the model was asked once");
  });

  pageTest("a turn under way stays in its own session", async (page) => {
    await open(page, "helper");
    await converse(page, "an old chat", "You said: an old chat");
    await fake.script({ chunk_delay_ms: 80, reply: { text: `slowly ${"and slowly ".repeat(25)}done` } });
    await ask(page, "the running one");
    const running = page.url();
    await sees(answer(page), /slowly/);
    await page.getByRole("button", { name: "New chat" }).click();
    await page.waitForURL(/\/chat$/);
    await pause(300);
    assert.equal(await page.getByText("the running one").and(page.locator(".user")).count(), 0, "a new chat does not show another chat's turn");
    await waitUntil(async () => (await fake.last()).finished, "the answer to be done");
    await pause(500);
    assert.match(page.url(), /\/chat$/, "the end of another chat's turn does not move the page");
    await page.goto(running);
    await sees(answer(page), /done/);
  });

  for (const [name, rule, words] of [
    ["a failing model", { status: 500, error: { type: "api_error", message: "the model is on fire" } }, /the model is on fire/],
    ["a refused key", { status: 401, error: { type: "authentication_error", message: "invalid x-api-key" } }, /invalid x-api-key/],
    ["an overloaded model", { status: 529, error: { type: "overloaded_error", message: "Overloaded" } }, /[Oo]verloaded/],
    ["an answer that breaks off", { fault: "cut", after_events: 5, reply: { text: "a beginning that never comes to its end" } }, /broke|cut|closed|incomplete|ended|reset/i],
  ]) {
    pageTest(`${name} shows the error`, async (page) => {
      await fake.script(rule);
      await open(page);
      await ask(page, "hello?");
      await sees(answer(page), words);
      await page.getByRole("alert").first().waitFor();
      await page.getByRole("button", { name: "Send" }).waitFor();
      const failed = trail(page).locator(".hop.exchange.failed");
      await failed.first().waitFor();
      await picture(page, `error-${name.replace(/\W+/g, "-")}`);
      await page.reload();
      await sees(answer(page), words);
      await fake.script({ reply: { text: "Better now." } });
      await converse(page, "and now?", "Better now.");
    });
  }

  pageTest("a choice of the agent's question is taken by a click", async (page) => {
    const questions = [{ question: "Which namespace?", choices: ["lab", "prod"] }];
    await fake.script({ times: 1, reply: { tool_calls: [tool("ask_user", { questions }, "toolu_q")] } }, { reply: { text: "Then prod it is." } });
    await open(page);
    await ask(page, "clean it up");
    await answer(page).getByRole("button", { name: "prod" }).click();
    await sees(answer(page), "Then prod it is.");
    assert.ok(JSON.stringify((await fake.last()).body.messages.at(-1)).includes("prod"));
    await page.getByPlaceholder("Ask helper").waitFor();
    assert.equal(await answer(page).getByRole("button", { name: "prod" }).count(), 0, "an answered question offers nothing");
  });

  pageTest("a question of the agent and the answer to it", async (page) => {
    const questions = [{ question: "Which **namespace** do you mean?", choices: ["lab", "prod"] }];
    await fake.script({ times: 1, reply: { tool_calls: [tool("ask_user", { questions }, "toolu_q")] } }, { reply: { text: "Then lab it is." } });
    await open(page);
    await ask(page, "clean it up");
    await sees(answer(page), /Which .*namespace.* do you mean\?/);
    await page.getByPlaceholder(/answer to the agent's question/).waitFor();
    const shown = await answer(page).innerText();
    for (const choice of ["lab", "prod"]) assert.ok(shown.includes(choice), `the choice ${choice} is shown`);
    assert.equal(shown.match(/do you mean\?/g).length, 1, "the question stands once");
    await picture(page, "question");
    await page.reload();
    await sees(answer(page), /do you mean\?/);
    await page.getByPlaceholder(/answer to the agent's question/).waitFor();
    await ask(page, "lab please");
    await sees(answer(page), "Then lab it is.");
    await page.getByRole("button", { name: "Send" }).waitFor();
    await page.getByPlaceholder("Ask helper").waitFor();
    assert.equal(await page.locator(".exchange-row").count(), 1, "it is one turn");
    assert.match(await turn(page).innerText(), /lab please/);
    assert.match(await turn(page).innerText(), /clean it up/);
    assert.match(await turn(page).innerText(), /do you mean\?/);
    const sent = (await fake.last()).body.messages;
    assert.ok(JSON.stringify(sent.at(-1)).includes("lab please"));
    await picture(page, "question-answered");
    await page.reload();
    await sees(answer(page), "Then lab it is.");
    assert.match(await turn(page).innerText(), /lab please/);
  });

  pageTest("several questions, and one with several answers, are answered in a form", async (page) => {
    const questions = [{ question: "Which namespaces?", choices: ["lab", "prod", "test"], multiple: true }, { question: "Since when?" }];
    await fake.script({ times: 1, reply: { tool_calls: [tool("ask_user", { questions }, "toolu_q")] } }, { reply: { text: "Both then." } });
    await open(page);
    await ask(page, "clean it up");
    const form = answer(page).locator("form.answers");
    await form.getByRole("button", { name: "lab" }).click();
    await form.getByRole("button", { name: "test" }).click();
    assert.ok(await form.getByRole("button", { name: "Answer" }).isDisabled(), "one is not answered yet");
    await form.getByLabel("Answer to Since when?").fill("yesterday");
    await picture(page, "questions");
    await form.getByRole("button", { name: "Answer" }).click();
    await sees(answer(page), "Both then.");
    const told = (await fake.last()).body.messages.at(-1).content;
    const result = typeof told === "string" ? told : told[0].content;
    assert.deepEqual(JSON.parse(typeof result === "string" ? result : result[0].text), [{ answer: ["lab", "test"] }, { answer: ["yesterday"] }]);
    assert.match(await turn(page).innerText(), /lab, test/);
    await page.reload();
    await sees(answer(page), "lab, test");
    assert.equal(await page.locator("form.answers").count(), 0);
  });

  pageTest("a question is dropped, and another thing asked", async (page) => {
    const questions = [{ question: "Which namespace?" }];
    await fake.script({ times: 1, reply: { tool_calls: [tool("ask_user", { questions }, "toolu_q")] } });
    await open(page);
    await ask(page, "clean it up");
    await page.getByRole("button", { name: "Drop the question" }).click();
    await sees(answer(page), "stopped");
    await page.getByPlaceholder("Ask helper").waitFor();
    await ask(page, "something else");
    await sees(answer(page, 1), "You said: something else");
    assert.equal(await page.locator(".exchange-row").count(), 2);
  });

  pageTest("everything by keyboard", async (page) => {
    await open(page, "quiet");
    await page.locator("body").click({ position: { x: 5, y: 795 } });
    const focused = () => page.evaluate(() => { const e = document.activeElement; return e.getAttribute("aria-label") ?? e.textContent.trim().slice(0, 40); });
    const reach = async (wanted) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        if (wanted.test(await focused())) return;
      }
      assert.fail(`Tab never reaches ${wanted}; now on ${await focused()}`);
    };
    await reach(/^helper/);
    const ring = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(ring, "none", "focus is visible");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/lab\/helper\//);
    await reach(/^Message$/);
    await page.keyboard.type("one");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("two");
    assert.equal(await box(page).inputValue(), "one\ntwo");
    await fake.script({ times: 1, reply: { tool_calls: [tool("k8s_get_resources", { resource_type: "pods" }, "toolu_1")] } }, { chunk_delay_ms: 60, reply: { text: `${"word ".repeat(30)}end` } });
    await page.keyboard.press("Enter");
    await sees(answer(page), /word/);
    assert.equal(await box(page).inputValue(), "");
    assert.equal(await focused(), "Message", "focus stays where one types");
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "Stop");
    await page.keyboard.press("Shift+Tab");
    await sees(answer(page), /end/);
    await page.getByRole("button", { name: "Send" }).waitFor();
    assert.equal(await focused(), "Message", "also after the answer");
    await page.keyboard.type("   ");
    await page.keyboard.press("Enter");
    assert.equal(await page.locator(".exchange-row").count(), 1, "blank is not sent");
    await answer(page).locator(".tool summary").focus();
    await page.keyboard.press("Enter");
    assert.equal(await answer(page).locator("details.tool[open]").count(), 1);
  });

  pageTest("Enter that confirms an input method's word does not send", async (page) => {
    await open(page, "quiet");
    await box(page).fill("にほんご");
    await box(page).evaluate((e) => e.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, isComposing: true, keyCode: 229 })));
    await pause(200);
    assert.equal(await box(page).inputValue(), "にほんご");
    assert.equal((await fake.requests()).length, 0);
  });

  for (const [name, viewport] of [["a phone", { width: 390, height: 844 }], ["a small phone, lying", { width: 640, height: 360 }], ["a tablet", { width: 820, height: 1180 }]]) {
    pageTest(`fits ${name}`, async (page) => {
      await fake.script({ times: 1, reply: { tool_calls: [tool("k8s_get_resources", { resource_type: "pods" }, "toolu_1")] } }, { reply: { text: `# Heading\n\n${"averyverylongword".repeat(20)}\n\n\`\`\`\n${"code ".repeat(80)}\n\`\`\`\n\n${`|${"column|".repeat(12)}`}\n${`|${"---|".repeat(12)}`}\n${`|${"somewhat long|".repeat(12)}`}\n\nThe end.` } });
      await open(page);
      await converse(page, "tell me", "The end.");
      await trail(page).locator(".hop.exchange").first().waitFor();
      await picture(page, `fits-${name.replace(/\W+/g, "-")}`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width, "nothing to scroll sideways");
      assert.ok(await page.evaluate(() => document.documentElement.scrollHeight <= innerHeight), "the page itself does not scroll");
      const turns = await page.locator(".turns").evaluate((e) => [e.scrollWidth, e.clientWidth, e.clientHeight]);
      assert.ok(turns[0] <= turns[1], `the conversation is not wider than its place: ${turns}`);
      assert.ok(turns[2] >= 100, `room to read: ${turns[2]} px`);
      for (const what of [box(page), page.getByRole("button", { name: "Send" })]) {
        const at = await what.boundingBox();
        assert.ok(at.x >= 0 && at.y >= 0 && at.x + at.width <= viewport.width && at.y + at.height <= viewport.height, `${JSON.stringify(at)} is in view`);
      }
    }, { viewport });
  }

  for (const colorScheme of ["light", "dark"]) {
    pageTest(`readable in ${colorScheme} mode`, async (page) => {
      await fake.script({ times: 1, reply: { text: "I look.", tool_calls: [tool("k8s_get_resources", { resource_type: "configmaps" }, "toolu_1")] } },
        { reply: { text: "Here: **bold**, `code`, [a link](https://example.test/) and\n\n```\nblock\n```\n\n> a quote\n\nThe end." } });
      await open(page);
      await converse(page, "tell me", "The end.");
      await trail(page).locator(".hop.exchange").first().waitFor();
      await answer(page).locator(".tool summary").click();
      await trail(page).locator(".hop.exchange summary").first().click();
      await box(page).fill("words to send");
      await picture(page, colorScheme);
      const page_background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((n, v) => n + Number(v), 0));
      assert.equal(page_background < 200, colorScheme === "dark", `body background ${page_background}`);
      const poor = await page.evaluate(() => {
        const numbers = (color) => color.match(/[\d.]+/g).map(Number);
        const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((n, v, i) => n + v * [0.2126, 0.7152, 0.0722][i], 0);
        const behind = (e) => {
          for (let at = e; at; at = at.parentElement) {
            const c = numbers(getComputedStyle(at).backgroundColor);
            if (c.length === 3 || c[3] > 0.99) return c;
          }
          return [255, 255, 255];
        };
        const found = new Set();
        for (const e of document.querySelectorAll("body *")) {
          const own = e.tagName === "TEXTAREA" || [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
          if (!own || !e.checkVisibility() || e.matches(":disabled")) continue;
          const [a, b] = [light(numbers(getComputedStyle(e).color)), light(behind(e))];
          const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
          if (ratio < 4.5) found.add(`${e.tagName}.${e.className} ${ratio.toFixed(2)} "${(e.textContent || e.value).trim().slice(0, 20)}"`);
        }
        return [...found];
      });
      assert.deepEqual(poor, [], "contrast of at least 4.5");
    }, { colorScheme });
  }

  pageTest("hostile text stays text", async (page) => {
    let hits = 0;
    const other = http.createServer((_, response) => { hits += 1; response.end(); });
    await new Promise((done) => other.listen(0, "127.0.0.1", done));
    const there = `http://127.0.0.1:${other.address().port}`;
    try {
      const evil = `Words [click](javascript:window.hacked=1) ![pixel](${there}/pixel.png) [data](data:text/html,<script>alert(1)</script>) [out](https://example.test/) `
        + `<img src=x onerror="window.hacked=1"> <b>bold</b>\n\n<script>window.hacked=1</script>\n\n<iframe src="${there}/frame"></iframe>\n\nfin`;
      await fake.script({ reply: { text: evil } });
      await open(page);
      await converse(page, evil, "fin");
      assert.equal(await page.evaluate(() => window.hacked), undefined);
      assert.equal(hits, 0, "nothing was fetched from elsewhere");
      assert.equal(await page.locator(".turns script, .turns iframe, .turns img[onerror]").count(), 0);
      const targets = await answer(page).locator("a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
      assert.deepEqual(targets, [`${there}/pixel.png`, "https://example.test/"], "what may be followed is a link, a picture too");
      assert.equal(await answer(page).locator("a:not([target=_blank][rel=noreferrer])").count(), 0, "a link leaves the chat where it is");
      assert.equal(await answer(page).locator("b").count(), 0, "HTML in an answer is shown as text");
      await picture(page, "hostile");
    } finally {
      other.close();
    }
  });

  pageTest("an address of what is not there says so", async (page) => {
    await page.goto(`${origin}/agents/lab/helper/chat/no-such-session`);
    await page.getByText(/not found|no such|does not exist|no session/i).first().waitFor({ timeout: 4000 });
  }, { expected: /404/ });

  pageTest("an address of an agent that is not there says so", async (page) => {
    await page.goto(`${origin}/agents/lab/nobody/chat`);
    await sidebar(page).getByRole("button", { name: /helper/ }).waitFor();
    assert.equal(await page.getByText("No agents yet").count(), 0, "there are agents");
    await page.getByText(/nobody/).first().waitFor({ timeout: 4000 });
  });

  pageTest("agents come and go while one looks", async (page) => {
    await open(page);
    await server.apply([agent("lab", "newcomer", "m")]);
    const entry = sidebar(page).getByRole("button", { name: /newcomer/ });
    await entry.waitFor();
    assert.equal((await server.cli(["delete", "agent", "newcomer", "-n", "lab"])).code, 0);
    await entry.waitFor({ state: "detached" });
  });

  pageTest("the server goes away and comes back", async (page) => {
    await open(page, "quiet");
    await converse(page, "before", "You said: before");
    await server.restart({
      hard: true,
      meanwhile: async () => {
        await ask(page, "into the void");
        await page.getByRole("alert").first().waitFor();
        await picture(page, "server-gone");
      },
    });
    await waitUntil(async () => (await fetch(`${origin}/api/agents`).then((r) => r.json(), () => ({ data: [] }))).data.some((a) => a.agent.metadata.name === "quiet" && a.deploymentReady));
    await page.reload();
    await sees(page.locator(".agent"), "You said: before");
    await converse(page, "after", "You said: after");
  }, { expected: /ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|Failed to load|ERR_INCOMPLETE/ });
});

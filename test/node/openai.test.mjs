// The official OpenAI SDK, through a gateway route, to an Anthropic backend.

import assert from "node:assert/strict";
import http from "node:http";
import { after, before, beforeEach, describe, test } from "node:test";
import OpenAI from "openai";
import { anthropic, FakeLlm, freePort, gateway, namespace, privateHost, route, routeLive, secret, Sightline, stopAll, waitUntil, within } from "./harness.mjs";

const KEY = "sk-ant-openai-test";
const OLD = "claude-3-5-haiku-latest"; // has no structured output of its own
const NEW = "claude-haiku-4-5";
const WEATHER = { type: "function", function: { name: "get_weather", description: "The weather.", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } } };
const CITY = { type: "object", properties: { city: { type: "string" }, people: { type: "integer" } }, required: ["city", "people"], additionalProperties: false };
// The smallest PNG: one pixel.
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ask = (content, more = {}) => ({ model: "gpt-4o", messages: [{ role: "user", content }], ...more });

describe("the OpenAI SDK to an Anthropic backend", { timeout: 120_000 }, () => {
  let fake, server, base, client;

  before(async () => {
    fake = await FakeLlm.start();
    const host = privateHost();
    const port = await freePort(host);
    server = await Sightline.start({ listenHost: host });
    base = `http://${host}:${port}`;
    const at = { host: "127.0.0.1", port: fake.port };
    await server.apply([
      namespace("lab"), secret("lab", "llm-key", { Authorization: KEY }), gateway("lab", "gw", port),
      anthropic("lab", "old", OLD, "llm-key", at), route("lab", "old", "gw", "/old", "old"),
      anthropic("lab", "new", NEW, "llm-key", at), route("lab", "new", "gw", "/new", "new"),
      anthropic("lab", "keyless", OLD, "there-is-none", at), route("lab", "keyless", "gw", "/keyless", "keyless"),
    ]);
    await routeLive(`${base}/old`);
    await routeLive(`${base}/new`);
    client = new OpenAI({ apiKey: "sk-client-own", baseURL: `${base}/old`, maxRetries: 0, timeout: 20_000 });
  });
  after(() => stopAll(server, fake));
  beforeEach(() => fake.script());

  const at = (name, more = {}) => new OpenAI({ apiKey: "sk-client-own", baseURL: `${base}/${name}`, maxRetries: 0, timeout: 20_000, ...more });
  const collect = async (stream) => {
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    return chunks;
  };
  const textOf = (chunks) => chunks.map((c) => c.choices[0]?.delta.content ?? "").join("");

  test("plain", async () => {
    await fake.script({ reply: { text: "Grüße, 世界 🙂", input_tokens: 183, output_tokens: 240 } });
    const answer = await client.chat.completions.create({
      model: "gpt-4o", max_completion_tokens: 77, temperature: 0.5, stop: ["END"],
      messages: [{ role: "system", content: "Be kind." }, { role: "user", content: "hi" }],
    });
    assert.equal(answer.object, "chat.completion");
    assert.equal(answer.choices.length, 1);
    assert.equal(answer.choices[0].message.role, "assistant");
    assert.equal(answer.choices[0].message.content, "Grüße, 世界 🙂");
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.model, OLD);
    assert.ok(answer.id && Math.abs(answer.created - Date.now() / 1000) < 60, JSON.stringify(answer));
    const { prompt_tokens, completion_tokens, total_tokens } = answer.usage;
    assert.deepEqual({ prompt_tokens, completion_tokens, total_tokens }, { prompt_tokens: 183, completion_tokens: 240, total_tokens: 423 });

    const sent = await fake.last();
    assert.equal(sent.path, "/v1/messages");
    assert.equal(sent.headers["x-api-key"], KEY);
    assert.ok(sent.headers["anthropic-version"]);
    assert.ok(!JSON.stringify(sent).includes("sk-client-own"), "the client's own key must not reach the provider");
    assert.equal(sent.body.model, OLD);
    assert.equal(sent.body.max_tokens, 77);
    assert.equal(sent.body.temperature, 0.5);
    assert.deepEqual(sent.body.stop_sequences, ["END"]);
    assert.ok(JSON.stringify(sent.body.system).includes("Be kind."));
    assert.deepEqual(sent.body.messages.map((m) => m.role), ["user"]);
  });

  test("a length stop", async () => {
    await fake.script({ reply: { text: "half of a", stop_reason: "max_tokens" } });
    assert.equal((await client.chat.completions.create(ask("hi"))).choices[0].finish_reason, "length");
  });

  test("streamed", async () => {
    const said = "A longer answer — with äöü and 世界 — in several pieces, so that it is a stream.";
    await fake.script({ reply: { text: said } });
    const chunks = await collect(await client.chat.completions.create(ask("hi", { stream: true })));
    assert.equal(textOf(chunks), said);
    assert.ok(chunks.length > 3);
    assert.ok(chunks.every((c) => c.object === "chat.completion.chunk" && c.id === chunks[0].id && c.model === OLD));
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.deepEqual(chunks.map((c) => c.choices[0]?.finish_reason).filter(Boolean), ["stop"]);
    assert.ok(chunks.every((c) => c.choices.length === 1), "without include_usage every chunk has one choice");
    assert.ok(chunks.every((c) => !c.usage), "no usage was asked for");
    assert.equal((await fake.last()).body.stream, true);
  });

  test("streamed pieces come as they are made", async () => {
    await fake.script({ chunk_delay_ms: 150, reply: { text: "one two three four five six seven eight nine ten" } });
    const begun = Date.now();
    let first;
    for await (const chunk of await client.chat.completions.create(ask("hi", { stream: true })))
      if (chunk.choices[0]?.delta.content) first ??= Date.now() - begun;
    const whole = Date.now() - begun;
    assert.ok(whole - first >= 300, `first piece after ${first} ms, the end after ${whole} ms`);
  });

  test("streamed with usage", async () => {
    await fake.script({ reply: { text: "hello there", input_tokens: 11, output_tokens: 22 } });
    const chunks = await collect(await client.chat.completions.create(ask("hi", { stream: true, stream_options: { include_usage: true } })));
    const usages = chunks.filter((c) => c.usage);
    assert.equal(usages.length, 1);
    assert.equal(usages[0], chunks.at(-1), "usage is in the last chunk");
    assert.deepEqual(usages[0].choices, []);
    const { prompt_tokens, completion_tokens, total_tokens } = usages[0].usage;
    assert.deepEqual([prompt_tokens, completion_tokens, total_tokens], [11, 22, 33]);
  });

  test("the SDK's stream helper", async () => {
    await fake.script({ reply: { text: "helped", tool_calls: [{ id: "toolu_1", name: "get_weather", arguments: { city: "Paris, Île-de-France" } }] } });
    const run = client.chat.completions.stream(ask("hi", { tools: [WEATHER] }));
    const done = await run.finalChatCompletion();
    assert.equal(done.choices[0].message.content, "helped");
    assert.equal(done.choices[0].finish_reason, "tool_calls");
    assert.equal(done.choices[0].message.tool_calls[0].id, "toolu_1");
    assert.deepEqual(JSON.parse(done.choices[0].message.tool_calls[0].function.arguments), { city: "Paris, Île-de-France" });
  });

  test("a tools round trip", async () => {
    const calls = [{ id: "toolu_1", name: "get_weather", arguments: { city: "Paris" } }, { id: "toolu_2", name: "get_weather", arguments: { city: "Oslo" } }];
    await fake.script({ times: 1, reply: { text: "I look.", tool_calls: calls } }, { reply: { text: "Sunny and cold." } });
    const messages = [{ role: "user", content: "weather?" }];
    const first = await client.chat.completions.create({ model: "gpt-4o", messages, tools: [WEATHER], tool_choice: "required" });
    const { message, finish_reason } = first.choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.deepEqual(message.tool_calls.map((c) => [c.id, c.type, c.function.name, JSON.parse(c.function.arguments)]),
      calls.map((c) => [c.id, "function", c.name, c.arguments]));
    const offered = (await fake.last()).body;
    assert.deepEqual(offered.tools.map((t) => [t.name, t.description, t.input_schema]), [["get_weather", "The weather.", WEATHER.function.parameters]]);
    assert.equal(offered.tool_choice.type, "any");

    messages.push(message, { role: "tool", tool_call_id: "toolu_1", content: "25 °C" }, { role: "tool", tool_call_id: "toolu_2", content: "-3 °C" });
    const second = await client.chat.completions.create({ model: "gpt-4o", messages, tools: [WEATHER] });
    assert.equal(second.choices[0].message.content, "Sunny and cold.");
    const sent = (await fake.last()).body.messages;
    assert.deepEqual(sent.map((m) => m.role), ["user", "assistant", "user"]);
    assert.deepEqual(sent[1].content.map((p) => p.type), ["text", "tool_use", "tool_use"]);
    assert.deepEqual(sent[1].content.slice(1).map((p) => [p.id, p.name, p.input]), calls.map((c) => [c.id, c.name, c.arguments]));
    assert.deepEqual(sent[2].content.map((p) => [p.type, p.tool_use_id]), [["tool_result", "toolu_1"], ["tool_result", "toolu_2"]]);
    assert.ok(JSON.stringify(sent[2].content[0].content).includes("25 °C"));
  });

  test("the SDK's tool runner", async () => {
    await fake.script({ times: 1, reply: { tool_calls: [{ id: "toolu_9", name: "get_weather", arguments: { city: "Rome" } }] } }, { reply: { text: "It rains in Rome." } });
    const asked = [];
    const tool = { type: "function", function: { ...WEATHER.function, parse: JSON.parse, function: (args) => { asked.push(args); return "rain"; } } };
    const run = client.chat.completions.runTools(ask("weather?", { stream: true, tools: [tool] }));
    assert.equal(await run.finalContent(), "It rains in Rome.");
    assert.deepEqual(asked, [{ city: "Rome" }]);
  });

  test("an image", async () => {
    await client.chat.completions.create(ask([
      { type: "text", text: "what is this?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${PIXEL}` } },
      { type: "image_url", image_url: { url: "https://example.test/cat.png" } },
    ]));
    const [text, inline, linked] = (await fake.last()).body.messages[0].content;
    assert.deepEqual(text, { type: "text", text: "what is this?" });
    assert.deepEqual(inline, { type: "image", source: { type: "base64", media_type: "image/png", data: PIXEL } });
    assert.deepEqual(linked, { type: "image", source: { type: "url", url: "https://example.test/cat.png" } });
  });

  describe("structured output", () => {
    const format = { type: "json_schema", json_schema: { name: "city", strict: true, schema: CITY } };

    test("where the model has it", async () => {
      await fake.script({ reply: { text: JSON.stringify({ city: "Oslo", people: 700000 }) } });
      const answer = await at("new").chat.completions.parse(ask("which city?", { response_format: format }));
      assert.deepEqual(JSON.parse(answer.choices[0].message.content), { city: "Oslo", people: 700000 });
      assert.equal(answer.choices[0].finish_reason, "stop");
      const sent = (await fake.last()).body;
      assert.deepEqual(sent.output_config?.format, { type: "json_schema", schema: CITY });
    });

    for (const stream of [false, true]) {
      test(`where the model has none, by a tool that the client never sees${stream ? ", streamed" : ""}`, async () => {
        await client.chat.completions.create(ask("which city?", { response_format: format })).catch(() => {});
        const { tool_choice, tools } = (await fake.last()).body;
        assert.equal(tool_choice?.type, "tool", "the tool is forced");
        assert.deepEqual(tools.find((t) => t.name === tool_choice.name).input_schema, CITY);
        await fake.script({ reply: { tool_calls: [{ id: "toolu_s", name: tool_choice.name, arguments: { city: "Bergen", people: 290000 } }] } });
        const { message, finish_reason } = stream
          ? (await client.chat.completions.stream(ask("which city?", { response_format: format })).finalChatCompletion()).choices[0]
          : (await client.chat.completions.create(ask("which city?", { response_format: format }))).choices[0];
        assert.deepEqual(JSON.parse(message.content), { city: "Bergen", people: 290000 });
        assert.equal(message.tool_calls?.length ?? 0, 0);
        assert.equal(finish_reason, "stop");
      });
    }
  });

  describe("errors", () => {
    const fails = async (kind, more = {}, body = ask("hi"), who = client) => {
      const error = await who.chat.completions.create({ ...body, ...more }).then(() => assert.fail("it must fail"), (e) => e);
      assert.ok(error instanceof kind, `${kind.name} expected, got ${error?.constructor?.name}: ${error?.message}`);
      return error;
    };

    for (const stream of [false, true]) {
      test(`429 ${stream ? "before a stream" : ""}`, async () => {
        await fake.script({ status: 429, headers: { "retry-after": "7" }, error: { type: "rate_limit_error", message: "slow down" } });
        const error = await fails(OpenAI.RateLimitError, { stream });
        assert.equal(error.status, 429);
        assert.equal(error.headers.get("retry-after"), "7");
        assert.match(error.message, /slow down/);
        assert.ok(error.type, "the error has a type");
        assert.equal((await fake.requests()).length, 1);
      });
    }

    test("429, then the SDK's own retry succeeds", async () => {
      await fake.script({ times: 1, status: 429, headers: { "retry-after": "1" }, error: { type: "rate_limit_error", message: "slow down" } });
      const begun = Date.now();
      const answer = await at("old", { maxRetries: 1 }).chat.completions.create(ask("again"));
      assert.equal(answer.choices[0].message.content, "You said: again");
      assert.ok(Date.now() - begun >= 900, "it waited as retry-after says");
    });

    test("401 of the provider", async () => {
      await fake.script({ status: 401, error: { type: "authentication_error", message: "invalid x-api-key" } });
      const error = await fails(OpenAI.AuthenticationError);
      assert.equal(error.status, 401);
      assert.match(error.message, /invalid x-api-key/);
    });

    test("no credential anywhere: 401 that names the secret", async () => {
      const error = await fails(OpenAI.AuthenticationError, {}, ask("hi"), at("keyless", { defaultHeaders: { Authorization: null } }));
      assert.match(error.message, /there-is-none/);
      assert.equal((await fake.requests()).length, 0);
    });

    test("the caller's own credential where the backend's is missing", async () => {
      await at("keyless").chat.completions.create(ask("hi"));
      assert.equal((await fake.last()).headers["x-api-key"], "sk-client-own");
    });

    test("529", async () => {
      await fake.script({ status: 529, error: { type: "overloaded_error", message: "Overloaded" } });
      const error = await fails(OpenAI.InternalServerError);
      assert.ok(error.status >= 500, `status ${error.status}`);
      assert.match(error.message, /[Oo]verloaded/);
    });

    test("400 of the provider, and 400 of the gateway", async () => {
      await fake.script({ status: 400, error: { type: "invalid_request_error", message: "max_tokens: too many" } });
      assert.match((await fails(OpenAI.BadRequestError)).message, /max_tokens: too many/);
      await fake.script();
      const error = await fails(OpenAI.BadRequestError, { n: 3 });
      assert.match(error.message, /\bn\b/);
      assert.equal((await fake.requests()).length, 0, "refused before it went upstream");
    });

    test("404", async () => {
      await fails(OpenAI.NotFoundError, {}, ask("hi"), at("nowhere"));
    });

    test("the upstream resets before its answer", async () => {
      await fake.script({ fault: "reset" });
      const error = await fails(OpenAI.InternalServerError);
      assert.ok([502, 503].includes(error.status), `status ${error.status}`);
    });
  });

  for (const after_events of [3, 4, 5, 6]) {
    test(`an upstream cut after ${after_events} events raises`, async () => {
      await fake.script({ fault: "cut", after_events, reply: { text: "a text that has quite some pieces to be cut in the middle of" } });
      let got = "";
      await assert.rejects(async () => {
        for await (const chunk of await client.chat.completions.create(ask("hi", { stream: true }))) got += chunk.choices[0]?.delta.content ?? "";
      }, (error) => error instanceof Error && !(error instanceof assert.AssertionError), `it ended cleanly after ${JSON.stringify(got)}`);
      if (after_events > 4) assert.ok(got.length > 0, "what came before the cut is delivered");
    });
  }

  test("an error event in the middle of the upstream's stream raises", async () => {
    const event = (type, body) => `event: ${type}\ndata: ${JSON.stringify({ type, ...body })}\n\n`;
    await fake.script({
      status: 200, content_type: "text/event-stream",
      raw: event("message_start", { message: { id: "msg_1", type: "message", role: "assistant", model: OLD, content: [], usage: { input_tokens: 3, output_tokens: 1 } } })
        + event("content_block_start", { index: 0, content_block: { type: "text", text: "" } })
        + event("content_block_delta", { index: 0, delta: { type: "text_delta", text: "so far" } })
        + event("error", { error: { type: "overloaded_error", message: "Overloaded" } }),
    });
    let got = "";
    await assert.rejects(async () => {
      for await (const chunk of await client.chat.completions.create(ask("hi", { stream: true }))) got += chunk.choices[0]?.delta.content ?? "";
    }, /[Oo]verloaded/);
    assert.equal(got, "so far");
  });

  test("a client that aborts a stream cancels the upstream", async () => {
    await fake.script({ chunk_delay_ms: 100, reply: { text: "long ".repeat(400) } });
    const stream = await client.chat.completions.create(ask("hi", { stream: true }));
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break; // leaving the loop aborts
    const entry = await waitUntil(async () => { const r = await fake.last(); return r.aborted && r; }, "the upstream call to be aborted", 3000);
    assert.equal(entry.finished, false);
  });

  test("a client that aborts while it waits cancels the upstream", async () => {
    // An upstream that never answers, and sees when the gateway leaves.
    const sockets = { asked: 0, closed: 0 };
    const upstream = http.createServer((request, response) => {
      sockets.asked += 1;
      response.once("close", () => { sockets.closed += 1; });
      request.resume();
    });
    await new Promise((done) => upstream.listen(0, "127.0.0.1", done));
    try {
      await server.apply([anthropic("lab", "silent", OLD, "llm-key", { host: "127.0.0.1", port: upstream.address().port }), route("lab", "silent", "gw", "/silent", "silent")]);
      for (const stream of [false, true]) {
        sockets.asked = sockets.closed = 0;
        const controller = new AbortController();
        let call;
        await waitUntil(async () => {
          call ??= at("silent").chat.completions.create(ask("hi", { stream }), { signal: controller.signal });
          const early = await Promise.race([call.then(() => "answer", (e) => e), new Promise((done) => setTimeout(done, 50))]);
          if (early) call = undefined; // 404: the route is not live yet
          return sockets.asked === 1;
        }, "the request upstream");
        controller.abort();
        await assert.rejects(call, OpenAI.APIUserAbortError);
        await waitUntil(() => sockets.closed === 1, "the upstream call to be closed", 3000);
      }
    } finally {
      upstream.closeAllConnections();
      upstream.close();
    }
  });

  describe("fake-llm itself", () => {
    const pending = async (rule) => {
      const other = await FakeLlm.start();
      await other.script(rule);
      const controller = new AbortController();
      const direct = new OpenAI({ apiKey: "k", baseURL: `${other.url}/v1`, maxRetries: 0 });
      const call = direct.chat.completions.create(ask("hi"), { signal: controller.signal }).catch((e) => e);
      await waitUntil(async () => (await other.requests()).length === 1, "the request");
      return { other, call, leave: () => controller.abort() };
    };
    for (const [name, rule] of [["hang", { fault: "hang" }], ["a delay", { delay_ms: 60_000 }]]) {
      test(`${name}: a client that leaves is noted`, async () => {
        const { other, call, leave } = await pending(rule);
        leave();
        await call;
        try {
          await waitUntil(async () => (await other.last()).aborted, "aborted: true", 3000);
        } finally {
          await other.process.end("SIGKILL");
        }
      });
      test(`${name}: SIGTERM ends it with 0`, async () => {
        const { other, call } = await pending(rule);
        await other.stop();
        await call;
      });
    }
  });

  test("200 calls, 20 at once, half of them streamed", async () => {
    await within(60_000, Promise.all(Array.from({ length: 20 }, async (_, lane) => {
      for (let i = 0; i < 10; i++) {
        const words = `lane ${lane} call ${i}`;
        const said = i % 2
          ? textOf(await collect(await client.chat.completions.create(ask(words, { stream: true }))))
          : (await client.chat.completions.create(ask(words))).choices[0].message.content;
        assert.equal(said, `You said: ${words}`);
      }
    })), "200 calls");
  });

  test("no key in the log", () => {
    for (const key of [KEY, "sk-client-own"]) assert.ok(!server.stderr().includes(key), `${key} is in the log`);
  });
});

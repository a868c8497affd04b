// npm's openai against the server that run.sh has started.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const require = createRequire(`${process.env.ORRERY_CLIENT_MODULES}/package.json`);
const { default: OpenAI, BadRequestError, NotFoundError, AuthenticationError, RateLimitError, APIUserAbortError } = require("openai");

const base = process.env.ORRERY_BASE_URL;
const key = process.env.ORRERY_KEY;
const options = { baseURL: `${base}/v1`, maxRetries: 0, timeout: 300_000 };
const client = new OpenAI({ ...options, apiKey: key });
const messages = [{ role: "user", content: "What is the capital of France?" }];
const paris = "The capital of France is Paris."; // at temperature 0
const ask = (fields) => client.chat.completions.create({ model: "smollm2", messages, max_tokens: 20, temperature: 0, ...fields });
const long = { model: "smollm2", messages, max_tokens: 900, ignore_eos: true };
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string", maxLength: 20 } }, required: ["city"], additionalProperties: false },
  },
};

async function running() {
  const text = await (await fetch(`${base}/metrics`, { headers: { Authorization: `Bearer ${key}` } })).text();
  const counts = text.matchAll(/^vllm:num_requests_(?:running|waiting)\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, match) => sum + Number(match[1]), 0);
}

async function comesTo(count) {
  for (let i = 0; i < 600; ++i) {
    if ((await running()) === count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`never ${count} requests running`);
}

test("answers", async () => {
  const answer = await ask();
  assert.equal(answer.choices[0].message.content, paris);
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.completion_tokens, 8);
  assert.match(answer._request_id, /^req-/);
});

test("streams", async () => {
  let text = "", usage;
  for await (const chunk of await ask({ stream: true, stream_options: { include_usage: true } })) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, paris);
  assert.equal(usage.completion_tokens, 8);
});

test("streams through the helper", async () => {
  let deltas = "";
  const stream = client.chat.completions.stream({ model: "smollm2", messages, max_tokens: 20, temperature: 0 });
  stream.on("content", (delta) => { deltas += delta; });
  assert.equal(await stream.finalContent(), paris);
  assert.equal(deltas, paris);
});

test("calls tools, whole and streamed, and takes the result back", async () => {
  const question = [{ role: "user", content: "What is the weather in Paris?" }];
  const must = { messages: question, tools: [weather], tool_choice: "required", parallel_tool_calls: false, max_tokens: 100 };
  const { message, finish_reason } = (await ask(must)).choices[0];
  assert.equal(finish_reason, "tool_calls");
  assert.equal(message.tool_calls[0].function.name, "get_weather");
  assert.equal(typeof JSON.parse(message.tool_calls[0].function.arguments).city, "string");
  const stream = client.chat.completions.stream({ model: "smollm2", temperature: 0, ...must });
  const streamed = (await stream.finalChatCompletion()).choices[0].message;
  assert.deepEqual(streamed.tool_calls.map((call) => call.function.arguments), message.tool_calls.map((call) => call.function.arguments));
  const result = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "sunny, 21 degrees" };
  const answer = await ask({ messages: [...question, message, result], tools: [weather] });
  assert.ok(answer.usage.completion_tokens > 1);
});

test("runs tools by itself", async () => {
  const asked = [];
  const runnable = { ...weather, function: { ...weather.function, parse: JSON.parse, function: ({ city }) => { asked.push(city); return "sunny"; } } };
  const runner = client.chat.completions.runTools(
    { model: "smollm2", temperature: 0, max_tokens: 100, messages: [{ role: "user", content: "What is the weather in Paris?" }],
      tools: [runnable], tool_choice: { type: "function", function: { name: "get_weather" } }, parallel_tool_calls: false });
  await runner.done();
  assert.equal(asked.length, 1);
  assert.equal(typeof asked[0], "string");
});

test("follows a schema", async () => {
  const schema = { type: "object", properties: { age: { type: "integer", minimum: 0, maximum: 150 } }, required: ["age"], additionalProperties: false };
  const answer = await client.chat.completions.parse(
    { model: "smollm2", messages, max_tokens: 60, response_format: { type: "json_schema", json_schema: { name: "person", strict: true, schema } } });
  assert.ok(Number.isInteger(answer.choices[0].message.parsed.age));
});

test("errors are the client's classes", async () => {
  await assert.rejects(ask({ temperature: -1 }), (error) => error instanceof BadRequestError && error.param === "temperature");
  await assert.rejects(ask({ model: "gpt-9" }), (error) => error instanceof NotFoundError && error.code === "model_not_found");
  await assert.rejects(new OpenAI({ ...options, apiKey: "sk-wrong" }).models.list(), AuthenticationError);
  const short = new OpenAI({ ...options, apiKey: process.env.ORRERY_SHORT_KEY });
  await assert.rejects(async () => { for (let i = 0; i < 10; ++i) await short.models.list(); }, RateLimitError);
});

test("an answer is aborted, whole and streamed", async () => {
  for (const stream of [false, true]) {
    const controller = new AbortController();
    const asked = (async () => {
      const answer = await client.chat.completions.create({ ...long, stream }, { signal: controller.signal });
      if (stream) for await (const _ of answer); // ends early, without an error
    })();
    asked.catch(() => {});
    await comesTo(1);
    controller.abort();
    if (!stream) await assert.rejects(asked, APIUserAbortError);
    await comesTo(0);
  }
  for await (const chunk of await client.chat.completions.create({ ...long, stream: true })) {
    assert.equal(chunk.choices[0].finish_reason, null);
    break; // the client lets go
  }
  await comesTo(0);
});

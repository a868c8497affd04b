// A stand-in for the server's API, for work on the studio and for its browser tests. Plain node, nothing stored but in memory.
//
//   node web/dev/server.mjs [--port 8080] [--files build/web/files] [--key SECRET] [--pace MS]
//
// Prints its address as the first line. It answers by echo; what a question begins with makes it do something else:
//   "slow …"          one word every 80 ms          "say:TEXT"      exactly TEXT
//   "error N …"       HTTP status N                 "break …"       stops in mid-answer, until POST /dev/break
//   "fail once …"     503 the first time            "words N"       N words
// POST /dev/outage {"on": true} makes every call of the studio's store fail until it is switched off; POST /dev/break cuts the connections off.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { break_off, chat } from "./chat.mjs";
import { Refusal } from "./refusal.mjs";
import { Store } from "./store.mjs";

const option = (name, other) => (process.argv.includes("--" + name) ? process.argv[process.argv.indexOf("--" + name) + 1] : other);
const files = option("files", join(fileURLToPath(new URL(".", import.meta.url)), "../../build/web/files"));
const key = option("key", null);
const pace = Number(option("pace", "4"));
const store = new Store();
let outage = false;

const kTypes = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8" };
const kPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const info = {
  version: "0.1.0-dev",
  models: [
    { id: "echo", loaded: true, context: 4096, sees_pictures: false },
    { id: "echo-loud", loaded: false, context: 8192, sees_pictures: false },
    { id: "echo-eyes", loaded: false, context: null, sees_pictures: true },
  ],
  adapters: [],
  limits: { body_bytes: 8 << 20, image_bytes: 1 << 20 },
};

async function body_of(request) {
  const pieces = [];
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > info.limits.body_bytes) throw new Refusal(413, "the body is too large");
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

async function json_of(request) {
  const type = request.headers["content-type"] ?? "";
  if (!type.startsWith("application/json")) throw new Refusal(415, "Content-Type must be application/json");
  try {
    return JSON.parse((await body_of(request)).toString("utf8"));
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal(400, "the body is no JSON");
  }
}

function send(response, status, value, headers = {}) {
  const text = value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(text);
}

/** A stand-in for the reader of documents: text as it is; of a PDF, the strings that it shows. */
function read_document(name, bytes) {
  if (!bytes.length) throw new Refusal(422, `${name} is empty`);
  if (bytes.subarray(0, 5).toString("latin1") === "%PDF-") {
    const shown = [...bytes.toString("latin1").matchAll(/\(((?:[^()\\]|\\.)*)\)\s*Tj/g)].map((match) => match[1]);
    if (!shown.length) throw new Refusal(422, `${name} holds no text, only pictures of pages`);
    const pages = shown.map((text, index) => ({ number: index + 1, text }));
    return { name, pages, text: pages.map((page) => `[${name}, page ${page.number}]\n${page.text}`).join("\n\n"), warning: null };
  }
  if (bytes.includes(0)) throw new Refusal(415, `${name} is neither text nor a PDF`);
  const text = bytes.toString("utf8");
  return { name, pages: [{ number: 1, text }], text, warning: null };
}

async function studio_api(request, response, url) {
  const [, , , section, id, part, message] = url.pathname.split("/").map(decodeURIComponent);
  const { method } = request;
  const query = url.searchParams;
  if (section === "info" && method === "GET") return send(response, 200, info);
  if (outage) throw new Refusal(503, "the database does not answer");
  if (section === "files" && method === "POST") return send(response, 200, read_document(query.get("name") ?? "file", await body_of(request)));
  if (section === "preferences.jsonl" && method === "GET") {
    return send(response, 200, store.preferences_jsonl(), { "Content-Type": "application/jsonl", "Content-Disposition": 'attachment; filename="preferences.jsonl"' });
  }
  if (section === "preferences") {
    if (method === "GET") return send(response, 200, store.list_preferences(Number(query.get("limit") ?? 50)));
    if (method === "POST") return send(response, 201, store.add_preference(await json_of(request)));
    if (method === "DELETE") return send(response, 204, store.remove_preference(id));
  }
  if (section === "conversations") {
    if (!id && method === "GET") return send(response, 200, store.list(query.get("query") ?? "", Number(query.get("limit") ?? 50), Number(query.get("before") ?? Infinity)));
    if (!id && method === "POST") return send(response, 201, store.create(await json_of(request)));
    if (part === "messages" && method === "PUT") return send(response, 200, store.put_message(id, message, await json_of(request)));
    if (part === "export" && method === "GET") return send(response, 200, store.get(id), { "Content-Disposition": `attachment; filename="conversation-${id}.json"` });
    if (!part && method === "GET") return send(response, 200, store.get(id));
    if (!part && method === "PATCH") return send(response, 200, store.patch(id, await json_of(request)));
    if (!part && method === "DELETE") return send(response, 204, store.remove(id));
  }
  throw new Refusal(404, `there is no ${method} ${url.pathname}`);
}

async function file(response, path) {
  const name = path === "/" ? "index.html" : normalize(path).replace(/^(\.\.[/\\])+/, "");
  try {
    const bytes = await readFile(join(files, name));
    response.writeHead(200, { "Content-Type": kTypes[extname(name)] ?? "application/octet-stream", "Content-Security-Policy": kPolicy, "X-Content-Type-Options": "nosniff" });
    response.end(bytes);
  } catch {
    throw new Refusal(404, `there is no ${path}`);
  }
}

async function handle(request, response) {
  const url = new URL(request.url, "http://localhost");
  try {
    if (url.pathname === "/dev/outage") {
      outage = (await json_of(request)).on;
      return send(response, 200, {});
    }
    if (url.pathname === "/dev/break") {
      break_off();
      return send(response, 200, {});
    }
    const api = url.pathname.startsWith("/api/") || url.pathname.startsWith("/v1/");
    if (api && key !== null && request.headers.authorization !== "Bearer " + key) throw new Refusal(401, "an API key is needed");
    const { origin } = request.headers;
    if (api && request.method !== "GET" && origin && new URL(origin).host !== request.headers.host) throw new Refusal(403, "another site's page may not do this");
    if (url.pathname === "/v1/chat/completions" && request.method === "POST") return await chat(await json_of(request), request, response, pace);
    if (url.pathname.startsWith("/api/studio/")) return await studio_api(request, response, url);
    return await file(response, url.pathname);
  } catch (error) {
    const status = error.status ?? 500;
    if (response.headersSent) return response.destroy();
    send(response, status, { error: { message: error.message, type: status < 500 ? "invalid_request_error" : "server_error", param: null, code: null } }, error.headers);
  }
}

const server = createServer((request, response) => void handle(request, response));
server.listen(Number(option("port", "8080")), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));

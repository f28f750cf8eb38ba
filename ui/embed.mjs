// Writes the built page as one assembly file and one table, for linking into the binary. Usage: node embed.mjs DIST OUT
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { gzipSync } from "node:zlib";

const [dist, out] = [process.argv[2] ?? "dist", process.argv[3] ?? "dist-embed"];
const types = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml", json: "application/json", woff2: "font/woff2" };
const files = [];
const walk = (dir) => {
  for (const name of readdirSync(dir).sort()) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) walk(path);
    else files.push(path);
  }
};
walk(dist);
mkdirSync(out, { recursive: true });
let asm = "  .section .rodata\n", table = "", extern = "";
files.forEach((path, i) => {
  const raw = readFileSync(path);
  const packed = join(out, `asset${i}.gz`);
  const plain = join(out, `asset${i}`);
  writeFileSync(packed, gzipSync(raw, { level: 9 }));
  writeFileSync(plain, raw);
  const etag = createHash("sha256").update(raw).digest("hex").slice(0, 16);
  const type = types[path.split(".").pop()] ?? "application/octet-stream";
  const places = ["begin", "middle", "end"].map((at) => `sl_asset${i}_${at}`);
  const [begin, middle, end] = places;
  asm += places.map((name) => `  .global ${name}\n`).join("");
  asm += `${begin}:\n  .incbin "${packed}"\n${middle}:\n  .incbin "${plain}"\n${end}:\n`;
  extern += `extern "C" const char ${places.map((name) => `${name}[]`).join(", ")};\n`;
  table += `      {"/${relative(dist, path)}", "${type}", bytes(${begin}, ${middle}), bytes(${middle}, ${end}), "${etag}"},\n`;
});
asm += '  .section .note.GNU-stack,"",@progbits\n';
writeFileSync(join(out, "assets.S"), asm);
writeFileSync(join(out, "assets.cc"), `// Made by ui/embed.mjs.
#include "app/rest/assets.h"

${extern}
namespace sl::rest {

static std::string_view bytes(const char* begin, const char* end) { return {begin, static_cast<size_t>(end - begin)}; }

const std::vector<Asset>& assets() {
  static const std::vector<Asset> all = {
${table}  };
  return all;
}

}  // namespace sl::rest
`);

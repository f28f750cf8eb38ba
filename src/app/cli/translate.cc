// `sightline translate`: the gateway's translation on standard input and output.
#include <unistd.h>

#include <fmt/format.h>

#include "app/cli/verbs.h"
#include "llm/exchange/exchange.h"

namespace sl::cli {
namespace {

struct Options {
  std::string from, to, model;
  bool response = false, stream = false;
};

int usage(const std::string& message) {
  fmt::print(stderr, "sightline: {}\n", message);
  return 2;
}

void write_out(std::string_view text) {
  while (!text.empty()) {
    ssize_t n = ::write(1, text.data(), text.size());
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

void name_dropped(const llm::Exchange& call) {
  for (auto& field : call.dropped()) fmt::print(stderr, "dropped: {}\n", field);
}

int translate_stream(llm::Exchange& call) {
  char buffer[65536];
  std::string out;
  for (ssize_t n; (n = ::read(0, buffer, sizeof buffer)) > 0;) {
    call.feed({buffer, static_cast<size_t>(n)}, out);
    write_out(out);
    out.clear();
  }
  bool whole = call.finish(out);
  write_out(out);
  name_dropped(call);
  if (!whole) fmt::print(stderr, "sightline: the stream was cut, broken or ended in an error\n");
  return whole ? 0 : 1;
}

int run(const Options& o) {
  auto* dialect = llm::find_dialect(o.from);
  if (!dialect)
    return usage(fmt::format("--from {} --to {}: unknown format {}; known are: openai-chat", o.from, o.to, o.from));
  auto* provider = llm::find_provider(o.to);
  if (!provider) {
    std::string names;
    for (auto* p : llm::all_providers()) names += (names.empty() ? "" : ", ") + std::string(p->name());
    return usage(fmt::format("--from {} --to {}: unknown provider {}; known are: {}", o.from, o.to, o.to, names));
  }
  llm::Exchange call(*dialect, *provider);
  if (!o.response) {
    auto out = call.request(read_stdin(), o.model);
    if (!out) return report(out.error());
    write_out(*out + (call.pass_through() ? "" : "\n"));
    name_dropped(call);
    return 0;
  }
  call.assume(o.model, o.stream, true);
  if (o.stream) return translate_stream(call);
  std::string in = read_stdin();
  auto parsed = json::parse(in);
  if (!parsed) return report(parsed.error());
  bool error = json::find(*parsed, "error") != nullptr;
  int status = 0;
  auto out = error ? Result<std::string>(call.error_response(&status, in)) : call.response(in);
  if (!out) return report(out.error());
  write_out(*out + (call.pass_through() ? "" : "\n"));
  name_dropped(call);
  return 0;
}

}  // namespace

void add_translate(CLI::App& app, int* exit) {
  auto* verb =
      app.add_subcommand("translate", "Translate a model request or answer from standard input to standard output");
  auto o = std::make_shared<Options>();
  verb->add_option("--from", o->from, "The client's format: openai-chat")->required();
  verb->add_option("--to", o->to, "The provider: anthropic, openai")->required();
  verb->add_flag("--response", o->response, "Translate the provider's answer to the client's form");
  verb->add_flag("--stream", o->stream, "The answer is a stream");
  verb->add_option("--model", o->model, "Model used whatever the request says");
  verb->callback([=] { *exit = run(*o); });
}

}  // namespace sl::cli

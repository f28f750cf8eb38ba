#include <fmt/format.h>
#include <unistd.h>

#include "app/cli/verbs.h"
#include "app/fake_llm/fake_llm.h"
#include "json/yaml.h"
#include "net/loop/loop.h"
#include "net/tls/context.h"

namespace sl::cli {
namespace {

struct Options {
  std::string listen = "127.0.0.1:0", script, ca_out;
  bool tls = false;
};

Result<int> run(const Options& o) {
  block_signals();
  net::Loop loop("fake-llm");
  fake::FakeLlm fake(loop);
  if (!o.script.empty()) {
    SL_TRY(text, read_file(o.script));
    SL_TRY(documents, json::parse_yaml(text));
    if (!documents.empty()) SL_CHECK(fake.set_script(documents[0].value));
  }
  std::shared_ptr<net::asio::ssl::context> tls;
  if (o.tls) {
    SL_TRY(ca, net::make_ca("sightline fake-llm CA"));
    SL_TRY(leaf, net::make_leaf(ca, "api.anthropic.com",
                                {"api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com",
                                 "localhost", "127.0.0.1"}));
    SL_TRY(context, net::make_server_context(leaf));
    tls = context;
    if (!o.ca_out.empty()) SL_CHECK(write_file(o.ca_out, ca.certificate));
  }
  net::HttpServer server(loop, tls, fake.handler());
  SL_TRY(address, server.listen(o.listen));
  loop.start();
  fmt::print("listening on {}://{}\nready\n", o.tls ? "https" : "http", address);
  std::fflush(stdout);
  wait_for_signal();
  server.close();
  loop.stop();
  loop.join();
  std::fflush(nullptr);
  _exit(0);  // frames of requests that hang are not taken apart
}

}  // namespace

void add_fake_llm(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("fake-llm",
                                  "A scripted model provider: OpenAI, Anthropic and Gemini formats, streaming, faults");
  auto o = std::make_shared<Options>();
  verb->add_option("--listen", o->listen, "Address, port 0 picks one")->capture_default_str();
  verb->add_flag("--tls", o->tls,
                 "Serve TLS as api.anthropic.com, api.openai.com, generativelanguage.googleapis.com, localhost");
  verb->add_option("--ca-out", o->ca_out, "Write the CA certificate of --tls here");
  verb->add_option("--script", o->script, "YAML or JSON list of rules (docs/guides/fake-llm.md)");
  verb->callback([=] {
    auto done = run(*o);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

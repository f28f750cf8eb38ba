#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/client.h"
#include "app/cli/verbs.h"

namespace sl::cli {

void add_kubeconfig(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("kubeconfig", "Print a kubeconfig for the embedded API");
  auto where = std::make_shared<Where>();
  add_where(verb, where);
  verb->callback([=] {
    auto text = Client(*where).kubeconfig_text();
    if (text) fmt::print("{}", *text);
    *exit = text ? 0 : report(text.error());
  });
}

void add_config_dump(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("config-dump", "Print the data plane's configuration, credentials redacted");
  auto where = std::make_shared<Where>();
  add_where(verb, where);
  verb->callback([=] {
    Client client(*where);
    auto base = client.endpoint("admin");
    net::ClientRequest r;
    if (base) r.url = *base + "/config_dump";
    auto answer = base ? client.http(std::move(r)) : Result<net::ClientAnswer>(fail(base.error()));
    if (answer) fmt::print("{}", answer->body);
    *exit = answer ? 0 : report(answer.error());
  });
}

}  // namespace sl::cli

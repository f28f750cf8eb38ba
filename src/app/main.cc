// sightline: one program; what it does is chosen by the first argument.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <system_error>

#include "app/cli/verbs.h"

// Output that is lost must not look like success. Who closed the pipe wants no more.
static int not_written(int error, const char* words) {
  if (error != EPIPE) std::fprintf(stderr, "sightline: %s\n", words);
  return 1;
}

int main(int argc, char** argv) {
  CLI::App app{"Sightline: a line of sight over everything that AI agents do on the network"};
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);
  int exit = 0;
  using namespace sl::cli;
  for (auto add : {add_up, add_gateway, add_kubeconfig, add_resources, add_invoke, add_traffic, add_explain, add_route,
                   add_translate, add_validate, add_fake_llm, add_config_dump, add_completion, add_version})
    add(app, &exit);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    int code = app.exit(e);
    exit = code == 0 ? 0 : 2;
  } catch (const std::system_error& e) {  // of printing, mostly
    return not_written(e.code().value(), e.what());
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return not_written(errno, (std::string("the output cannot be written: ") + std::strerror(errno)).c_str());
  return exit;
}

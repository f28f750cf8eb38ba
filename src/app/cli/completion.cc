#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/verbs.h"

namespace sl::cli {
namespace {

// "name:option option ..." for every subcommand, from the parser itself.
std::vector<std::pair<std::string, std::string>> verbs_of(const CLI::App& app) {
  std::vector<std::pair<std::string, std::string>> out;
  for (auto* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    std::string options;
    for (auto* o : sub->get_options())
      for (auto& name : o->get_lnames()) options += (options.empty() ? "--" : " --") + name;
    out.emplace_back(sub->get_name(), options);
  }
  return out;
}

std::string bash(const CLI::App& app) {
  std::string names, cases;
  for (auto& [name, options] : verbs_of(app)) {
    names += (names.empty() ? "" : " ") + name;
    cases += fmt::format("    {}) words=\"{}\" ;;\n", name, options);
  }
  return fmt::format(
      "_sightline() {{\n  local cur=${{COMP_WORDS[COMP_CWORD]}} words=\"{}\"\n  if [ \"$COMP_CWORD\" -gt 1 ]; then\n   "
      " case ${{COMP_WORDS[1]}} in\n{}    esac\n  fi\n"
      "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n  [[ $cur == -* || $COMP_CWORD -eq 1 ]] || "
      "COMPREPLY+=($(compgen -f -- \"$cur\"))\n}}\ncomplete -F _sightline sightline\n",
      names, cases);
}

std::string fish(const CLI::App& app) {
  std::string out;
  for (auto& [name, options] : verbs_of(app)) {
    out += fmt::format("complete -c sightline -n __fish_use_subcommand -a {}\n", name);
    size_t start = 0;
    while (start < options.size()) {
      size_t end = std::min(options.find(' ', start), options.size());
      out += fmt::format("complete -c sightline -n '__fish_seen_subcommand_from {}' -l {}\n", name,
                         options.substr(start + 2, end - start - 2));
      start = end + 1;
    }
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("completion", "Print a completion script for bash, zsh or fish");
  auto shell = std::make_shared<std::string>();
  verb->add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  verb->callback([=, &app] {
    if (*shell == "fish")
      fmt::print("{}", fish(app));
    else if (*shell == "zsh")
      fmt::print("autoload -U +X bashcompinit && bashcompinit\n{}", bash(app));
    else
      fmt::print("{}", bash(app));
    *exit = 0;
  });
}

}  // namespace sl::cli

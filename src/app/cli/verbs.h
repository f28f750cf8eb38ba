// The command line's verbs: each registers its subcommand and sets *exit when it ran.
// Exit codes: 0 done, 1 failed (the cause on standard error), 2 usage. Who calls: main.cc. Thread: main.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/error.h"

namespace sl::cli {

void add_up(CLI::App& app, int* exit);
void add_gateway(CLI::App& app, int* exit);
void add_kubeconfig(CLI::App& app, int* exit);
void add_resources(CLI::App& app, int* exit);  // apply get describe delete logs
void add_invoke(CLI::App& app, int* exit);
void add_traffic(CLI::App& app, int* exit);
void add_explain(CLI::App& app, int* exit);
void add_route(CLI::App& app, int* exit);
void add_translate(CLI::App& app, int* exit);
void add_validate(CLI::App& app, int* exit);
void add_fake_llm(CLI::App& app, int* exit);
void add_config_dump(CLI::App& app, int* exit);
void add_completion(CLI::App& app, int* exit);
void add_version(CLI::App& app, int* exit);

// Prints "sightline: MESSAGE" and returns 1.
int report(const Error& error);
// Standard input to its end.
std::string read_stdin();
Result<std::string> read_file(const std::string& path);
// Nothing is written where the file says so already.
Result<void> write_file(const std::string& path, const std::string& text, int mode = 0644);
// Blocks SIGTERM and SIGINT for every thread made afterwards; then waits for one of them.
void block_signals();
void wait_for_signal();

}  // namespace sl::cli

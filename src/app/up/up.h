// `sightline up`: control plane, gateway, agents and page in one process. The composition root: the only place that
// knows both planes. Who calls: cli/up.cc. Thread: the main thread.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace sl::up {

struct Options {
  std::string state_dir;
  std::string api = "127.0.0.1:6443", ui = "127.0.0.1:8083", admin = "127.0.0.1:15000", metrics = "127.0.0.1:15020",
              ready = "127.0.0.1:15021";
  std::string listen_host = "127.0.0.1";
  std::string upstream_ca;
  std::vector<std::string> resolve, manifests;
  size_t workers = 2;
  int64_t drain_ms = 10'000;       // for tasks and requests under way, when it is told to stop
  int64_t keep_alive_ms = 15'000;  // between comments on quiet A2A streams
};

// Serves until SIGTERM or SIGINT. Prints what it serves and the line `ready`.
Result<void> run(const Options& options);

}  // namespace sl::up

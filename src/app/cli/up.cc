#include "app/up/up.h"

#include <algorithm>
#include <thread>

#include "app/cli/verbs.h"

namespace sl::cli {

void add_up(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("up", "Everything in one process: API, gateway, agents and page");
  auto o = std::make_shared<up::Options>();
  o->workers = std::max(1u, std::min(4u, std::thread::hardware_concurrency()));
  verb->add_option("--state-dir", o->state_dir, "Where state is kept; default $XDG_STATE_HOME/sightline");
  verb->add_option("--api", o->api, "Kubernetes API address")->capture_default_str();
  verb->add_option("--ui", o->ui, "Page, REST and A2A address")->capture_default_str();
  verb->add_option("--admin", o->admin, "Admin address: /config_dump")->capture_default_str();
  verb->add_option("--metrics", o->metrics, "Metrics address: /metrics")->capture_default_str();
  verb->add_option("--ready", o->ready, "Readiness address: /healthz/ready")->capture_default_str();
  verb->add_option("--listen-host", o->listen_host, "Address that Gateways bind and report")->capture_default_str();
  verb->add_option("-f,--filename", o->manifests, "Manifests to apply at start; repeatable");
  verb->add_option("--resolve", o->resolve, "HOST:PORT:ADDR[:PORT2], as curl; repeatable");
  verb->add_option("--upstream-ca", o->upstream_ca, "PEM file of further trusted roots");
  verb->add_option("--keep-alive-ms", o->keep_alive_ms, "Between comments on quiet A2A streams; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 3'600'000));
  verb->add_option("--drain-ms", o->drain_ms, "How long tasks and requests under way may go on after SIGTERM")
      ->capture_default_str()
      ->check(CLI::Range(0, 3'600'000));
  verb->add_option("--workers", o->workers, "Data plane threads")->capture_default_str()->check(CLI::Range(1, 64));
  verb->callback([=] {
    auto done = up::run(*o);
    *exit = done ? 0 : report(done.error());
  });
}

}  // namespace sl::cli

// `sightline gateway --config FILE`: the data plane alone, reloaded when the file changes.
#include <sys/stat.h>

#include <fmt/format.h>

#include "app/cli/verbs.h"
#include "app/up/side_servers.h"
#include "base/log.h"
#include "json/yaml.h"
#include "net/tls/context.h"
#include "observe/pipeline/recorder.h"
#include "proxy/data_plane.h"

namespace sl::cli {
namespace {

struct Options {
  std::string config, upstream_ca, access_log;
  up::SideServers::Addresses side;
  std::vector<std::string> resolve;
  size_t workers = std::max(1u, std::min(4u, std::thread::hardware_concurrency()));
};

Result<route::RouteSpec> load(const std::string& path) {
  SL_TRY(text, read_file(path));
  SL_TRY(documents, json::parse_yaml(text));
  if (documents.size() != 1) return fail(Code::InvalidArgument, fmt::format("{} must hold one document", path));
  auto spec = json::decode<route::RouteSpec>(documents[0].value);
  if (!spec) return fail(with_context(spec.error(), path));
  return spec;
}

Result<void> publish(proxy::DataPlane& plane, const std::string& path, Log& log) {
  SL_TRY(spec, load(path));
  SL_CHECK(plane.publish(std::move(spec)));
  for (auto& problem : plane.snapshot()->problems()) log.warn("{}", problem);
  for (auto& [bind, why] : plane.failed()) log.error("{}", why);
  return {};
}

int64_t modified_ns(const std::string& path) {
  struct stat st{};
  if (stat(path.c_str(), &st) != 0) return 0;
  return st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec;
}

// Watches the file for as long as the data plane serves; what is live was read when it was `seen`.
void reload_on_change(proxy::DataPlane& plane, const std::string& path, int64_t seen, Log& log,
                      const std::atomic<bool>& stop) {
  while (!stop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    int64_t now = modified_ns(path);
    if (!now || now == seen) continue;
    seen = now;
    auto ok = publish(plane, path, log);
    if (ok)
      log.info("configuration generation {} is live", plane.generation());
    else
      log.error("configuration not changed: {}", ok.error().message);
  }
}

Result<int> run(const Options& o) {
  block_signals();
  LogHub logs;
  Log log = logs.log("gateway");
  proxy::WorkerOptions options;
  SL_TRY(tls, net::make_client_context(o.upstream_ca));
  options.upstream_tls = tls;
  for (auto& text : o.resolve) {
    SL_TRY(parsed, net::parse_resolve_override(text));
    options.overrides.push_back(std::move(parsed));
  }
  observe::Recorder recorder(logs, nullptr, [](const std::string&) { return "gateway"; });
  recorder.set_access_log(o.access_log != "off");
  options.sink = &recorder;
  options.log = log;
  proxy::DataPlane plane(o.workers, options);
  plane.start();
  int64_t seen = modified_ns(o.config);  // before it is read: a change in between is not missed
  SL_CHECK(publish(plane, o.config, log));
  net::Loop side_loop("side");
  std::atomic<bool> stop = false;
  up::SideServers side(side_loop, plane, recorder, [&stop] { return !stop; });
  SL_CHECK(side.listen(o.side));
  side_loop.start();
  for (auto& bind : plane.snapshot()->binds()) fmt::print("listening on {}\n", plane.bound(bind));
  for (auto& [what, url] : {std::pair{"configuration", side.admin_url() + "/config_dump"},
                            {"metrics", side.metrics_url() + "/metrics"},
                            {"readiness", side.ready_url() + "/healthz/ready"}})
    if (url.starts_with("http")) fmt::print("{} at {}\n", what, url);
  fmt::print("ready\n");
  std::fflush(stdout);
  std::thread watcher([&] { reload_on_change(plane, o.config, seen, log, stop); });
  wait_for_signal();
  stop = true;
  watcher.join();
  plane.drain(10'000);
  side.close();
  return 0;
}

}  // namespace

void add_gateway(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("gateway", "The data plane alone, from one configuration file");
  auto o = std::make_shared<Options>();
  verb->add_option("--config", o->config, "RouteSpec file, YAML or JSON; reloaded when it changes")->required();
  verb->add_option("--resolve", o->resolve, "HOST:PORT:ADDR[:PORT2], as curl; repeatable");
  verb->add_option("--upstream-ca", o->upstream_ca, "PEM file of further trusted roots");
  verb->add_option("--admin", o->side.admin, "IP:PORT for /config_dump; off unless given");
  verb->add_option("--metrics", o->side.metrics, "IP:PORT for /metrics; off unless given");
  verb->add_option("--ready", o->side.ready, "IP:PORT for /healthz/ready; off unless given");
  verb->add_option("--workers", o->workers, "Threads")->capture_default_str()->check(CLI::Range(1, 64));
  verb->add_option("--access-log", o->access_log, "on or off")->check(CLI::IsMember({"on", "off"}));
  verb->callback([=] {
    auto done = run(*o);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

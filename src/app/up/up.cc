#include "app/up/up.h"

#include <fmt/format.h>

#include <mutex>
#include <set>
#include <thread>

#include "app/cli/verbs.h"
#include "app/rest/http_api.h"
#include "app/up/manifests.h"
#include "app/up/side_servers.h"
#include "app/up/state_dir.h"
#include "base/ids.h"
#include "control/kinds/kinds.h"
#include "control/reconcile/controller.h"
#include "control/reconcile/synthetic.h"
#include "kube/apiserver/server.h"
#include "net/dns/addresses.h"
#include "proxy/data_plane.h"

namespace sl::up {
namespace {

using json::Object;

// The gateways' addresses, written by the controller's thread and read by the agents'.
class GatewayAddresses {
 public:
  void set(std::map<std::string, std::string> by_listener) {
    std::lock_guard lock(mutex_);
    by_listener_ = std::move(by_listener);
  }
  std::map<std::string, std::string> get() {
    std::lock_guard lock(mutex_);
    return by_listener_;
  }
  const std::vector<std::string>& local_addresses() const { return local_addresses_; }
  bool is_own(const std::string& host, uint16_t port) {
    std::string_view bare = host;
    if (bare.starts_with('[')) bare = bare.substr(1, bare.size() - 2);
    std::string end = fmt::format(":{}", port);
    for (auto& [name, a] : get())
      if (a.ends_with(end) && control::leads_to(bare, a.substr(0, a.size() - end.size()), local_addresses_))
        return true;
    return false;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> by_listener_;
  const std::vector<std::string> local_addresses_ = net::local_addresses();
};

class Program {
 public:
  explicit Program(const Options& options)
      : o_(options), log_(logs_.log("sightline")), api_(store_, registry_, logs_.log("control")) {}

  Result<void> start() {
    int64_t began = monotonic_ms();
    SL_CHECK(dir_.open(default_state_dir(o_.state_dir)));
    SL_CHECK(open_stores());
    SL_CHECK(start_data_plane());
    SL_CHECK(start_api());
    SL_CHECK(start_agents());
    SL_CHECK(start_controller());
    SL_CHECK(start_side_servers());
    for (auto& path : o_.manifests) SL_CHECK(apply_manifests(api_, path));
    controller_->wait_idle();
    agents_loop_.call([this] { runtime_->resume(); });
    ready_ = true;
    if (auto written = write_endpoints(); !written)
      log_.error("{}; the other commands do not find this server without it", written.error().message);
    print_addresses(monotonic_ms() - began);
    return {};
  }

  void stop() {
    log_.info("stopping: requests under way may finish");
    ready_ = false;
    // The agents first, for their calls go through the gateway, which has what is left: a fifth at least.
    int64_t began = monotonic_ms(), until = began + o_.drain_ms * 4 / 5;
    agents_loop_.call([this] { runtime_->drain(); });
    for (size_t left = 1; left && monotonic_ms() < until;) {
      agents_loop_.call([this, &left] { left = runtime_->under_way(); });
      if (left) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    agents_loop_.call([this] { runtime_->stop(); });
    plane_->drain(std::max<int64_t>(o_.drain_ms / 5, began + o_.drain_ms - monotonic_ms()));
    controller_->stop();
    for (auto* server : {&api_server_, &ui_server_})
      if (*server) (*server)->close();
    side_->close();
    agents_loop_.stop();
    agents_loop_.join();
    api_loop_.stop();
    api_loop_.join();
    recorder_->close();
    store_.checkpoint();
    ledger_.checkpoint();
    sessions_.checkpoint();
    std::remove(dir_.file("endpoints.json").c_str());
  }

 private:
  Result<void> open_stores() {
    control::register_kinds(registry_);
    SL_CHECK(store_.open(dir_.file("state.db")));
    SL_CHECK(api_.start());
    SL_CHECK(ledger_.open(dir_.file("ledger.db")));
    SL_CHECK(sessions_.open(dir_.file("agents.db")));
    recorder_ = std::make_unique<observe::Recorder>(
        logs_, &ledger_, [](const std::string& gateway) { return control::gateway_component(gateway); });
    return {};
  }

  Result<void> start_data_plane() {
    proxy::WorkerOptions w;
    SL_TRY(tls, net::make_client_context(o_.upstream_ca));
    client_tls_ = tls;
    w.upstream_tls = tls;
    for (auto& text : o_.resolve) {
      SL_TRY(parsed, net::parse_resolve_override(text));
      overrides_.push_back(parsed);
    }
    w.overrides = overrides_;
    w.sink = recorder_.get();
    w.log = logs_.log("gateway");
    w.identity_token = identity_token_;
    plane_ = std::make_unique<proxy::DataPlane>(o_.workers, w);
    plane_->start();
    return {};
  }

  Result<void> start_api() {
    std::string host = o_.api.substr(0, o_.api.rfind(':'));
    SL_TRY(identity, dir_.identity({host, "127.0.0.1", "::1", "localhost", "kubernetes", "kubernetes.default",
                                    "kubernetes.default.svc"}));
    identity_ = identity;
    SL_TRY(tls, net::make_server_context(identity_.server));
    kube::ApiServerOptions options;
    options.token = identity_.token;
    options.log_component = control::log_component_of;
    options.ready = [this] { return ready_.load(); };
    kube_server_ = std::make_unique<kube::ApiServer>(api_loop_, api_, logs_, std::move(options));
    net::ServerLimits limits;
    limits.body_bytes_max = 8u << 20;
    api_server_ = std::make_unique<net::HttpServer>(api_loop_, tls, kube_server_->handler(), limits);
    api_server_->render_errors(kube::render_error);
    SL_TRY(address, api_server_->listen(o_.api));
    api_url_ = "https://" + address;
    api_loop_.start();
    return cli::write_file(dir_.file("kubeconfig"), kubeconfig_text(api_url_, identity_), 0600);
  }

  Result<void> start_agents() {
    SL_TRY(api_tls, net::make_client_context_for_ca(identity_.ca.certificate));
    api_client_ = std::make_unique<net::HttpClient>(agents_loop_, api_tls);
    model_client_ = std::make_unique<net::HttpClient>(agents_loop_, client_tls_, overrides_);
    agent::RuntimeOptions r;
    r.client = model_client_.get();
    r.kube = {api_client_.get(), api_url_, identity_.token};
    r.sink = recorder_.get();
    r.identity_token = identity_token_;
    r.own_gateway = [this](const std::string& host, uint16_t port) { return gateways_.is_own(host, port); };
    r.log = logs_.log("agents");
    r.why_absent = [this](const std::string& agent) { return why_absent(agent); };
    runtime_ = std::make_unique<agent::Runtime>(agents_loop_, sessions_, std::move(r));
    net::ServerLimits limits;
    limits.body_bytes_max = 12u << 20;
    ui_server_ = std::make_unique<net::HttpServer>(
        agents_loop_, nullptr,
        [this](net::HttpRequest q, net::HttpResponderPtr out) { http_api_->handle(std::move(q), out); }, limits);
    SL_TRY(address, ui_server_->listen(o_.ui));
    ui_address_ = address;
    a2a_ = std::make_unique<agent::A2aServer>(agents_loop_, *runtime_,
                                              agent::A2aOptions{"http://" + address, o_.keep_alive_ms});
    a2a_->start();
    http_api_ = std::make_unique<rest::HttpApi>(api_, *runtime_, *a2a_, ledger_, *recorder_,
                                                [this] { plane_->flush_records(); });
    agents_loop_.start();
    return {};
  }

  // In the words of the Agent's condition.
  std::string why_absent(const std::string& agent) {
    size_t slash = agent.find('/');
    auto found = store_.get("agents.kagent.dev", {agent.substr(0, slash), agent.substr(slash + 1)});
    if (!found) return "";
    auto* accepted = kube::find_condition(*found, "Accepted");
    return fmt::format("is not ready: {}", accepted ? json::str(*accepted, "message") : "it is not accepted yet");
  }

  Result<void> start_controller() {
    control::ControllerOptions c;
    c.listen_host = o_.listen_host;
    c.local_addresses = gateways_.local_addresses();
    c.ui_address = ui_address_;
    c.publish = [this](const route::RouteSpec& spec) { return publish(spec); };
    c.set_agents = [this](std::vector<route::AgentSpec> agents) { runtime_->set_agents(std::move(agents)); };
    c.reconciled = [this] {
      if (ready_) (void)write_endpoints();
    };
    controller_ = std::make_unique<control::Controller>(api_, std::move(c), logs_.log("control"));
    return controller_->start();
  }

  control::PublishOutcome publish(const route::RouteSpec& spec) {
    auto ok = plane_->publish(spec);
    if (!ok) {
      log_.error("the data plane keeps its last configuration: {}", ok.error().message);
      return {};
    }
    std::map<std::string, std::string> bound;
    for (auto& l : spec.listeners)
      if (auto address = plane_->bound(fmt::format("{}:{}", l.host, l.port)); !address.empty())
        bound[l.gateway + "/" + l.name] = address;
    gateways_.set(std::move(bound));
    auto& problems = plane_->snapshot()->problems();
    for (auto& problem : problems)
      if (std::find(told_problems_.begin(), told_problems_.end(), problem) == told_problems_.end())
        log_.warn("{}", problem);
    told_problems_ = problems;
    return {true, plane_->failed()};
  }

  Result<std::string> serve(std::unique_ptr<net::HttpServer>& slot, const std::string& address,
                            net::HttpHandler handler) {
    slot = std::make_unique<net::HttpServer>(api_loop_, nullptr, std::move(handler));
    return slot->listen(address);
  }

  Result<void> start_side_servers() {
    side_ = std::make_unique<SideServers>(api_loop_, *plane_, *recorder_, [this] { return ready_.load(); });
    return side_->listen({o_.admin, o_.metrics, o_.ready});
  }

  Result<void> write_endpoints() {
    std::lock_guard lock(endpoints_mutex_);
    Object gateways;
    for (auto& [name, address] : gateways_.get()) gateways[name] = address;
    Object o{{"api", api_url_},
             {"ui", "http://" + ui_address_},
             {"admin", side_->admin_url()},
             {"metrics", side_->metrics_url()},
             {"ready", side_->ready_url()},
             {"kubeconfig", dir_.file("kubeconfig")},
             {"gateways", std::move(gateways)}};
    std::string text = json::dump_pretty(o);
    if (text == last_endpoints_) return {};
    SL_CHECK(cli::write_file(dir_.file("endpoints.json"), text));
    last_endpoints_ = text;
    return {};
  }

  void print_addresses(int64_t took_ms) {
    fmt::print("page, REST, A2A  http://{}\nKubernetes API   {}\nkubeconfig       {}\nmetrics          {}/metrics\n",
               ui_address_, api_url_, dir_.file("kubeconfig"), side_->metrics_url());
    for (auto& [name, address] : gateways_.get()) fmt::print("gateway          http://{}  {}\n", address, name);
    fmt::print("started in {} ms\nready\n", took_ms);
    std::fflush(stdout);
  }

  Options o_;
  LogHub logs_;
  Log log_;
  StateDir dir_;
  Identity identity_;
  const std::string identity_token_ = random_hex(16);
  kube::ObjectStore store_;
  kube::Registry registry_;
  kube::Api api_;
  observe::Ledger ledger_;
  agent::SessionStore sessions_;
  std::unique_ptr<observe::Recorder> recorder_;
  std::shared_ptr<net::asio::ssl::context> client_tls_;
  std::vector<net::ResolveOverride> overrides_;
  std::vector<std::string> told_problems_;  // of the last configuration; on the controller's thread
  net::Loop api_loop_{"api"}, agents_loop_{"agents"};
  std::unique_ptr<net::HttpClient> api_client_, model_client_;
  std::unique_ptr<proxy::DataPlane> plane_;
  std::unique_ptr<kube::ApiServer> kube_server_;
  std::unique_ptr<agent::Runtime> runtime_;
  std::unique_ptr<agent::A2aServer> a2a_;
  std::unique_ptr<rest::HttpApi> http_api_;
  std::unique_ptr<net::HttpServer> api_server_, ui_server_;
  std::unique_ptr<SideServers> side_;
  std::unique_ptr<control::Controller> controller_;
  GatewayAddresses gateways_;
  std::mutex endpoints_mutex_;
  std::string api_url_, ui_address_, last_endpoints_;
  std::atomic<bool> ready_ = false;
};

}  // namespace

Result<void> run(const Options& options) {
  cli::block_signals();
  auto program = std::make_unique<Program>(options);
  auto started = program->start();
  if (!started) {
    cli::report(started.error());
    std::fflush(nullptr);
    _exit(1);  // half-started servers are not torn down in order; nothing is left to save
  }
  cli::wait_for_signal();
  program->stop();
  std::fflush(nullptr);
  _exit(0);  // everything is flushed and durable; loops that still hold frames are not taken apart
}

}  // namespace sl::up

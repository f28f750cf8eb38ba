#include "control/reconcile/controller.h"

#include <fmt/format.h>

#include <set>

#include "base/strings.h"
#include "control/reconcile/synthetic.h"
#include "control/status/conditions.h"

namespace sl::control {
namespace {

constexpr int64_t kRetryMs = 1000, kRetryMsMax = 60'000;

// Changes of these kinds can change the outcome.
const std::set<std::string>& watched_kinds() {
  static const std::set<std::string> kinds = {"gatewayclasses.gateway.networking.k8s.io",
                                              "gateways.gateway.networking.k8s.io",
                                              "httproutes.gateway.networking.k8s.io",
                                              "referencegrants.gateway.networking.k8s.io",
                                              "backends.gateway.kgateway.dev",
                                              "modelconfigs.kagent.dev",
                                              "agents.kagent.dev",
                                              "secrets",
                                              "configmaps",
                                              "services",
                                              "namespaces"};
  return kinds;
}

// A status alone changes nothing that is translated.
bool status_only(const kube::Change& c) {
  if (c.type != kube::Change::Type::Modified || !json::find(*c.object, "spec") || c.resource == "namespaces")
    return false;
  auto rest = [](const json::Value& o) {
    json::Value out = o;
    auto& object = out.get_object();
    object.erase("status");
    auto& meta = kube::metadata_of(out);
    meta.erase("resourceVersion");
    meta.erase("managedFields");
    return out;
  };
  return json::equal(rest(*c.before), rest(*c.object));
}

json::Value namespace_object(std::string_view name) {
  return json::Object{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", json::Object{{"name", name}}}};
}

json::Value class_object(std::string_view name, std::string_view controller, std::string_view description) {
  return json::Object{{"apiVersion", "gateway.networking.k8s.io/v1"},
                      {"kind", "GatewayClass"},
                      {"metadata", json::Object{{"name", name}}},
                      {"spec", json::Object{{"controllerName", controller}, {"description", description}}}};
}

}  // namespace

Controller::Controller(kube::Api& api, ControllerOptions options, Log log)
    : api_(api), options_(std::move(options)), log_(std::move(log)) {}
Controller::~Controller() {
  stop();
}

// What is there, and perhaps changed by its user, stays as it is.
static Result<void> make(kube::Api& api, const std::string& key, const json::Value& object) {
  if (api.store().get(key, {"", std::string(kube::name_of(object))})) return {};
  SL_CHECK(api.apply(object, kFieldManager));
  return {};
}

// These exist always: one that was deleted comes back, a namespace empty.
Result<void> Controller::make_defaults() {
  for (auto name : {"default", "kube-system", "kube-public", "kube-node-lease", "kagent", "kgateway-system"})
    SL_CHECK(make(api_, "namespaces", namespace_object(name)));
  constexpr char kClasses[] = "gatewayclasses.gateway.networking.k8s.io";
  SL_CHECK(make(api_, kClasses,
                class_object("agentgateway", kAgentgatewayController, "Standard class for AI, MCP and agent traffic")));
  return make(api_, kClasses, class_object("kgateway", kKgatewayController, "Standard class for HTTP traffic"));
}

Result<void> Controller::start() {
  SL_CHECK(make_defaults());
  queue_.add("all");
  watch_ = api_.store().list_and_watch(
      "", [](const kube::Listing&) {},
      [this](const kube::Change& c) {
        bool ours = c.resource == "pods" || c.resource == "services";  // made again when somebody deletes them
        if (ours && c.type == kube::Change::Type::Deleted) queue_.add("all");
        if (!watched_kinds().contains(c.resource)) return;
        if (!status_only(c) || !wrote_status(c)) queue_.add("all");
      });
  thread_ = std::thread([this] { run(); });
  return {};
}

void Controller::stop() {
  queue_.stop();
  if (thread_.joinable()) thread_.join();
  if (uint64_t id = std::exchange(watch_, 0)) api_.store().unwatch(id);
}

void Controller::run() {
  std::string key;
  int64_t pause = kRetryMs;
  // A port that another program had is tried again until it is free, and what failed until it works, ever more rarely.
  while (queue_.pop(&key, !failed_binds_.empty() ? kRetryMs : retry_ ? pause : 0)) {
    pause = retry_ ? std::min(2 * pause, kRetryMsMax) : kRetryMs;
    retry_ = false;
    reconcile();
  }
}

bool Controller::wrote_status(const kube::Change& c) {
  std::lock_guard lock(written_mutex_);
  auto it = written_.find(c.resource + " " + kube::namespaced_name(*c.object));
  auto* status = json::find(*c.object, "status");
  return it != written_.end() && status && json::equal(it->second, *status);
}

void Controller::reconcile() {
  if (auto made = make_defaults(); !made) {
    log_.error("objects that always exist: {}", made.error().message);
    retry_ = true;
  }
  ResourceIndex index = build_index(api_);
  TranslateOptions options{options_.listen_host, failed_binds_, object_problems_, options_.local_addresses};
  Translation t = translate(index, options);
  std::string routes = json::dump(json::encode(t.routes));
  if (routes != last_routes_ || !failed_binds_.empty()) {
    PublishOutcome outcome = options_.publish(t.routes);
    if (outcome.live)
      last_routes_ = std::move(routes);
    else
      retry_ = true;
    for (auto& [bind, why] : outcome.failed_binds)
      if (failed_binds_[bind] != why) log_.error("{}", why);
    if (outcome.live && outcome.failed_binds != failed_binds_) {
      failed_binds_ = outcome.failed_binds;
      options.failed_binds = failed_binds_;
      t = translate(index, options);
    }
  }
  if (auto problems = sync_objects(index, t.routes, options); problems != object_problems_) {
    for (auto& [gateway, words] : problems)
      if (object_problems_[gateway] != words) log_.error("{}: {}", gateway, words);
    options.object_problems = object_problems_ = std::move(problems);
    t = translate(index, options);  // its statuses and the ways of its agents; routes are as they were
  }
  options_.set_agents(t.agents);
  std::string problems;
  for (auto& p : index.problems)
    problems += fmt::format("{} {}: {}\n", kube::kind_of(*p.object), kube::namespaced_name(*p.object), p.message);
  if (problems != last_problems_ && !problems.empty()) log_.error("cannot be read: {}", trim(problems));
  last_problems_ = std::move(problems);
  write_statuses(index, t);
  if (options_.reconciled) options_.reconciled();
}

void Controller::write_statuses(const ResourceIndex& index, const Translation& t) {
  {
    std::lock_guard lock(written_mutex_);
    written_.clear();
    for (auto& s : t.statuses) written_[s.resource + " " + (s.ns.empty() ? s.name : s.ns + "/" + s.name)] = s.status;
  }
  for (auto& s : t.statuses) {
    size_t dot = s.resource.find('.');
    auto type =
        api_.registry().find(dot == std::string::npos ? "" : s.resource.substr(dot + 1), s.resource.substr(0, dot));
    if (!type) continue;
    std::string name = s.ns.empty() ? s.name : s.ns + "/" + s.name;
    auto before = api_.store().get(s.resource, {s.ns, s.name});
    auto* old = before ? json::find(*before, "status") : nullptr;
    if (old && json::equal(*old, s.status)) continue;
    auto seen = index.versions.find(s.resource + " " + name);
    auto ok =
        api_.set_status(*type, s.ns, s.name, s.status, kFieldManager, seen == index.versions.end() ? "" : seen->second);
    if (!ok) {
      log_.error("status of {} {}: {}", type->kind, name, ok.error().message);
      retry_ = true;
    } else if (!*ok) {
      queue_.add("all");  // changed meanwhile: what others wrote into its status must not be lost
    } else if (before) {
      log_conditions(*type, name, old ? conditions_text(*old) : "", conditions_text(s.status));
    }
  }
}

// Each controller's pod tells of its own kinds.
void Controller::log_conditions(const kube::ResourceType& type, const std::string& name, const std::string& before,
                                const std::string& now) {
  if (now.empty() || now == before) return;
  (type.group == resource::kKagentGroup ? log_.with_component("agents") : log_).info("{} {}:{}", type.kind, name, now);
}

std::map<std::string, std::string> Controller::sync_objects(const ResourceIndex& index, const route::RouteSpec& routes,
                                                            const TranslateOptions& options) {
  std::map<std::string, std::string> problems;
  std::set<std::string> wanted;  // KIND NS/NAME
  for (auto& object : synthetic_objects(index, routes, options, options_.ui_address)) {
    std::string kind(kube::kind_of(object)), name = kube::namespaced_name(object);
    wanted.insert(kind + " " + name);
    auto now = api_.store().get(kind == "Pod" ? "pods" : "services",
                                {std::string(kube::namespace_of(object)), std::string(kube::name_of(object))});
    std::string trouble;
    if (now && !is_synthetic(*now, kFieldManager))
      trouble = fmt::format("{} {} is somebody else's and stays as it is: choose another name", kind, name);
    else if (auto made = api_.apply(object, kFieldManager); !made) {
      trouble = fmt::format("{} {} could not be made: {}", kind, name, made.error().message);
      retry_ = true;
    }
    if (trouble.empty()) continue;
    auto& words = problems[name];
    words += (words.empty() ? "" : "; ") + trouble;
  }
  for (auto plural : {"pods", "services"}) {
    auto type = api_.registry().find("", plural);
    for (auto& o : api_.store().list(plural).items) {
      if (!is_synthetic(*o, kFieldManager)) continue;
      if (wanted.contains(fmt::format("{} {}", kube::kind_of(*o), kube::namespaced_name(*o)))) continue;
      (void)api_.remove(*type, std::string(kube::namespace_of(*o)), std::string(kube::name_of(*o)), {});
    }
  }
  return problems;
}

}  // namespace sl::control

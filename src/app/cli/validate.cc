// `sightline validate`: manifests against schema, references and compile, offline.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/verbs.h"
#include "app/up/manifests.h"
#include "control/kinds/kinds.h"
#include "control/reconcile/controller.h"
#include "control/status/conditions.h"
#include "control/translate/translate.h"
#include "net/dns/addresses.h"

namespace sl::cli {
namespace {

// Offline, against a store in memory: what the manifests say, then what they come to together.
class Validation {
 public:
  explicit Validation(std::string listen_host) : api_(store_, registry_, Log()) {
    options_.listen_host = std::move(listen_host);
    options_.local_addresses = net::local_addresses();
  }

  Result<int> run(const std::vector<std::string>& files) {
    control::register_kinds(registry_);
    SL_CHECK(store_.open(":memory:"));
    for (auto [name, controller] : {std::pair{"agentgateway", control::kAgentgatewayController},
                                    std::pair{"kgateway", control::kKgatewayController}})
      SL_CHECK(api_.apply(cluster_object("gateway.networking.k8s.io/v1", "GatewayClass", name,
                                         json::Object{{"controllerName", controller}}),
                          "validate"));
    for (auto& file : files) {
      SL_TRY(documents, up::read_manifests(file));
      for (auto& d : documents) take(std::move(d));
    }
    for (auto& [key, d] : documents_) note_parents(d);
    make_stand_ins();
    auto t = control::translate(index(), options_);
    for (auto& s : t.statuses) report(s);
    fmt::print("{} object{}, {} problem{}\n", objects_, objects_ == 1 ? "" : "s", problems_, problems_ == 1 ? "" : "s");
    return problems_ ? 1 : 0;
  }

 private:
  static json::Value cluster_object(std::string_view version, std::string_view kind, std::string_view name,
                                    json::Object spec) {
    return json::Object{
        {"apiVersion", version}, {"kind", kind}, {"metadata", json::Object{{"name", name}}}, {"spec", std::move(spec)}};
  }
  static std::string key_of(std::string_view resource, std::string_view ns, std::string_view name) {
    return fmt::format("{} {}/{}", resource, ns, name);
  }

  void take(up::Document d) {
    ++objects_;
    auto key = apply(d);
    if (!key) return error(d.place_of(key.error()), key.error().message);
    documents_.insert_or_assign(*key, std::move(d));
  }

  // Returns what the object is known by.
  Result<std::string> apply(const up::Document& d) {
    auto gv = kube::parse_group_version(kube::api_version_of(d.value));
    auto type = registry_.find_kind(gv.group, kube::kind_of(d.value));
    if (!type) return fail(Code::NotFound, fmt::format("no kind \"{}\" in {}", kube::kind_of(d.value), gv.text()));
    std::string ns(kube::namespace_of(d.value));
    if (ns.empty() && type->namespaced) ns = "default";
    if (type->namespaced) SL_CHECK(make_namespace(ns));
    kube::WriteOptions o;
    o.version = gv.version;
    o.manager = "validate";
    o.force = true;
    o.validation = kube::FieldValidation::Strict;
    SL_CHECK(api_.patch(*type, ns, std::string(kube::name_of(d.value)), kube::PatchKind::Apply, d.value, o));
    return key_of(type->key(), ns, kube::name_of(d.value));
  }

  Result<void> make_namespace(const std::string& ns) {
    if (store_.get("namespaces", {"", ns})) return {};
    SL_CHECK(api_.apply(cluster_object("v1", "Namespace", ns, {}), "validate"));
    return {};
  }

  // A route's Gateway may be kept elsewhere: one that takes any route stands for it, so that its rules are looked at.
  void note_parents(const up::Document& d) {
    if (kube::kind_of(d.value) != "HTTPRoute") return;
    std::string own(kube::namespace_of(d.value).empty() ? "default" : kube::namespace_of(d.value));
    auto* parents = json::arr(d.value, "spec", "parentRefs");
    for (size_t i = 0; parents && i < parents->size(); ++i) {
      auto [kind, ns, name] = gateway_of((*parents)[i], own);
      if (kind != "Gateway" || name.empty() || store_.get(kGateways, {ns, name})) continue;
      fmt::print("warning {}: Gateway {}/{} is not among these files: one that takes any route stands for it\n",
                 place_of(d, fmt::format("spec.parentRefs[{}]", i)), ns, name);
      stand_ins_.try_emplace({ns, name}, place_of(d, fmt::format("spec.parentRefs[{}].name", i)));
    }
  }

  void make_stand_ins() {
    for (auto it = stand_ins_.begin(); it != stand_ins_.end();) {
      auto& [key, place] = *it;
      auto made = make_stand_in(key.first, key.second);
      if (!made) error(place, made.error().message);
      it = made ? std::next(it) : stand_ins_.erase(it);
    }
  }

  Result<void> make_stand_in(const std::string& ns, const std::string& name) {
    SL_CHECK(make_namespace(ns));
    json::Object any{{"name", "any"},
                     {"protocol", "HTTP"},
                     {"port", 80},
                     {"allowedRoutes", json::Object{{"namespaces", json::Object{{"from", "All"}}}}}};
    json::Value gateway =
        cluster_object("gateway.networking.k8s.io/v1", "Gateway", name,
                       {{"gatewayClassName", "agentgateway"}, {"listeners", json::Array{std::move(any)}}});
    gateway.get_object()["metadata"].get_object()["namespace"] = ns;
    SL_CHECK(api_.apply(std::move(gateway), "validate"));
    return {};
  }

  // Stand-ins claim no port, and whichever of their listeners a route names is the one they have.
  control::ResourceIndex index() {
    auto out = control::build_index(api_);
    int64_t port = 0x10000;  // no Gateway of the files can ask for it
    for (auto& [key, place] : stand_ins_)
      out.gateways.at(key.first + "/" + key.second).spec.listeners.at(0).port = port++;
    for (auto& [name, route] : out.routes)
      for (auto& ref : route.spec.parent_refs) {
        if (!stand_ins_.contains({ref.ns.empty() ? route.ns() : ref.ns, ref.name})) continue;
        ref.section_name.clear();
        ref.port.reset();
      }
    return out;
  }

  static std::string place_of(const up::Document& d, std::string field) {
    Error about;
    about.causes.push_back({"", "", std::move(field)});
    return d.place_of(about);
  }

  void report(const control::StatusUpdate& s) {
    auto it = documents_.find(key_of(s.resource, s.ns, s.name));
    if (it == documents_.end()) return;  // a stand-in
    std::string name = fmt::format("{} {}/{}", kube::kind_of(it->second.value), s.ns, s.name);
    auto place = [&](std::string field) { return place_of(it->second, std::move(field)); };
    if (auto* c = json::arr(s.status, "conditions")) print_conditions(place("spec"), name, *c);
    auto* listeners = json::arr(s.status, "listeners");
    for (size_t i = 0; listeners && i < listeners->size(); ++i)
      if (auto* c = json::arr((*listeners)[i], "conditions"))
        print_conditions(place(fmt::format("spec.listeners[{}]", i)),
                         fmt::format("{} listener {}", name, json::str((*listeners)[i], "name")), *c);
    report_parents(s, it->second, name);
  }

  // Parents of other controllers have no status here: each that has one is the next reference to its Gateway.
  void report_parents(const control::StatusUpdate& s, const up::Document& d, const std::string& name) {
    auto *parents = json::arr(s.status, "parents"), *refs = json::arr(d.value, "spec", "parentRefs");
    size_t at = 0;
    for (size_t i = 0; parents && refs && i < parents->size(); ++i, ++at) {
      auto wanted = gateway_of(*json::find((*parents)[i], "parentRef"), s.ns);
      while (at + 1 < refs->size() && gateway_of((*refs)[at], s.ns) != wanted) ++at;
      if (auto* c = json::arr((*parents)[i], "conditions"))
        print_conditions(place_of(d, fmt::format("spec.parentRefs[{}]", at)), name, *c);
    }
  }

  // The kind, namespace and name that a reference of an object in `own` means.
  static std::tuple<std::string, std::string, std::string> gateway_of(const json::Value& ref, const std::string& own) {
    std::string kind(json::str(ref, "kind")), ns(json::str(ref, "namespace"));
    return {kind.empty() ? "Gateway" : kind, ns.empty() ? own : ns, std::string(json::str(ref, "name"))};
  }

  // Problems that conditions name; of what is kept and not acted on, or only worth a look, a warning.
  void print_conditions(const std::string& place, const std::string& name, const json::Array& conditions) {
    for (auto& c : conditions) {
      std::string_view type = json::str(c, "type");
      if (control::is_well(c) || json::str(c, "status") == "Unknown") continue;
      std::string words = fmt::format("{}: {} {}: {}", name, type, json::str(c, "reason"), json::str(c, "message"));
      if (type == "ThroughGateway") words += fmt::format(" (gateways are taken to listen on {})", options_.listen_host);
      if (type == "UnsupportedFeatures" || type == "PartiallyInvalid" || type == "ThroughGateway")
        fmt::print("warning {}: {}\n", place, words);
      else
        error(place, words);
    }
  }

  void error(const std::string& place, const std::string& words) {
    ++problems_;
    fmt::print("error {}: {}\n", place, words);
  }

  kube::ObjectStore store_;
  kube::Registry registry_;
  kube::Api api_;
  control::TranslateOptions options_;
  std::map<std::string, up::Document> documents_;  // the last of each object
  static constexpr char kGateways[] = "gateways.gateway.networking.k8s.io";
  std::map<std::pair<std::string, std::string>, std::string> stand_ins_;  // by namespace and name: who named it first
  size_t problems_ = 0, objects_ = 0;
};

}  // namespace

void add_validate(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("validate", "Check manifests offline: schema, references, translation");
  auto files = std::make_shared<std::vector<std::string>>();
  auto listen_host = std::make_shared<std::string>("127.0.0.1");
  verb->add_option("-f,--filename", *files, "Manifest file or directory; repeatable")->required();
  verb->add_option("--listen-host", *listen_host, "As it is given to `sightline up`; 127.0.0.1 when absent");
  verb->callback([=] {
    auto done = Validation(*listen_host).run(*files);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

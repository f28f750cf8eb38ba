// `sightline validate`: manifests against schema, references and compile, offline.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "app/cli/verbs.h"
#include "app/up/manifests.h"
#include "control/kinds/kinds.h"
#include "control/reconcile/controller.h"
#include "control/status/conditions.h"
#include "control/translate/translate.h"

namespace sl::cli {
namespace {

// Problems that conditions name; of what is kept and not acted on, or only worth a look, a warning.
size_t print_conditions(const control::StatusUpdate& s, const json::Array& conditions) {
  size_t problems = 0;
  for (auto& c : conditions) {
    std::string_view type = json::str(c, "type");
    if (control::is_well(c) || json::str(c, "status") == "Unknown") continue;
    bool bad = type != "UnsupportedFeatures" && type != "PartiallyInvalid" && type != "ThroughGateway";
    problems += bad;
    fmt::print("{} {}/{}: {} {}: {}\n", bad ? "error" : "warning", s.ns, s.name, type, json::str(c, "reason"),
               json::str(c, "message"));
  }
  return problems;
}

Result<int> run(const std::vector<std::string>& files) {
  kube::ObjectStore store;
  kube::Registry registry;
  control::register_kinds(registry);
  SL_CHECK(store.open(":memory:"));
  kube::Api api(store, registry, Log());
  size_t problems = 0, objects = 0;
  auto apply = [&](const up::Document& d) -> Result<void> {
    auto gv = kube::parse_group_version(kube::api_version_of(d.value));
    auto type = registry.find_kind(gv.group, kube::kind_of(d.value));
    if (!type) return fail(Code::NotFound, fmt::format("no kind \"{}\" in {}", kube::kind_of(d.value), gv.text()));
    std::string ns(kube::namespace_of(d.value));
    if (ns.empty()) ns = "default";
    if (type->namespaced && !store.get("namespaces", {"", ns}))
      SL_CHECK(
          api.apply(json::Object{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", json::Object{{"name", ns}}}},
                    "validate"));
    kube::WriteOptions o;
    o.version = gv.version;
    o.manager = "validate";
    o.force = true;
    o.validation = kube::FieldValidation::Strict;
    SL_CHECK(api.patch(*type, ns, std::string(kube::name_of(d.value)), kube::PatchKind::Apply, d.value, o));
    return {};
  };
  for (auto [name, controller] : {std::pair{"agentgateway", control::kAgentgatewayController},
                                  std::pair{"kgateway", control::kKgatewayController}})
    SL_CHECK(api.apply(json::Object{{"apiVersion", "gateway.networking.k8s.io/v1"},
                                    {"kind", "GatewayClass"},
                                    {"metadata", json::Object{{"name", name}}},
                                    {"spec", json::Object{{"controllerName", controller}}}},
                       "validate"));
  for (auto& file : files) {
    SL_TRY(documents, up::read_manifests(file));
    for (auto& d : documents) {
      ++objects;
      if (auto ok = apply(d); !ok) {
        ++problems;
        fmt::print("error {}: {}\n", d.place_of(ok.error()), ok.error().message);
      }
    }
  }
  auto t = control::translate(control::build_index(api), {});
  for (auto& s : t.statuses) {
    if (auto* c = json::arr(s.status, "conditions")) problems += print_conditions(s, *c);
    if (auto* parents = json::arr(s.status, "parents"))
      for (auto& p : *parents)
        if (auto* c = json::arr(p, "conditions")) problems += print_conditions(s, *c);
  }
  fmt::print("{} object{}, {} problem{}\n", objects, objects == 1 ? "" : "s", problems, problems == 1 ? "" : "s");
  return problems ? 1 : 0;
}

}  // namespace

void add_validate(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("validate", "Check manifests offline: schema, references, translation");
  auto files = std::make_shared<std::vector<std::string>>();
  verb->add_option("-f,--filename", *files, "Manifest file or directory; repeatable")->required();
  verb->callback([=] {
    auto done = run(*files);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

#include "app/rest/resources.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "kube/object/redact.h"

namespace sl::rest {

using json::Array;
using json::Object;
using json::Value;

std::string agent_id(const std::string& agent) {
  return replace_all(replace_all(agent, "/", "__NS__"), "-", "_");
}

Object Resources::agent_item(const Value& object) {
  std::string key = kube::namespaced_name(object), ns(kube::namespace_of(object));
  std::string model_ref = ns + "/" + std::string(json::str(object, "spec", "declarative", "modelConfig"));
  auto model = api_.store().get("modelconfigs.kagent.dev",
                                {ns, std::string(json::str(object, "spec", "declarative", "modelConfig"))});
  auto* tools = json::arr(object, "spec", "declarative", "tools");
  Value shown = object;
  kube::hide_secrets(shown);  // nobody has logged in here
  return Object{{"id", agent_id(key)},
                {"agent", std::move(shown)},
                {"modelProvider", model ? json::str(*model, "spec", "provider") : std::string_view()},
                {"model", model ? json::str(*model, "spec", "model") : std::string_view()},
                {"modelConfigRef", model_ref},
                {"memoryRefs", Array{}},
                {"tools", tools ? *tools : Array{}},
                {"deploymentReady", kube::condition_holds(object, "Ready")},
                {"accepted", kube::condition_holds(object, "Accepted")},
                {"workloadMode", "deployment"}};
}

// Whoever saves has seen no version: what the controller writes meanwhile is no conflict.
Result<kube::WriteResult> Resources::replace_spec(const kube::ResourceType& type, const std::string& ns,
                                                  const std::string& name, const Value& body,
                                                  const kube::WriteOptions& options) {
  for (int tries = 1;; ++tries) {
    SL_TRY(now, api_.get(type, ns, name));
    Value next = kube::Api::render(*now, type, "");
    if (auto* spec = json::find(body, "spec")) {
      Value wanted = *spec;
      if (!kube::keep_hidden(wanted, json::find(*now, "spec")))
        return fail(Code::InvalidArgument, "a value shown as [hidden] has another place now: give it anew");
      next.get_object()["spec"] = std::move(wanted);
    }
    auto done = api_.update(type, ns, name, std::move(next), options);
    if (done || done.error().code != Code::Conflict || tries == 5) return done;
  }
}

Result<Answer> Resources::agents(const net::HttpRequest& r, const Path& path) {
  auto type = api_.registry().find("kagent.dev", "agents");
  if (path.size() == 2 && r.method == "GET") {
    Array list;
    for (auto& a : api_.store().list("agents.kagent.dev", r.query_value("namespace")).items)
      list.push_back(agent_item(*a));
    return Answer{200, envelope(std::move(list), "Successfully listed agents")};
  }
  if (path.size() == 4 && r.method == "GET") {
    SL_TRY(found, api_.get(*type, path[2], path[3]));
    return Answer{200, envelope(agent_item(*found), "Successfully retrieved agent")};
  }
  if (path.size() == 4 && r.method == "DELETE") {
    SL_CHECK(api_.remove(*type, path[2], path[3], {}));
    return Answer{200, envelope(nullptr, "Successfully deleted agent")};
  }
  if (path.size() == 2 && (r.method == "POST" || r.method == "PUT")) {
    SL_TRY(body, json::parse(r.body));
    kube::WriteOptions options;
    options.manager = "kagent-ui";
    options.validation = kube::FieldValidation::Strict;
    // As kagent: its own namespace unless another is named, and what is saved replaces the whole specification.
    std::string ns(kube::namespace_of(body).empty() ? "kagent" : kube::namespace_of(body)), name(kube::name_of(body));
    auto done = r.method == "POST" ? api_.create(*type, ns, std::move(body), options)
                                   : replace_spec(*type, ns, name, body, options);
    if (!done) return fail(std::move(done).error());
    return Answer{r.method == "POST" ? 201 : 200,
                  envelope(kube::Api::render(*done->object, *type, ""), "Successfully saved agent")};
  }
  return fail(Code::MethodNotAllowed, "agents take GET, POST, PUT and DELETE");
}

Result<Answer> Resources::model_configs(const net::HttpRequest& r, const Path& path) {
  if (r.method != "GET")
    return fail(Code::MethodNotAllowed, "model configurations are changed through the Kubernetes API");
  auto item = [](Value m) {
    kube::hide_secrets(m);
    auto *spec = json::find(m, "spec"), *status = json::find(m, "status");
    return Object{{"ref", kube::namespaced_name(m)},
                  {"spec", spec ? *spec : Value(Object{})},
                  {"status", status ? *status : Value(Object{})}};
  };
  if (path.size() == 4) {
    SL_TRY(found, api_.get(*api_.registry().find("kagent.dev", "modelconfigs"), path[2], path[3]));
    return Answer{200, envelope(item(*found), "Successfully retrieved model config")};
  }
  Array list;
  for (auto& m : api_.store().list("modelconfigs.kagent.dev").items) list.push_back(item(*m));
  return Answer{200, envelope(std::move(list), "Successfully listed model configs")};
}

Answer Resources::namespaces() {
  Array list;
  for (auto& ns : api_.store().list("namespaces").items)
    list.push_back(Object{{"name", kube::name_of(*ns)}, {"status", json::str(*ns, "status", "phase")}});
  return {200, envelope(std::move(list), "Successfully listed namespaces")};
}

}  // namespace sl::rest

#include "control/reconcile/synthetic.h"

#include <set>

#include "base/ids.h"
#include "base/strings.h"

namespace sl::control {

using json::Array;
using json::Object;
using json::Value;

namespace {

constexpr char kSyntheticLabel[] = "app.kubernetes.io/managed-by";
constexpr char kSyntheticValue[] = "sightline";

const std::string& started() {
  static const std::string at = rfc3339(unix_ms());
  return at;
}

Object metadata(const std::string& ns, const std::string& name, const std::string& app, const std::string& gateway,
                const Value* owner) {
  Object labels{{kSyntheticLabel, kSyntheticValue}, {"app.kubernetes.io/name", app}};
  if (!gateway.empty()) labels["gateway.networking.k8s.io/gateway-name"] = gateway;
  Object out{{"name", name}, {"namespace", ns}, {"labels", std::move(labels)}};
  if (owner)
    out["ownerReferences"] = Array{Object{{"apiVersion", kube::api_version_of(*owner)},
                                          {"kind", kube::kind_of(*owner)},
                                          {"name", kube::name_of(*owner)},
                                          {"uid", kube::uid_of(*owner)},
                                          {"controller", true},
                                          {"blockOwnerDeletion", true}}};
  return out;
}

Value pod(Object meta, const std::string& container, const std::string& ip, Array ports) {
  Object spec{
      {"containers",
       Array{Object{{"name", container}, {"image", "sightline:" SIGHTLINE_VERSION}, {"ports", std::move(ports)}}}},
      {"nodeName", "sightline"},
      {"restartPolicy", "Always"},
      {"serviceAccountName", "default"}};
  auto condition = [](std::string_view type) {
    return Object{{"type", type}, {"status", "True"}, {"lastTransitionTime", started()}};
  };
  Object status{{"phase", "Running"},
                {"podIP", ip},
                {"hostIP", ip},
                {"startTime", started()},
                {"podIPs", Array{Object{{"ip", ip}}}},
                {"qosClass", "BestEffort"},
                {"conditions", Array{condition("Initialized"), condition("Ready"), condition("ContainersReady"),
                                     condition("PodScheduled")}},
                {"containerStatuses", Array{Object{{"name", container},
                                                   {"ready", true},
                                                   {"started", true},
                                                   {"restartCount", 0},
                                                   {"image", "sightline:" SIGHTLINE_VERSION},
                                                   {"imageID", ""},
                                                   {"state", Object{{"running", Object{{"startedAt", started()}}}}}}}}};
  return Object{{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata", std::move(meta)},
                {"spec", std::move(spec)},
                {"status", std::move(status)}};
}

Value service(Object meta, const std::string& app, const std::string& gateway, const std::string& ip,
              const std::string& type, Array ports) {
  Object selector{{"app.kubernetes.io/name", app}};
  if (!gateway.empty()) selector["gateway.networking.k8s.io/gateway-name"] = gateway;
  Object out{
      {"apiVersion", "v1"},
      {"kind", "Service"},
      {"metadata", std::move(meta)},
      {"spec",
       Object{{"type", type}, {"clusterIP", ip}, {"ports", std::move(ports)}, {"selector", std::move(selector)}}}};
  if (type == "LoadBalancer") out["status"] = Object{{"loadBalancer", Object{{"ingress", Array{Object{{"ip", ip}}}}}}};
  return out;
}

Object port(const std::string& name, int64_t number) {
  return Object{{"name", name}, {"port", number}, {"protocol", "TCP"}, {"targetPort", number}};
}

// What the Gateway wants on the objects made for it.
void add_infrastructure(const Held<resource::GatewaySpec>& g, Value& object) {
  if (!g.spec.infrastructure) return;
  auto& meta = kube::metadata_of(object);
  auto add = [&meta](const char* field, const std::map<std::string, std::string>& values) {
    if (values.empty()) return;
    auto& map = json::ensure_object(meta, field);
    for (auto& [key, value] : values)
      if (!map.contains(key)) map[key] = value;  // ours stay
  };
  add("labels", g.spec.infrastructure->labels);
  add("annotations", g.spec.infrastructure->annotations);
}

// Only what listens is shown: a port on which nobody answers would be a lie.
void add_gateway(const Held<resource::GatewaySpec>& g, const route::RouteSpec& routes, const TranslateOptions& options,
                 std::vector<Value>& out) {
  const std::string& host = options.listen_host;
  std::set<int64_t> ports;
  for (auto& l : routes.listeners)
    if (l.gateway == g.key() && !options.failed_binds.contains(fmt::format("{}:{}", l.host, l.port)))
      ports.insert(l.port);
  if (ports.empty()) return;
  Array service_ports, container_ports;
  for (int64_t number : ports) {
    service_ports.push_back(port("listener-" + std::to_string(number), number));
    container_ports.push_back(Object{{"containerPort", number}, {"protocol", "TCP"}});
  }
  std::string name = g.name();
  out.push_back(service(metadata(g.ns(), name, name, name, g.object.get()), name, name, host, "LoadBalancer",
                        std::move(service_ports)));
  add_infrastructure(g, out.back());
  out.push_back(
      pod(metadata(g.ns(), name, name, name, g.object.get()), "agent-gateway", host, std::move(container_ports)));
  add_infrastructure(g, out.back());
}

}  // namespace

bool is_synthetic(const Value& object, std::string_view manager) {
  if (auto* entries = json::arr(object, "metadata", "managedFields"))
    for (auto& e : *entries)
      if (json::str(e, "manager") == manager && json::find(e, "fieldsV1", "f:spec")) return true;
  return false;
}

std::vector<Value> synthetic_objects(const ResourceIndex& index, const route::RouteSpec& routes,
                                     const TranslateOptions& options, const std::string& ui) {
  const std::string& host = options.listen_host;
  std::vector<Value> out;
  for (auto& [key, g] : index.gateways)
    if (our_gateway(index, g.spec) && !kube::being_deleted(*g.object) && !name_taken(g.key()))
      add_gateway(g, routes, options, out);
  auto live = [&](const std::string& ns) {
    auto it = index.namespaces.find(ns);
    return it != index.namespaces.end() && !kube::being_deleted(*it->second);
  };
  std::string ui_host = ui.substr(0, ui.rfind(':'));
  int64_t ui_port = parse_int(ui.substr(ui.rfind(':') + 1)).value_or(0);
  if (live("kagent") && ui_port) {
    out.push_back(service(metadata("kagent", "kagent-ui", "kagent-controller", "", nullptr), "kagent-controller", "",
                          ui_host, "LoadBalancer", Array{port("ui", ui_port)}));
    out.push_back(service(metadata("kagent", "kagent-controller", "kagent-controller", "", nullptr),
                          "kagent-controller", "", ui_host, "ClusterIP", Array{port("http", ui_port)}));
    out.push_back(pod(metadata("kagent", "kagent-controller", "kagent-controller", "", nullptr), "controller", ui_host,
                      Array{Object{{"containerPort", ui_port}, {"protocol", "TCP"}}}));
  }
  if (live("kgateway-system"))
    out.push_back(pod(metadata("kgateway-system", "kgateway", "kgateway", "", nullptr), "kgateway", host, Array{}));
  return out;
}

std::string gateway_component(const std::string& gateway) {
  return "gateway:" + gateway;
}

std::string log_component_of(const std::string& ns, const std::string& pod) {
  if (ns == "kagent" && pod == "kagent-controller") return "agents";
  if (ns == "kgateway-system" && pod == "kgateway") return "control";
  return gateway_component(ns + "/" + pod);
}

}  // namespace sl::control

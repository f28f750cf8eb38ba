// The core kinds: Namespace, Secret, ConfigMap, Service, Pod, Event, and CustomResourceDefinition.
// Pods and most Services here are synthetic: the parts of this program shown as ordinary objects.
#include <fmt/format.h>

#include <cctype>
#include <map>
#include <set>

#include "base/strings.h"
#include "resource/core/definition.h"
#include "resource/kind/kind.h"

namespace sl::resource {

using json::Value;

namespace {

struct NamespaceSpec {
  std::vector<std::string> finalizers;
};
void describe(json::Fields<NamespaceSpec>& f) {
  f.doc("Behaviour of the namespace.");
  f.add("finalizers", &NamespaceSpec::finalizers).doc("Values that must be empty before the namespace is removed.");
}

struct NamespaceStatus {
  std::string phase;
  std::vector<Condition> conditions;
};
void describe(json::Fields<NamespaceStatus>& f) {
  f.doc("State of the namespace.");
  f.add("phase", &NamespaceStatus::phase).doc("Active or Terminating.");
  f.add("conditions", &NamespaceStatus::conditions).doc("Conditions of termination.");
}

struct ServicePort {
  std::string name, protocol, app_protocol;
  int32_t port = 0;
  std::optional<json::IntOrString> target_port;
  std::optional<int32_t> node_port;
};
void describe(json::Fields<ServicePort>& f) {
  f.doc("A port of the service.");
  f.add("name", &ServicePort::name).doc("Name of the port, unique in the service.");
  f.add("protocol", &ServicePort::protocol).doc("TCP, UDP or SCTP.").one_of({"TCP", "UDP", "SCTP"}).defaults("TCP");
  f.add("appProtocol", &ServicePort::app_protocol).doc("Application protocol.");
  f.add("port", &ServicePort::port).doc("Port the service listens on.").required().min(1).max(65535);
  f.add("targetPort", &ServicePort::target_port).doc("Port or port name of the pods.");
  f.add("nodePort", &ServicePort::node_port).doc("Port on every node.");
}

struct ClientIpConfig {
  std::optional<int32_t> timeout_seconds;
};
void describe(json::Fields<ClientIpConfig>& f) {
  f.add("timeoutSeconds", &ClientIpConfig::timeout_seconds).doc("How long a client stays.").min(1).max(86400);
}
struct SessionAffinityConfig {
  std::optional<ClientIpConfig> client_ip;
};
void describe(json::Fields<SessionAffinityConfig>& f) {
  f.add("clientIP", &SessionAffinityConfig::client_ip).doc("By the client's address.");
}
struct ServiceSpec {
  std::vector<ServicePort> ports;
  std::map<std::string, std::string> selector;
  std::string cluster_ip, type, session_affinity, external_name, load_balancer_ip, load_balancer_class;
  std::vector<std::string> external_ips, cluster_ips, ip_families;
  std::string ip_family_policy, internal_traffic, external_traffic;
  std::optional<bool> publish_not_ready, allocate_node_ports;
  std::optional<SessionAffinityConfig> session_affinity_config;
  std::vector<std::string> source_ranges;
  std::optional<int32_t> health_check_node_port;
  std::optional<std::string> traffic_distribution;
};
void describe(json::Fields<ServiceSpec>& f) {
  f.doc("What the service exposes.");
  f.add("ports", &ServiceSpec::ports).doc("Ports.").list_map({"port", "protocol"}).patch_merge("port");
  f.add("selector", &ServiceSpec::selector).doc("Labels of the pods behind it.").map_atomic();
  f.add("clusterIP", &ServiceSpec::cluster_ip).doc("Virtual address, or None.");
  f.add("clusterIPs", &ServiceSpec::cluster_ips).doc("Virtual addresses.");
  f.add("type", &ServiceSpec::type)
      .doc("ClusterIP, NodePort, LoadBalancer or ExternalName.")
      .one_of({"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"})
      .defaults("ClusterIP");
  f.add("sessionAffinity", &ServiceSpec::session_affinity).doc("None or ClientIP.").defaults("None");
  f.add("externalName", &ServiceSpec::external_name).doc("DNS name of an ExternalName service.");
  f.add("externalIPs", &ServiceSpec::external_ips).doc("Further addresses.");
  f.add("loadBalancerIP", &ServiceSpec::load_balancer_ip).doc("Deprecated.");
  f.add("loadBalancerClass", &ServiceSpec::load_balancer_class).doc("Class of the load balancer.");
  f.add("ipFamilies", &ServiceSpec::ip_families).doc("IPv4, IPv6.");
  f.add("ipFamilyPolicy", &ServiceSpec::ip_family_policy).doc("SingleStack, PreferDualStack, RequireDualStack.");
  f.add("internalTrafficPolicy", &ServiceSpec::internal_traffic).doc("Cluster or Local.");
  f.add("externalTrafficPolicy", &ServiceSpec::external_traffic).doc("Cluster or Local.");
  f.add("publishNotReadyAddresses", &ServiceSpec::publish_not_ready).doc("Publish pods before they are ready.");
  f.add("allocateLoadBalancerNodePorts", &ServiceSpec::allocate_node_ports).doc("Allocate node ports.");
  f.add("sessionAffinityConfig", &ServiceSpec::session_affinity_config).doc("How long a client stays at one pod.");
  f.add("loadBalancerSourceRanges", &ServiceSpec::source_ranges).doc("Who may reach the load balancer (CIDRs).");
  f.add("healthCheckNodePort", &ServiceSpec::health_check_node_port).doc("Where a node tells that it has pods.");
  f.add("trafficDistribution", &ServiceSpec::traffic_distribution).doc("Which endpoints are preferred.");
}

KindInfo core_kind(std::string kind, std::string plural, std::vector<std::string> shorts) {
  KindInfo k;
  k.kind = std::move(kind);
  k.plural = std::move(plural);
  k.singular = to_lower(k.kind);
  k.versions = {"v1"};
  k.short_names = std::move(shorts);
  k.core_style = true;
  return k;
}

Column age() {
  return {"Age", "date", ".metadata.creationTimestamp", 0, "Time since the object was created."};
}

json::Property open_object(std::string name, std::string doc) {
  auto s = std::make_shared<json::Schema>();
  s->type = json::SchemaType::Object;
  s->preserve_unknown = true;
  s->doc = std::move(doc);
  return {std::move(name), std::move(s), false};
}

// stringData is write-only: its values go into data, encoded.
Result<void> fold_string_data(Value& secret) {
  auto& o = secret.get_object();
  if (auto* plain = o.if_contains("stringData"); plain && plain->is_object()) {
    json::Object taken = plain->get_object();
    auto& data = json::ensure_object(o, "data");
    for (auto& [key, value] : taken)
      if (value.is_string()) data[key] = base64_encode(json::view(value.get_string()));
  }
  o.erase("stringData");
  return {};
}

// `immutable: true` holds for ever.
void check_immutable(const Value& object, const Value* old, std::vector<Cause>& causes) {
  auto* locked = old ? json::find(*old, "immutable") : nullptr;
  if (!locked || !locked->is_bool() || !locked->get_bool()) return;
  for (auto key : {"data", "binaryData", "immutable"}) {
    auto *before = json::find(*old, key), *after = json::find(object, key);
    bool same = before && after ? json::equal(*before, *after) : before == after;
    if (!same) causes.push_back({"FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set", key});
  }
}

// Keys of ConfigMaps and Secrets become file names.
void check_data_keys(const Value& object, std::string_view field, std::vector<Cause>& causes) {
  auto* data = json::find(object, field);
  if (!data || !data->is_object()) return;
  for (auto& [key, value] : data->get_object()) {
    std::string_view name = key;
    bool fits = !name.empty() && name.size() <= 253 && name != "." && !name.starts_with("..");
    for (char c : name) fits &= c == '-' || c == '_' || c == '.' || std::isalnum(static_cast<unsigned char>(c));
    if (!fits)
      causes.push_back(
          {"FieldValueInvalid",
           fmt::format("Invalid value: \"{}\": a valid config key must consist of alphanumeric characters, "
                       "'-', '_' or '.' (e.g. 'key.name', or 'KEY_NAME', or 'key-name', regex used for "
                       "validation is '[-._a-zA-Z0-9]+')",
                       name),
           fmt::format("{}[{}]", field, name)});
  }
}

void check_config_map(const Value& map, const Value* old, std::vector<Cause>& causes) {
  check_data_keys(map, "data", causes);
  check_data_keys(map, "binaryData", causes);
  size_t bytes = 0;
  if (auto* data = json::find(map, "data"); data && data->is_object())
    for (auto& [key, value] : data->get_object()) bytes += value.is_string() ? value.get_string().size() : 0;
  if (auto* binary = json::find(map, "binaryData"); binary && binary->is_object())
    for (auto& [key, value] : binary->get_object()) {
      std::string at = fmt::format("binaryData[{}]", std::string_view(key));
      auto raw = value.is_string() ? base64_decode(json::view(value.get_string())) : std::nullopt;
      if (!raw) causes.push_back({"FieldValueInvalid", "Invalid value: must be base64", at});
      bytes += raw ? raw->size() : 0;
      if (json::find(map, "data", std::string_view(key)))
        causes.push_back({"FieldValueInvalid",
                          fmt::format("Invalid value: \"{}\": duplicate of key present in data", std::string_view(key)),
                          at});
    }
  if (bytes > 1024 * 1024) causes.push_back({"FieldValueTooLong", "Too long: may not be more than 1048576 bytes", ""});
  check_immutable(map, old, causes);
}

void check_secret_type(const Value& secret, std::vector<Cause>& causes) {
  static const std::map<std::string_view, std::vector<const char*>> kNeeds = {
      {"kubernetes.io/tls", {"tls.crt", "tls.key"}},
      {"kubernetes.io/ssh-auth", {"ssh-privatekey"}},
      {"kubernetes.io/dockerconfigjson", {".dockerconfigjson"}},
      {"kubernetes.io/dockercfg", {".dockercfg"}}};
  auto it = kNeeds.find(json::str(secret, "type"));
  if (it == kNeeds.end()) return;
  for (auto* key : it->second)
    if (!json::find(secret, "data", key))
      causes.push_back({"FieldValueRequired", "Required value", fmt::format("data[{}]", key)});
}

void check_secret(const Value& secret, const Value* old, std::vector<Cause>& causes) {
  check_data_keys(secret, "data", causes);
  check_secret_type(secret, causes);
  size_t bytes = 0;
  if (auto* data = json::find(secret, "data"); data && data->is_object())
    for (auto& [key, value] : data->get_object()) {
      auto raw = value.is_string() ? base64_decode(json::view(value.get_string())) : std::nullopt;
      if (!raw)
        causes.push_back({"FieldValueInvalid", "Invalid value: must be base64", "data[" + std::string(key) + "]"});
      else
        bytes += raw->size();
    }
  if (bytes > 1024 * 1024)
    causes.push_back({"FieldValueTooLong", "Too long: may not be more than 1048576 bytes", "data"});
  if (old && json::str(*old, "type") != json::str(secret, "type"))
    causes.push_back({"FieldValueInvalid",
                      fmt::format("Invalid value: \"{}\": field is immutable", json::str(secret, "type")), "type"});
  check_immutable(secret, old, causes);
}

KindInfo secret_kind() {
  KindInfo k = core_kind("Secret", "secrets", {});
  k.status = false;
  k.doc = "A set of values that must not be printed.";
  k.members = {plain<std::map<std::string, std::string>>("data", "Values in base64."),
               plain<std::map<std::string, std::string>>("stringData", "Values in plain text, write-only."),
               plain<bool>("immutable", "If true the values cannot be changed.")};
  auto type = std::make_shared<json::Schema>(*json::codec_of<std::string>().schema());
  type->doc = "What the secret is for.";
  type->default_value = Value("Opaque");
  k.members.push_back({"type", type, false});
  k.columns = {{"Type", "string", ".type"}, {"Data", "integer", "@data-count"}, age()};
  k.selectable_fields = {"type"};
  k.prepare = fold_string_data;
  k.check = check_secret;
  return k;
}

KindInfo namespace_kind() {
  KindInfo k = core_kind("Namespace", "namespaces", {"ns"});
  k.namespaced = false;
  k.doc = "A room for names.";
  k.members = {member<NamespaceSpec>("spec"), member<NamespaceStatus>("status")};
  k.columns = {{"Status", "string", ".status.phase"}, age()};
  k.selectable_fields = {"status.phase"};
  k.prepare = [](Value& ns) -> Result<void> {
    auto& o = ns.get_object();
    auto& meta = json::ensure_object(o, "metadata");
    if (auto* found = meta.if_contains("name"); found && found->is_string()) {
      Value name = *found;  // the labels may move the members of `meta`
      json::ensure_object(meta, "labels")["kubernetes.io/metadata.name"] = std::move(name);
    }
    if (!o.contains("spec")) o["spec"] = json::Object{{"finalizers", json::Array{"kubernetes"}}};
    if (!json::find(ns, "status", "phase")) json::ensure_object(o, "status")["phase"] = "Active";
    return {};
  };
  return k;
}

void check_service(const Value& service, const Value*, std::vector<Cause>& causes) {
  std::string_view type = json::str(service, "spec", "type");
  auto* ports = json::arr(service, "spec", "ports");
  if (type == "ExternalName") {
    if (json::str(service, "spec", "externalName").empty())
      causes.push_back({"FieldValueRequired", "Required value", "spec.externalName"});
  } else if ((!ports || ports->empty()) && json::str(service, "spec", "clusterIP") != "None") {
    causes.push_back({"FieldValueRequired", "Required value", "spec.ports"});
  }
  if (!ports) return;
  std::set<std::string_view> names;
  for (size_t i = 0; i < ports->size(); ++i) {
    std::string_view name = json::str((*ports)[i], "name");
    std::string at = fmt::format("spec.ports[{}].name", i);
    if (name.empty() && ports->size() > 1)
      causes.push_back({"FieldValueRequired", "Required value", at});
    else if (!name.empty() && !names.insert(name).second)
      causes.push_back({"FieldValueDuplicate", fmt::format("Duplicate value: \"{}\"", name), at});
  }
}

KindInfo service_kind() {
  KindInfo k = core_kind("Service", "services", {"svc"});
  k.doc = "A name for a set of endpoints.";
  k.categories = {"all"};
  k.members = {member<ServiceSpec>("spec"), open_object("status", "State of the load balancer.")};
  k.columns = {{"Type", "string", ".spec.type"},
               {"Cluster-IP", "string", ".spec.clusterIP"},
               {"External-IP", "string", "@service-external-ip"},
               {"Port(s)", "string", "@service-ports"},
               age(),
               {"Selector", "string", "@service-selector", 1}};
  k.selectable_fields = {"spec.type", "spec.clusterIP"};
  k.check = check_service;
  k.prepare = [](Value& service) -> Result<void> {
    if (json::str(service, "spec", "clusterIP").empty() && json::str(service, "spec", "type") != "ExternalName")
      json::ensure_object(service.get_object(), "spec")["clusterIP"] = "None";
    return {};
  };
  return k;
}

KindInfo pod_kind() {
  KindInfo k = core_kind("Pod", "pods", {"po"});
  k.doc = "A running part. Pods here are kept by the server: each is a part of this program.";
  k.categories = {"all"};
  k.read_only = true;
  k.subresources = {"log"};
  k.members = {open_object("spec", "What runs."), open_object("status", "How it runs.")};
  k.columns = {{"Ready", "string", "@pod-ready"},
               {"Status", "string", ".status.phase"},
               {"Restarts", "string", "@pod-restarts"},
               age(),
               {"IP", "string", ".status.podIP", 1},
               {"Node", "string", ".spec.nodeName", 1},
               {"Nominated Node", "string", "@pod-nominated-node", 1},
               {"Readiness Gates", "string", "@pod-readiness-gates", 1}};
  k.selectable_fields = {"spec.nodeName", "status.phase", "status.podIP", "spec.serviceAccountName"};
  return k;
}

KindInfo event_kind() {
  KindInfo k = core_kind("Event", "events", {"ev"});
  k.status = false;
  k.doc = "Something that happened to an object.";
  k.members = {open_object("involvedObject", "The object."), open_object("source", "Who reports."),
               open_object("related", "A second object."), open_object("series", "Repetition.")};
  for (auto [name, doc] : {std::pair{"reason", "Short reason."},
                           {"message", "In words."},
                           {"type", "Normal or Warning."},
                           {"firstTimestamp", "First time."},
                           {"lastTimestamp", "Last time."},
                           {"eventTime", "Time."},
                           {"action", "What was done."},
                           {"reportingComponent", "Controller."},
                           {"reportingInstance", "Instance."}})
    k.members.push_back(plain<std::string>(name, doc));
  k.members.push_back(plain<int64_t>("count", "How often."));
  k.columns = {{"Last Seen", "string", "@event-last-seen"},
               {"Type", "string", ".type"},
               {"Reason", "string", ".reason"},
               {"Object", "string", "@event-object"},
               {"Subobject", "string", ".involvedObject.fieldPath", 1},
               {"Source", "string", "@event-source", 1},
               {"Message", "string", ".message"},
               {"First Seen", "string", "@event-first-seen", 1},
               {"Count", "string", "@event-count", 1},
               {"Name", "string", "@name", 1}};
  k.selectable_fields = {"involvedObject.kind",
                         "involvedObject.namespace",
                         "involvedObject.name",
                         "involvedObject.uid",
                         "involvedObject.apiVersion",
                         "involvedObject.fieldPath",
                         "reason",
                         "type",
                         "source",
                         "reportingComponent"};
  return k;
}

}  // namespace

std::vector<KindInfo> core_kinds() {
  KindInfo config_map = core_kind("ConfigMap", "configmaps", {"cm"});
  config_map.status = false;
  config_map.doc = "A set of values for configuration.";
  config_map.members = {plain<std::map<std::string, std::string>>("data", "Text values."),
                        plain<std::map<std::string, std::string>>("binaryData", "Binary values in base64."),
                        plain<bool>("immutable", "If true the values cannot be changed.")};
  config_map.check = check_config_map;
  config_map.columns = {{"Data", "integer", "@data-count"}, age()};
  return {namespace_kind(), secret_kind(), std::move(config_map), service_kind(),
          pod_kind(),       event_kind(),  definition_kind()};
}

}  // namespace sl::resource

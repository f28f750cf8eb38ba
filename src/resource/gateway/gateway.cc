#include "resource/gateway/gateway.h"

#include <arpa/inet.h>
#include <re2/re2.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "resource/gateway/patterns.h"

namespace sl::resource {

using json::Value;

namespace {

constexpr char kController[] =
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$";
constexpr char kProtocol[] =
    "^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/"
    "[A-Za-z0-9]+$";

bool any_of(const Value& v, std::string_view key, std::initializer_list<std::string_view> values) {
  auto text = json::str(v, key);
  for (auto x : values)
    if (text == x) return true;
  return false;
}

// No two items with the same key.
bool unique(const Value& list, const std::function<std::string(const Value&)>& key) {
  std::set<std::string> seen;
  if (auto* a = list.if_array())
    for (auto& item : *a)
      if (!seen.insert(key(item)).second) return false;
  return true;
}

std::string listener_key(const Value& l) {
  return std::to_string(json::num(l, 0, "port")) + "/" + std::string(json::str(l, "protocol")) + "/" +
         std::string(json::str(l, "hostname"));
}

struct Address {
  std::string type, value;
};
void describe(json::Fields<Address>& f) {
  f.add("type", &Address::type).doc("IPAddress or Hostname.").defaults("IPAddress").length(1, 253);
  f.add("value", &Address::value).doc("The address.").required().length(1, 253);
}
struct ListenerStatus {
  std::string name;
  std::vector<RouteGroupKind> kinds;
  int32_t attached = 0;
  std::vector<Condition> conditions;
};
void describe(json::Fields<ListenerStatus>& f);
struct GatewayStatus {
  std::vector<Address> addresses;
  std::vector<Condition> conditions;
  std::vector<ListenerStatus> listeners;
  int32_t attached_sets = 0;
};
void describe(json::Fields<GatewayStatus>& f) {
  f.doc("State of the gateway.");
  f.add("addresses", &GatewayStatus::addresses).doc("Addresses bound.").items(0, 16);
  f.add("conditions", &GatewayStatus::conditions).doc("Accepted, Programmed and more.").items(0, 8).list_map({"type"});
  f.add("listeners", &GatewayStatus::listeners).doc("State of each listener.").items(0, 64).list_map({"name"});
  f.add("attachedListenerSets", &GatewayStatus::attached_sets).doc("ListenerSets attached.");
}
struct SupportedFeature {
  std::string name;
};
void describe(json::Fields<SupportedFeature>& f) {
  f.add("name", &SupportedFeature::name).doc("Name of the feature.").required();
}
struct GatewayClassStatus {
  std::vector<Condition> conditions;
  std::vector<SupportedFeature> features;
};
void describe(json::Fields<GatewayClassStatus>& f) {
  f.doc("State of the class.");
  f.add("conditions", &GatewayClassStatus::conditions).doc("Accepted and more.").items(0, 8).list_map({"type"});
  f.add("supportedFeatures", &GatewayClassStatus::features)
      .doc("Features, in ascending order.")
      .items(0, 64)
      .list_map({"name"});
}

}  // namespace

void describe(json::Fields<ParametersRef>& f) {
  f.doc("An object with further parameters.");
  f.add("group", &ParametersRef::group).doc("API group.").required().pattern(kGroup).length(0, 253);
  f.add("kind", &ParametersRef::kind).doc("Kind.").required().pattern(kKind).length(1, 63);
  f.add("name", &ParametersRef::name).doc("Name.").required().length(1, 253);
  f.add("namespace", &ParametersRef::ns).doc("Namespace, for a namespaced kind.").length(1, 63).pattern(kNamespace);
}

void describe(json::Fields<GatewayClassSpec>& f) {
  f.doc("Which controller runs gateways of this class.");
  f.add("controllerName", &GatewayClassSpec::controller_name)
      .doc("Domain/path of the controller; immutable.")
      .required()
      .length(1, 253)
      .pattern(kController)
      .rule("Value is immutable", [](const Value& self, const Value* old) { return !old || self == *old; });
  f.add("parametersRef", &GatewayClassSpec::parameters_ref).doc("Parameters of the class.");
  f.add("description", &GatewayClassSpec::description).doc("In words.").length(0, 64);
}

void describe(json::Fields<SecretObjectReference>& f) {
  f.add("group", &SecretObjectReference::group)
      .doc("API group; empty for core.")
      .defaults("")
      .pattern(kGroup)
      .length(0, 253);
  f.add("kind", &SecretObjectReference::kind).doc("Kind.").defaults("Secret").length(1, 63).pattern(kKind);
  f.add("name", &SecretObjectReference::name).doc("Name.").required().length(1, 253);
  f.add("namespace", &SecretObjectReference::ns)
      .doc("Namespace; another one needs a ReferenceGrant.")
      .length(1, 63)
      .pattern(kNamespace);
}

void describe(json::Fields<RouteGroupKind>& f) {
  f.add("group", &RouteGroupKind::group).doc("API group.").defaults(kGatewayGroup).pattern(kGroup).length(0, 253);
  f.add("kind", &RouteGroupKind::kind).doc("Kind.").required().pattern(kKind).length(1, 63);
}

void describe(json::Fields<RouteNamespaces>& f) {
  f.doc("Namespaces from which routes may attach.");
  f.add("from", &RouteNamespaces::from)
      .doc("All, Selector or Same.")
      .one_of({"All", "Selector", "Same"})
      .defaults("Same");
  f.add("selector", &RouteNamespaces::selector).doc("Labels of the namespaces, for Selector.");
}

void describe(json::Fields<AllowedRoutes>& f) {
  f.doc("Which routes may attach to the listener.");
  f.add("namespaces", &AllowedRoutes::namespaces).doc("By namespace.").defaults(json::Object{{"from", "Same"}});
  f.add("kinds", &AllowedRoutes::kinds).doc("By kind.").items(0, 8);
}

void describe(json::Fields<ListenerTls>& f) {
  f.doc("TLS of the listener.");
  f.add("mode", &ListenerTls::mode)
      .doc("Terminate or Passthrough.")
      .one_of({"Terminate", "Passthrough"})
      .defaults("Terminate");
  f.add("certificateRefs", &ListenerTls::certificate_refs).doc("Certificates.").items(0, 64);
  f.add("options", &ListenerTls::options).doc("Implementation options.").max_entries(16);
  f.rule("certificateRefs or options must be specified when mode is Terminate", [](const Value& s, const Value*) {
    auto* refs = json::arr(s, "certificateRefs");
    return json::str(s, "mode") != "Terminate" || (refs && !refs->empty()) || has(s, "options");
  });
}

void describe(json::Fields<Listener>& f) {
  f.doc("A port with a protocol and host name on which the gateway serves.");
  f.add("name", &Listener::name).doc("Unique in the gateway.").required().length(1, 253).pattern(kSectionName);
  f.add("hostname", &Listener::hostname).doc("Host matched; empty matches all.").length(1, 253).pattern(kHostname);
  f.add("port", &Listener::port).doc("Port.").required().min(1).max(65535);
  f.add("protocol", &Listener::protocol)
      .doc("HTTP, HTTPS, TLS, TCP, UDP or a domain-prefixed one.")
      .required()
      .length(1, 255)
      .pattern(kProtocol);
  f.add("tls", &Listener::tls).doc("TLS, for HTTPS and TLS.");
  f.add("allowedRoutes", &Listener::allowed_routes)
      .doc("Which routes may attach.")
      .defaults(json::Object{{"namespaces", json::Object{{"from", "Same"}}}});
}

static void describe_listener_list(json::FieldRef list) {
  auto each = [](std::function<bool(const Value&)> holds) {
    return [holds = std::move(holds)](const Value& self, const Value*) {
      for (auto& l : self.get_array())
        if (!holds(l)) return false;
      return true;
    };
  };
  list.rule("tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
            each([](const Value& l) { return !any_of(l, "protocol", {"HTTP", "TCP", "UDP"}) || !has(l, "tls"); }))
      .rule("tls mode must be Terminate for protocol HTTPS", each([](const Value& l) {
              return json::str(l, "protocol") != "HTTPS" || !has(l, "tls") ||
                     json::str(l, "tls", "mode") == "Terminate";
            }))
      .rule("tls mode must be set for protocol TLS", each([](const Value& l) {
              return json::str(l, "protocol") != "TLS" || !json::str(l, "tls", "mode").empty();
            }))
      .rule("hostname must not be specified for protocols ['TCP', 'UDP']",
            each([](const Value& l) { return !any_of(l, "protocol", {"TCP", "UDP"}) || !has(l, "hostname"); }))
      .rule("Listener name must be unique within the Gateway",
            [](const Value& self, const Value*) {
              return unique(self, [](auto& l) { return std::string(json::str(l, "name")); });
            })
      .rule("Combination of port, protocol and hostname must be unique for each listener",
            [](const Value& self, const Value*) { return unique(self, listener_key); });
}

// Keys of labels and annotations: an optional DNS prefix and a name.
static json::FieldRef& describe_keys(json::FieldRef& map, const std::string& what, const std::string& the) {
  static const re2::RE2 kKey(
      "^(([a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)(\\.[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)*/)?"
      "([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$");
  auto all = [](auto holds) {
    return [holds](const Value& map, const Value*) {
      auto& o = map.get_object();
      return std::all_of(o.begin(), o.end(), [&](auto& e) { return holds(json::view(e.key())); });
    };
  };
  return map
      .rule(what +
                " keys must be in the form of an optional DNS subdomain prefix followed by a required name segment of "
                "up to 63 characters.",
            all([](std::string_view key) { return re2::RE2::FullMatch({key.data(), key.size()}, kKey); }))
      .rule(
          "If specified, the " + the + " key's prefix must be a DNS subdomain not longer than 253 characters in total.",
          all([](std::string_view key) {
            size_t slash = key.find('/');
            return slash == std::string_view::npos || slash <= 253;
          }));
}

void describe(json::Fields<GatewayAddress>& f) {
  f.add("type", &GatewayAddress::type)
      .doc("IPAddress, Hostname or domain-prefixed.")
      .defaults("IPAddress")
      .length(1, 253)
      .pattern(
          "^Hostname|IPAddress|NamedAddress|[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/"
          "[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$");
  f.add("value", &GatewayAddress::value).doc("The address; empty lets the controller choose.").length(0, 253);
  f.rule(std::string("Hostname value must be empty or contain only valid characters (matching ") + kHostname + ")",
         [](const Value& s, const Value*) {
           static const re2::RE2 kValid(kHostname);
           auto value = json::str(s, "value");
           return json::str(s, "type") != "Hostname" || value.empty() ||
                  re2::RE2::FullMatch({value.data(), value.size()}, kValid);
         });
  f.rule("IPAddress value must be an IPv4 or IPv6 address", [](const Value& s, const Value*) {
    std::string value(json::str(s, "value"));
    unsigned char bytes[16];
    return json::str(s, "type") != "IPAddress" || value.empty() || inet_pton(AF_INET, value.c_str(), bytes) == 1 ||
           inet_pton(AF_INET6, value.c_str(), bytes) == 1;
  });
}

void describe(json::Fields<GatewayInfrastructure>& f) {
  f.doc("What is put on the objects made for the gateway.");
  auto labels = f.add("labels", &GatewayInfrastructure::labels).doc("Labels.").max_entries(8);
  describe_keys(labels, "Label", "label")
      .rule("label values must be of up to 63 characters, as labels of Kubernetes are", [](const Value& map,
                                                                                           const Value*) {
        static const re2::RE2 kValue("(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?");
        auto& o = map.get_object();
        return std::all_of(o.begin(), o.end(), [](auto& e) {
          std::string_view value = e.value().is_string() ? json::view(e.value().get_string()) : std::string_view();
          return value.size() <= 63 && re2::RE2::FullMatch({value.data(), value.size()}, kValue);
        });
      });
  auto annotations = f.add("annotations", &GatewayInfrastructure::annotations).doc("Annotations.").max_entries(16);
  describe_keys(annotations, "Annotation", "annotation");
  f.add("parametersRef", &GatewayInfrastructure::parameters_ref).doc("Further parameters.");
}

void describe(json::Fields<ListenerNamespaces>& f) {
  f.doc("Namespaces from which ListenerSets may attach.");
  f.add("from", &ListenerNamespaces::from)
      .doc("All, Selector, Same or None.")
      .one_of({"All", "Selector", "Same", "None"})
      .defaults("None");
  f.add("selector", &ListenerNamespaces::selector).doc("Labels of the namespaces, for Selector.");
}

void describe(json::Fields<AllowedListeners>& f) {
  f.add("namespaces", &AllowedListeners::namespaces)
      .doc("Namespaces whose ListenerSets may attach.")
      .defaults(json::Object{{"from", "None"}});
}

static auto distinct_addresses(std::string type) {
  return [type](const Value& self, const Value*) {
    std::set<std::string> seen;
    for (auto& a : self.get_array())
      if (json::str(a, "type") == type && has(a, "value") && !seen.emplace(json::str(a, "value")).second) return false;
    return true;
  };
}

void describe(json::Fields<GatewaySpec>& f) {
  f.doc("The gateway that is wanted.");
  f.add("gatewayClassName", &GatewaySpec::class_name).doc("Name of the GatewayClass.").required().length(1, 253);
  describe_listener_list(
      f.add("listeners", &GatewaySpec::listeners).doc("Listeners.").required().items(1, 64).list_map({"name"}));
  f.add("addresses", &GatewaySpec::addresses)
      .doc("Addresses asked for.")
      .items(0, 16)
      .rule("IPAddress values must be unique", distinct_addresses("IPAddress"))
      .rule("Hostname values must be unique", distinct_addresses("Hostname"));
  f.add("infrastructure", &GatewaySpec::infrastructure).doc("Labels and annotations of the objects made for it.");
  f.add("allowedListeners", &GatewaySpec::allowed_listeners).doc("Which ListenerSets may attach.");
  f.add("tls", &GatewaySpec::tls).doc("Client certificate towards backends and validation of clients.");
  f.add("defaultScope", &GatewaySpec::default_scope).doc("Whether this is a default gateway (experimental).");
}

namespace {
void describe(json::Fields<ListenerStatus>& f) {
  f.add("name", &ListenerStatus::name).doc("Name of the listener.").required();
  f.add("supportedKinds", &ListenerStatus::kinds).doc("Route kinds it takes.").items(0, 8);
  f.add("attachedRoutes", &ListenerStatus::attached).doc("Routes attached.").required();
  f.add("conditions", &ListenerStatus::conditions).doc("State.").required().items(0, 8).list_map({"type"});
}
}  // namespace

void describe(json::Fields<GrantFrom>& f) {
  f.add("group", &GrantFrom::group).doc("Group of the referrer.").required().pattern(kGroup);
  f.add("kind", &GrantFrom::kind).doc("Kind of the referrer.").required().pattern(kKind);
  f.add("namespace", &GrantFrom::ns).doc("Namespace of the referrer.").required().length(1, 63).pattern(kNamespace);
}
void describe(json::Fields<GrantTo>& f) {
  f.add("group", &GrantTo::group).doc("Group of the target.").required().pattern(kGroup);
  f.add("kind", &GrantTo::kind).doc("Kind of the target.").required().pattern(kKind);
  f.add("name", &GrantTo::name).doc("Name of the target; all when absent.").length(1, 253);
}
void describe(json::Fields<ReferenceGrantSpec>& f) {
  f.doc("Lets objects of other namespaces refer to objects here.");
  f.add("from", &ReferenceGrantSpec::from).doc("Who may refer.").required().items(1, 16);
  f.add("to", &ReferenceGrantSpec::to).doc("To what.").required().items(1, 16);
}

Result<int64_t> parse_duration_ms(std::string_view text) {
  int64_t total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t digits = 0;
    while (digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9') ++digits;
    auto n = parse_int(rest.substr(0, digits));
    if (!n || digits > 5)
      return fail(Code::Invalid, "duration \"" + std::string(text) + "\" must look like 1h30m, 10s or 500ms");
    rest.remove_prefix(digits);
    int64_t unit = rest.starts_with("ms")  ? 1
                   : rest.starts_with("s") ? 1000
                   : rest.starts_with("m") ? 60'000
                   : rest.starts_with("h") ? 3'600'000
                                           : 0;
    if (!unit) return fail(Code::Invalid, "duration \"" + std::string(text) + "\" must look like 1h30m, 10s or 500ms");
    rest.remove_prefix(unit == 1 ? 2 : 1);
    total += *n * unit;
  }
  return total;
}

// What a new object says until its controller has seen it.
static json::Property waiting(json::Property status, std::initializer_list<const char*> types) {
  auto schema = std::make_shared<json::Schema>(*status.schema);
  json::Array conditions;
  for (auto type : types)
    conditions.push_back(json::Object{{"type", type},
                                      {"status", "Unknown"},
                                      {"reason", "Pending"},
                                      {"message", "Waiting for controller"},
                                      {"lastTransitionTime", "1970-01-01T00:00:00Z"}});
  schema->default_value = json::Object{{"conditions", std::move(conditions)}};
  status.schema = std::move(schema);
  return status;
}

std::vector<KindInfo> gateway_kinds() {
  auto kind = [](std::string name, std::string plural, std::vector<std::string> versions,
                 std::vector<std::string> shorts) {
    KindInfo k;
    k.group = kGatewayGroup;
    k.kind = std::move(name);
    k.plural = std::move(plural);
    k.singular = to_lower(k.kind);
    k.versions = std::move(versions);
    k.short_names = std::move(shorts);
    k.categories = {"gateway-api"};
    return k;
  };
  Column age{"Age", "date", ".metadata.creationTimestamp"};
  KindInfo gc = kind("GatewayClass", "gatewayclasses", {"v1", "v1beta1"}, {"gc"});
  gc.namespaced = false;
  gc.doc = "A class of gateways that one controller runs.";
  gc.members = {member<GatewayClassSpec>("spec", true), waiting(member<GatewayClassStatus>("status"), {"Accepted"})};
  gc.columns = {{"Controller", "string", ".spec.controllerName"},
                {"Accepted", "string", ".status.conditions[?(@.type==\"Accepted\")].status"},
                age,
                {"Description", "string", ".spec.description", 1}};
  KindInfo gw = kind("Gateway", "gateways", {"v1", "v1beta1"}, {"gtw"});
  gw.doc = "A set of listeners that accept traffic.";
  gw.members = {member<GatewaySpec>("spec", true),
                waiting(member<GatewayStatus>("status"), {"Accepted", "Programmed"})};
  gw.columns = {{"Class", "string", ".spec.gatewayClassName"},
                {"Address", "string", ".status.addresses[*].value"},
                {"Programmed", "string", ".status.conditions[?(@.type==\"Programmed\")].status"},
                age};
  KindInfo grant = kind("ReferenceGrant", "referencegrants", {"v1", "v1beta1", "v1alpha2"}, {"refgrant"});
  grant.status = false;
  grant.doc = "Lets other namespaces refer to objects of this one.";
  grant.members = {member<ReferenceGrantSpec>("spec")};
  grant.columns = {age};
  return {std::move(gc), std::move(gw), http_route_kind(), std::move(grant)};
}

}  // namespace sl::resource

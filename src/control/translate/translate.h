// Resources in, RouteSpec and conditions out: a pure function, tested with goldens.
//
// Who calls: control/reconcile, `sightline validate`. Thread: plain function; the clock is read only for new
// lastTransitionTimes. One bad object never blocks the others. Source: Gateway API.
#pragma once

#include "control/translate/index.h"
#include "route/spec/agent_spec.h"
#include "route/spec/spec.h"

namespace sl::control {

inline constexpr char kFieldManager[] = "sightline";  // of what we write

struct TranslateOptions {
  std::string listen_host = "127.0.0.1";  // address Gateways bind and report
  // What the data plane said of the last configuration: why a bind ("IP:PORT") failed.
  std::map<std::string, std::string> failed_binds;
  // What the objects that stand for a Gateway (NS/NAME) could not be made for, in words.
  std::map<std::string, std::string> object_problems;
  // Addresses of this machine, behind which a listener on 0.0.0.0 or :: is found.
  std::vector<std::string> local_addresses;
};

// Whether HOST (v6 without brackets) leads to what is bound to `listen_host`.
bool leads_to(std::string_view host, std::string_view listen_host, const std::vector<std::string>& local_addresses);

// A status to write: of a resource, by store key and name.
struct StatusUpdate {
  std::string resource;  // "gateways.gateway.networking.k8s.io"
  std::string ns, name;
  json::Value status;
};

struct Translation {
  route::RouteSpec routes;
  std::vector<route::AgentSpec> agents;
  std::vector<StatusUpdate> statuses;
};

Translation translate(const ResourceIndex& index, const TranslateOptions& options);

inline constexpr char kAgentgatewayController[] = "kgateway.dev/agentgateway";
inline constexpr char kKgatewayController[] = "kgateway.dev/kgateway";
bool our_controller(std::string_view controller);

// The parts (translate.cc calls them in this order).
struct RouteAttachments {
  std::map<std::string, int> per_listener;  // NS/GATEWAY/LISTENER -> accepted routes attached
};
void translate_classes(const ResourceIndex& index, Translation& out);
void translate_backends(const ResourceIndex& index, Translation& out);
void translate_routes(const ResourceIndex& index, Translation& out, RouteAttachments& attached);
void translate_gateways(const ResourceIndex& index, const TranslateOptions& options, const RouteAttachments& attached,
                        Translation& out);
void translate_agents(const ResourceIndex& index, const TranslateOptions& options, Translation& out);
// Objects that could not be read get a condition that says so.
void translate_problems(const ResourceIndex& index, Translation& out);
// Why a class of ours is not accepted; "" when it is.
std::string refused_class(const resource::GatewayClassSpec& spec);
// Is this Gateway of a class of ours?
bool our_gateway(const ResourceIndex& index, const resource::GatewaySpec& gateway);
// Does the name of this Gateway (NS/NAME) belong to a Service or Pod that stands for a part of this program?
bool name_taken(std::string_view gateway);
// Can this listener serve (protocol known, no TLS trouble)?
bool listener_supported(const resource::Listener& listener);

}  // namespace sl::control

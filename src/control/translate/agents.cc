// ModelConfigs and Agents: AgentSpecs for the runtime, and their conditions. Source: kagent.dev/v1alpha2.
#include <fmt/format.h>

#include <set>

#include "base/strings.h"
#include "control/status/conditions.h"
#include "control/translate/translate.h"

namespace sl::control {

using json::Object;

namespace {

// HOST and PORT of what follows "//"; the port is empty where there is none.
std::pair<std::string_view, std::string_view> split_authority(std::string_view rest) {
  std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  size_t bracket = authority.rfind(']');
  size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon == std::string_view::npos) return {authority, ""};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

// What must be said about a URL before it is used; "" when it is fine.
std::string check_url(std::string_view url) {
  bool https = url.starts_with("https:"), http = url.starts_with("http:");
  if (!http && !https) return fmt::format("URL \"{}\" must start with http:// or https://", url);
  std::string_view rest = url.substr(https ? 6 : 5);
  if (!rest.starts_with("//")) {
    while (rest.starts_with("/")) rest.remove_prefix(1);
    return fmt::format("URL \"{}\" lacks \"//\" after the scheme; did you mean \"{}://{}\"?", url,
                       https ? "https" : "http", rest);
  }
  rest.remove_prefix(2);
  auto [host, port_text] = split_authority(rest);
  if (host.empty()) return fmt::format("URL \"{}\" has no host", url);
  for (unsigned char c : url)
    if (c <= 0x20 || c == 0x7f) return fmt::format("URL \"{}\" holds a space or control character", url);
  if (rest.substr(host.size()).starts_with(':')) {
    auto port = parse_uint(port_text);
    if (!port || *port == 0 || *port > 65535) return fmt::format("URL \"{}\" has an invalid port", url);
  }
  return "";
}

void set_number(Object& out, std::string_view key, const std::string& text) {
  if (text.empty()) return;
  if (auto parsed = json::parse(text); parsed && parsed->is_number()) out[key] = *parsed;
}

// The words for what is wrong, or "".
std::string openai_model(const resource::OpenAiConfig& c, route::ModelSpec& out) {
  std::string base = c.base_url.empty() ? "https://api.openai.com/v1" : c.base_url;
  if (auto bad = check_url(base); !bad.empty()) return "spec.openAI.baseUrl: " + bad;
  while (base.ends_with('/')) base.pop_back();
  out.url = base + "/chat/completions";
  if (!c.organization.empty()) out.headers["OpenAI-Organization"] = c.organization;
  for (auto [key, text] : {std::pair{"temperature", &c.temperature},
                           {"top_p", &c.top_p},
                           {"frequency_penalty", &c.frequency_penalty},
                           {"presence_penalty", &c.presence_penalty}}) {
    if (!text->empty() && (!json::parse(*text) || !json::parse(*text)->is_number()))
      return fmt::format("spec.openAI: \"{}\" is not a number", *text);
    set_number(out.parameters, key, *text);
  }
  if (c.max_tokens) out.parameters["max_tokens"] = *c.max_tokens;
  if (c.max_completion_tokens) out.parameters["max_completion_tokens"] = *c.max_completion_tokens;
  if (c.seed) out.parameters["seed"] = *c.seed;
  if (c.n) out.parameters["n"] = *c.n;
  if (!c.reasoning_effort.empty()) out.parameters["reasoning_effort"] = c.reasoning_effort;
  if (c.timeout) out.timeout_ms = int64_t{*c.timeout} * 1000;
  if (c.api_format == "responses") return "spec.openAI.apiFormat: responses is not supported yet, only chatCompletions";
  if (c.token_exchange) return "spec.openAI.tokenExchange is not supported yet";
  return "";
}

std::string translate_model(const ResourceIndex& index, const Held<resource::ModelConfigSpec>& m,
                            route::ModelSpec& out) {
  out.name = m.key();
  out.provider = m.spec.provider;
  out.model = m.spec.model;
  out.headers = m.spec.default_headers;
  out.caller_credential = m.spec.api_key_passthrough;
  if (m.spec.provider != "OpenAI")
    return fmt::format(
        "provider {} is not supported by the agent runtime yet: use provider OpenAI with openAI.baseUrl of a gateway "
        "route to it",
        m.spec.provider);
  if (m.spec.tls) return "spec.tls is not supported yet";
  if (auto bad = openai_model(m.spec.openai.value_or(resource::OpenAiConfig{}), out); !bad.empty()) return bad;
  if (m.spec.api_key_secret.empty()) return "";
  auto key = secret_value(index, m.ns(), m.spec.api_key_secret, m.spec.api_key_secret_key);
  if (!key) {
    bool there = index.secrets.contains(m.ns() + "/" + m.spec.api_key_secret);
    return there
               ? fmt::format("Secret {}/{} has no key \"{}\"", m.ns(), m.spec.api_key_secret, m.spec.api_key_secret_key)
               : fmt::format("Secret \"{}\" not found in namespace {}", m.spec.api_key_secret, m.ns());
  }
  out.credential = trim(*key);
  if (out.credential.empty())
    return fmt::format("Secret {}/{} has nothing but white space under the key \"{}\"", m.ns(), m.spec.api_key_secret,
                       m.spec.api_key_secret_key);
  return "";
}

const std::set<std::string>& built_in_tools() {
  static const std::set<std::string> names = {"ask_user", "k8s_get_resources", "k8s_describe_resource",
                                              "k8s_get_pod_logs", "k8s_get_available_api_resources"};
  return names;
}

struct AgentVerdict {
  std::string error;                     // Accepted=False
  std::vector<std::string> unsupported;  // soft
};

std::string prompt_of(const ResourceIndex& index, const Held<resource::AgentSpec>& a, AgentVerdict& v) {
  auto& d = *a.spec.declarative;
  if (!d.system_message_from) return d.system_message;
  auto& from = *d.system_message_from;
  std::optional<std::string> text;
  if (from.type == "Secret") {
    text = secret_value(index, a.ns(), from.name, from.key);
  } else if (auto it = index.config_maps.find(a.ns() + "/" + from.name); it != index.config_maps.end()) {
    if (auto* value = json::find(*it->second, "data", from.key); value && value->is_string())
      text = std::string(json::view(value->get_string()));
  }
  if (!text)
    v.error = fmt::format("systemMessageFrom: {} {}/{} has no key \"{}\"", from.type, a.ns(), from.name, from.key);
  return text.value_or("");
}

void add_tools(const resource::DeclarativeAgent& d, route::AgentSpec& out, AgentVerdict& v) {
  out.tools.push_back("ask_user");
  for (size_t i = 0; i < d.tools.size(); ++i) {
    auto& t = d.tools[i];
    if (!t.headers_from.empty()) v.unsupported.push_back(fmt::format("spec.declarative.tools[{}].headersFrom", i));
    if (t.isolate_sessions) v.unsupported.push_back(fmt::format("spec.declarative.tools[{}].isolateSessions", i));
    if (!t.mcp_server) {
      v.unsupported.push_back(fmt::format("spec.declarative.tools[{}] (agents as tools)", i));
      continue;
    }
    for (auto& name : t.mcp_server->tool_names) {
      if (built_in_tools().contains(name)) {
        if (std::find(out.tools.begin(), out.tools.end(), name) == out.tools.end()) out.tools.push_back(name);
      } else {
        v.unsupported.push_back(fmt::format("tool {} of {} {}", name, t.mcp_server->kind, t.mcp_server->name));
      }
    }
    if (!t.mcp_server->allowed_headers.empty())
      v.unsupported.push_back(fmt::format("spec.declarative.tools[{}].mcpServer.allowedHeaders", i));
    if (t.mcp_server->tool_names.empty())
      v.unsupported.push_back(
          fmt::format("spec.declarative.tools[{}] ({} {})", i, t.mcp_server->kind, t.mcp_server->name));
    if (!t.mcp_server->require_approval.empty())
      v.error = "requireApproval is not supported yet, and tools that need approval must not run without it";
  }
}

void note_unsupported(const resource::AgentSpec& spec, AgentVerdict& v) {
  auto& d = *spec.declarative;
  for (auto [name, there] : {std::pair{"spec.skills", spec.skills.has_value()},
                             {"spec.sandbox", spec.sandbox.has_value()},
                             {"spec.allowedNamespaces", spec.allowed_namespaces.has_value()},
                             {"spec.declarative.deployment", d.deployment.has_value()},
                             {"spec.declarative.memory", d.memory.has_value()},
                             {"spec.declarative.context", d.context.has_value()}})
    if (there) v.unsupported.push_back(name);
  if (d.execute_code_blocks.value_or(false)) v.unsupported.push_back("spec.declarative.executeCodeBlocks");
  if (d.share_tools) v.unsupported.push_back("spec.declarative.shareTools");
  if (d.prompt_template) v.unsupported.push_back("spec.declarative.promptTemplate");
}

void add_card(const resource::AgentSpec& spec, route::AgentSpec& out) {
  out.description = spec.description;
  out.version = spec.version;
  out.icon_url = spec.icon_url;
  out.documentation_url = spec.documentation_url;
  if (spec.provider) {
    out.provider_organization = spec.provider->organization;
    out.provider_url = spec.provider->url;
  }
  if (spec.declarative && spec.declarative->a2a_config)
    for (auto& s : spec.declarative->a2a_config->skills)
      out.skills.push_back({s.id, s.name, s.description, s.tags, s.examples, s.input_modes, s.output_modes});
}

AgentVerdict translate_agent(const ResourceIndex& index,
                             const std::map<std::string, std::pair<route::ModelSpec, std::string>>& models,
                             const Held<resource::AgentSpec>& a, route::AgentSpec& out) {
  AgentVerdict v;
  out.ns = a.ns();
  out.name = a.name();
  out.uid = kube::uid_of(*a.object);
  out.generation = a.generation();
  add_card(a.spec, out);
  if (a.spec.type == "BYO" || !a.spec.declarative) {
    v.error = "agents of type BYO are not supported yet: there is nothing here that runs images";
    return v;
  }
  auto& d = *a.spec.declarative;
  out.stream = d.stream;
  out.system_message = prompt_of(index, a, v);
  note_unsupported(a.spec, v);
  add_tools(d, out, v);
  std::string model = a.ns() + "/" + (d.model_config.empty() ? "default-model-config" : d.model_config);
  auto it = models.find(model);
  if (it == models.end())
    v.error = fmt::format("ModelConfig \"{}\" not found in namespace {}", d.model_config, a.ns());
  else if (!it->second.second.empty())
    v.error = fmt::format("ModelConfig {}: {}", model, it->second.second);
  else
    out.model = it->second.first;
  return v;
}

// Changes whenever the Secret does. Of its version, not of its value, which a reader of the status could guess at.
std::string hash_of(const json::Value& secret) {
  uint64_t h = 1469598103934665603ull;
  for (auto text : {kube::uid_of(secret), json::str(secret, "metadata", "resourceVersion")})
    for (unsigned char c : text) h = (h ^ c) * 1099511628211ull;
  return fmt::format("{:016x}", h);
}

}  // namespace

// NS/NAME of the Service that a host name stands for, as a cluster's DNS has it: NAME (in the caller's namespace),
// NAME.NS, NAME.NS.svc, NAME.NS.svc.cluster.local. Source: Kubernetes DNS specification 1.1.0, 2.3.
static std::string service_named(std::string_view host, std::string_view ns) {
  std::string name = to_lower(host);
  for (std::string_view end : {".", ".cluster.local", ".svc"})
    if (name.ends_with(end)) name.resize(name.size() - end.size());
  auto labels = split(name, '.');
  if (labels.size() == 1) return fmt::format("{}/{}", ns, labels[0]);
  return labels.size() == 2 ? fmt::format("{}/{}", labels[1], labels[0]) : "";
}

// Says of a model's address that calls to it pass by every gateway, or that they are refused.
struct WayProblem {
  std::string reason, message;  // of the condition; empty if calls go through a gateway
};

static std::string bound_address(const route::Listener& l) {
  if (l.host == "0.0.0.0") return fmt::format("127.0.0.1:{}", l.port);
  if (l.host == "::" || l.host == "[::]") return fmt::format("[::1]:{}", l.port);
  bool bare6 = l.host.find(':') != std::string::npos && !l.host.starts_with('[');
  return bare6 ? fmt::format("[{}]:{}", l.host, l.port) : fmt::format("{}:{}", l.host, l.port);
}

// A listener that is asked for and not in the configuration, at an address of a model: "" if there is none.
static std::string unserved_listener(const ResourceIndex& index, std::string_view host, int64_t port,
                                     std::string_view service, const TranslateOptions& options) {
  for (auto& [key, g] : index.gateways) {
    if (!our_gateway(index, g.spec)) continue;
    if (key != service && !leads_to(host, options.listen_host, options.local_addresses)) continue;
    for (auto& l : g.spec.listeners)
      if (l.port == port)
        return fmt::format("listener {} of Gateway {} does not serve, as its conditions say", l.name, key);
  }
  return "";
}

// The way from an agent to its model: calls that lead to a Gateway are connected to what it has bound. (No cluster's
// DNS is here for the name of its Service, and "localhost" may be two addresses, one of them somebody else's.)
static WayProblem find_way(const ResourceIndex& index, route::ModelSpec& model, std::string_view ns,
                           const route::RouteSpec& routes, const TranslateOptions& options) {
  std::string_view rest = model.url;
  bool tls = rest.starts_with("https:");
  rest.remove_prefix(std::min(rest.size(), rest.find("//") + 2));
  auto [host, port_text] = split_authority(rest);
  int64_t port = parse_int(port_text).value_or(tls ? 443 : 80);
  std::string_view bare = host.starts_with('[') ? host.substr(1, host.size() - 2) : host;
  std::string service = service_named(bare, ns), refused;
  for (auto& l : routes.listeners) {
    bool named = l.gateway == service;
    if (l.port != port || tls || (!named && !leads_to(bare, l.host, options.local_addresses))) continue;
    auto failed = options.failed_binds.find(fmt::format("{}:{}", l.host, l.port));
    auto problem = options.object_problems.find(l.gateway);
    if (failed != options.failed_binds.end()) {
      refused = fmt::format("Gateway {}: {}", l.gateway, failed->second);
    } else if (named && problem != options.object_problems.end()) {
      refused = fmt::format("the name is not that of Gateway {}: {}", l.gateway, problem->second);
    } else {
      model.through_gateway = true;
      model.connect_to = bound_address(l);
      return {};
    }
  }
  if (refused.empty() && !tls) refused = unserved_listener(index, bare, port, service, options);
  model.through_gateway = !refused.empty();  // the port may be somebody else's
  if (model.through_gateway)
    return {"GatewayNotServing", fmt::format("calls to {}:{} are refused: {}", host, port, refused)};
  return {"DirectEndpoint",
          fmt::format("calls go to {}:{} past every gateway: no route, policy or credential of a gateway applies; the "
                      "agent records them itself",
                      host, port)};
}

void translate_agents(const ResourceIndex& index, const TranslateOptions& options, Translation& out) {
  std::map<std::string, std::pair<route::ModelSpec, std::string>> models;
  for (auto& [key, m] : index.models) {
    auto& [spec, error] = models[key];
    error = translate_model(index, m, spec);
    Conditions c(json::find(*m.object, "status"), m.generation());
    c.set("Accepted", error.empty(), error.empty() ? "ModelConfigReconciled" : "ModelConfigReconcileFailed",
          error.empty() ? "model configuration accepted" : error);
    if (error.empty())
      if (auto way = find_way(index, spec, m.ns(), out.routes, options); !way.reason.empty())
        c.set("ThroughGateway", false, way.reason, way.message);
    Object status{{"conditions", c.take()}, {"observedGeneration", m.generation()}};
    if (auto secret = index.secrets.find(m.ns() + "/" + m.spec.api_key_secret);
        !spec.credential.empty() && secret != index.secrets.end())
      status["secretHash"] = hash_of(*secret->second);
    out.statuses.push_back({"modelconfigs.kagent.dev", m.ns(), m.name(), std::move(status)});
  }
  for (auto& [key, a] : index.agents) {
    route::AgentSpec spec;
    AgentVerdict v = translate_agent(index, models, a, spec);
    bool ok = v.error.empty();
    Conditions c(json::find(*a.object, "status"), a.generation());
    c.set("Accepted", ok, ok ? "Reconciled" : "ReconcileFailed", ok ? "agent configuration accepted" : v.error);
    c.set("Ready", ok, ok ? "DeploymentReady" : "DeploymentNotReady",
          ok ? "the agent runs in this process" : "the agent is not accepted");
    if (!v.unsupported.empty())
      c.set("UnsupportedFeatures", true, "UnsupportedFeatures",
            "kept but not acted on yet: " + join(v.unsupported, ", "));
    out.statuses.push_back({"agents.kagent.dev", a.ns(), a.name(),
                            Object{{"observedGeneration", a.generation()}, {"conditions", c.take()}}});
    if (ok) out.agents.push_back(std::move(spec));
  }
}

}  // namespace sl::control

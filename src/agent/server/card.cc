#include "agent/server/card.h"

#include <fmt/format.h>

#include "agent/runtime/runtime.h"
#include "base/strings.h"

namespace sl::agent {

using json::Array;
using json::Object;
using json::Value;

static Array strings(const std::vector<std::string>& v) {
  return Array(v.begin(), v.end());
}

Value agent_card(const route::AgentSpec& spec, const std::string& base_url) {
  std::string url = fmt::format("{}/api/a2a/{}/{}/", base_url, spec.ns, spec.name);
  Array skills;
  for (auto& s : spec.skills) {
    Object skill{{"id", s.id}, {"name", s.name}, {"description", s.description}, {"tags", strings(s.tags)}};
    if (!s.examples.empty()) skill["examples"] = strings(s.examples);
    if (!s.input_modes.empty()) skill["inputModes"] = strings(s.input_modes);
    if (!s.output_modes.empty()) skill["outputModes"] = strings(s.output_modes);
    skills.push_back(std::move(skill));
  }
  auto interface = [&](std::string_view version) {
    return Object{{"url", url}, {"transport", "JSONRPC"}, {"protocolBinding", "JSONRPC"}, {"protocolVersion", version}};
  };
  Object out{
      {"protocolVersion", "0.3.0"},
      {"name", replace_all(spec.name, "-", "_")},
      {"description", spec.description},
      {"url", url},
      {"preferredTransport", "JSONRPC"},
      {"version", spec.version.empty() ? "1.0.0" : spec.version},
      {"additionalInterfaces", Array{interface("0.3")}},
      {"supportedInterfaces", Array{interface("0.3"), interface("1.0")}},
      {"capabilities", Object{{"streaming", true},
                              {"pushNotifications", false},
                              {"stateTransitionHistory", true},
                              {"extensions", Array{Object{{"uri", kHitlExtension},
                                                          {"description", "Questions to a person, and their answers."},
                                                          {"required", false}}}}}},
      {"defaultInputModes", Array{"text"}},
      {"defaultOutputModes", Array{"text"}},
      {"skills", std::move(skills)}};
  if (!spec.icon_url.empty()) out["iconUrl"] = spec.icon_url;
  if (!spec.documentation_url.empty()) out["documentationUrl"] = spec.documentation_url;
  if (!spec.provider_organization.empty())
    out["provider"] = Object{{"organization", spec.provider_organization}, {"url", spec.provider_url}};
  return out;
}

}  // namespace sl::agent

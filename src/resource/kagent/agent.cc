#include <algorithm>

#include "resource/kagent/kagent.h"

namespace sl::resource {

using json::Value;

namespace {

struct AgentStatus {
  int64_t observed_generation = 0;
  std::vector<Condition> conditions;
};
void describe(json::Fields<AgentStatus>& f) {
  f.doc("State of the agent.");
  f.add("observedGeneration", &AgentStatus::observed_generation).doc("Generation these were found for.").required();
  f.add("conditions", &AgentStatus::conditions).doc("Accepted, Ready, UnsupportedFeatures.").list_map({"type"});
}

}  // namespace

void describe(json::Fields<TypedReference>& f) {
  f.add("kind", &TypedReference::kind).doc("Kind.");
  f.add("apiGroup", &TypedReference::api_group).doc("API group.");
  f.add("name", &TypedReference::name).doc("Name.").required();
  f.add("namespace", &TypedReference::ns).doc("Namespace; the agent's own when absent.");
}

void describe(json::Fields<McpServerTool>& f) {
  f.include<TypedReference>();
  f.doc("Tools of an MCP server.");
  f.add("toolNames", &McpServerTool::tool_names).doc("Tools offered to the model; all when empty.").items(0, 50);
  f.add("requireApproval", &McpServerTool::require_approval).doc("Tools that a person must approve.").items(0, 50);
  f.add("allowedHeaders", &McpServerTool::allowed_headers).doc("Request headers passed on.");
  f.rule("each RequireApproval entry must also appear in ToolNames", [](const Value& s, const Value*) {
    auto *need = json::arr(s, "requireApproval"), *names = json::arr(s, "toolNames");
    if (!need) return true;
    return std::all_of(need->begin(), need->end(),
                       [&](auto& n) { return names && std::find(names->begin(), names->end(), n) != names->end(); });
  });
}

void describe(json::Fields<ValueSource>& f) {
  f.add("type", &ValueSource::type).doc("ConfigMap or Secret.").required().one_of({"ConfigMap", "Secret"});
  f.add("name", &ValueSource::name).doc("Name.").required().length(0, 253);
  f.add("key", &ValueSource::key).doc("Key.").required().length(0, 253);
}
void describe(json::Fields<HeaderFrom>& f) {
  f.add("name", &HeaderFrom::name).doc("Header.").required();
  f.add("value", &HeaderFrom::value).doc("Its value.");
  f.add("valueFrom", &HeaderFrom::value_from).doc("Where the value is.");
  f.rule("Exactly one of value or valueFrom must be specified",
         [](const Value& s, const Value*) { return has(s, "value") != has(s, "valueFrom"); });
}

void describe(json::Fields<AgentTool>& f) {
  f.doc("A source of tools.");
  f.add("type", &AgentTool::type).doc("McpServer or Agent.").one_of({"McpServer", "Agent"});
  f.add("mcpServer", &AgentTool::mcp_server).doc("For type McpServer.");
  f.add("agent", &AgentTool::agent).doc("For type Agent.");
  f.add("headersFrom", &AgentTool::headers_from).doc("Headers sent to it.");
  f.add("isolateSessions", &AgentTool::isolate_sessions).doc("A session of its own for each call.");
  f.rule("type.mcpServer must be nil if the type is not McpServer",
         [](const Value& s, const Value*) { return !has(s, "mcpServer") || json::str(s, "type") == "McpServer"; });
  f.rule("type.mcpServer must be specified for McpServer filter.type",
         [](const Value& s, const Value*) { return json::str(s, "type") != "McpServer" || has(s, "mcpServer"); });
  f.rule("type.agent must be nil if the type is not Agent",
         [](const Value& s, const Value*) { return !has(s, "agent") || json::str(s, "type") == "Agent"; });
  f.rule("type.agent must be specified for Agent filter.type",
         [](const Value& s, const Value*) { return json::str(s, "type") != "Agent" || has(s, "agent"); });
  f.rule("isolateSessions can only be set if the type is Agent", [](const Value& s, const Value*) {
    auto* isolate = json::find(s, "isolateSessions");
    return json::str(s, "type") == "Agent" || !isolate || *isolate != true;
  });
}

void describe(json::Fields<A2aSkill>& f) {
  f.add("id", &A2aSkill::id).doc("Identifier.").required();
  f.add("name", &A2aSkill::name).doc("Name.").required().length(1, 253);
  f.add("description", &A2aSkill::description).doc("In words.");
  f.add("tags", &A2aSkill::tags).doc("Tags.").items(0, 20);
  f.add("examples", &A2aSkill::examples).doc("Examples of use.").items(0, 20);
  f.add("inputModes", &A2aSkill::input_modes).doc("Accepted media types.");
  f.add("outputModes", &A2aSkill::output_modes).doc("Produced media types.");
}
void describe(json::Fields<A2aConfig>& f) {
  f.add("skills", &A2aConfig::skills).doc("Skills on the card.").items(1, 100);
}

void describe(json::Fields<PromptSource>& f) {
  f.include<TypedReference>();
  f.add("alias", &PromptSource::alias).doc("Name used in include().");
}
void describe(json::Fields<PromptTemplate>& f) {
  f.add("dataSources", &PromptTemplate::data_sources).doc("Sources of included text.").items(0, 20);
}

void describe(json::Fields<DeclarativeAgent>& f) {
  f.doc("An agent that this program runs.");
  f.add("runtime", &DeclarativeAgent::runtime)
      .doc("python or go; both run in process here.")
      .one_of({"python", "go"})
      .defaults("go");
  f.add("systemMessage", &DeclarativeAgent::system_message).doc("Instructions to the model.");
  f.add("systemMessageFrom", &DeclarativeAgent::system_message_from).doc("Instructions from a ConfigMap or Secret.");
  f.add("promptTemplate", &DeclarativeAgent::prompt_template).doc("Makes systemMessage a template.");
  f.add("modelConfig", &DeclarativeAgent::model_config)
      .doc("ModelConfig in the same namespace.")
      .defaults("default-model-config");
  f.add("stream", &DeclarativeAgent::stream).doc("Stream tokens from the model.");
  f.add("tools", &DeclarativeAgent::tools).doc("Tools.").items(0, 20);
  f.add("a2aConfig", &DeclarativeAgent::a2a_config).doc("What the agent card says.");
  f.add("deployment", &DeclarativeAgent::deployment).doc("Pod settings; no pod is made here.");
  f.add("memory", &DeclarativeAgent::memory).doc("Long-term memory.");
  f.add("context", &DeclarativeAgent::context).doc("Context compaction.");
  f.add("shareTools", &DeclarativeAgent::share_tools).doc("Adds tools for share links.");
  f.add("executeCodeBlocks", &DeclarativeAgent::execute_code_blocks).doc("Deprecated, ignored.");
  f.rule("systemMessage and systemMessageFrom are mutually exclusive",
         [](const Value& s, const Value*) { return !has(s, "systemMessage") || !has(s, "systemMessageFrom"); });
}

void describe(json::Fields<ByoAgent>& f) {
  f.add("deployment", &ByoAgent::deployment).doc("Image and command.");
}

void describe(json::Fields<AgentProvider>& f) {
  f.add("organization", &AgentProvider::organization).doc("Name.").required().length(1, 253);
  f.add("url", &AgentProvider::url).doc("URL.").required().format("uri");
}

void describe(json::Fields<AgentSpec>& f) {
  f.doc("The agent that is wanted.");
  f.add("type", &AgentSpec::type).doc("Declarative or BYO.").one_of({"Declarative", "BYO"}).defaults("Declarative");
  f.add("description", &AgentSpec::description).doc("On the agent card.");
  f.add("iconUrl", &AgentSpec::icon_url).doc("On the agent card.").format("uri");
  f.add("documentationUrl", &AgentSpec::documentation_url).doc("On the agent card.").format("uri");
  f.add("version", &AgentSpec::version).doc("On the agent card.");
  f.add("provider", &AgentSpec::provider).doc("On the agent card.");
  f.add("skills", &AgentSpec::skills).doc("Skill sources.");
  f.add("sandbox", &AgentSpec::sandbox).doc("Sandbox of executed code.");
  f.add("allowedNamespaces", &AgentSpec::allowed_namespaces).doc("Who may use this agent as a tool.");
  f.add("declarative", &AgentSpec::declarative).doc("For type Declarative.");
  f.add("byo", &AgentSpec::byo).doc("For type BYO.");
  f.rule("type must be specified", [](const Value& s, const Value*) { return has(s, "type"); });
  f.rule("declarative must be specified if type is Declarative, or byo must be specified if type is BYO",
         [](const Value& s, const Value*) {
           return json::str(s, "type") == "BYO" ? has(s, "byo") : has(s, "declarative");
         });
}

KindInfo agent_kind() {
  KindInfo k;
  k.group = kKagentGroup;
  k.kind = "Agent";
  k.plural = "agents";
  k.singular = "agent";
  k.versions = {"v1alpha2"};
  k.categories = {"kagent"};
  k.doc = "An agent, as kagent declares it.";
  k.members = {member<AgentSpec>("spec"), member<AgentStatus>("status")};
  k.columns = {{"Type", "string", ".spec.type"},
               {"Runtime", "string", ".spec.declarative.runtime"},
               {"Ready", "string", ".status.conditions[?(@.type=='Ready')].status"},
               {"Accepted", "string", ".status.conditions[?(@.type=='Accepted')].status"}};
  return k;
}

}  // namespace sl::resource

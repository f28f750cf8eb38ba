// What the API refuses of Backend, ModelConfig and Agent.
// The rules are those that the CustomResourceDefinitions upstream carry; so are the words.
#include "control/kinds/kinds_test_kit.h"

namespace sl::control {
namespace {

using namespace kinds_test;

// ---- Backend

TEST(BackendRules, TheMemberOfItsTypeAndNoOther) {
  for (auto [type, member, content] : {std::tuple{"AI", "ai", "{llm: {openai: {authToken: {kind: Passthrough}}}}"},
                                       {"Static", "static", "{hosts: [{host: h, port: 1}]}"},
                                       {"MCP", "mcp", "{targets: []}"},
                                       {"AWS", "aws", "{}"},
                                       {"DynamicForwardProxy", "dynamicForwardProxy", "{}"}}) {
    std::string own = std::string(member) + ": " + content;
    accept("Backend", std::string("spec: {type: ") + type + ", " + own + "}");
    refuse("Backend", std::string("spec: {type: ") + type + "}", "spec",
           std::string(member) + " backend must be specified when type is '" + type + "'");
    std::string other = std::string(type) == "MCP" ? "AWS, aws: {}" : "MCP, mcp: {}";
    refuse("Backend", "spec: {type: " + other + ", " + own + "}", "spec",
           std::string(member) + " backend must be nil if the type is not '" + type + "'");
  }
  refuse("Backend", "spec: {type: ai}", "spec.type", "Unsupported value: \"ai\"");
  refuse("Backend", "spec: {}", "spec.type", "Required value");
}

TEST(BackendRules, ExactlyOneProvider) {
  std::string words = "exactly one of the fields in [openai azureopenai anthropic gemini vertexai bedrock] must be set";
  std::string token = "{authToken: {kind: Passthrough}}";
  refuse("Backend", "spec: {type: AI, ai: {llm: {}}}", "spec.ai.llm", words);
  refuse("Backend", "spec: {type: AI, ai: {llm: {openai: " + token + ", anthropic: " + token + "}}}", "spec.ai.llm",
         words);
  for (auto name : {"openai", "azureopenai", "anthropic", "gemini", "vertexai", "bedrock"})
    accept("Backend", std::string("spec: {type: AI, ai: {llm: {") + name + ": " + token + "}}}");
  words = "exactly one of the fields in [llm priorityGroups] must be set";
  refuse("Backend", "spec: {type: AI, ai: {}}", "spec.ai", words);
  refuse("Backend",
         "spec: {type: AI, ai: {llm: {openai: " + token +
             "}, priorityGroups: [{providers: [{name: a, openai: " + token + "}]}]}}",
         "spec.ai", words);
}

TEST(BackendRules, PriorityGroups) {
  auto groups = [](const std::string& list) { return "spec: {type: AI, ai: {priorityGroups: [" + list + "]}}"; };
  std::string one = "{name: a, openai: {authToken: {kind: Passthrough}}}";
  accept("Backend", groups("{providers: [" + one + "]}"));
  refuse("Backend", groups("{providers: []}"), "spec.ai.priorityGroups[0].providers", "should have at least 1 items");
  refuse("Backend", groups("{providers: [{name: a}]}"), "spec.ai.priorityGroups[0].providers[0]",
         "exactly one of the fields in [openai");
  refuse("Backend", groups("{providers: [{openai: {authToken: {kind: Passthrough}}}]}"),
         "spec.ai.priorityGroups[0].providers[0].name", "Required value");
  refuse("Backend", groups(""), "spec.ai.priorityGroups", "should have at least 1 items");
  refuse("Backend", groups("{providers: [" + one + "]}, {providers: [" + one + "]}"), "spec.ai",
         "provider names must be unique across groups");
}

TEST(BackendRules, Tokens) {
  auto with = [](const std::string& token) {
    return "spec: {type: AI, ai: {llm: {openai: {authToken: " + token + "}}}}";
  };
  std::string at = "spec.ai.llm.openai.authToken";
  for (auto good : {"{kind: Inline, inline: x}", "{kind: SecretRef, secretRef: {name: s}}", "{kind: Passthrough}"})
    accept("Backend", with(good));
  refuse("Backend", with("{kind: Inline}"), at, "inline");
  refuse("Backend", with("{kind: SecretRef}"), at, "secretRef");
  refuse("Backend", with("{kind: Other}"), at + ".kind",
         "supported values: \"Inline\", \"SecretRef\", \"Passthrough\"");
  refuse("Backend", with("{}"), at + ".kind", "Required value");
  refuse("Backend", "spec: {type: AI, ai: {llm: {openai: {}}}}", at, "Required value");
}

TEST(BackendRules, HostAndPort) {
  auto with = [](const std::string& more) {
    return "spec: {type: AI, ai: {llm: {openai: {authToken: {kind: Passthrough}}, " + more + "}}}";
  };
  accept("Backend", with("host: h, port: 1"));
  refuse("Backend", with("host: h"), "spec.ai.llm", "host and port");
  refuse("Backend", with("port: 1"), "spec.ai.llm", "host and port");
  refuse("Backend", with("host: h, port: 65536"), "spec.ai.llm.port", "less than or equal to 65535");
}

// ---- ModelConfig

TEST(ModelConfigRules, BlocksOfOtherProviders) {
  for (auto [provider, block] : {std::pair{"OpenAI", "openAI"},
                                 {"Anthropic", "anthropic"},
                                 {"AzureOpenAI", "azureOpenAI"},
                                 {"Ollama", "ollama"},
                                 {"Gemini", "gemini"},
                                 {"GeminiVertexAI", "geminiVertexAI"},
                                 {"AnthropicVertexAI", "anthropicVertexAI"},
                                 {"Bedrock", "bedrock"},
                                 {"SAPAICore", "sapAICore"},
                                 {"Foundry", "foundry"}}) {
    std::string other = std::string(provider) == "Ollama" ? "OpenAI" : "Ollama";
    refuse("ModelConfig", "spec: {model: m, provider: " + other + ", " + block + ": {}}", "spec",
           std::string("provider.") + block + " must be nil if the provider is not " + provider);
    accept("ModelConfig", std::string("spec: {model: m, provider: ") + provider + "}");
  }
  refuse("ModelConfig", "spec: {model: m, provider: Cohere}", "spec.provider", "Unsupported value: \"Cohere\"");
  refuse("ModelConfig", "spec: {}", "spec.model", "Required value");
}

TEST(ModelConfigRules, Keys) {
  auto with = [](const std::string& more) { return "spec: {model: m, " + more + "}"; };
  refuse("ModelConfig", with("apiKeySecretKey: k"), "spec", "apiKeySecret must be set if apiKeySecretKey is set");
  refuse("ModelConfig", with("apiKeySecret: s"), "spec", "apiKeySecretKey must be set if apiKeySecret is set");
  for (auto free : {"Bedrock", "SAPAICore"}) {
    accept("ModelConfig", with(std::string("apiKeySecret: s, provider: ") + free));
    accept("ModelConfig", with(std::string("apiKeySecretKey: k, provider: ") + free));
  }
  refuse("ModelConfig", with("apiKeyPassthrough: true, apiKeySecret: s, apiKeySecretKey: k"), "spec",
         "apiKeyPassthrough and apiKeySecret are mutually exclusive");
  for (auto never : {"Gemini", "GeminiVertexAI", "AnthropicVertexAI"}) {
    refuse("ModelConfig", with(std::string("apiKeyPassthrough: true, provider: ") + never), "spec",
           "apiKeyPassthrough must be false if provider is Gemini;GeminiVertexAI;AnthropicVertexAI");
    accept("ModelConfig", with(std::string("apiKeyPassthrough: false, provider: ") + never));
  }
  accept("ModelConfig", with("apiKeyPassthrough: true"));
}

TEST(ModelConfigRules, OpenAi) {
  auto with = [](const std::string& more) { return "spec: {model: m, openAI: {" + more + "}}"; };
  refuse("ModelConfig", with("maxTokens: 1, maxCompletionTokens: 1"), "spec.openAI", "mutually exclusive");
  refuse("ModelConfig", with("maxTokens: 0"), "spec.openAI.maxTokens", "greater than or equal to 1");
  refuse("ModelConfig", with("maxCompletionTokens: 0"), "spec.openAI.maxCompletionTokens",
         "greater than or equal to 1");
  refuse("ModelConfig", with("temperature: 0.5"), "spec.openAI.temperature", "must be of type string");
  refuse("ModelConfig", with("apiFormat: xml"), "spec.openAI.apiFormat",
         "supported values: \"chatCompletions\", \"responses\"");
  refuse("ModelConfig", with("reasoningEffort: huge"), "spec.openAI.reasoningEffort", "Unsupported value: \"huge\"");
  for (auto effort : {"none", "minimal", "low", "medium", "high", "xhigh"})
    accept("ModelConfig", with(std::string("reasoningEffort: ") + effort));
}

TEST(ModelConfigRules, Tls) {
  auto with = [](const std::string& more) { return "spec: {model: m, tls: {" + more + "}}"; };
  refuse("ModelConfig", with("caCertSecretKey: k"), "spec.tls", "caCertSecretKey requires caCertSecretRef");
  refuse("ModelConfig", with("caCertSecretRef: s"), "spec.tls", "caCertSecretRef requires caCertSecretKey");
  refuse("ModelConfig", with("disableSystemCAs: true"), "spec.tls", "disableSystemCAs requires");
  for (auto good : {"caCertSecretRef: s, caCertSecretKey: k, disableSystemCAs: true",
                    "disableVerify: true, disableSystemCAs: true", "disableVerify: true"})
    accept("ModelConfig", with(good));
}

// ---- Agent

TEST(AgentRules, TypeAndItsMember) {
  std::string words = "declarative must be specified if type is Declarative, or byo must be specified if type is BYO";
  refuse("Agent", "spec: {}", "spec", words);
  refuse("Agent", "spec: {type: Declarative, byo: {}}", "spec", words);
  refuse("Agent", "spec: {type: BYO, declarative: {}}", "spec", words);
  refuse("Agent", "spec: {type: Other, declarative: {}}", "spec.type", "Unsupported value: \"Other\"");
  accept("Agent", "spec: {type: BYO, byo: {deployment: {image: i}}}");
}

void refuse_declarative(const std::string& members, const std::string& field, const std::string& words) {
  refuse("Agent", "spec: {declarative: {" + members + "}}", "spec.declarative" + field, words);
}

TEST(AgentRules, Declarative) {
  refuse_declarative("systemMessage: s, systemMessageFrom: {type: Secret, name: nn, key: k}", "",
                     "systemMessage and systemMessageFrom are mutually exclusive");
  refuse_declarative("systemMessageFrom: {type: File, name: nn, key: k}", ".systemMessageFrom.type",
                     "supported values: \"ConfigMap\", \"Secret\"");
  refuse_declarative("runtime: rust", ".runtime", "supported values: \"python\", \"go\"");
  refuse_declarative("promptTemplate: {dataSources: [" + times("{kind: ConfigMap, name: nn}", 21) + "]}",
                     ".promptTemplate.dataSources", "must have at most 20 items");
  refuse_declarative("a2aConfig: {skills: []}", ".a2aConfig.skills", "should have at least 1 items");
  refuse_declarative("a2aConfig: {skills: [{id: i, name: \"\"}]}", ".a2aConfig.skills[0].name", "at least 1 chars");
  refuse_declarative("a2aConfig: {skills: [{id: i, name: nn, tags: [" + times("t", 21) + "]}]}",
                     ".a2aConfig.skills[0].tags", "must have at most 20 items");
}

TEST(AgentRules, Tools) {
  std::string server = "mcpServer: {kind: RemoteMCPServer, name: s, toolNames: [a, b]}";
  accept("Agent", "spec: {declarative: {tools: [{type: McpServer, " + server + "}, {type: Agent, agent: {name: b}}]}}");
  refuse_declarative("tools: [{type: McpServer}]", ".tools[0]",
                     "type.mcpServer must be specified for McpServer filter.type");
  refuse_declarative("tools: [{type: Agent}]", ".tools[0]", "type.agent must be specified for Agent filter.type");
  refuse_declarative("tools: [{type: Agent, agent: {name: b}, " + server + "}]", ".tools[0]",
                     "type.mcpServer must be nil if the type is not McpServer");
  refuse_declarative("tools: [{type: McpServer, agent: {name: b}, " + server + "}]", ".tools[0]",
                     "type.agent must be nil if the type is not Agent");
  refuse_declarative("tools: [" + times("{type: McpServer, " + server + "}", 21) + "]", ".tools",
                     "Too many: 21: must have at most 20 items");
  refuse_declarative("tools: [{type: McpServer, mcpServer: {name: s, toolNames: [" + times("t", 51) + "]}}]",
                     ".tools[0].mcpServer.toolNames", "must have at most 50 items");
  refuse_declarative("tools: [{type: McpServer, mcpServer: {name: s, toolNames: [a], requireApproval: [b]}}]",
                     ".tools[0].mcpServer", "requireApproval");
  refuse_declarative("tools: [{type: McpServer, mcpServer: {name: s, requireApproval: [b]}}]", ".tools[0].mcpServer",
                     "requireApproval");
  accept("Agent",
         "spec: {declarative: {tools: [{type: McpServer, mcpServer: {name: s, toolNames: [a, b], requireApproval: "
         "[b]}}]}}");
}

TEST(AgentRules, Provider) {
  refuse("Agent", "spec: {declarative: {}, provider: {url: \"http://a\"}}", "spec.provider.organization",
         "Required value");
  refuse("Agent", "spec: {declarative: {}, provider: {organization: a}}", "spec.provider.url", "Required value");
  refuse("Agent", "spec: {declarative: {}, provider: {organization: \"\", url: \"http://a\"}}",
         "spec.provider.organization", "at least 1 chars");
}

}  // namespace
}  // namespace sl::control

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
                                       {"MCP", "mcp", "{targets: [{name: t, static: {host: h, port: 1}}]}"},
                                       {"AWS", "aws", "{accountId: \"123456789012\", lambda: {functionName: f}}"},
                                       {"DynamicForwardProxy", "dynamicForwardProxy", "{}"}}) {
    std::string own = std::string(member) + ": " + content;
    accept("Backend", std::string("spec: {type: ") + type + ", " + own + "}");
    refuse("Backend", std::string("spec: {type: ") + type + "}", "spec",
           std::string(member) + " backend must be specified when type is '" + type + "'");
    std::string other = std::string(type) == "DynamicForwardProxy" ? "Static, static: {hosts: [{host: h, port: 1}]}"
                                                                   : "DynamicForwardProxy, dynamicForwardProxy: {}";
    refuse("Backend", "spec: {type: " + other + ", " + own + "}", "spec",
           std::string(member) + " backend must be nil if the type is not '" + type + "'");
  }
  refuse("Backend", "spec: {type: Ai}", "spec.type", "Unsupported value: \"Ai\"");
  refuse("Backend", "spec: {}", "spec.type", "Required value");
}

TEST(BackendRules, ExactlyOneProvider) {
  std::string words = "exactly one of the fields in [openai azureopenai anthropic gemini vertexai bedrock] must be set";
  std::string token = "{authToken: {kind: Passthrough}}";
  refuse("Backend", "spec: {type: AI, ai: {llm: {}}}", "spec.ai.llm", words);
  refuse("Backend", "spec: {type: AI, ai: {llm: {openai: " + token + ", anthropic: " + token + "}}}", "spec.ai.llm",
         words);
  std::string with = "{authToken: {kind: Passthrough}, ";
  for (auto& [name, content] : {std::pair{"openai", token},
                                {"anthropic", token},
                                {"gemini", token},
                                {"azureopenai", with + "endpoint: e, deploymentName: d, apiVersion: v}"},
                                {"vertexai", with + "model: m, apiVersion: v, projectId: p, location: l}"},
                                {"bedrock", std::string("{model: m}")}})
    accept("Backend", std::string("spec: {type: AI, ai: {llm: {") + name + ": " + content + "}}}");
  words = "exactly one of the fields in [llm priorityGroups] must be set";
  refuse("Backend", "spec: {type: AI, ai: {}}", "spec.ai", words);
  refuse("Backend",
         "spec: {type: AI, ai: {llm: {openai: " + token +
             "}, priorityGroups: [{providers: [{name: a, openai: " + token + "}]}]}}",
         "spec.ai", words);
}

TEST(BackendRules, OtherProviders) {
  auto llm = [](const std::string& provider) { return "spec: {type: AI, ai: {llm: {" + provider + "}}}"; };
  std::string token = "authToken: {kind: Passthrough}", at = "spec.ai.llm.";
  for (auto field : {"endpoint", "deploymentName", "apiVersion"})
    refuse("Backend", llm("azureopenai: {" + token + "}"), at + "azureopenai." + field, "Required value");
  for (auto field : {"model", "apiVersion", "projectId", "location"})
    refuse("Backend", llm("vertexai: {" + token + "}"), at + "vertexai." + field, "Required value");
  refuse("Backend", llm("gemini: {}"), at + "gemini.authToken", "Required value");
  refuse("Backend", llm("bedrock: {region: eu-1}"), at + "bedrock.model", "Required value");
  refuse("Backend", llm("bedrock: {model: m, region: \"EU 1\"}"), at + "bedrock.region", "should match");
  refuse("Backend", llm("bedrock: {model: m, auth: {type: Secret}}"), at + "bedrock.auth", "secretRef must be set");
  auto stored = accept("Backend", llm("bedrock: {model: m}"));
  EXPECT_EQ(json::str(stored, "spec", "ai", "llm", "bedrock", "region"), "us-east-1");
}

TEST(BackendRules, SpellingsOfEarlierVersions) {
  std::string provider = "provider: {openai: {authToken: {kind: Passthrough}}}";
  auto one = accept("Backend", "spec: {type: ai, ai: {llm: {hostOverride: {host: h, port: 1}, " + provider + "}}}");
  EXPECT_EQ(json::str(one, "spec", "type"), "AI");
  EXPECT_EQ(json::str(one, "spec", "ai", "llm", "host"), "h");
  EXPECT_EQ(json::str(one, "spec", "ai", "llm", "openai", "authToken", "kind"), "Passthrough");
  auto groups = accept("Backend", "spec: {type: AI, ai: {multipool: {priorities: [{pool: [{" + provider + "}]}]}}}");
  auto* listed = json::arr(groups, "spec", "ai", "priorityGroups");
  ASSERT_TRUE(listed);
  EXPECT_EQ(json::str((*json::arr(listed->at(0), "providers"))[0], "name"), "priority-0-0");
  // What they said is held to today's rules, at today's place.
  refuse("Backend", "spec: {type: ai, ai: {llm: {hostOverride: {host: h}, " + provider + "}}}", "spec.ai.llm",
         "host and port must be set together");
  refuse("Backend", "spec: {type: ai, ai: {llm: {provider: {}}}}", "spec.ai.llm", "exactly one");
  refuse("Backend", "spec: {type: AI, ai: {multipool: {priorities: []}}}", "spec.ai.priorityGroups",
         "at least 1 items");
}

TEST(BackendRules, AwsAndMcp) {
  auto aws = [](const std::string& more) { return "spec: {type: AWS, aws: {" + more + "}}"; };
  refuse("Backend", aws("accountId: abc, lambda: {functionName: f}"), "spec.aws.accountId", "should match");
  refuse("Backend", aws("accountId: \"123456789012\", lambda: {}"), "spec.aws.lambda.functionName", "Required value");
  auto stored = accept("Backend", aws("accountId: \"123456789012\", lambda: {functionName: f}"));
  EXPECT_EQ(json::dump(*json::find(stored, "spec", "aws", "lambda")),
            R"({"functionName":"f","invocationMode":"Sync","qualifier":"$LATEST","payloadTransformMode":"Envoy"})");
  auto mcp = [](const std::string& targets) { return "spec: {type: MCP, mcp: {targets: [" + targets + "]}}"; };
  refuse("Backend", mcp(""), "spec.mcp.targets", "should have at least 1 items");
  std::string words = "exactly one of the fields in [selector static] must be set";
  refuse("Backend", mcp("{name: a}"), "spec.mcp.targets[0]", words);
  refuse("Backend", mcp("{name: a, selector: {}, static: {host: h, port: 1}}"), "spec.mcp.targets[0]", words);
  refuse("Backend", mcp("{name: a, static: {host: h, port: 1, protocol: TCP}}"), "spec.mcp.targets[0].static.protocol",
         "Unsupported value");
  accept("Backend", mcp("{name: a, selector: {service: {matchLabels: {a: b}}}}"));
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
  refuse("Backend", groups("{providers: [{name: BAD NAME, openai: {authToken: {kind: Passthrough}}}]}"),
         "spec.ai.priorityGroups[0].providers[0].name", "should match");
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
  for (auto [provider, block, content] : {std::tuple{"OpenAI", "openAI", ""},
                                          {"Anthropic", "anthropic", ""},
                                          {"AzureOpenAI", "azureOpenAI", "azureEndpoint: e, apiVersion: v"},
                                          {"Ollama", "ollama", ""},
                                          {"Gemini", "gemini", ""},
                                          {"GeminiVertexAI", "geminiVertexAI", "projectID: p, location: l"},
                                          {"AnthropicVertexAI", "anthropicVertexAI", "projectID: p, location: l"},
                                          {"Bedrock", "bedrock", "region: r"},
                                          {"SAPAICore", "sapAICore", "baseUrl: u"},
                                          {"Foundry", "foundry", "endpoint: e, deployment: d"}}) {
    std::string other = std::string(provider) == "Ollama" ? "OpenAI" : "Ollama";
    std::string own = std::string(", ") + block + ": {" + content + "}}";
    refuse("ModelConfig", "spec: {model: m, provider: " + other + own, "spec",
           std::string("provider.") + block + " must be nil if the provider is not " + provider);
    accept("ModelConfig", std::string("spec: {model: m, provider: ") + provider + "}");
    accept("ModelConfig", std::string("spec: {model: m, provider: ") + provider + own);
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

TEST(ModelConfigRules, OtherProviders) {
  auto with = [](const std::string& provider, const std::string& block) {
    return "spec: {model: m, provider: " + provider + ", " + block + "}";
  };
  struct Case {
    const char *provider, *block, *field, *words;
  };
  for (auto& c : {
           Case{"AzureOpenAI", "azureOpenAI: {apiVersion: v}", "azureOpenAI.azureEndpoint", "Required value"},
           {"AzureOpenAI", "azureOpenAI: {azureEndpoint: v}", "azureOpenAI.apiVersion", "Required value"},
           {"AzureOpenAI", "azureOpenAI: {azureEndpoint: e, apiVersion: v, temperature: 3}", "azureOpenAI.temperature",
            "must be of type string"},
           {"GeminiVertexAI", "geminiVertexAI: {projectID: p}", "geminiVertexAI.location", "Required value"},
           {"AnthropicVertexAI", "anthropicVertexAI: {location: l}", "anthropicVertexAI.projectID", "Required value"},
           {"Bedrock", "bedrock: {}", "bedrock.region", "Required value"},
           {"Bedrock", "bedrock: {region: r, cacheTTL: 9h}", "bedrock.cacheTTL", "supported values: \"5m\", \"1h\""},
           {"Bedrock", "bedrock: {region: r, promptCaching: \"yes\"}", "bedrock.promptCaching", "boolean"},
           {"Bedrock", "bedrock: {region: r, guardrail: {identifier: g, version: \"123456789\"}}",
            "bedrock.guardrail.version", "may not be more than 8"},
           {"SAPAICore", "sapAICore: {}", "sapAICore.baseUrl", "Required value"},
           {"Foundry", "foundry: {endpoint: e}", "foundry.deployment", "Required value"},
           {"Foundry", "foundry: {deployment: d}", "foundry", "foundry.endpoint or foundry.endpointFrom is required"},
           {"Foundry", "foundry: {deployment: d, endpoint: e, endpointFrom: {name: c, key: k}}", "foundry",
            "foundry.endpoint and foundry.endpointFrom are mutually exclusive"},
       })
    refuse("ModelConfig", with(c.provider, c.block), std::string("spec.") + c.field, c.words);
  auto stored =
      accept("ModelConfig", with("Bedrock", "bedrock: {region: r, additionalModelRequestFields: {a: {b: [1]}}}"));
  EXPECT_EQ(json::dump(*json::find(stored, "spec", "bedrock")),
            R"({"region":"r","additionalModelRequestFields":{"a":{"b":[1]}},"promptCaching":false,"cacheTTL":"5m"})");
  stored = accept("ModelConfig", with("Foundry", "foundry: {deployment: d, endpoint: e}"));
  EXPECT_EQ(json::str(stored, "spec", "foundry", "apiVersion"), "2024-10-21");
}

TEST(ModelConfigRules, TokenExchange) {
  auto with = [](const std::string& exchange, const std::string& more) {
    return "spec: {model: m, openAI: {tokenExchange: " + exchange + "}" + more + "}";
  };
  std::string gdch = "{type: GDCHServiceAccount, gdchServiceAccount: {audience: a}}";
  accept("ModelConfig", with(gdch, ", apiKeySecret: s, apiKeySecretKey: k"));
  refuse("ModelConfig", with(gdch, ""), "spec",
         "openAI.tokenExchange requires apiKeySecret (the service account secret)");
  refuse("ModelConfig", with(gdch, ", apiKeyPassthrough: true"), "spec",
         "openAI.tokenExchange and apiKeyPassthrough are mutually exclusive");
  refuse("ModelConfig", with("{type: GDCHServiceAccount}", ", apiKeySecret: s, apiKeySecretKey: k"), "spec",
         "openAI.tokenExchange type GDCHServiceAccount requires openAI.tokenExchange.gdchServiceAccount");
  refuse("ModelConfig", with("{type: Nope}", ", apiKeySecret: s, apiKeySecretKey: k"), "spec.openAI.tokenExchange.type",
         "Unsupported value: \"Nope\"");
}

TEST(ModelConfigRules, Tls) {
  auto with = [](const std::string& more) { return "spec: {model: m, tls: {" + more + "}}"; };
  refuse("ModelConfig", with("caCertSecretKey: k"), "spec.tls", "caCertSecretKey requires caCertSecretRef");
  refuse("ModelConfig", with("caCertSecretRef: s"), "spec.tls", "caCertSecretRef requires caCertSecretKey");
  refuse("ModelConfig", with("disableSystemCAs: true"), "spec.tls",
         "disableSystemCAs requires caCertSecretRef or disableVerify (trust-nothing config rejects every upstream)");
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

TEST(AgentRules, MemoryAndContext) {
  refuse_declarative("memory: {}", ".memory.modelConfig", "Required value");
  refuse_declarative("memory: {modelConfig: m, ttlDays: 0}", ".memory.ttlDays", "greater than or equal to 1");
  std::string at = ".context.compaction";
  refuse_declarative("context: {compaction: {compactionInterval: 0}}", at + ".compactionInterval",
                     "greater than or equal to 1");
  refuse_declarative("context: {compaction: {overlapSize: -1}}", at + ".overlapSize", "greater than or equal to 0");
  auto stored = accept("Agent", "spec: {declarative: {context: {compaction: {}}}}");
  EXPECT_EQ(json::dump(*json::find(stored, "spec", "declarative", "context", "compaction")),
            R"({"compactionInterval":5,"overlapSize":2})");
}

TEST(AgentRules, Skills) {
  auto skills = [](const std::string& members) { return "spec: {declarative: {}, skills: {" + members + "}}"; };
  refuse("Agent", skills(""), "spec.skills", "at least one of the fields in [refs gitRefs s3Refs] must be set");
  refuse("Agent", skills("refs: []"), "spec.skills.refs", "should have at least 1 items");
  refuse("Agent", skills("refs: [" + times("r", 21) + "]"), "spec.skills.refs", "must have at most 20 items");
  refuse("Agent", skills("gitRefs: [{path: p}]"), "spec.skills.gitRefs[0].url", "Required value");
  refuse("Agent", skills("s3Refs: [{uri: \"http://x\"}]"), "spec.skills.s3Refs[0].uri", "should match");
  auto stored = accept("Agent", skills("gitRefs: [{url: u}], s3Refs: [{uri: \"s3://b/x\"}]"));
  EXPECT_EQ(json::str((*json::arr(stored, "spec", "skills", "gitRefs"))[0], "ref"), "main");
}

TEST(AgentRules, WhoMayUseIt) {
  auto from = [](const std::string& members) {
    return "spec: {declarative: {}, allowedNamespaces: {" + members + "}}";
  };
  EXPECT_EQ(json::str(accept("Agent", from("")), "spec", "allowedNamespaces", "from"), "Same");
  accept("Agent", from("from: Selector, selector: {matchLabels: {a: b}}"));
  refuse("Agent", from("from: Selector"), "spec.allowedNamespaces", "selector must be specified when from is Selector");
  refuse("Agent", from("from: None"), "spec.allowedNamespaces.from", "Unsupported value: \"None\"");
}

TEST(AgentRules, Deployment) {
  refuse("Agent", "spec: {type: BYO, byo: {deployment: {image: \"\"}}}", "spec.byo.deployment.image",
         "at least 1 chars");
  refuse_declarative("deployment: {serviceAccountName: a, serviceAccountConfig: {}}", ".deployment",
                     "serviceAccountName and serviceAccountConfig are mutually exclusive");
  refuse_declarative("deployment: {extraContainers: [{name: kagent}]}", ".deployment.extraContainers", "reserved");
  refuse_declarative("deployment: {extraContainers: [{name: a}, {name: a}]}", ".deployment.extraContainers", "unique");
  accept("Agent", "spec: {declarative: {deployment: {env: [{name: A, value: b}], resources: {limits: {cpu: 1}}}}}");
}

TEST(AgentRules, References) {
  accept("Agent", "spec: {declarative: {promptTemplate: {dataSources: [{name: prompts, alias: p1}]}}}");
  refuse_declarative("systemMessageFrom: {type: Secret, key: k, name: " + std::string(254, 'n') + "}",
                     ".systemMessageFrom.name", "may not be more than 253");
  auto headers = [](const std::string& list) {
    return "tools: [{type: Agent, agent: {name: b}, headersFrom: [" + list + "]}]";
  };
  accept("Agent", "spec: {declarative: {" +
                      headers("{name: h, value: v}, {name: i, valueFrom: {type: Secret, name: s, key: k}}") + "}}");
  refuse_declarative(headers("{value: v}"), ".tools[0].headersFrom[0].name", "Required value");
  for (auto both : {"{name: h}", "{name: h, value: v, valueFrom: {type: Secret, name: s, key: k}}"})
    refuse_declarative(headers(both), ".tools[0].headersFrom[0]",
                       "Exactly one of value or valueFrom must be specified");
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
                     ".tools[0].mcpServer", "each RequireApproval entry must also appear in ToolNames");
  refuse_declarative("tools: [{type: McpServer, mcpServer: {name: s, requireApproval: [b]}}]", ".tools[0].mcpServer",
                     "each RequireApproval entry must also appear in ToolNames");
  refuse_declarative("tools: [{type: McpServer, isolateSessions: true, " + server + "}]", ".tools[0]",
                     "isolateSessions can only be set if the type is Agent");
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

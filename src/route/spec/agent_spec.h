// AgentSpec: everything the agent runtime needs to run one agent: the contract between control and agent.
// Made by control/translate from Agent, ModelConfig and Secret. Who calls: control, agent, app. Thread: plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "json/value.h"

namespace sl::route {

struct ModelSpec {
  std::string name;      // NS/NAME of the ModelConfig
  std::string provider;  // as in the ModelConfig
  std::string model;
  std::string url;                 // of chat completions
  bool through_gateway = false;    // the URL is that of a gateway here: nothing is sent while it does not serve
  std::string connect_to;          // "IP:PORT" that this gateway has bound, while it serves; else empty
  std::string credential;          // never printed
  bool caller_credential = false;  // apiKeyPassthrough
  std::map<std::string, std::string> headers;
  json::Object parameters;  // temperature, max_tokens, ... as sent
  int64_t timeout_ms = 1'800'000;
};

struct AgentSkill {
  std::string id, name, description;
  std::vector<std::string> tags, examples, input_modes, output_modes;
};

struct AgentSpec {
  std::string ns, name;
  std::string uid;
  int64_t generation = 0;
  std::string description, version, icon_url, documentation_url, provider_organization, provider_url;
  std::string system_message;
  ModelSpec model;
  bool stream = false;
  std::vector<std::string> tools;  // built-in tools offered, by name
  std::vector<AgentSkill> skills;

  std::string key() const { return ns + "/" + name; }
};

}  // namespace sl::route

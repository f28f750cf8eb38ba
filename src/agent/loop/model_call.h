// One call of an agent's model: OpenAI chat completions over HTTP through a gateway, whole or streamed.
// Who calls: agent/runtime. Thread: the agents' loop. Errors carry the model's own words.
#pragma once

#include <functional>

#include "json/value.h"
#include "net/http_client/client.h"
#include "route/spec/agent_spec.h"

namespace sl::agent {

struct ModelRequest {
  route::ModelSpec model;
  json::Array messages;
  json::Array tools;
  bool stream = false;
  net::Headers headers;           // trace context, identity
  std::string caller_credential;  // for ModelSpec::caller_credential
};

struct ModelAnswer {
  json::Value message;  // {role: assistant, content, tool_calls?, ...}
  json::Value usage;    // as the model gave it, or null
  std::string model, finish_reason;
};

// What a call looked like on the wire, for its record; filled as far as it came.
struct ModelWire {
  net::Peer peer;
  int status = 0;
  size_t request_bytes = 0;
  std::string auth;  // as in Record
};

// `on_text` gets text as it arrives (streamed calls). `*abort` is set to what cancels the call.
net::Task<Result<ModelAnswer>> call_model(net::HttpClient* client, ModelRequest request,
                                          std::function<void(std::string_view)> on_text, std::function<void()>* abort,
                                          ModelWire* wire);

}  // namespace sl::agent

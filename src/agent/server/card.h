// The card by which A2A clients know an agent: one text for 0.3 and 1.0. Who calls: a2a.cc. Thread: any.
// Source: A2A 0.3 section 5.5, 1.0 section 4.4.
#pragma once

#include <string>

#include "json/value.h"
#include "route/spec/agent_spec.h"

namespace sl::agent {

// `base_url`: "http://HOST:PORT" of this server, as the client reaches it.
json::Value agent_card(const route::AgentSpec& spec, const std::string& base_url);

}  // namespace sl::agent

// A2A wire shapes: what the protocol's two versions say, made from plain values. Sans-I/O.
//
// Inside this program the 0.3 shape is used; to_v1 and from_v1 convert at the edge.
// Who calls: agent/server, app/cli/invoke. Thread: plain functions. Source: A2A 0.3 and 1.0.
#pragma once

#include <string>
#include <vector>

#include "json/value.h"

namespace sl::a2a {

enum class Version { V03, V10 };

// The A2A-Version header: absent or 0.3*, 1.0*. Errors: InvalidArgument for anything else.
Result<Version> parse_version(std::string_view header);

json::Object text_part(std::string_view text);
json::Object data_part(json::Value data, std::string_view adk_type);
// Text of all text parts of a message in either shape, joined by newlines.
std::string text_of(const json::Value& message);
// The first data part's data, or null.
json::Value data_of(const json::Value& message);

json::Object message(std::string_view role, json::Array parts, std::string_view id, std::string_view context,
                     std::string_view task);
json::Object status(std::string_view state, json::Value message, int64_t at_us);
json::Object status_event(std::string_view task, std::string_view context, json::Object status, bool final,
                          json::Object metadata = {});
json::Object artifact_event(std::string_view task, std::string_view context, json::Object artifact, bool last);

// A task state in the 0.3 spelling, from either; and whether it is one.
std::string state_v03(std::string_view state);
bool known_state(std::string_view state_v03);
// 0.3 shapes (task, message, event) in the 1.0 form: no "kind", enums spelled out, events wrapped.
json::Value to_v1(const json::Value& v03);
// A 1.0 request's params as 0.3.
json::Value from_v1(const json::Value& params);

// JSON-RPC 2.0 envelopes.
json::Value rpc_result(const json::Value& id, json::Value result);
json::Value rpc_error(const json::Value& id, int code, std::string_view message);
inline constexpr int kParseError = -32700, kInvalidRequest = -32600, kMethodNotFound = -32601, kInvalidParams = -32602,
                     kInternalError = -32603, kTaskNotFound = -32001, kTaskNotCancelable = -32002,
                     kPushNotSupported = -32003, kUnsupported = -32004, kContentTypeNotSupported = -32005,
                     kNoExtendedCard = -32007, kVersionNotSupported = -32009;

}  // namespace sl::a2a

// Header fields on their way through: what belongs to one connection only, and what a rule changes.
// Who calls: plain.cc, model.cc, model_request.cc. Thread: plain functions. Source: RFC 9110 7.6.1; Gateway API header
// modifiers.
#pragma once

#include "base/strings.h"
#include "codec/http1/head.h"
#include "route/spec/spec.h"

namespace sl::proxy {

// How often a request has passed gateways of this program; sent only where it goes on to one of them.
inline constexpr std::string_view kHopsField = "x-sightline-hops";

// Hop-by-hop, or named by the message's own Connection field.
bool connection_bound(const http1::Head& head, std::string_view name);

// Fields that only we may write: they frame the message, belong to the connection, or count the hops.
bool frames_message(std::string_view name);

// Does the change set or remove this field, so that the message's own is left out?
bool replaced(const std::optional<route::HeaderChange>& change, std::string_view name);

inline bool same_field(std::string_view a, std::string_view b) {
  return iequals(a, b);
}

// Appends what is set and added, but for the fields that only we may write.
// `but`: a field that the change may not touch.
void append_changes(const std::optional<route::HeaderChange>& change, std::string& out, std::string_view but = {});

// A field of our own making, unless the change sets or removes it.
void append_own(const std::optional<route::HeaderChange>& change, std::string_view name, std::string_view value,
                std::string& out);

// The value that the change sets for Host, or "".
std::string_view host_set(const std::optional<route::HeaderChange>& change);

// A request target from configuration: what may not stand in a request line goes percent-encoded.
void append_target(std::string_view target, std::string& out);
// "NAME: VALUE CRLF"; a value can never start a new line.
void append_line(std::string_view name, std::string_view value, std::string& out);
// The same for a field of a message that was read: what could start a line was refused there.
void append_field(const http1::Field& f, std::string& out);
void append_length(uint64_t bytes, std::string& out);  // Content-Length

}  // namespace sl::proxy

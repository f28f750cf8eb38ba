#include "proxy/pipeline/fields.h"

#include "base/strings.h"

namespace sl::proxy {
namespace {

bool framing(std::string_view name) {
  return http1::is_hop_by_hop(name) || iequals(name, "content-length") || iequals(name, "host");
}

void append_line(const route::HeaderValue& h, std::string& out) {
  if (framing(h.name)) return;
  out += h.name;
  out += ": ";
  for (char c : h.value)
    if (c != '\r' && c != '\n') out += c;  // a value can never start a new line
  out += "\r\n";
}

}  // namespace

bool connection_bound(const http1::Head& head, std::string_view name) {
  if (http1::is_hop_by_hop(name)) return true;
  for (auto& f : head.fields) {
    if (f.name.size() != 10 || !iequals(f.name, "connection")) continue;
    for (auto token : split(f.value, ','))
      if (iequals(trim(token), name)) return true;
  }
  return false;
}

bool replaced(const std::optional<route::HeaderChange>& change, std::string_view name) {
  if (!change) return false;
  for (auto& h : change->set)
    if (iequals(h.name, name)) return true;
  for (auto& h : change->remove)
    if (iequals(h, name)) return true;
  return false;
}

void append_changes(const std::optional<route::HeaderChange>& change, std::string& out) {
  if (!change) return;
  for (auto& h : change->set) append_line(h, out);
  for (auto& h : change->add) append_line(h, out);
}

std::string_view host_set(const std::optional<route::HeaderChange>& change) {
  if (change)
    for (auto& h : change->set)
      if (iequals(h.name, "host")) return h.value;
  return {};
}

}  // namespace sl::proxy

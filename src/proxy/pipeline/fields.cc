#include "proxy/pipeline/fields.h"

#include "base/scan.h"

namespace sl::proxy {

bool frames_message(std::string_view name) {
  return http1::is_hop_by_hop(name) || iequals(name, "content-length") || iequals(name, "host") ||
         iequals(name, kHopsField);
}

void append_line(std::string_view name, std::string_view value, std::string& out) {
  size_t at = out.size();
  out.resize_and_overwrite(at + name.size() + value.size() + 4, [&](char* text, size_t) {
    char* to = std::copy(name.begin(), name.end(), text + at);
    *to++ = ':';
    *to++ = ' ';
    bool clean = find_control(value) == value.size();
    to = clean ? std::copy(value.begin(), value.end(), to)
               : std::copy_if(value.begin(), value.end(), to, [](char c) { return c != '\r' && c != '\n'; });
    *to++ = '\r';
    *to++ = '\n';
    return static_cast<size_t>(to - text);
  });
}

void append_field(const http1::Field& f, std::string& out) {
  out.append(f.name).append(": ", 2).append(f.value).append("\r\n", 2);
}

void append_length(uint64_t bytes, std::string& out) {
  out += "Content-Length: ";
  append_number(static_cast<int64_t>(bytes), out);
  out += "\r\n";
}

bool connection_bound(const http1::Head& head, std::string_view name) {
  if (http1::is_hop_by_hop(name)) return true;
  if (!head.names_fields) return false;
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

void append_changes(const std::optional<route::HeaderChange>& change, std::string& out, std::string_view but) {
  if (!change) return;
  for (auto* list : {&change->set, &change->add})
    for (auto& h : *list)
      if (!frames_message(h.name) && (but.empty() || !iequals(h.name, but))) append_line(h.name, h.value, out);
}

void append_own(const std::optional<route::HeaderChange>& change, std::string_view name, std::string_view value,
                std::string& out) {
  if (!replaced(change, name)) append_line(name, value, out);
}

void append_target(std::string_view target, std::string& out) {
  auto fits = [](char c) { return c > 0x20 && c < 0x7f && c != '#'; };
  if (std::all_of(target.begin(), target.end(), fits)) {
    out += target;
    return;
  }
  for (char c : target) {
    auto byte = static_cast<unsigned char>(c);
    if (fits(c))
      out += c;
    else
      out.append(1, '%').append(1, "0123456789ABCDEF"[byte >> 4]).append(1, "0123456789ABCDEF"[byte & 15]);
  }
}

std::string_view host_set(const std::optional<route::HeaderChange>& change) {
  if (change)
    for (auto& h : change->set)
      if (iequals(h.name, "host")) return h.value;
  return {};
}

}  // namespace sl::proxy

#include "kube/apiserver/logs.h"

#include <fmt/format.h>

#include "base/ids.h"
#include "base/strings.h"

namespace sl::kube {
namespace {

struct LogOptions {
  bool stamps = false, follow = false;
  int64_t since_ms = 0;
  std::optional<uint64_t> lines, bytes;
};

Result<void> check_container(const Value& pod, const std::string& container) {
  if (container.empty()) return {};
  auto* list = json::arr(pod, "spec", "containers");
  if (list)
    for (auto& c : *list)
      if (json::str(c, "name") == container) return {};
  return fail(Code::InvalidArgument, fmt::format("container {} is not valid for pod {}", container, name_of(pod)));
}

Result<std::optional<uint64_t>> number(const net::HttpRequest& r, std::string_view name) {
  std::string text = r.query_value(name);
  if (text.empty()) return std::optional<uint64_t>();
  auto n = parse_uint(text);
  if (!n)
    return fail(Code::InvalidArgument, fmt::format("{}: Invalid value: \"{}\": must be a number from 0", name, text));
  return n;
}

Result<LogOptions> read_options(const Value& pod, const net::HttpRequest& r) {
  LogOptions out;
  SL_CHECK(check_container(pod, r.query_value("container")));
  if (r.query_value("previous") == "true")
    return fail(Code::InvalidArgument,
                fmt::format("previous terminated container of pod {} not found: it has run since "
                            "the program started",
                            name_of(pod)));
  out.stamps = r.query_value("timestamps") == "true";
  out.follow = r.query_value("follow") == "true";
  SL_TRY(lines, number(r, "tailLines"));
  SL_TRY(bytes, number(r, "limitBytes"));
  SL_TRY(seconds, number(r, "sinceSeconds"));
  out.lines = lines;
  out.bytes = bytes;
  constexpr uint64_t kLongest = 100ull * 365 * 86'400;
  if (seconds) out.since_ms = unix_ms() - static_cast<int64_t>(std::min(*seconds, kLongest)) * 1000;
  if (std::string time = r.query_value("sinceTime"); !time.empty()) {
    auto t = parse_rfc3339(time);
    if (!t) return fail(Code::InvalidArgument, fmt::format("sinceTime: Invalid value: \"{}\": must be RFC 3339", time));
    out.since_ms = *t;
  }
  return out;
}

}  // namespace

Result<void> stream_log(LogHub& logs, const std::string& component, const Value& pod, const net::HttpRequest& r,
                        net::HttpResponderPtr out) {
  SL_TRY(o, read_options(pod, r));
  auto format = [stamps = o.stamps](const LogLine& line) {
    return (stamps ? rfc3339(line.unix_ms, true) + " " : "") + line.text + "\n";
  };
  auto text_of = [&](std::vector<LogLine> lines) {
    std::erase_if(lines, [&](auto& l) { return l.unix_ms < o.since_ms; });
    size_t first = o.lines && *o.lines < lines.size() ? lines.size() - *o.lines : 0;
    std::string text;
    for (size_t i = first; i < lines.size(); ++i) text += format(lines[i]);
    if (o.bytes && text.size() > *o.bytes) text.resize(*o.bytes);
    return text;
  };
  net::Headers headers{{"Content-Type", "text/plain; charset=utf-8"}};
  if (!o.follow) {
    out->respond(200, std::move(headers), text_of(logs.tail(component)));
    return {};
  }
  out->start(200, std::move(headers));
  uint64_t id = logs.follow(
      component, [&](std::vector<LogLine> lines) { out->write(text_of(std::move(lines))); },
      [out, format](const LogLine& line) { out->write(format(line)); });
  out->on_close([&logs, id] { logs.unfollow(id); });
  return {};
}

}  // namespace sl::kube

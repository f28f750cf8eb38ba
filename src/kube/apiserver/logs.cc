#include "kube/apiserver/logs.h"

#include "base/ids.h"
#include "base/strings.h"

namespace sl::kube {

void stream_log(LogHub& logs, const std::string& component, const net::HttpRequest& r, net::HttpResponderPtr out) {
  auto lines = logs.tail(component);
  bool stamps = r.query_value("timestamps") == "true";
  auto format = [stamps](const LogLine& line) {
    return (stamps ? rfc3339(line.unix_ms, true) + " " : "") + line.text + "\n";
  };
  int64_t since = 0;
  if (auto s = parse_int(r.query_value("sinceSeconds"))) since = unix_ms() - *s * 1000;
  if (auto t = parse_rfc3339(r.query_value("sinceTime"))) since = *t;
  std::erase_if(lines, [&](auto& l) { return l.unix_ms < since; });
  if (auto n = parse_uint(r.query_value("tailLines")); n && *n < lines.size())
    lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(*n));
  std::string text;
  for (auto& l : lines) text += format(l);
  net::Headers headers{{"Content-Type", "text/plain; charset=utf-8"}};
  if (r.query_value("follow") != "true") return out->respond(200, std::move(headers), std::move(text));
  out->start(200, std::move(headers));
  out->write(std::move(text));
  uint64_t id = logs.follow(component, [out, format](const LogLine& line) { out->write(format(line)); });
  out->on_close([&logs, id] { logs.unfollow(id); });
}

}  // namespace sl::kube

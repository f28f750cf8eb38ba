#include "kube/apiserver/logs.h"

#include "base/ids.h"
#include "base/strings.h"

namespace sl::kube {

void stream_log(LogHub& logs, const std::string& component, const net::HttpRequest& r, net::HttpResponderPtr out) {
  bool stamps = r.query_value("timestamps") == "true";
  auto format = [stamps](const LogLine& line) {
    return (stamps ? rfc3339(line.unix_ms, true) + " " : "") + line.text + "\n";
  };
  int64_t since = 0;
  if (auto s = parse_int(r.query_value("sinceSeconds"))) since = unix_ms() - *s * 1000;
  if (auto t = parse_rfc3339(r.query_value("sinceTime"))) since = *t;
  auto wanted = parse_uint(r.query_value("tailLines"));
  auto text_of = [&](std::vector<LogLine> lines) {
    std::erase_if(lines, [&](auto& l) { return l.unix_ms < since; });
    size_t first = wanted && *wanted < lines.size() ? lines.size() - *wanted : 0;
    std::string text;
    for (size_t i = first; i < lines.size(); ++i) text += format(lines[i]);
    return text;
  };
  net::Headers headers{{"Content-Type", "text/plain; charset=utf-8"}};
  if (r.query_value("follow") != "true") return out->respond(200, std::move(headers), text_of(logs.tail(component)));
  out->start(200, std::move(headers));
  uint64_t id = logs.follow(
      component, [&](std::vector<LogLine> lines) { out->write(text_of(std::move(lines))); },
      [out, format](const LogLine& line) { out->write(format(line)); });
  out->on_close([&logs, id] { logs.unfollow(id); });
}

}  // namespace sl::kube

// `sightline traffic`: the records.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <thread>

#include "app/cli/client.h"
#include "app/cli/verbs.h"
#include "base/ids.h"
#include "base/strings.h"
#include "json/yaml.h"

namespace sl::cli {
namespace {

using json::Value;

struct Options {
  std::shared_ptr<Where> where = std::make_shared<Where>();
  std::string agent, session, since, output = "table";
  bool follow = false;
};

Result<int64_t> seconds_of(const std::string& text) {
  auto n = parse_int(std::string_view(text).substr(0, text.size() - 1));
  int64_t unit = text.empty()         ? 0
                 : text.back() == 's' ? 1
                 : text.back() == 'm' ? 60
                 : text.back() == 'h' ? 3600
                 : text.back() == 'd' ? 86400
                                      : 0;
  constexpr int64_t kDaysMax = 36'500;
  if (!n || !unit || *n < 0 || *n > kDaysMax * 86'400 / unit)
    return fail(Code::InvalidArgument,
                fmt::format("--since \"{}\" must look like 30s, 10m, 2h or 1d, and be 100 years at most", text));
  return *n * unit;
}

void print_row(const Value& r) {
  std::string_view kind = json::str(r, "kind");
  std::string what, where, tokens, detail;
  if (kind == "exchange") {
    what = fmt::format("{} {}", json::str(r, "http.method"), json::str(r, "http.path"));
    where = json::str(r, "endpoint");
    detail = fmt::format("{}", json::num(r, 0, "http.status"));
    if (auto auth = json::str(r, "auth"); !auth.empty()) detail += fmt::format(" auth={}", auth);
    if (auto tls = json::str(r, "tls.version"); !tls.empty()) detail += fmt::format(" {}", tls);
  } else if (kind == "turn") {
    what = fmt::format("turn of {}", json::str(r, "agent"));
  } else {
    what = fmt::format("tool {}", json::str(r, "gen_ai.tool.name"));
  }
  if (json::find(r, "gen_ai.usage.input_tokens"))
    tokens = fmt::format("{}+{}", json::num(r, 0, "gen_ai.usage.input_tokens"),
                         json::num(r, 0, "gen_ai.usage.output_tokens"));
  if (auto e = json::str(r, "error"); !e.empty()) detail += fmt::format(" error: {}", e);
  fmt::print("{:>6}  {}  {}  {:<42} {:<28} {:>9} {:>8}ms  {}\n", json::num(r, 0, "id"), json::str(r, "start"),
             json::str(r, "trace_id").substr(0, 8), printable(what, ""), printable(where, ""), tokens,
             json::num(r, 0, "duration_us") / 1000, printable(detail, ""));
}

Result<int> run(const Options& o) {
  Client client(*o.where);
  std::string query =
      "/api/records?limit=1000&agent=" +
      percent_encode(o.agent.empty() || o.agent.find('/') != std::string::npos ? o.agent : "kagent/" + o.agent) +
      "&session=" + percent_encode(o.session);
  if (!o.since.empty()) {
    SL_TRY(seconds, seconds_of(o.since));
    query += fmt::format("&since_us={}", unix_us() - seconds * 1'000'000);
  }
  int64_t last = 0;
  bool header = o.output == "table";
  for (;;) {
    std::string said;
    SL_TRY(rows, client.rest(fmt::format("{}&after={}", query, last), &said));
    if (!said.empty() && !o.follow) fmt::print(stderr, "({})\n", said);
    if (!rows.is_array()) return fail(Code::UpstreamProtocol, "the server's answer is not a list");
    if (!o.follow && rows.get_array().size() == 1000)
      fmt::print(stderr, "(the newest 1000 records; narrow it with --agent, --session or --since)\n");
    if (o.output != "table" && !o.follow) {
      fmt::print("{}", o.output == "yaml" ? json::dump_yaml(rows) : json::dump_pretty(rows));
      return 0;
    }
    if (std::exchange(header, false))
      fmt::print("{:>6}  {:<24}  {:<8}  {:<42} {:<28} {:>9} {:>10}  {}\n", "ID", "START", "TRACE", "WHAT", "WHERE",
                 "TOKENS", "TIME", "STATUS");
    for (auto& r : rows.get_array()) {
      last = std::max(last, json::num(r, 0, "id"));
      if (o.output == "json")
        fmt::print("{}\n", json::dump(r));
      else if (o.output == "yaml")  // items of one list, however many come
        fmt::print("{}", json::dump_yaml(json::Array{r}));
      else
        print_row(r);
    }
    std::fflush(stdout);
    if (!o.follow) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
}

}  // namespace

void add_traffic(CLI::App& app, int* exit) {
  auto* verb = app.add_subcommand("traffic", "List what went over the network: exchanges, turns and tool calls");
  auto o = std::make_shared<Options>();
  add_where(verb, o->where);
  verb->add_flag("-f,--follow", o->follow, "Wait for more");
  verb->add_option("--agent", o->agent, "Only of this agent, NS/NAME");
  verb->add_option("--session", o->session, "Only of this session");
  verb->add_option("--since", o->since, "Only of the last 30s, 10m, 2h, 1d");
  verb->add_option("-o,--output", o->output, "table, json or yaml")->check(CLI::IsMember({"table", "json", "yaml"}));
  verb->callback([=] {
    auto done = run(*o);
    *exit = done ? *done : report(done.error());
  });
}

}  // namespace sl::cli

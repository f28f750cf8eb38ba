// Goldens: testdata/NAME.yaml through the schemas and translate(), compared with testdata/NAME.json.
// With SL_UPDATE_GOLDENS set the JSON files are written instead; read the diff before you commit it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/strings.h"
#include "control/translate/fixture.h"

namespace sl::control {
namespace {

using json::Array;
using json::Object;
using json::Value;
namespace fs = std::filesystem;

constexpr char kClass[] = R"(
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: agentgateway}
spec: {controllerName: kgateway.dev/agentgateway}
)";

std::string read(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// One condition in a line. The generation is said when it is not 1, the time when it is one of the fixture's.
std::string words(const Value& c) {
  std::string out = std::string(json::str(c, "status")) + " " + std::string(json::str(c, "reason")) + ": " +
                    std::string(json::str(c, "message"));
  if (int64_t n = json::num(c, 0, "observedGeneration"); n != 1) out += " (generation " + std::to_string(n) + ")";
  if (auto since = json::str(c, "lastTransitionTime"); since < "2021") out += " (since " + std::string(since) + ")";
  return out;
}

Value compact(const Value& v) {
  if (auto* a = v.if_array()) {
    Array out;
    for (auto& item : *a) out.push_back(compact(item));
    return out;
  }
  auto* o = v.if_object();
  if (!o) return v;
  Object out;
  for (auto& [key, child] : *o) {
    if (key == "supportedFeatures") continue;  // has a test of its own
    if (key != "conditions") {
      out[key] = key == "secretHash" ? Value("HASH") : compact(child);
      continue;
    }
    Object conditions;
    for (auto& c : child.get_array()) {
      EXPECT_FALSE(conditions.contains(json::str(c, "type"))) << "two conditions of one type";
      conditions[json::str(c, "type")] = words(c);
    }
    out[key] = std::move(conditions);
  }
  return out;
}

template <class T>
void put(Object& out, std::string_view key, const T& value) {
  if (value != T{}) out[key] = boost::json::value_from(value);
}

Value dump_model(const route::ModelSpec& m) {
  Object out;
  put(out, "name", m.name);
  put(out, "provider", m.provider);
  put(out, "model", m.model);
  put(out, "url", m.url);
  put(out, "connectTo", m.connect_to);
  put(out, "credential", m.credential);
  put(out, "callerCredential", m.caller_credential);
  put(out, "headers", m.headers);
  if (!m.parameters.empty()) out["parameters"] = m.parameters;
  out["timeoutMs"] = m.timeout_ms;
  return out;
}

Value dump_agent(const route::AgentSpec& a) {
  Object out{{"name", a.key()}};
  put(out, "uid", a.uid);
  put(out, "generation", a.generation);
  put(out, "description", a.description);
  put(out, "version", a.version);
  put(out, "iconUrl", a.icon_url);
  put(out, "documentationUrl", a.documentation_url);
  put(out, "providerOrganization", a.provider_organization);
  put(out, "providerUrl", a.provider_url);
  put(out, "systemMessage", a.system_message);
  out["model"] = dump_model(a.model);
  put(out, "stream", a.stream);
  put(out, "tools", a.tools);
  Array skills;
  for (auto& s : a.skills) {
    Object skill{{"id", s.id}, {"name", s.name}};
    put(skill, "description", s.description);
    put(skill, "tags", s.tags);
    put(skill, "examples", s.examples);
    put(skill, "inputModes", s.input_modes);
    put(skill, "outputModes", s.output_modes);
    skills.push_back(std::move(skill));
  }
  if (!skills.empty()) out["skills"] = std::move(skills);
  return out;
}

// As dump_pretty, with what is short in one line.
void print(const Value& v, size_t indent, std::string& out) {
  std::string line = json::dump(v);
  if (line.size() + indent <= 110 || !v.is_structured()) {
    out += line;
    return;
  }
  bool object = v.is_object(), first = true;
  out += object ? "{" : "[";
  auto item = [&](std::string_view key, const Value& child) {
    out += (first ? "\n" : ",\n") + std::string(indent + 2, ' ');
    first = false;
    if (object) {
      json::write_string(key, out);
      out += ": ";
    }
    print(child, indent + 2, out);
  };
  if (object)
    for (auto& [key, child] : v.get_object()) item(key, child);
  else
    for (auto& child : v.get_array()) item("", child);
  out += "\n" + std::string(indent, ' ') + (object ? "}" : "]");
}

std::string translate_text(const std::string& yaml) {
  testing::Cluster cluster;
  bool own_class = yaml.find("kind: GatewayClass\n") != std::string::npos;
  if (!own_class) cluster.add(kClass);
  cluster.add(yaml);
  auto index = cluster.index();
  for (auto& p : index.problems) ADD_FAILURE() << p.message;
  Translation t = translate(index, cluster.options);
  Object statuses;
  for (auto& s : t.statuses) {
    std::string key = s.resource.substr(0, s.resource.find('.')) + " " + (s.ns.empty() ? "" : s.ns + "/") + s.name;
    if (s.resource.starts_with("gatewayclasses") && !own_class) continue;
    EXPECT_FALSE(statuses.contains(key)) << "two statuses of " << key;
    statuses[key] = compact(s.status);
  }
  Object out{{"routes", json::encode(t.routes)}};
  Array agents;
  for (auto& a : t.agents) agents.push_back(dump_agent(a));
  if (!agents.empty()) out["agents"] = std::move(agents);
  out["statuses"] = std::move(statuses);
  std::string text;
  print(out, 0, text);
  return text + "\n";
}

// The lines that differ, with two lines around each: " " in both, "-" wanted, "+" found.
std::string diff(const std::string& wanted, const std::string& found) {
  auto a = split(wanted, '\n'), b = split(found, '\n');
  std::vector<std::vector<size_t>> common(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = a.size(); i-- > 0;)
    for (size_t j = b.size(); j-- > 0;)
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
  std::vector<std::string> lines;
  for (size_t i = 0, j = 0; i < a.size() || j < b.size();) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      lines.push_back("  " + std::string(a[i++]));
      ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      lines.push_back("- " + std::string(a[i++]));
    } else {
      lines.push_back("+ " + std::string(b[j++]));
    }
  }
  std::string out;
  for (size_t i = 0, last = 0; i < lines.size(); ++i) {
    bool near = false;
    for (size_t k = i < 2 ? 0 : i - 2; k <= i + 2 && k < lines.size(); ++k) near |= lines[k][0] != ' ';
    if (!near) continue;
    if (i != last) out += "  ...\n";
    out += lines[i] + "\n";
    last = i + 1;
  }
  return out;
}

TEST(TranslateGoldens, AllHold) {
  fs::path folder = fs::path(SL_SOURCE_DIR) / "src/control/translate/testdata";
  std::vector<fs::path> cases;
  for (auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".yaml") cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  EXPECT_GE(cases.size(), 13u) << "of " << folder;
  for (auto& in : cases) {
    SCOPED_TRACE(in.filename().string());
    fs::path golden = fs::path(in).replace_extension(".json");
    std::string found = translate_text(read(in));
    if (std::getenv("SL_UPDATE_GOLDENS")) std::ofstream(golden) << found;
    EXPECT_TRUE(fs::exists(golden)) << golden;
    std::string wanted = read(golden);
    EXPECT_TRUE(wanted == found) << golden.filename().string() << " (- wanted, + found):\n" << diff(wanted, found);
  }
}

TEST(TranslateGoldens, TheDiffShowsWhatDiffers) {
  EXPECT_EQ(diff("a\nb\nc\n", "a\nb\nc\n"), "");
  EXPECT_EQ(diff("a\nb\nc\nd\ne\nf\n", "a\nb\nc\nd\nX\nf\n"), "  ...\n  c\n  d\n- e\n+ X\n  f\n  \n");
}

}  // namespace
}  // namespace sl::control

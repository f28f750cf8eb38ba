#include "agent/tools/tool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <mutex>
#include <string>

#include "base/strings.h"
#include "net/http_server/server.h"
#include "net/loop/loop.h"
#include "net/tcp/asio.h"

namespace sl::agent {
namespace {

using json::Value;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kResources = R"({"groupVersion":"v1","resources":[
  {"name":"pods","singularName":"pod","shortNames":["po"],"kind":"Pod","namespaced":true},
  {"name":"pods/log","singularName":"","kind":"Pod","namespaced":true},
  {"name":"secrets","singularName":"secret","kind":"Secret","namespaced":true},
  {"name":"namespaces","singularName":"namespace","shortNames":["ns"],"kind":"Namespace","namespaced":false}]})";
constexpr std::string_view kGroups = R"({"groups":[{"name":"g.io","preferredVersion":{"groupVersion":"g.io/v1"}}]})";
constexpr std::string_view kGateways =
    R"({"groupVersion":"g.io/v1","resources":[{"name":"gateways","singularName":"gateway","shortNames":["gtw"],"kind":"Gateway","namespaced":true}]})";

net::Task<void> call(std::shared_ptr<Tool> tool, Value arguments, std::promise<Result<std::string>>* done) {
  ToolCall under_way;
  auto result = co_await tool->run(std::move(arguments), &under_way);
  done->set_value(std::move(result));
}

// The tools against a server that answers by path and notes what it was asked.
class Tools : public ::testing::Test {
 protected:
  void SetUp() override {
    loop.start();
    auto bound = server.listen("127.0.0.1:0");
    ASSERT_TRUE(bound);
    loop.call([&] { client = std::make_unique<net::HttpClient>(loop, nullptr); });
    tools = built_in_tools({client.get(), "http://" + *bound, "the-token"});
    answers["/api/v1"] = kResources;
    answers["/apis"] = kGroups;
    answers["/apis/g.io/v1"] = kGateways;
  }
  void TearDown() override {
    server.close();
    loop.call([&] { client.reset(); });
    loop.stop();
    loop.join();
  }
  void serve(net::HttpRequest request, const net::HttpResponderPtr& to) {
    std::lock_guard lock(mutex);
    asked.push_back(request.target);
    accepted = request.header("Accept");
    authorization = request.header("Authorization");
    auto it = answers.find(request.target);
    if (it == answers.end())
      return to->respond(404, {}, R"({"kind":"Status","message":"pods \"x\" not found","code":404})");
    to->respond(200, {{"Content-Type", "application/json"}}, it->second);
  }
  Result<std::string> run(const std::string& name, std::string_view arguments) {
    auto v = json::parse(arguments);
    EXPECT_TRUE(v) << arguments;
    std::promise<Result<std::string>> done;
    auto result = done.get_future();
    loop.post([&] { loop.spawn(call(tools.at(name), *v, &done)); });
    return result.get();
  }
  std::string text(const std::string& name, std::string_view arguments) {
    auto r = run(name, arguments);
    return r ? *r : "error: " + r.error().message;
  }

  std::mutex mutex;
  std::map<std::string, std::string> answers;
  std::vector<std::string> asked;
  std::string accepted, authorization;
  net::Loop loop{"tools-test"};
  net::HttpServer server{loop, nullptr,
                         [this](net::HttpRequest r, net::HttpResponderPtr to) { serve(std::move(r), to); }};
  std::unique_ptr<net::HttpClient> client;
  ToolMap tools;
};

TEST_F(Tools, AreThoseWithTheUsualNames) {
  std::vector<std::string> names;
  for (auto& [name, tool] : tools) {
    EXPECT_EQ(tool->name(), name);
    names.push_back(name);
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("ask_user", "k8s_get_resources", "k8s_describe_resource",
                                                     "k8s_get_pod_logs", "k8s_get_available_api_resources"));
}

TEST_F(Tools, DescribeThemselvesInJsonSchema) {
  for (auto& [name, tool] : tools) {
    EXPECT_FALSE(tool->description().empty()) << name;
    Value p = tool->parameters();
    EXPECT_EQ(json::str(p, "type"), "object") << name;
    auto* properties = json::find(p, "properties");
    ASSERT_TRUE(properties && properties->is_object()) << name;
    if (auto* required = json::arr(p, "required"))
      for (auto& r : *required) EXPECT_NE(json::find(*properties, json::view(r.as_string())), nullptr) << name;
    for (auto& [key, schema] : properties->get_object()) EXPECT_NE(json::str(schema, "type"), "") << name << " " << key;
  }
}

TEST_F(Tools, OnlyAskUserNeedsAPerson) {
  for (auto& [name, tool] : tools) EXPECT_EQ(tool->needs_person(), name == "ask_user") << name;
  EXPECT_FALSE(run("ask_user", R"({"questions":[]})"));
}

TEST_F(Tools, AListIsATable) {
  answers["/api/v1/namespaces/default/pods"] =
      R"({"columnDefinitions":[{"name":"Name"},{"name":"Ready"},{"name":"Restarts"}],
          "rows":[{"cells":["a","1/1",0]},{"cells":["b",null,3]}]})";
  EXPECT_EQ(text("k8s_get_resources", R"({"resource_type":"pods"})"),
            "name | ready | restarts\na | 1/1 | 0\nb |  | 3\n");
  EXPECT_THAT(accepted, HasSubstr("as=Table"));
  EXPECT_EQ(authorization, "Bearer the-token");
}

TEST_F(Tools, TypesAreFoundAsKubectlFindsThem) {
  answers["/api/v1/namespaces/default/pods"] = R"({"columnDefinitions":[],"rows":[]})";
  for (auto type : {"pod", "po", "Pod", "PODS"})
    EXPECT_EQ(text("k8s_get_resources", R"({"resource_type":")" + std::string(type) + "\"}"), "no resources found");
  answers["/apis/g.io/v1/namespaces/m/gateways"] = R"({"columnDefinitions":[],"rows":[]})";
  EXPECT_EQ(text("k8s_get_resources", R"({"resource_type":"gtw","namespace":"m"})"), "no resources found");
  EXPECT_EQ(text("k8s_get_resources", R"({"resource_type":"nothing"})"),
            "error: the server does not have a resource type \"nothing\"");
}

TEST_F(Tools, NamespacesAndNamesMakeThePath) {
  text("k8s_get_resources", R"({"resource_type":"pod","resource_name":"p","namespace":"m"})");
  text("k8s_get_resources", R"({"resource_type":"pod","all_namespaces":"true","namespace":"m"})");
  text("k8s_get_resources", R"({"resource_type":"pod","all_namespaces":true})");
  text("k8s_get_resources", R"({"resource_type":"ns","resource_name":"m"})");
  EXPECT_THAT(asked, ::testing::IsSupersetOf({"/api/v1/namespaces/m/pods/p", "/api/v1/pods", "/api/v1/namespaces/m"}));
}

TEST_F(Tools, NamesCannotLeaveTheirPlace) {
  text("k8s_get_resources", R"({"resource_type":"pod","resource_name":"../secrets/x?a=b#c","namespace":"a/b"})");
  EXPECT_THAT(asked, Contains("/api/v1/namespaces/a%2Fb/pods/..%2Fsecrets%2Fx%3Fa%3Db%23c"));
  text("k8s_get_pod_logs", R"({"pod_name":"../x","namespace":"n"})");
  EXPECT_THAT(asked, Contains(StartsWith("/api/v1/namespaces/n/pods/..%2Fx/log?")));
}

TEST_F(Tools, ErrorsAreTheServersWords) {
  EXPECT_EQ(text("k8s_get_resources", R"({"resource_type":"pod","resource_name":"x"})"), "error: pods \"x\" not found");
  EXPECT_EQ(text("k8s_describe_resource", R"({"resource_type":"pod","resource_name":"x"})"),
            "error: pods \"x\" not found");
}

constexpr std::string_view kSecret = R"({"kind":"Secret","apiVersion":"v1","metadata":{"name":"s","namespace":"default",
  "annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"k\":\"aHVzaA==\"}}","note":"keep"},
  "managedFields":[{"manager":"x"}]},"data":{"k":"aHVzaA=="},"stringData":{"p":"hush"},"type":"Opaque"})";

TEST_F(Tools, SecretsAreHidden) {
  answers["/api/v1/namespaces/default/secrets/s"] = kSecret;
  answers["/api/v1/namespaces/default/secrets"] =
      R"({"kind":"SecretList","items":[)" + replace_all(kSecret, R"("kind":"Secret","apiVersion":"v1",)", "") + "]}";
  for (auto arguments :
       {R"({"resource_type":"secret","resource_name":"s","output":"json"})",
        R"({"resource_type":"secret","resource_name":"s","output":"yaml"})",
        R"({"resource_type":"secret","output":"json"})", R"({"resource_type":"secret","output":"yaml"})"})
    EXPECT_THAT(text("k8s_get_resources", arguments),
                AllOf(Not(HasSubstr("aHVzaA")), Not(HasSubstr("hush")), HasSubstr("[hidden]"), HasSubstr("keep"),
                      Not(HasSubstr("managedFields"))))
        << arguments;
  EXPECT_THAT(text("k8s_describe_resource", R"({"resource_type":"secret","resource_name":"s"})"),
              AllOf(Not(HasSubstr("aHVzaA")), HasSubstr("[hidden]")));
}

TEST_F(Tools, CredentialsInOtherKindsAreHidden) {
  answers["/apis/g.io/v1/namespaces/default/gateways/g"] = R"({"kind":"Gateway","metadata":{"name":"g"},"spec":{
    "ai":{"llm":{"openai":{"authToken":{"kind":"Inline","inline":"hush-1"},"model":"m"}}},
    "defaultHeaders":{"X-Key":"hush-2"},
    "rules":[{"filters":[{"requestHeaderModifier":{"set":[{"name":"Authorization","value":"hush-3"}],
      "add":[{"name":"B","value":"hush-4"}],"remove":["C"]}},
      {"responseHeaderModifier":{"set":[{"name":"D","value":"hush-5"}]}}]}]}})";
  for (auto output : {"json", "yaml"})
    EXPECT_THAT(text("k8s_get_resources",
                     R"({"resource_type":"gateway","resource_name":"g","output":")" + std::string(output) + "\"}"),
                AllOf(Not(HasSubstr("hush")), HasSubstr("Authorization"), HasSubstr("model"), HasSubstr("[hidden]")));
}

TEST_F(Tools, ADescriptionHasTheEvents) {
  answers["/api/v1/namespaces/default/pods/p"] =
      R"({"kind":"Pod","metadata":{"name":"p"},"status":{"phase":"Running"}})";
  answers["/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dp"] =
      R"({"items":[{"type":"Warning","reason":"BackOff","message":"again and again"}]})";
  EXPECT_THAT(text("k8s_describe_resource", R"({"resource_type":"pod","resource_name":"p"})"),
              AllOf(HasSubstr("phase: Running"), EndsWith("events:\n- Warning BackOff: again and again\n")));
}

TEST_F(Tools, LogsAreTheLastLines) {
  answers["/api/v1/namespaces/default/pods/p/log?tailLines=50"] = "one\ntwo\n";
  answers["/api/v1/namespaces/m/pods/p/log?tailLines=2"] = "";
  EXPECT_EQ(text("k8s_get_pod_logs", R"({"pod_name":"p"})"), "one\ntwo\n");
  EXPECT_EQ(text("k8s_get_pod_logs", R"({"pod_name":"p","namespace":"m","tail_lines":2})"), "the log is empty");
  answers["/api/v1/namespaces/default/pods/p/log?tailLines=50&container=c%26d"] = "its own\n";
  EXPECT_EQ(text("k8s_get_pod_logs", R"({"pod_name":"p","container":"c&d"})"), "its own\n");
}

TEST_F(Tools, LongOutputIsCutBetweenCharacters) {
  std::string all;
  for (int i = 0; i < 50'000; ++i) all += "é";
  answers["/api/v1/namespaces/default/pods/p/log?tailLines=50"] = "x" + all;
  std::string out = text("k8s_get_pod_logs", R"({"pod_name":"p"})");
  EXPECT_LT(out.size(), 61'000u);
  EXPECT_GT(out.size(), 50'000u);
  EXPECT_TRUE(valid_utf8(out));
  EXPECT_THAT(out, EndsWith("(cut: the output is longer)"));
}

TEST_F(Tools, WhatTheApiServes) {
  std::string out = text("k8s_get_available_api_resources", "{}");
  EXPECT_THAT(out, AllOf(HasSubstr("pods | v1 | true | Pod\n"), HasSubstr("namespaces | v1 | false | Namespace\n"),
                         HasSubstr("gateways | g.io/v1 | true | Gateway\n"), Not(HasSubstr("pods/log"))));
}

}  // namespace
}  // namespace sl::agent

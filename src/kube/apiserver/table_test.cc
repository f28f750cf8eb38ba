#include "kube/apiserver/table.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/ids.h"
#include "base/strings.h"
#include "json/test_kit.h"

namespace sl::kube {
namespace {

using ::testing::ElementsAre;

using json::test::must;

std::string at(std::string_view path) {
  static const Value o = must(R"j({"metadata":{"name":"w","annotations":{"a.b/c":"dotted"}},
    "spec":{"size":3,"on":true,"list":["x","y"],"empty":[],"parents":[{"n":"p","c":[{"t":"A","s":"1"},{"t":"B","s":"2"}]},
      {"n":"q","c":[{"t":"A","s":"3"}]}]},
    "status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Accepted","status":"False"}]}})j");
  return json::dump(evaluate_path(o, path));
}

TEST(PrinterPath, FieldsAndItems) {
  EXPECT_EQ(at(".spec.size"), "3");
  EXPECT_EQ(at(".spec.on"), "true");
  EXPECT_EQ(at("{.spec.size}"), "3");
  EXPECT_EQ(at("$.spec.size"), "3");
  EXPECT_EQ(at(".spec.list[1]"), "\"y\"");
  EXPECT_EQ(at(".spec.list[7]"), "null");
  EXPECT_EQ(at(".spec.nothing.at.all"), "null");
  EXPECT_EQ(at(".spec.empty[*]"), "null");
}

TEST(PrinterPath, ManyAreJoined) {
  EXPECT_EQ(at(".spec.list[*]"), R"("x,y")");
  EXPECT_EQ(at(".spec.parents[*].n"), R"("p,q")");
}

TEST(PrinterPath, ConditionsInBothQuotesAndNested) {
  EXPECT_EQ(at(R"(.status.conditions[?(@.type=="Ready")].status)"), "\"True\"");
  EXPECT_EQ(at(".status.conditions[?(@.type=='Accepted')].status"), "\"False\"");
  EXPECT_EQ(at(R"(.status.conditions[?(@.type == "Other")].status)"), "null");
  EXPECT_EQ(at(R"(.spec.parents[*].c[?(@.t=="A")].s)"), R"("1,3")");
}

TEST(PrinterPath, KeysWithDots) {
  EXPECT_EQ(at(R"(.metadata.annotations.a\.b/c)"), "\"dotted\"");
  EXPECT_EQ(at(".metadata.annotations['a.b/c']"), "\"dotted\"");
}

TEST(PrinterPath, NonsenseFindsNothing) {
  for (auto path : {".spec[", ".spec.list[x", ".spec.list[?(]", ".spec.list.a", ".spec.size[0]", ".spec.on[*]"})
    EXPECT_THAT(at(path), ::testing::Not(::testing::HasSubstr("metadata"))) << path;
  EXPECT_EQ(at(".spec.size.deeper"), "null");
  EXPECT_EQ(at(".spec.size[0]"), "null");
  EXPECT_EQ(at(".spec.list[99999999999999999999]"), "null");
}

TEST(HumanDuration, AsKubectlPrintsAges) {
  for (auto [seconds, want] : {std::pair{0, "0s"},
                               {1, "1s"},
                               {119, "119s"},
                               {120, "2m"},
                               {125, "2m5s"},
                               {599, "9m59s"},
                               {600, "10m"},
                               {659, "10m"},
                               {3 * 3600 - 1, "179m"},
                               {3 * 3600, "3h"},
                               {3 * 3600 + 60, "3h1m"},
                               {8 * 3600 - 1, "7h59m"},
                               {8 * 3600, "8h"},
                               {8 * 3600 + 3599, "8h"},
                               {48 * 3600 - 1, "47h"},
                               {48 * 3600, "2d"},
                               {49 * 3600, "2d1h"},
                               {8 * 86400 - 1, "7d23h"},
                               {8 * 86400, "8d"},
                               {8 * 86400 + 3600, "8d"},
                               {2 * 365 * 86400 - 1, "729d"},
                               {2 * 365 * 86400, "2y"},
                               {2 * 365 * 86400 + 86400, "2y1d"},
                               {8 * 365 * 86400, "8y"},
                               {9 * 365 * 86400 + 86400, "9y"}})
    EXPECT_EQ(human_duration(seconds), want) << seconds;
}

ResourceType type() {
  ResourceType t;
  t.group = "example.com";
  t.kind = "Widget";
  t.plural = "widgets";
  t.versions = {"v1"};
  t.columns = {{"Size", "integer", ".spec.size", 0, "How big."},
               {"On", "boolean", ".spec.on"},
               {"List", "string", ".spec.list[*]", 1},
               {"Age", "date", ".metadata.creationTimestamp"}};
  return t;
}

ObjectPtr object(std::string_view text) {
  return std::make_shared<const Value>(must(text));
}

TEST(Table, ColumnsAndCells) {
  std::string born = rfc3339(unix_ms() - 3'600'000 * 5);
  Value t = make_table(type(), "v1",
                       {object(R"({"metadata":{"name":"a","namespace":"n","creationTimestamp":")" + born +
                               R"("},"spec":{"size":3,"on":false,"list":["x","y"]}})"),
                        object(R"({"metadata":{"name":"b"}})")},
                       IncludeObject::Metadata);
  EXPECT_EQ(json::str(t, "kind"), "Table");
  EXPECT_EQ(json::str(t, "apiVersion"), "meta.k8s.io/v1");
  std::vector<std::string> columns;
  for (auto& c : *json::arr(t, "columnDefinitions"))
    columns.push_back(std::string(json::str(c, "name")) + " " + std::string(json::str(c, "type")) + " " +
                      std::to_string(json::num(c, -1, "priority")));
  EXPECT_THAT(columns, ElementsAre("Name string 0", "Size integer 0", "On boolean 0", "List string 1", "Age date 0"));
  EXPECT_EQ(json::str((*json::arr(t, "columnDefinitions"))[0], "format"), "name");
  EXPECT_EQ(json::str((*json::arr(t, "columnDefinitions"))[1], "description"), "How big.");
  auto& rows = *json::arr(t, "rows");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(json::dump(*json::find(rows[0], "cells")), R"(["a",3,false,"x,y","5h"])");
  EXPECT_EQ(json::dump(*json::find(rows[1], "cells")), R"(["b",null,null,null,"<unknown>"])");
  EXPECT_EQ(json::str(rows[0], "object", "kind"), "PartialObjectMetadata");
  EXPECT_EQ(json::str(rows[0], "object", "metadata", "namespace"), "n");
  EXPECT_EQ(json::find(rows[0], "object", "spec"), nullptr);
}

TEST(Table, IncludesWhatIsAskedFor) {
  auto o = object(R"({"metadata":{"name":"a"},"spec":{"size":3}})");
  Value none = make_table(type(), "v1", {o}, IncludeObject::None);
  EXPECT_EQ(json::find((*json::arr(none, "rows"))[0], "object"), nullptr);
  Value all = make_table(type(), "v1", {o}, IncludeObject::Object);
  EXPECT_EQ(json::num((*json::arr(all, "rows"))[0], 0, "object", "spec", "size"), 3);
  EXPECT_EQ(json::str((*json::arr(all, "rows"))[0], "object", "apiVersion"), "example.com/v1");
}

TEST(Table, LaterEventsOfAWatchNeedNoColumns) {
  Value t = make_table(type(), "v1", {}, IncludeObject::None, false);
  EXPECT_TRUE(json::arr(t, "columnDefinitions")->empty());
  EXPECT_TRUE(json::arr(t, "rows")->empty());
}

TEST(Table, AKindWithoutColumnsHasAnAge) {
  ResourceType t = type();
  t.columns.clear();
  Value table = make_table(t, "v1", {}, IncludeObject::None);
  std::vector<std::string> columns;
  for (auto& c : *json::arr(table, "columnDefinitions")) columns.emplace_back(json::str(c, "name"));
  EXPECT_THAT(columns, ElementsAre("Name", "Age"));
}

// The cell of a column that is computed.
std::string computed(std::string_view name, std::string_view o) {
  ResourceType t = type();
  t.columns = {{"X", "string", std::string(name)}};
  return json::dump(
      (*json::arr((*json::arr(make_table(t, "v1", {object(o)}, IncludeObject::None), "rows"))[0], "cells"))[1]);
}

TEST(Table, ComputedColumnsOfTheCoreKinds) {
  EXPECT_EQ(computed("@data-count", R"({"metadata":{},"data":{"a":"","b":""},"binaryData":{"c":""}})"), "3");
  EXPECT_EQ(computed("@data-count", R"({"metadata":{}})"), "0");
  EXPECT_EQ(computed("@service-ports", R"({"metadata":{},"spec":{"ports":[{"port":80,"nodePort":30080,"protocol":"TCP"},
    {"port":53,"protocol":"UDP"}]}})"),
            R"("80:30080/TCP,53/UDP")");
  EXPECT_EQ(computed("@service-ports", R"({"metadata":{}})"), R"("<none>")");
  EXPECT_EQ(computed("@service-external-ip", R"({"metadata":{},"spec":{"type":"LoadBalancer"}})"), R"("<pending>")");
  EXPECT_EQ(computed("@service-external-ip", R"({"metadata":{},"spec":{"type":"ClusterIP"}})"), R"("<none>")");
  EXPECT_EQ(
      computed(
          "@service-external-ip",
          R"({"metadata":{},"spec":{"type":"LoadBalancer"},"status":{"loadBalancer":{"ingress":[{"ip":"127.0.0.1"}]}}})"),
      R"("127.0.0.1")");
  constexpr std::string_view pod = R"({"metadata":{},"status":{"containerStatuses":[{"ready":true,"restartCount":2},
    {"ready":false,"restartCount":1}]}})";
  EXPECT_EQ(computed("@pod-ready", pod), R"("1/2")");
  EXPECT_EQ(computed("@pod-restarts", pod), R"("3")");
  EXPECT_EQ(computed("@event-object", R"({"metadata":{},"involvedObject":{"kind":"Pod","name":"p"}})"), R"("pod/p")");
  EXPECT_EQ(computed("@service-selector", R"({"metadata":{},"spec":{"selector":{"a":"1","b":"2"}}})"), R"("a=1,b=2")");
  EXPECT_EQ(computed("@pod-readiness-gates", R"({"metadata":{}})"), R"("<none>")");
}

TEST(Table, ColumnsOfAnEvent) {
  std::string ago = rfc3339(unix_ms() - 3'600'000 * 5);
  auto event = [&](std::string_view members) { return fmt::format(R"({{"metadata":{{"name":"e"}},{}}})", members); };
  std::string at = fmt::format(R"("eventTime":"{}")", ago);
  EXPECT_EQ(computed("@event-last-seen", event(at)), R"("5h")");
  EXPECT_EQ(computed("@event-first-seen", event(at)), R"("5h")");
  EXPECT_EQ(computed("@event-last-seen", event(fmt::format(R"("series":{{"lastObservedTime":"{}"}})", ago))),
            R"("5h")");
  EXPECT_EQ(computed("@event-count", event(at)), R"("1")");
  EXPECT_EQ(computed("@event-count", event(R"("count":2,"series":{"count":7})")), R"("7")");
  EXPECT_EQ(computed("@event-source", event(R"("source":{"component":"c","host":"h"})")), R"("c, h")");
  EXPECT_EQ(computed("@event-source", event(R"("reportingComponent":"r")")), R"("r")");
}

TEST(Table, AKindMayPlaceItsNameItself) {
  ResourceType t = type();
  t.columns = {{"Reason", "string", ".reason"}, {"Name", "string", "@name", 1}};
  Value table = make_table(t, "v1", {object(R"({"metadata":{"name":"e"},"reason":"r"})")}, IncludeObject::None);
  EXPECT_EQ(json::arr(table, "columnDefinitions")->size(), 2u);
  EXPECT_EQ(json::dump(*json::find((*json::arr(table, "rows"))[0], "cells")), R"(["r","e"])");
}

}  // namespace
}  // namespace sl::kube

#include "kube/apiserver/protobuf.h"

#include <fmt/format.h>

#include <cstring>
#include <map>

#include "base/strings.h"

namespace sl::kube {

using json::Object;
using json::Value;

namespace {

enum class Kind { Text, Bytes, Int, Bool, Message, Time, MicroTime, TextMap, BytesMap, IntOrString };

struct Table;
struct Column {
  int number;
  const char* name;
  Kind kind = Kind::Text;
  bool repeated = false;
  const Table* message = nullptr;
};
struct Table {
  std::vector<Column> columns;
};

const Table kOwner{{{1, "kind"},
                    {3, "name"},
                    {4, "uid"},
                    {5, "apiVersion"},
                    {6, "controller", Kind::Bool},
                    {7, "blockOwnerDeletion", Kind::Bool}}};
const Table kMeta{{{1, "name"},
                   {2, "generateName"},
                   {3, "namespace"},
                   {5, "uid"},
                   {6, "resourceVersion"},
                   {7, "generation", Kind::Int},
                   {8, "creationTimestamp", Kind::Time},
                   {9, "deletionTimestamp", Kind::Time},
                   {11, "labels", Kind::TextMap},
                   {12, "annotations", Kind::TextMap},
                   {13, "ownerReferences", Kind::Message, true, &kOwner},
                   {14, "finalizers", Kind::Text, true}}};
const Table kNamespaceSpec{{{1, "finalizers", Kind::Text, true}}};
const Table kNamespace{
    {{1, "metadata", Kind::Message, false, &kMeta}, {2, "spec", Kind::Message, false, &kNamespaceSpec}}};
const Table kSecret{{{1, "metadata", Kind::Message, false, &kMeta},
                     {2, "data", Kind::BytesMap},
                     {3, "type"},
                     {4, "stringData", Kind::TextMap},
                     {5, "immutable", Kind::Bool}}};
const Table kConfigMap{{{1, "metadata", Kind::Message, false, &kMeta},
                        {2, "data", Kind::TextMap},
                        {3, "binaryData", Kind::BytesMap},
                        {4, "immutable", Kind::Bool}}};
const Table kMetaOnly{{{1, "metadata", Kind::Message, false, &kMeta}}};
const Table kPort{{{1, "name"},
                   {2, "protocol"},
                   {3, "port", Kind::Int},
                   {4, "targetPort", Kind::IntOrString},
                   {5, "nodePort", Kind::Int},
                   {6, "appProtocol"}}};
const Table kClientIp{{{1, "timeoutSeconds", Kind::Int}}};
const Table kSessionAffinity{{{1, "clientIP", Kind::Message, false, &kClientIp}}};
const Table kServiceSpec{{{1, "ports", Kind::Message, true, &kPort},
                          {2, "selector", Kind::TextMap},
                          {3, "clusterIP"},
                          {4, "type"},
                          {5, "externalIPs", Kind::Text, true},
                          {7, "sessionAffinity"},
                          {8, "loadBalancerIP"},
                          {9, "loadBalancerSourceRanges", Kind::Text, true},
                          {10, "externalName"},
                          {11, "externalTrafficPolicy"},
                          {12, "healthCheckNodePort", Kind::Int},
                          {13, "publishNotReadyAddresses", Kind::Bool},
                          {14, "sessionAffinityConfig", Kind::Message, false, &kSessionAffinity},
                          {17, "ipFamilyPolicy"},
                          {18, "clusterIPs", Kind::Text, true},
                          {19, "ipFamilies", Kind::Text, true},
                          {20, "allocateLoadBalancerNodePorts", Kind::Bool},
                          {21, "loadBalancerClass"},
                          {22, "internalTrafficPolicy"},
                          {23, "trafficDistribution"}}};
const Table kService{{{1, "metadata", Kind::Message, false, &kMeta}, {2, "spec", Kind::Message, false, &kServiceSpec}}};
const Table kReference{{{1, "kind"},
                        {2, "namespace"},
                        {3, "name"},
                        {4, "uid"},
                        {5, "apiVersion"},
                        {6, "resourceVersion"},
                        {7, "fieldPath"}}};
const Table kSeries{{{1, "count", Kind::Int}, {2, "lastObservedTime", Kind::MicroTime}}};
const Table kSource{{{1, "component"}, {2, "host"}}};
const Table kEvent{{{1, "metadata", Kind::Message, false, &kMeta},
                    {2, "involvedObject", Kind::Message, false, &kReference},
                    {3, "reason"},
                    {4, "message"},
                    {5, "source", Kind::Message, false, &kSource},
                    {6, "firstTimestamp", Kind::Time},
                    {7, "lastTimestamp", Kind::Time},
                    {8, "count", Kind::Int},
                    {9, "type"},
                    {10, "eventTime", Kind::MicroTime},
                    {11, "series", Kind::Message, false, &kSeries},
                    {12, "action"},
                    {13, "related", Kind::Message, false, &kReference},
                    {14, "reportingComponent"},
                    {15, "reportingInstance"}}};
const Table kPreconditions{{{1, "uid"}, {2, "resourceVersion"}}};
const Table kDeleteOptions{{{1, "gracePeriodSeconds", Kind::Int},
                            {2, "preconditions", Kind::Message, false, &kPreconditions},
                            {3, "orphanDependents", Kind::Bool},
                            {4, "propagationPolicy"},
                            {5, "dryRun", Kind::Text, true}}};
const Table kResourceAttributes{
    {{1, "namespace"}, {2, "verb"}, {3, "group"}, {4, "version"}, {5, "resource"}, {6, "subresource"}, {7, "name"}}};
const Table kNonResource{{{1, "path"}, {2, "verb"}}};
const Table kAccessSpec{{{1, "resourceAttributes", Kind::Message, false, &kResourceAttributes},
                         {2, "nonResourceAttributes", Kind::Message, false, &kNonResource}}};
const Table kAccessReview{
    {{1, "metadata", Kind::Message, false, &kMeta}, {2, "spec", Kind::Message, false, &kAccessSpec}}};
const Table kRulesSpec{{{1, "namespace"}}};
const Table kRulesReview{
    {{1, "metadata", Kind::Message, false, &kMeta}, {2, "spec", Kind::Message, false, &kRulesSpec}}};

const std::map<std::string_view, const Table*> kKinds = {{"Namespace", &kNamespace},
                                                         {"Secret", &kSecret},
                                                         {"ConfigMap", &kConfigMap},
                                                         {"ServiceAccount", &kMetaOnly},
                                                         {"Service", &kService},
                                                         {"Event", &kEvent},
                                                         {"DeleteOptions", &kDeleteOptions},
                                                         {"SelfSubjectAccessReview", &kAccessReview},
                                                         {"SelfSubjectRulesReview", &kRulesReview},
                                                         {"SelfSubjectReview", &kMetaOnly}};

// One pass over the fields of a message.
class Reader {
 public:
  explicit Reader(std::string_view data) : data_(data) {}
  int number = 0;
  uint64_t integer = 0;
  std::string_view bytes;

  Result<bool> next() {
    if (data_.empty()) return false;
    SL_TRY(tag, varint());
    number = static_cast<int>(tag >> 3);
    integer = 0;  // a field of the other wire type reads as empty, never as the one before it
    bytes = {};
    switch (tag & 7) {
      case 0: {
        SL_TRY(v, varint());
        integer = v;
        return true;
      }
      case 1:
        return take(8);
      case 2: {
        SL_TRY(size, varint());
        return take(size);
      }
      case 5:
        return take(4);
      default:
        return bad();
    }
  }

 private:
  std::unexpected<Error> bad() { return fail(Code::InvalidArgument, "malformed protobuf body"); }
  Result<uint64_t> varint() {
    uint64_t out = 0;
    for (int shift = 0; shift < 64 && !data_.empty(); shift += 7) {
      unsigned char c = static_cast<unsigned char>(data_[0]);
      data_.remove_prefix(1);
      out |= static_cast<uint64_t>(c & 0x7F) << shift;
      if (!(c & 0x80)) return out;
    }
    return bad();
  }
  Result<bool> take(uint64_t size) {
    if (size > data_.size()) return bad();
    bytes = data_.substr(0, size);
    data_.remove_prefix(size);
    return true;
  }
  std::string_view data_;
};

Result<Value> read_message(std::string_view data, const Table& table, int depth);

Result<Value> text_value(std::string_view bytes) {
  if (!valid_utf8(bytes)) return fail(Code::InvalidArgument, "protobuf string is not valid UTF-8");
  return Value(bytes);
}

Result<void> read_map_entry(std::string_view data, bool binary, Object& out) {
  Reader r(data);
  std::string key;
  Value value = Value("");
  for (;;) {
    SL_TRY(more, r.next());
    if (!more) break;
    if (r.number == 1) {
      SL_TRY(name, text_value(r.bytes));
      key = json::view(name.get_string());
    }
    if (r.number == 2) {
      if (binary) {
        value = Value(base64_encode(r.bytes));
      } else {
        SL_TRY(text, text_value(r.bytes));
        value = std::move(text);
      }
    }
  }
  out[key] = std::move(value);
  return {};
}

Result<Value> read_time(std::string_view data, bool micro) {
  Reader r(data);
  int64_t seconds = 0, nanos = 0;
  for (;;) {
    SL_TRY(more, r.next());
    if (!more) break;
    if (r.number == 1) seconds = static_cast<int64_t>(r.integer);
    if (r.number == 2) nanos = static_cast<int64_t>(r.integer);
  }
  if (seconds == 0) return Value(nullptr);
  if (seconds < -62135596800 || seconds > 253402300799)
    return fail(Code::InvalidArgument, "protobuf time is out of range");
  std::string text = rfc3339(seconds * 1000);
  if (micro) {
    if (nanos < 0 || nanos > 999'999'999) return fail(Code::InvalidArgument, "protobuf time is out of range");
    text.back() = '.';
    text += fmt::format("{:06}Z", nanos / 1000);
  }
  return Value(text);
}

Result<Value> read_int_or_string(std::string_view data) {
  Reader r(data);
  int64_t type = 0, number = 0;
  std::string text;
  for (;;) {
    SL_TRY(more, r.next());
    if (!more) break;
    if (r.number == 1) type = static_cast<int64_t>(r.integer);
    if (r.number == 2) number = static_cast<int32_t>(r.integer);
    if (r.number == 3) text = r.bytes;
  }
  if (type == 0) return Value(number);
  return text_value(text);
}

Result<Value> read_field(const Reader& r, const Column& c, int depth) {
  switch (c.kind) {
    case Kind::Text:
      return text_value(r.bytes);
    case Kind::Bytes:
      return Value(base64_encode(r.bytes));
    case Kind::Int:
      return Value(static_cast<int64_t>(r.integer));
    case Kind::Bool:
      return Value(r.integer != 0);
    case Kind::Message:
      return read_message(r.bytes, *c.message, depth + 1);
    case Kind::Time:
      return read_time(r.bytes, false);
    case Kind::MicroTime:
      return read_time(r.bytes, true);
    case Kind::IntOrString:
      return read_int_or_string(r.bytes);
    default:
      return Value(nullptr);
  }
}

Result<Value> read_message(std::string_view data, const Table& table, int depth) {
  if (depth > 32) return fail(Code::InvalidArgument, "protobuf body is nested too deeply");
  Object out;
  Reader r(data);
  for (;;) {
    SL_TRY(more, r.next());
    if (!more) break;
    for (auto& c : table.columns) {
      if (c.number != r.number) continue;
      if (c.kind == Kind::TextMap || c.kind == Kind::BytesMap) {
        SL_CHECK(read_map_entry(r.bytes, c.kind == Kind::BytesMap, json::ensure_object(out, c.name)));
        continue;
      }
      SL_TRY(value, read_field(r, c, depth));
      bool empty = value.is_null() || (value.is_string() && value.get_string().empty());
      if (c.repeated) {
        if (!out[c.name].is_array()) out[c.name] = json::Array{};
        out[c.name].get_array().push_back(std::move(value));
      } else if (!empty) {  // proto2 sends empty strings for unset fields
        out[c.name] = std::move(value);
      }
    }
  }
  return out;
}

}  // namespace

Result<Value> decode_protobuf(std::string_view body) {
  if (!body.starts_with(std::string_view("k8s\0", 4)))
    return fail(Code::InvalidArgument, "protobuf body lacks the Kubernetes prefix");
  Reader r(body.substr(4));
  std::string api_version, kind;
  std::string_view raw;
  for (;;) {
    SL_TRY(more, r.next());
    if (!more) break;
    if (r.number == 2) raw = r.bytes;
    if (r.number != 1) continue;
    Reader meta(r.bytes);
    for (;;) {
      SL_TRY(inner, meta.next());
      if (!inner) break;
      if (meta.number != 1 && meta.number != 2) continue;
      SL_TRY(text, text_value(meta.bytes));
      (meta.number == 1 ? api_version : kind) = json::view(text.get_string());
    }
  }
  auto it = kKinds.find(kind);
  if (it == kKinds.end())
    return fail(Code::UnsupportedMedia,
                fmt::format("protobuf bodies of kind {} are not accepted; send application/json", kind));
  SL_TRY(value, read_message(raw, *it->second, 0));
  Value out = Object{{"apiVersion", api_version}, {"kind", kind}};
  for (auto& [key, v] : value.get_object()) out.get_object()[key] = v;
  return out;
}

}  // namespace sl::kube

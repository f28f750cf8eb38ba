// Describe a struct once; decode, encode, JSON Schema, validation and `kubectl explain` follow from it.
//
//   struct Retry { int64_t attempts = 1; std::optional<std::string> backoff; };
//   inline void describe(json::Fields<Retry>& f) {
//     f.doc("How often a failed request is tried again.");
//     f.add("attempts", &Retry::attempts).doc("Tries in all.").min(1).max(10);
//     f.add("backoff", &Retry::backoff).doc("Pause between tries.");
//   }
//   Result<Retry> r = json::decode<Retry>(value);   // strict: unknown fields are errors with a path
//
// Members may be bool, int32_t, int64_t, double, std::string, Value (any JSON), IntOrString, other described structs,
// and std::optional, std::vector, std::map<std::string, T> of these. Everything behind the templates is a table of
// type-erased members, so a struct costs one small function. Absent members keep their initial value; empty
// optionals, vectors and maps are left out when encoding.
// Who calls: resource, route/spec, providers, policies. Thread: any; tables are built once.
// Errors: Code::Invalid with the path, what was found and what is allowed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "json/schema.h"
#include "json/value.h"

namespace sl::json {

// A member holding an integer or a string, as Kubernetes' IntOrString.
struct IntOrString {
  Value value;
};

// State of one decode: where it is, and the first error.
class Decoder {
 public:
  bool ok() const { return !error_; }
  void fail_type(const Value& found, std::string_view wanted);
  void fail_here(std::string message);
  std::optional<Error> take_error() { return std::move(error_); }

  std::string path;  // of the value being decoded

 private:
  std::optional<Error> error_;
};

// How one C++ type crosses to and from JSON.
struct Codec {
  void (*decode)(const Value&, void*, Decoder&);
  Value (*encode)(const void*);
  bool (*absent)(const void*);  // leave out when encoding
  SchemaPtr (*schema)();
};

template <class T>
const Codec& codec_of();

struct FieldInfo {
  std::string name;
  const Codec* codec = nullptr;
  size_t offset = 0;
  bool always = false;  // the initial value is not the absent one
};

struct StructInfo {
  std::vector<FieldInfo> fields;
  std::shared_ptr<Schema> schema = std::make_shared<Schema>();
};

// Constraints and words on the member just added. Lengths are in code points, bounds inclusive.
class FieldRef {
 public:
  FieldRef(Property* property, Schema* schema) : property_(property), schema_(schema) {}
  FieldRef& doc(std::string s) {
    schema_->doc = std::move(s);
    return *this;
  }
  FieldRef& required() {
    property_->required = true;
    return *this;
  }
  FieldRef& defaults(Value v) {
    schema_->default_value = std::move(v);
    return *this;
  }
  FieldRef& one_of(std::vector<std::string> v) {
    schema_->enums = std::move(v);
    return *this;
  }
  FieldRef& one_of_values(std::vector<Value> v) {  // not of strings alone
    schema_->values = std::move(v);
    return *this;
  }
  FieldRef& pattern(std::string re) {
    schema_->pattern = std::move(re);
    return *this;
  }
  FieldRef& format(std::string s) {
    schema_->format = std::move(s);
    return *this;
  }
  FieldRef& min(double v) {
    schema_->minimum = v;
    return *this;
  }
  FieldRef& max(double v) {
    schema_->maximum = v;
    return *this;
  }
  FieldRef& length(size_t low, size_t high) {
    schema_->min_length = low;
    schema_->max_length = high;
    return *this;
  }
  FieldRef& min_length(size_t low) {
    schema_->min_length = low;
    return *this;
  }
  FieldRef& items(size_t low, size_t high) {
    if (low) schema_->min_items = low;
    schema_->max_items = high;
    return *this;
  }
  FieldRef& max_entries(size_t n) {
    schema_->max_properties = n;
    return *this;
  }
  FieldRef& each_length(size_t low, size_t high);          // of the list's strings
  FieldRef& each_one_of(std::vector<std::string> values);  // of the list's strings
  FieldRef& list_map(std::vector<std::string> keys) {      // merge by key
    schema_->list_type = ListType::Map;
    schema_->list_map_keys = std::move(keys);
    return *this;
  }
  FieldRef& list_set() {
    schema_->list_type = ListType::Set;
    return *this;
  }
  FieldRef& map_atomic() {
    schema_->map_atomic = true;
    return *this;
  }
  FieldRef& patch_merge(std::string key = {}) {  // strategic merge patch
    schema_->patch_merge = true;
    schema_->patch_merge_key = std::move(key);
    return *this;
  }
  FieldRef& object() {
    schema_->type = SchemaType::Object;
    return *this;
  }  // any JSON object, for a Value
  FieldRef& rule(std::string message, std::function<bool(const Value&, const Value*)> holds) {
    schema_->rules.push_back({std::move(message), "", std::move(holds)});
    return *this;
  }

 private:
  Property* property_;
  Schema* schema_;
};

template <class T>
class Fields {
 public:
  explicit Fields(StructInfo& info) : info_(info) {}
  void doc(std::string s) { info_.schema->doc = std::move(s); }
  void preserve_unknown() { info_.schema->preserve_unknown = true; }
  void atomic() { info_.schema->map_atomic = true; }
  void rule(std::string message, std::function<bool(const Value&, const Value*)> holds, std::string field = {}) {
    info_.schema->rules.push_back({std::move(message), std::move(field), std::move(holds)});
  }
  template <class M>
  FieldRef add(std::string name, M T::* member) {
    static const T sample{};
    auto at = reinterpret_cast<const char*>(&(sample.*member)) - reinterpret_cast<const char*>(&sample);
    auto ref = add_raw(info_, std::move(name), codec_of<M>(), static_cast<size_t>(at) + base_);
    if constexpr (std::is_same_v<M, bool> || std::is_same_v<M, std::string>)
      info_.fields.back().always = !codec_of<M>().absent(&(sample.*member));
    return ref;
  }
  // A member in an earlier spelling: the schema takes it, but it is rewritten before anything decodes it.
  template <class M>
  FieldRef earlier(std::string name) {
    return add_to_schema(info_, std::move(name), codec_of<M>());
  }
  // The members of a struct that T derives from, in place ("inline").
  template <class Base>
  void include() {
    static const T sample{};
    Fields<Base> base(info_);
    base.base_ = base_ + static_cast<size_t>(reinterpret_cast<const char*>(static_cast<const Base*>(&sample)) -
                                             reinterpret_cast<const char*>(&sample));
    describe(base);
  }

 private:
  template <class U>
  friend class Fields;
  StructInfo& info_;
  size_t base_ = 0;
};

FieldRef add_raw(StructInfo& info, std::string name, const Codec& codec, size_t offset);
FieldRef add_to_schema(StructInfo& info, std::string name, const Codec& codec);
void decode_struct(const StructInfo& info, const Value& v, void* out, Decoder& d);
Value encode_struct(const StructInfo& info, const void* in);
void decode_items(const Value& v, Decoder& d, const std::function<void(const Value&)>& each);

template <class T>
const StructInfo& struct_info() {
  static const StructInfo info = [] {
    StructInfo made;
    made.schema->type = SchemaType::Object;
    Fields<T> fields(made);
    describe(fields);
    return made;
  }();
  return info;
}

template <class T>
const Schema& schema_of() {
  return *struct_info<T>().schema;
}
template <class T>
SchemaPtr schema_ptr_of() {
  return struct_info<T>().schema;
}

// Strict decode; `path` is put in front of error paths.
template <class T>
Result<T> decode(const Value& v, std::string path = {}) {
  T out{};
  Decoder d;
  d.path = std::move(path);
  codec_of<T>().decode(v, &out, d);
  if (auto error = d.take_error()) return fail(std::move(*error));
  return out;
}
template <class T>
Value encode(const T& in) {
  return codec_of<T>().encode(&in);
}

}  // namespace sl::json

#include "json/describe_codecs.h"  // IWYU pragma: export

// Codecs of the member types that describe.h allows. Who calls: describe.h alone includes it. Thread: plain functions.
#pragma once

namespace sl::json {

SchemaPtr scalar_schema(SchemaType type, std::string_view format = {});
void decode_string(const Value& v, std::string& out, Decoder& d);
void decode_bool(const Value& v, bool& out, Decoder& d);
void decode_int(const Value& v, int64_t& out, int64_t low, int64_t high, Decoder& d);
void decode_double(const Value& v, double& out, Decoder& d);
void decode_int_or_string(const Value& v, IntOrString& out, Decoder& d);

template <class T>
struct CodecFor {  // a described struct
  static void decode(const Value& v, void* out, Decoder& d) { decode_struct(struct_info<T>(), v, out, d); }
  static Value encode(const void* in) { return encode_struct(struct_info<T>(), in); }
  static bool absent(const void*) { return false; }
  static SchemaPtr schema() { return schema_ptr_of<T>(); }
};

template <>
struct CodecFor<std::string> {
  static void decode(const Value& v, void* out, Decoder& d) { decode_string(v, *static_cast<std::string*>(out), d); }
  static Value encode(const void* in) { return Value(std::string_view(*static_cast<const std::string*>(in))); }
  static bool absent(const void* in) { return static_cast<const std::string*>(in)->empty(); }
  static SchemaPtr schema() { return scalar_schema(SchemaType::String); }
};
template <>
struct CodecFor<bool> {
  static void decode(const Value& v, void* out, Decoder& d) { decode_bool(v, *static_cast<bool*>(out), d); }
  static Value encode(const void* in) { return Value(*static_cast<const bool*>(in)); }
  static bool absent(const void* in) { return !*static_cast<const bool*>(in); }
  static SchemaPtr schema() { return scalar_schema(SchemaType::Boolean); }
};
template <>
struct CodecFor<int64_t> {
  static void decode(const Value& v, void* out, Decoder& d) {
    decode_int(v, *static_cast<int64_t*>(out), INT64_MIN, INT64_MAX, d);
  }
  static Value encode(const void* in) { return Value(*static_cast<const int64_t*>(in)); }
  static bool absent(const void*) { return false; }
  static SchemaPtr schema() { return scalar_schema(SchemaType::Integer, "int64"); }
};
template <>
struct CodecFor<int32_t> {
  static void decode(const Value& v, void* out, Decoder& d) {
    int64_t wide = 0;
    decode_int(v, wide, INT32_MIN, INT32_MAX, d);
    *static_cast<int32_t*>(out) = static_cast<int32_t>(wide);
  }
  static Value encode(const void* in) { return Value(static_cast<int64_t>(*static_cast<const int32_t*>(in))); }
  static bool absent(const void*) { return false; }
  static SchemaPtr schema() { return scalar_schema(SchemaType::Integer, "int32"); }
};
template <>
struct CodecFor<double> {
  static void decode(const Value& v, void* out, Decoder& d) { decode_double(v, *static_cast<double*>(out), d); }
  static Value encode(const void* in) { return Value(*static_cast<const double*>(in)); }
  static bool absent(const void*) { return false; }
  static SchemaPtr schema() { return scalar_schema(SchemaType::Number); }
};
template <>
struct CodecFor<Value> {
  static void decode(const Value& v, void* out, Decoder&) { *static_cast<Value*>(out) = v; }
  static Value encode(const void* in) { return *static_cast<const Value*>(in); }
  static bool absent(const void* in) { return static_cast<const Value*>(in)->is_null(); }
  static SchemaPtr schema() {
    static const SchemaPtr any = [] {
      auto s = std::make_shared<Schema>();
      s->preserve_unknown = true;
      return s;
    }();
    return any;
  }
};
template <>
struct CodecFor<IntOrString> {
  static void decode(const Value& v, void* out, Decoder& d) {
    decode_int_or_string(v, *static_cast<IntOrString*>(out), d);
  }
  static Value encode(const void* in) { return static_cast<const IntOrString*>(in)->value; }
  static bool absent(const void* in) { return static_cast<const IntOrString*>(in)->value.is_null(); }
  static SchemaPtr schema() { return scalar_schema(SchemaType::IntOrString); }
};

template <class T>
struct CodecFor<std::optional<T>> {
  static void decode(const Value& v, void* out, Decoder& d) {
    auto& target = *static_cast<std::optional<T>*>(out);
    if (v.is_null()) return target.reset();
    codec_of<T>().decode(v, &target.emplace(), d);
  }
  static Value encode(const void* in) { return codec_of<T>().encode(&**static_cast<const std::optional<T>*>(in)); }
  static bool absent(const void* in) { return !static_cast<const std::optional<T>*>(in)->has_value(); }
  static SchemaPtr schema() { return codec_of<T>().schema(); }
};

template <class T>
struct CodecFor<std::vector<T>> {
  static void decode(const Value& v, void* out, Decoder& d) {
    auto& target = *static_cast<std::vector<T>*>(out);
    target.clear();
    decode_items(v, d, [&](const Value& item) { codec_of<T>().decode(item, &target.emplace_back(), d); });
  }
  static Value encode(const void* in) {
    Array out;
    for (auto& item : *static_cast<const std::vector<T>*>(in)) out.push_back(codec_of<T>().encode(&item));
    return out;
  }
  static bool absent(const void* in) { return static_cast<const std::vector<T>*>(in)->empty(); }
  static SchemaPtr schema() {
    auto s = std::make_shared<Schema>();
    s->type = SchemaType::Array;
    s->items = codec_of<T>().schema();
    return s;
  }
};

template <class T>
struct CodecFor<std::map<std::string, T>> {
  using Map = std::map<std::string, T>;
  static void decode(const Value& v, void* out, Decoder& d) {
    if (!v.is_object()) return d.fail_type(v, "object");
    for (auto& [key, item] : v.get_object()) {
      std::string before = d.path;
      d.path = child_path(d.path, key);
      codec_of<T>().decode(item, &(*static_cast<Map*>(out))[std::string(key)], d);
      d.path = std::move(before);
    }
  }
  static Value encode(const void* in) {
    Object out;
    for (auto& [key, item] : *static_cast<const Map*>(in)) out[key] = codec_of<T>().encode(&item);
    return out;
  }
  static bool absent(const void* in) { return static_cast<const Map*>(in)->empty(); }
  static SchemaPtr schema() {
    auto s = std::make_shared<Schema>();
    s->type = SchemaType::Object;
    s->additional = codec_of<T>().schema();
    return s;
  }
};

template <class T>
const Codec& codec_of() {
  using C = CodecFor<T>;
  static constexpr Codec codec{&C::decode, &C::encode, &C::absent, &C::schema};
  return codec;
}

}  // namespace sl::json

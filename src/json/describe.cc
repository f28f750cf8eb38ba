#include "json/describe.h"

#include <fmt/format.h>

#include <cmath>

namespace sl::json {
namespace {

// Edit distance small enough to be a slip of the keyboard.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string unknown_field_message(std::string_view name, const std::vector<FieldInfo>& fields) {
  const FieldInfo* nearest = nullptr;
  size_t best = 3;
  std::string allowed;
  for (auto& f : fields) {
    if (size_t d = distance(name, f.name); d < best) {
      best = d;
      nearest = &f;
    }
    allowed += (allowed.empty() ? "" : ", ") + f.name;
  }
  if (nearest) return fmt::format("unknown field \"{}\"; did you mean \"{}\"?", name, nearest->name);
  return fmt::format("unknown field \"{}\"; allowed are: {}", name, allowed);
}

}  // namespace

void Decoder::fail_here(std::string message) {
  if (error_) return;
  error_ = Error{Code::Invalid, path.empty() ? message : fmt::format("{}: {}", path, message), {}};
}

void Decoder::fail_type(const Value& found, std::string_view wanted) {
  std::string text = dump(found);
  if (text.size() > 60) {
    size_t cut = 57;
    while ((static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
    text = text.substr(0, cut) + "...";
  }
  fail_here(fmt::format("must be {}, found {} {}", wanted, kind_name(found), text));
}

FieldRef& FieldRef::each_length(size_t low, size_t high) {
  auto item = std::make_shared<Schema>(*schema_->items);
  item->min_length = low;
  item->max_length = high;
  schema_->items = std::move(item);
  return *this;
}

FieldRef& FieldRef::each_one_of(std::vector<std::string> values) {
  auto item = std::make_shared<Schema>(*schema_->items);
  item->enums = std::move(values);
  schema_->items = std::move(item);
  return *this;
}

FieldRef add_to_schema(StructInfo& info, std::string name, const Codec& codec) {
  // The member's schema is a copy of its type's, so that words and limits stay with the member.
  auto schema = std::make_shared<Schema>(*codec.schema());
  Schema* raw = schema.get();
  info.schema->properties.push_back({std::move(name), std::move(schema), false});
  return {&info.schema->properties.back(), raw};
}

FieldRef add_raw(StructInfo& info, std::string name, const Codec& codec, size_t offset) {
  info.fields.push_back({name, &codec, offset});
  return add_to_schema(info, std::move(name), codec);
}

// The declared limits of a scalar member; the API checks them (and patterns) with its own wording before.
static void check_limits(const Value& v, const Schema& s, Decoder& d) {
  if (auto* text = v.if_string(); text && !s.enums.empty()) {
    std::string allowed;
    for (auto& e : s.enums) {
      if (e == view(*text)) return;
      allowed += (allowed.empty() ? "" : ", ") + e;
    }
    return d.fail_here(fmt::format("\"{}\" is not allowed; allowed are: {}", view(*text), allowed));
  }
  if (!v.is_number() || (!s.minimum && !s.maximum)) return;
  double n = v.to_number<double>();
  if (s.minimum && n < *s.minimum) d.fail_here(fmt::format("must be at least {}, found {}", *s.minimum, dump(v)));
  if (s.maximum && n > *s.maximum) d.fail_here(fmt::format("must be at most {}, found {}", *s.maximum, dump(v)));
}

void decode_struct(const StructInfo& info, const Value& v, void* out, Decoder& d) {
  const Object* object = v.if_object();
  if (!object) return d.fail_type(v, "object");
  std::string before = d.path;
  for (auto& [key, value] : *object) {
    const FieldInfo* field = nullptr;
    for (auto& f : info.fields)
      if (f.name == std::string_view(key)) field = &f;
    if (!field) {
      if (info.schema->preserve_unknown) continue;
      d.path = before;
      return d.fail_here(unknown_field_message(key, info.fields));
    }
    d.path = child_path(before, key);
    if (!value.is_null()) field->codec->decode(value, static_cast<char*>(out) + field->offset, d);
    if (d.ok() && !value.is_null()) check_limits(value, *info.schema->property(field->name)->schema, d);
    if (!d.ok()) return;
  }
  d.path = before;
  for (auto& p : info.schema->properties)
    if (auto* found = object->if_contains(p.name); p.required && (!found || found->is_null()))
      return d.fail_here(fmt::format("\"{}\" is required", p.name));
}

Value encode_struct(const StructInfo& info, const void* in) {
  Object out;
  for (auto& f : info.fields) {
    const void* member = static_cast<const char*>(in) + f.offset;
    const Property* p = info.schema->property(f.name);
    if ((p && p->required) || f.always || !f.codec->absent(member)) out[f.name] = f.codec->encode(member);
  }
  return out;
}

void decode_items(const Value& v, Decoder& d, const std::function<void(const Value&)>& each) {
  const Array* array = v.if_array();
  if (!array) return d.fail_type(v, "array");
  std::string before = d.path;
  for (size_t i = 0; i < array->size() && d.ok(); ++i) {
    d.path = index_path(before, i);
    each((*array)[i]);
  }
  if (d.ok()) d.path = before;
}

SchemaPtr scalar_schema(SchemaType type, std::string_view format) {
  auto s = std::make_shared<Schema>();
  s->type = type;
  s->format = format;
  return s;
}

void decode_string(const Value& v, std::string& out, Decoder& d) {
  if (auto* s = v.if_string())
    out.assign(s->data(), s->size());
  else
    d.fail_type(v, "string");
}

void decode_bool(const Value& v, bool& out, Decoder& d) {
  if (auto* b = v.if_bool())
    out = *b;
  else
    d.fail_type(v, "boolean");
}

void decode_int(const Value& v, int64_t& out, int64_t low, int64_t high, Decoder& d) {
  std::optional<int64_t> value;
  if (auto* i = v.if_int64()) value = *i;
  // 2.0 is an integer in JSON's own terms
  if (auto* f = v.if_double(); f && std::floor(*f) == *f && std::fabs(*f) < 9e15) value = static_cast<int64_t>(*f);
  if (v.is_uint64() && !value)
    return d.fail_here(fmt::format("must be between {} and {}, found {}", low, high, v.get_uint64()));
  if (!value) return d.fail_type(v, "integer");
  if (*value < low || *value > high)
    return d.fail_here(fmt::format("must be between {} and {}, found {}", low, high, *value));
  out = *value;
}

void decode_double(const Value& v, double& out, Decoder& d) {
  if (auto* i = v.if_int64())
    out = static_cast<double>(*i);
  else if (auto* u = v.if_uint64())
    out = static_cast<double>(*u);
  else if (auto* f = v.if_double())
    out = *f;
  else
    d.fail_type(v, "number");
}

void decode_int_or_string(const Value& v, IntOrString& out, Decoder& d) {
  if (v.is_int64() || v.is_string())
    out.value = v;
  else
    d.fail_type(v, "integer or string");
}

}  // namespace sl::json

#include "json/patch.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace sl::json {

void merge_patch(Value& target, const Value& patch) {
  const Object* changes = patch.if_object();
  if (!changes) {
    target = patch;
    return;
  }
  Object& o = ensure_object(target);
  for (auto& [key, value] : *changes) {
    if (value.is_null())
      o.stable_erase(key);
    else
      merge_patch(o[key], value);
  }
}

Value three_way_patch(const Value& original, const Value& modified) {
  const Object* before = original.if_object();
  const Object* after = modified.if_object();
  if (!before || !after) return modified;
  Object out;
  for (auto& [key, value] : *after) {
    auto* old = before->if_contains(key);
    out[key] = old ? three_way_patch(*old, value) : value;
  }
  for (auto& [key, value] : *before)
    if (!after->contains(key)) out[key] = nullptr;
  return out;
}

namespace {

using Tokens = std::vector<std::string>;

Result<Tokens> pointer_tokens(std::string_view pointer) {
  if (pointer.empty()) return Tokens{};
  if (pointer[0] != '/')
    return fail(Code::InvalidArgument, fmt::format("JSON pointer \"{}\" must start with /", pointer));
  Tokens out;
  for (auto part : split(pointer.substr(1), '/')) {
    for (size_t i = 0; i < part.size(); ++i)
      if (part[i] == '~' && (i + 1 == part.size() || (part[i + 1] != '0' && part[i + 1] != '1')))
        return fail(Code::InvalidArgument, fmt::format("JSON pointer \"{}\" has a ~ without 0 or 1", pointer));
    out.push_back(replace_all(replace_all(part, "~1", "/"), "~0", "~"));
  }
  return out;
}

std::unexpected<Error> missing(std::string_view pointer) {
  return fail(Code::Invalid, fmt::format("the path {} does not exist", pointer));
}

std::optional<uint64_t> index_of(const std::string& token) {
  if (token.size() > 1 && token[0] == '0') return std::nullopt;
  return parse_uint(token);
}

Value* step(Value& v, const std::string& token) {
  if (auto* o = v.if_object()) return o->if_contains(token);
  if (auto* a = v.if_array())
    if (auto i = index_of(token); i && *i < a->size()) return &(*a)[*i];
  return nullptr;
}

// The value that holds the last token.
Value* parent_of(Value& root, const Tokens& tokens) {
  Value* at = &root;
  for (size_t i = 0; at && i + 1 < tokens.size(); ++i) at = step(*at, tokens[i]);
  return at;
}

Result<void> add(Value& root, const Tokens& tokens, std::string_view pointer, Value value) {
  if (tokens.empty()) {
    root = std::move(value);
    return {};
  }
  Value* parent = parent_of(root, tokens);
  if (!parent) return missing(pointer);
  if (auto* o = parent->if_object()) {
    (*o)[tokens.back()] = std::move(value);
    return {};
  }
  if (auto* a = parent->if_array()) {
    if (tokens.back() == "-") {
      a->push_back(std::move(value));
      return {};
    }
    if (auto i = index_of(tokens.back()); i && *i <= a->size()) {
      a->insert(a->begin() + static_cast<ptrdiff_t>(*i), std::move(value));
      return {};
    }
  }
  return missing(pointer);
}

Result<Value> remove(Value& root, const Tokens& tokens, std::string_view pointer) {
  Value* parent = tokens.empty() ? nullptr : parent_of(root, tokens);
  Value* at = parent ? step(*parent, tokens.back()) : nullptr;
  if (!at) return missing(pointer);
  Value old = std::move(*at);
  if (auto* o = parent->if_object())
    o->stable_erase(tokens.back());
  else
    parent->get_array().erase(parent->get_array().begin() + static_cast<ptrdiff_t>(*parse_uint(tokens.back())));
  return old;
}

Result<Value*> resolve(Value& root, std::string_view pointer) {
  SL_TRY(tokens, pointer_tokens(pointer));
  Value* at = &root;
  for (auto& token : tokens)
    if (!(at = step(*at, token))) return missing(pointer);
  return at;
}

Result<void> apply_op(Value& root, const Value& op) {
  std::string_view name = str(op, "op"), path = str(op, "path"), from = str(op, "from");
  const Value* value = find(op, "value");
  if (auto* p = find(op, "path"); !p || !p->is_string())
    return fail(Code::InvalidArgument, "a JSON patch operation needs \"path\"");
  if ((name == "add" || name == "replace" || name == "test") && !value)
    return fail(Code::InvalidArgument, fmt::format("JSON patch operation \"{}\" needs \"value\"", name));
  SL_TRY(tokens, pointer_tokens(path));
  if (name == "add") return add(root, tokens, path, *value);
  if (name == "remove") {
    SL_CHECK(remove(root, tokens, path));
    return {};
  }
  if (name == "replace") {
    SL_TRY(at, resolve(root, path));
    *at = *value;
    return {};
  }
  if (name == "test") {
    SL_TRY(at, resolve(root, path));
    if (!equal(*at, *value)) return fail(Code::Invalid, fmt::format("testing value {} failed", path));
    return {};
  }
  if (name == "copy" || name == "move") {
    if (auto* f = find(op, "from"); !f || !f->is_string())
      return fail(Code::InvalidArgument, fmt::format("JSON patch operation \"{}\" needs \"from\"", name));
    SL_TRY(source, resolve(root, from));
    Value copied = *source;
    if (name == "move") {
      if (path.size() > from.size() && path.starts_with(from) && path[from.size()] == '/')
        return fail(Code::InvalidArgument, fmt::format("cannot move {} into itself", from));
      SL_TRY(from_tokens, pointer_tokens(from));
      SL_CHECK(remove(root, from_tokens, from));
    }
    return add(root, tokens, path, std::move(copied));
  }
  return fail(Code::InvalidArgument, fmt::format("JSON patch operation \"{}\" is unknown", name));
}

}  // namespace

Result<Value> json_patch(const Value& target, const Value& patch) {
  const Array* ops = patch.if_array();
  if (!ops) return fail(Code::InvalidArgument, "a JSON patch must be an array of operations");
  if (ops->size() > 10'000) return fail(Code::TooLarge, "a JSON patch may have at most 10000 operations");
  Value out = target;
  size_t copied = 0;
  for (auto& op : *ops) {
    if (str(op, "op") == "copy")
      if (auto source = resolve(out, str(op, "from"))) copied += dump(**source).size();
    if (copied > (16u << 20)) return fail(Code::TooLarge, "JSON patch copies too much");
    SL_CHECK(apply_op(out, op));
    if (depth(out) > 100) return fail(Code::TooLarge, "JSON patch makes the document too deep");
  }
  return out;
}

}  // namespace sl::json

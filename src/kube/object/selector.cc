#include "kube/object/selector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace sl::kube {
namespace {

using Op = Requirement::Op;

// Splits at commas outside parentheses.
std::vector<std::string_view> split_terms(std::string_view text) {
  std::vector<std::string_view> out;
  int depth = 0;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      out.push_back(trim(text.substr(start, i - start)));
      start = i + 1;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return out;
}

Result<Requirement> parse_set_term(std::string_view term, size_t open) {
  Requirement r;
  std::string_view head = trim(term.substr(0, open));
  size_t space = head.find(' ');
  std::string_view op = space == std::string_view::npos ? std::string_view() : trim(head.substr(space + 1));
  r.key = head.substr(0, space);
  if (op == "in")
    r.op = Op::In;
  else if (op == "notin")
    r.op = Op::NotIn;
  else
    return fail(Code::InvalidArgument, fmt::format("unable to parse requirement: \"{}\"", term));
  if (term.back() != ')') return fail(Code::InvalidArgument, fmt::format("unable to parse requirement: \"{}\"", term));
  for (auto v : split(term.substr(open + 1, term.size() - open - 2), ',')) r.values.emplace_back(trim(v));
  return r;
}

Result<Requirement> parse_term(std::string_view term) {
  if (size_t open = term.find('('); open != std::string_view::npos) return parse_set_term(term, open);
  Requirement r;
  if (size_t at = term.find("!="); at != std::string_view::npos) {
    r.key = trim(term.substr(0, at));
    r.op = Op::NotIn;
    r.values = {std::string(trim(term.substr(at + 2)))};
  } else if (size_t eq = term.find('='); eq != std::string_view::npos) {
    r.key = trim(term.substr(0, eq));
    r.op = Op::In;
    std::string_view value = term.substr(eq + 1);
    if (value.starts_with('=')) value.remove_prefix(1);
    r.values = {std::string(trim(value))};
  } else if (term.starts_with('!')) {
    r.key = trim(term.substr(1));
    r.op = Op::NotExists;
  } else {
    r.key = term;
  }
  return r;
}

bool holds(const Requirement& r, const Value* labels) {
  const Value* value = labels ? json::find(*labels, r.key) : nullptr;
  bool there = value && value->is_string();
  auto listed = [&] {
    return there && std::find(r.values.begin(), r.values.end(), json::view(value->get_string())) != r.values.end();
  };
  switch (r.op) {
    case Op::In:
      return listed();
    case Op::NotIn:
      return !listed();
    case Op::Exists:
      return there;
    case Op::NotExists:
      return !there;
  }
  return false;
}

}  // namespace

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector out;
  if (trim(text).empty()) return out;
  for (auto term : split_terms(text)) {
    SL_TRY(r, parse_term(term));
    if (auto bad = check_qualified_name(r.key); !bad.empty())
      return fail(Code::InvalidArgument, fmt::format("unable to parse requirement: key \"{}\": {}", r.key, bad));
    for (auto& v : r.values)
      if (auto bad = check_label_value(v); !bad.empty())
        return fail(Code::InvalidArgument, fmt::format("unable to parse requirement: value \"{}\": {}", v, bad));
    out.requirements_.push_back(std::move(r));
  }
  return out;
}

Result<LabelSelector> LabelSelector::from_object(const Value& selector) {
  LabelSelector out;
  if (auto* labels = json::find(selector, "matchLabels"); labels && labels->is_object())
    for (auto& [key, value] : labels->get_object())
      if (value.is_string())
        out.requirements_.push_back({std::string(key), Op::In, {std::string(json::view(value.get_string()))}});
  if (auto* expressions = json::arr(selector, "matchExpressions")) {
    for (auto& e : *expressions) {
      Requirement r;
      r.key = json::str(e, "key");
      std::string_view op = json::str(e, "operator");
      if (op == "In")
        r.op = Op::In;
      else if (op == "NotIn")
        r.op = Op::NotIn;
      else if (op == "Exists")
        r.op = Op::Exists;
      else if (op == "DoesNotExist")
        r.op = Op::NotExists;
      else
        return fail(Code::Invalid, fmt::format("\"{}\" is not a valid label selector operator", op));
      if (auto* values = json::arr(e, "values"))
        for (auto& v : *values)
          if (v.is_string()) r.values.emplace_back(json::view(v.get_string()));
      out.requirements_.push_back(std::move(r));
    }
  }
  return out;
}

bool LabelSelector::matches(const Value& object) const {
  const Value* labels = json::find(object, "metadata", "labels");
  return std::all_of(requirements_.begin(), requirements_.end(), [&](auto& r) { return holds(r, labels); });
}

Result<FieldSelector> FieldSelector::parse(std::string_view text, const std::vector<std::string>& supported) {
  FieldSelector out;
  if (trim(text).empty()) return out;
  for (auto part : split(text, ',')) {
    Term term;
    size_t eq = part.find('=');
    if (eq == std::string_view::npos || eq == 0)
      return fail(Code::InvalidArgument,
                  fmt::format("invalid field selector: '{}'; can't understand '{}'", text, part));
    term.negated = part[eq - 1] == '!';
    term.path = trim(part.substr(0, term.negated ? eq - 1 : eq));
    std::string_view value = part.substr(eq + 1);
    if (value.starts_with('=')) value.remove_prefix(1);
    term.value = value;
    bool known = term.path == "metadata.name" || term.path == "metadata.namespace" ||
                 std::find(supported.begin(), supported.end(), term.path) != supported.end();
    if (!known) return fail(Code::InvalidArgument, fmt::format("field label not supported: {}", term.path));
    out.terms_.push_back(std::move(term));
  }
  return out;
}

bool FieldSelector::matches(const Value& object) const {
  for (auto& term : terms_) {
    const Value* at = &object;
    for (auto key : split(term.path, '.')) at = at ? json::find(*at, key) : nullptr;
    std::string found;
    if (at) found = at->is_string() ? std::string(json::view(at->get_string())) : json::dump(*at);
    if ((found == term.value) == term.negated) return false;
  }
  return true;
}

std::string FieldSelector::exact_name() const {
  for (auto& t : terms_)
    if (t.path == "metadata.name" && !t.negated) return t.value;
  return "";
}

}  // namespace sl::kube

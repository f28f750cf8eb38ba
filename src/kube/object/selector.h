// Label and field selectors. Who calls: kube, control. Thread: plain values.
// Source: Kubernetes labels.Parse grammar (=, ==, !=, in, notin, exists, !exists) and fields.ParseSelector.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kube/object/meta.h"

namespace sl::kube {

struct Requirement {
  enum class Op { In, NotIn, Exists, NotExists };
  std::string key;
  Op op = Op::Exists;
  std::vector<std::string> values;
};

class LabelSelector {
 public:
  static Result<LabelSelector> parse(std::string_view text);
  // A metav1.LabelSelector object (matchLabels, matchExpressions).
  static Result<LabelSelector> from_object(const Value& selector);
  bool matches(const Value& object) const;
  bool empty() const { return requirements_.empty(); }

 private:
  std::vector<Requirement> requirements_;
};

class FieldSelector {
 public:
  // `supported` are the extra paths of the kind beyond metadata.name and metadata.namespace.
  static Result<FieldSelector> parse(std::string_view text, const std::vector<std::string>& supported);
  bool matches(const Value& object) const;
  bool empty() const { return terms_.empty(); }
  // The name asked for by metadata.name=X, or "".
  std::string exact_name() const;

 private:
  struct Term {
    std::string path;
    std::string value;
    bool negated = false;
  };
  std::vector<Term> terms_;
};

}  // namespace sl::kube

// FieldSet: which fields of an object somebody owns (managedFields' FieldsV1), and server-side apply on it.
//
// Who calls: kube/api. Thread: plain values. Lists are owned as their schema says: by key (map), by value
// (set) or whole (atomic). Source: structured-merge-diff.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "json/schema.h"
#include "json/value.h"

namespace sl::kube {

// A tree keyed by FieldsV1 path elements: "f:name", "k:{...}", "v:...".
struct FieldSet {
  bool self = false;  // the node itself is owned
  std::map<std::string, FieldSet> children;

  bool empty() const { return !self && children.empty(); }
  static FieldSet of(const json::Value& value, const json::Schema* schema);  // every leaf of a value
  static FieldSet from_json(const json::Value& fields_v1);
  json::Value to_json() const;

  void add(const FieldSet& other);
  void subtract(const FieldSet& other);  // removes nodes owned in both
  void cut(const FieldSet& leaves);      // removes everything at and below each leaf of `leaves`
  FieldSet minus(const FieldSet& other) const;
  FieldSet intersect(const FieldSet& other) const;
  // Readable paths (".spec.rules") of every owned leaf.
  std::vector<std::string> paths() const;
};

// Leaves that differ between two forms of an object (changed or added in `after`), and those gone from it.
void compare(const json::Value& before, const json::Value& after, const json::Schema* schema, FieldSet& changed,
             FieldSet& removed);

// Value at the leaves of `fields` equal in both objects?  Returns the leaves that differ.
FieldSet differing(const FieldSet& fields, const json::Value& a, const json::Value& b, const json::Schema* schema);

// Leaves of `theirs` that vanish because `mine` gives a value of another kind there or above: a map where a scalar was,
// or the other way round.
FieldSet reshaped(const FieldSet& mine, const FieldSet& theirs, const json::Value& before, const json::Value& after,
                  const json::Schema* schema);

// `config` merged over `live` by the schema.
json::Value merge_apply(const json::Value& live, const json::Value& config, const json::Schema* schema);

// Removes the leaves of `fields` from the value. What `kept` owns inside an item or map keeps that item (with its keys)
// or map.
void remove_fields(json::Value& value, const FieldSet& fields, const FieldSet& kept, const json::Schema* schema);

}  // namespace sl::kube

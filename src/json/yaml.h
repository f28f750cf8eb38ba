// YAML read into Value, the way Kubernetes tools read it (YAML 1.1 core types, many documents).
//
// Text that is JSON is read as JSON. Who calls: kube (apply bodies), app (`-f` files). Thread: any.
// Errors name line and column, in words and as "LINE:COLUMN" in the field of the first cause.
// Limits: bytes, depth and node count after alias expansion, so that a "billion laughs" stops early.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"

namespace sl::json {

struct YamlLimits {
  size_t bytes_max = 16u << 20;
  size_t depth_max = 100;
  size_t nodes_max = 500'000;
  bool note_places = false;  // fill YamlDocument::places
};

struct Place {
  int line = 1, column = 1;
};

struct YamlDocument {
  Value value;   // null for an empty document
  int line = 1;  // where it starts
  // Every duplicate mapping key, as a path; the last one wins.
  std::vector<std::string> duplicates;
  // Where each field's key, or each list item, stands, by path.
  std::map<std::string, Place, std::less<>> places;
};

Result<std::vector<YamlDocument>> parse_yaml(std::string_view text, YamlLimits limits = {});

// Block style, for `-o yaml`.
std::string dump_yaml(const Value& value);

}  // namespace sl::json

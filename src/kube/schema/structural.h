// What the API does to an object with its schema: find unknown fields, prune, default, validate.
// Who calls: kube/api. Thread: plain functions; schemas are immutable.
// Source: Kubernetes structural schemas (apiextensions); wording of the messages follows upstream.
#pragma once

#include <string>
#include <vector>

#include "json/schema.h"

namespace sl::kube {

// Removes what the schema does not know; the paths removed are appended to *unknown.
void prune(json::Value& value, const json::Schema& schema, const std::string& path, std::vector<std::string>* unknown);

// Fills defaults in, children of a defaulted object too.
void apply_defaults(json::Value& value, const json::Schema& schema);

// Types, limits, required members, list uniqueness and rules. `old` is the stored form (null on create):
// transition rules see it, and a part that did not change is not held against the writer again.
void validate(const json::Value& value, const json::Value* old, const json::Schema& schema, const std::string& path,
              std::vector<Cause>& causes);

// A schema from a CustomResourceDefinition's openAPIV3Schema. Rules in CEL are kept but not evaluated.
Result<json::SchemaPtr> schema_from_openapi(const json::Value& openapi, int depth = 0);

}  // namespace sl::kube

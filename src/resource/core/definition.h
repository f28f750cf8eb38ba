// What is refused of a CustomResourceDefinition. Who calls: core.cc. Thread: plain function.
// Source: apiextensions.k8s.io/v1; structural schemas.
#pragma once

#include "resource/kind/kind.h"

namespace sl::resource {

void check_definition(const json::Value& crd, const json::Value* old, std::vector<Cause>& causes);

}  // namespace sl::resource

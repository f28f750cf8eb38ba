// The kind CustomResourceDefinition, and what is refused of one. Who calls: core.cc. Thread: plain function.
// Source: apiextensions.k8s.io/v1; structural schemas.
#pragma once

#include "resource/kind/kind.h"

namespace sl::resource {

KindInfo definition_kind();
void check_definition(const json::Value& crd, const json::Value* old, std::vector<Cause>& causes);

}  // namespace sl::resource

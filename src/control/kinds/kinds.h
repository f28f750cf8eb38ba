// Joins the kinds of resource/ to the API of kube/. Who calls: app, once at start. Thread: any.
#pragma once

#include "kube/api/registry.h"

namespace sl::control {

void register_kinds(kube::Registry& registry);

}  // namespace sl::control

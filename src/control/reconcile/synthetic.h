// The parts of this program as ordinary objects: what `kubectl get pods,svc` shows.
// Who calls: Controller. Thread: plain functions.
#pragma once

#include "control/translate/translate.h"

namespace sl::control {

// Services and Pods of every Gateway that serves, of the page and of the controllers. `routes` says what listens.
std::vector<json::Value> synthetic_objects(const ResourceIndex& index, const route::RouteSpec& routes,
                                           const TranslateOptions& options, const std::string& ui_address);
// Was it made here? By who wrote it, not by its labels, which are anybody's to set.
bool is_synthetic(const json::Value& object, std::string_view manager);

// The log component behind a synthetic Pod; "" for any other.
std::string log_component_of(const std::string& ns, const std::string& pod);
std::string gateway_component(const std::string& gateway);  // NS/NAME

}  // namespace sl::control

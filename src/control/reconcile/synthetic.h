// The parts of this program as ordinary objects: what `kubectl get pods,svc` shows.
// Who calls: Controller. Thread: plain functions.
#pragma once

#include "control/translate/index.h"

namespace sl::control {

inline constexpr char kSyntheticLabel[] = "app.kubernetes.io/managed-by";
inline constexpr char kSyntheticValue[] = "sightline";

// Services and Pods of every Gateway of ours, of the page and of the controllers.
std::vector<json::Value> synthetic_objects(const ResourceIndex& index, const std::string& listen_host,
                                           const std::string& ui_address);

// The log component behind a synthetic Pod; "" for any other.
std::string log_component_of(const std::string& ns, const std::string& pod);
std::string gateway_component(const std::string& gateway);  // NS/NAME

}  // namespace sl::control

// Patterns that the fields of Gateway API objects share. Source: the CRDs of Gateway API v1.
// Who calls: the files of resource/gateway.
#pragma once

namespace sl::resource {

inline constexpr char kHostname[] = "^(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
// Without a wildcard; names of sections have the same form.
inline constexpr char kPreciseHostname[] = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
inline constexpr auto& kSectionName = kPreciseHostname;
inline constexpr char kNamespace[] = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
inline constexpr char kGroup[] = "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
inline constexpr char kKind[] = "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$";
inline constexpr char kDuration[] = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";
inline constexpr char kHeaderName[] = "^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$";

}  // namespace sl::resource

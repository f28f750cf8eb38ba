// Seams for what differs from run to run: the clock and random identifiers.
// Who calls: anything that stamps or names. Thread: any; both are safe to call concurrently.
#pragma once

#include <cstdint>
#include <string>

namespace sl {

int64_t unix_ms();  // wall clock
int64_t unix_us();  // wall clock, microseconds
int64_t monotonic_ms();
int64_t monotonic_us();

std::string uuid4();                     // RFC 9562 version 4, lower case
std::string random_hex(size_t bytes);    // 2 * bytes digits, from the kernel's generator
std::string random_bytes(size_t count);  // for keys and tokens
// `count` characters of the alphabet Kubernetes uses for generateName.
std::string random_name_suffix(size_t count = 5);
uint64_t fast_random();  // not for secrets: weights, jitter, span ids

}  // namespace sl

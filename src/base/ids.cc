#include "base/ids.h"

#include <sys/random.h>

#include <chrono>
#include <cstdlib>

#include "base/strings.h"

namespace sl {
namespace {
template <class Clock, class Unit>
int64_t now() {
  return std::chrono::duration_cast<Unit>(Clock::now().time_since_epoch()).count();
}
}  // namespace

int64_t unix_ms() {
  return now<std::chrono::system_clock, std::chrono::milliseconds>();
}
int64_t unix_us() {
  return now<std::chrono::system_clock, std::chrono::microseconds>();
}
int64_t monotonic_ms() {
  return now<std::chrono::steady_clock, std::chrono::milliseconds>();
}
int64_t monotonic_us() {
  return now<std::chrono::steady_clock, std::chrono::microseconds>();
}

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  for (size_t done = 0; done < count;) {
    ssize_t n = getrandom(out.data() + done, count - done, 0);
    if (n <= 0) std::abort();  // no entropy: no safe way on
    done += static_cast<size_t>(n);
  }
  return out;
}

std::string random_hex(size_t bytes) {
  return hex(random_bytes(bytes));
}

std::string uuid4() {
  std::string b = random_bytes(16);
  b[6] = static_cast<char>((b[6] & 0x0F) | 0x40);
  b[8] = static_cast<char>((b[8] & 0x3F) | 0x80);
  std::string h = hex(b);
  return h.substr(0, 8) + "-" + h.substr(8, 4) + "-" + h.substr(12, 4) + "-" + h.substr(16, 4) + "-" + h.substr(20);
}

std::string random_name_suffix(size_t count) {
  static constexpr char kAlphabet[] = "bcdfghjklmnpqrstvwxz2456789";
  std::string out;
  for (unsigned char c : random_bytes(count)) out += kAlphabet[c % (sizeof kAlphabet - 1)];
  return out;
}

uint64_t fast_random() {
  // splitmix64 seeded once per thread from the kernel
  thread_local uint64_t state = [] {
    uint64_t seed = 0;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = static_cast<uint64_t>(unix_us());
    return seed;
  }();
  uint64_t z = (state += 0x9E3779B97F4A7C15ull);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

}  // namespace sl

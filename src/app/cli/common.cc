#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include <fmt/format.h>

#include "app/cli/verbs.h"

namespace sl::cli {

int report(const Error& error) {
  fmt::print(stderr, "sightline: {}\n", error.message);
  return 1;
}

std::string read_stdin() {
  std::string out;
  char buffer[65536];
  for (ssize_t n; (n = ::read(0, buffer, sizeof buffer)) > 0;) out.append(buffer, static_cast<size_t>(n));
  return out;
}

Result<std::string> read_file(const std::string& path) {
  if (path == "-") return read_stdin();
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(Code::NotFound, fmt::format("cannot read {}: {}", path, strerror(errno)));
  std::string out;
  char buffer[65536];
  ssize_t n;
  while ((n = ::read(fd, buffer, sizeof buffer)) > 0) out.append(buffer, static_cast<size_t>(n));
  int error = errno;
  ::close(fd);
  if (n < 0) return fail(Code::Io, fmt::format("cannot read {}: {}", path, strerror(error)));
  return out;
}

Result<void> write_file(const std::string& path, const std::string& text, int mode) {
  if (auto now = read_file(path); now && *now == text && ::chmod(path.c_str(), static_cast<mode_t>(mode)) == 0)
    return {};
  // Written beside and renamed, so that a reader sees the old or the new text.
  std::string beside = path + ".new";
  int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) return fail(Code::Io, fmt::format("cannot write {}: {}", path, strerror(errno)));
  fchmod(fd, static_cast<mode_t>(mode));
  size_t done = 0;
  while (done < text.size()) {
    ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0) break;
    done += static_cast<size_t>(n);
  }
  bool ok = done == text.size() && fsync(fd) == 0;
  int error = errno;
  ::close(fd);
  if (ok && rename(beside.c_str(), path.c_str()) != 0) {
    error = errno;
    ok = false;
  }
  if (!ok) {
    ::unlink(beside.c_str());
    return fail(Code::Io, fmt::format("cannot write {}: {}", path, strerror(error)));
  }
  return {};
}

static sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

void block_signals() {
  sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void wait_for_signal() {
  sigset_t set = stop_signals();
  int which = 0;
  sigwait(&set, &which);
}

}  // namespace sl::cli

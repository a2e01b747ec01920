#include "experiments/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "runtime/base/text.h"

namespace tierscope {
namespace {

size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

constexpr double kRedrawS = 0.1, kPlainLineS = 60;

double plain_interval_s() {
  const char* seconds = std::getenv(kProgressVariable);
  return seconds ? parse_double(seconds).value_or(kPlainLineS) : kPlainLineS;
}

}  // namespace

Progress::Progress(bool quiet)
    : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) != 0), interval_(terminal_ ? kRedrawS : plain_interval_s()) {}

Progress::~Progress() {
  if (drawn_) fmt::print(stderr, "\n");
}

void Progress::clear() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
  drawn_ = false;
}

bool Progress::due() const {
  return !quiet_ && Clock::now() - last_ >= interval_;
}

void Progress::status(const std::string& text) {
  if (quiet_) return;
  if (!terminal_) {
    if (due()) line(text);
    return;
  }
  last_ = Clock::now();
  clear();
  fmt::print(stderr, "{}", text.substr(0, terminal_columns() - 1));
  std::fflush(stderr);
  drawn_ = true;
}

void Progress::line(const std::string& text) {
  if (quiet_) return;
  last_ = Clock::now();
  clear();
  fmt::print(stderr, "{}\n", text);
}

std::string format_duration(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace tierscope

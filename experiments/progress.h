// Progress of a long run on stderr: one line that redraws itself on a terminal; elsewhere plain lines, one a minute
// (the environment's TIERSCOPE_PROGRESS_S, in seconds); nothing where quiet. Not thread-safe.
#pragma once

#include <chrono>
#include <string>

namespace tierscope {

inline constexpr const char* kProgressVariable = "TIERSCOPE_PROGRESS_S";

class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();  // leaves the cursor on a new line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // What goes on now. Where there is no terminal most are left out, so that logs stay short.
  void status(const std::string& text);
  // Whether a status would show something and is no flicker: for callers that would have to compute it.
  bool due() const;
  // A line that stays.
  void line(const std::string& text);

 private:
  void clear();

  using Clock = std::chrono::steady_clock;
  bool quiet_ = false, terminal_ = false, drawn_ = false;
  std::chrono::duration<double> interval_;
  Clock::time_point last_ = Clock::now();
};

std::string format_duration(double seconds);  // "2 h 05 min", "3 min 20 s", "12 s"

}  // namespace tierscope

// Progress of a long run on stderr: one line that redraws itself on a terminal, plain lines elsewhere, nothing where
// quiet. Not thread-safe.
#pragma once

#include <chrono>
#include <string>

namespace tierscope {

class Progress {
 public:
  explicit Progress(bool quiet);
  ~Progress();  // leaves the cursor on a new line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Where a terminal redraws; elsewhere nothing, so that logs stay short.
  void status(const std::string& text);
  // A line that stays.
  void line(const std::string& text);

 private:
  void clear();

  bool quiet_ = false, terminal_ = false, drawn_ = false;
};

std::string format_duration(double seconds);  // "2 h 05 min", "3 min 20 s", "12 s"

}  // namespace tierscope

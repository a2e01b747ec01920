// Runs this program again as a child: a cell's memory, page faults and crashes are its own. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tierscope {

struct ChildResult {
  bool stopped = false;  // because `stop` became true; the rest is then meaningless
  int exit_code = 0;     // 128 + signal where one ended it
  std::string out, err;
  double wall_s = 0;
  uint64_t peak_rss_bytes = 0;
};

// `words` follow the program's name. The child dies with this process, even by kill -9. `on_message` gets each line
// that it writes to stderr as it comes. Error where it cannot start.
ChildResult run_child(const std::vector<std::string>& words, const std::atomic<bool>& stop,
                      const std::function<void(const std::string& line)>& on_message = {});

// "tierscope" and the words, quoted for a shell.
std::string command_text(const std::vector<std::string>& words);

}  // namespace tierscope

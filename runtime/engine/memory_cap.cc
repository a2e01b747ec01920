#include "runtime/engine/memory_cap.h"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

struct Hierarchy {
  std::filesystem::path group;  // of this process
  const char* limit_file = nullptr;
};

// Where the process's memory is accounted: lines of /proc/self/cgroup are "ID:CONTROLLERS:PATH".
std::optional<Hierarchy> memory_hierarchy() {
  std::ifstream in("/proc/self/cgroup");
  std::optional<Hierarchy> unified;
  for (std::string line; std::getline(in, line);) {
    const auto parts = split(line, ':');
    if (parts.size() != 3) continue;
    const std::string path = parts[2].substr(1);
    if (parts[1] == "memory")
      return Hierarchy{"/sys/fs/cgroup/memory" / std::filesystem::path(path), "memory.limit_in_bytes"};
    if (parts[1].empty()) unified = Hierarchy{"/sys/fs/cgroup" / std::filesystem::path(path), "memory.max"};
  }
  return unified;
}

bool write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text << std::flush;
  return out.good();
}

}  // namespace

MemoryCap::MemoryCap(uint64_t bytes) {
  const auto hierarchy = memory_hierarchy();
  const char* mend = "run as root with a memory cgroup, or leave the cap out and accept an unbounded page cache";
  if (!hierarchy) throw Error("this kernel accounts no memory by group", "--memory-cap", mend);
  parent_ = hierarchy->group;
  group_ = parent_ / fmt::format("tierscope-{}", ::getpid());
  std::error_code error;
  std::filesystem::create_directory(group_, error);
  if (error) throw Error(fmt::format("cannot make a memory cgroup: {}", error.message()), group_.string(), mend);
  if (!write_text(group_ / hierarchy->limit_file, std::to_string(bytes)) ||
      !write_text(group_ / "cgroup.procs", std::to_string(::getpid()))) {
    std::filesystem::remove(group_, error);
    throw Error("cannot set up the memory cgroup", group_.string(), mend);
  }
}

MemoryCap::~MemoryCap() {
  write_text(parent_ / "cgroup.procs", std::to_string(::getpid()));
  // A group is a folder that only rmdir takes away.
  ::rmdir(group_.c_str());
}

std::optional<uint64_t> memory_limit_bytes() {
  const auto hierarchy = memory_hierarchy();
  if (!hierarchy) return std::nullopt;
  std::ifstream in(hierarchy->group / hierarchy->limit_file);
  std::string text;
  if (!(in >> text)) return std::nullopt;
  const auto bytes = parse_unsigned(text);
  // v1 writes "no limit" as a number close to 2^63, v2 as a word.
  constexpr uint64_t kNoLimit = uint64_t{1} << 60;
  return bytes && *bytes < kNoLimit ? bytes : std::nullopt;
}

}  // namespace tierscope

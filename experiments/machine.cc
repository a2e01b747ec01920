#include "experiments/machine.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "experiments/build_info.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

using nlohmann::ordered_json;

// The value after "key :" in a file of such lines; "" where there is none.
std::string field(const char* path, std::string_view key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find_first_of(":=");
    if (colon != std::string::npos && trim(std::string_view(line).substr(0, colon)) == key)
      return std::string(trim(std::string_view(line).substr(colon + 1)));
  }
  return "";
}

std::string first_line(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return std::string(trim(line));
}

std::string without_quotes(std::string text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return text;
}

// The mount whose device number is the file's.
ordered_json disk_json(const std::filesystem::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return nullptr;
  const std::string number = fmt::format("{}:{}", major(info.st_dev), minor(info.st_dev));
  ordered_json disk{{"device_number", number}};
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    const auto parts = split(line, ' ');
    const size_t dash = line.find(" - ");
    if (parts.size() < 5 || parts[2] != number || dash == std::string::npos) continue;
    const auto after = split(std::string_view(line).substr(dash + 3), ' ');
    disk["file_system"] = after[0];
    if (after.size() > 1) disk["device"] = after[1];
    break;
  }
  // A partition has no queue folder of its own: its disk's is one up.
  for (const char* up : {"", "/.."}) {
    const std::filesystem::path block = "/sys/dev/block/" + number + up;
    if (!std::filesystem::exists(block / "queue")) continue;
    disk["scheduler"] = first_line(block / "queue/scheduler");
    disk["rotational"] = first_line(block / "queue/rotational") == "1";
    if (const std::string model = first_line(block / "device/model"); !model.empty()) disk["model"] = model;
    break;
  }
  return disk;
}

std::string content_hash(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw Error(std::string("cannot open: ") + std::strerror(errno), path.string(), "check the path");
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(), XXH3_freeState);
  XXH3_128bits_reset(state.get());
  std::vector<char> buffer(size_t{4} << 20);
  ssize_t got = 0;
  while ((got = ::read(fd, buffer.data(), buffer.size())) > 0)
    XXH3_128bits_update(state.get(), buffer.data(), static_cast<size_t>(got));
  ::close(fd);
  if (got < 0) throw Error(std::string("cannot read: ") + std::strerror(errno), path.string(), "check the disk");
  const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace

ordered_json machine_json() {
  utsname system{};
  ::uname(&system);
  ordered_json machine{{"cpu", field("/proc/cpuinfo", "model name")},
                       {"cpus", std::thread::hardware_concurrency()},
                       {"architecture", system.machine},
                       {"kernel", fmt::format("{} {}", system.sysname, system.release)},
                       {"os", without_quotes(field("/etc/os-release", "PRETTY_NAME"))}};
  if (const auto kib = parse_unsigned(split(field("/proc/meminfo", "MemTotal"), ' ')[0]))
    machine["memory_bytes"] = *kib * 1024;
  if (const std::string governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
      !governor.empty())
    machine["cpu_governor"] = governor;
  if (field("/proc/cpuinfo", "flags").find("hypervisor") != std::string::npos) machine["virtual_machine"] = true;
  return machine;
}

ordered_json program_json() {
  return {{"version", kVersion}, {"git_commit", git_commit()}, {"compiler", kCompiler}, {"build_type", kBuildType}};
}

ordered_json file_json(const std::filesystem::path& path, const ordered_json& known) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0)
    throw Error(std::string("cannot open: ") + std::strerror(errno), path.string(), "check the path in the plan");
  ordered_json file{{"path", path.string()},
                    {"bytes", static_cast<uint64_t>(info.st_size)},
                    {"changed_ns", info.st_mtim.tv_sec * int64_t{1000000000} + info.st_mtim.tv_nsec}};
  const bool unchanged = known.is_object() && known.value("bytes", uint64_t{0}) == file["bytes"] &&
                         known.value("changed_ns", int64_t{0}) == file["changed_ns"];
  file["xxh3_128"] = unchanged ? known.at("xxh3_128").get<std::string>() : content_hash(path);
  file["disk"] = disk_json(path);
  return file;
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

}  // namespace tierscope

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "runtime/base/text.h"
#include "runtime/compute/cpu.h"
#include "runtime/compute/device.h"
#include "sim/device_profile.h"
#include "sim/storage_clock.h"

namespace tierscope {
namespace {

struct Summary {
  DeviceProfile profile;
  double read_us = 0;       // one 4 KiB read alone
  double deepest_iops = 0;  // at the largest depth given
};

Summary summarise(const std::string& name) {
  Summary summary{find_profile(name), 0, 0};
  const StorageProfile& nvme = summary.profile.nvme;
  summary.read_us = StorageClock(nvme, 1).mean_latency_us(4096);
  for (const RandomRead& read : nvme.random_reads)
    if (read.block_bytes == 4096) summary.deepest_iops = std::max(summary.deepest_iops, read.iops);
  return summary;
}

nlohmann::ordered_json to_json(const Summary& summary) {
  const DeviceProfile& profile = summary.profile;
  nlohmann::ordered_json json{{"name", profile.name},
                              {"title", profile.title},
                              {"nvme",
                               {{"sequential_bytes_per_s", profile.nvme.sequential_bytes_per_s.value},
                                {"read_4k_us", summary.read_us},
                                {"read_4k_iops", summary.deepest_iops}}},
                              {"ram", {{"capacity_bytes", profile.ram.capacity_bytes.value}}},
                              {"vram", nullptr},
                              {"compute",
                               {{"on", profile.compute.on_device ? "device" : "cpu"},
                                {"flops_per_s", profile.compute.flops_per_s.value},
                                {"weight_bytes_per_s", profile.compute.weight_bytes_per_s.value}}}};
  if (profile.vram)
    json["vram"] = {{"capacity_bytes", profile.vram->capacity_bytes.value}, {"unified", profile.vram->unified}};
  return json;
}

nlohmann::ordered_json to_json(const DeviceInfo& device) {
  return {{"backend", device.backend},
          {"name", device.name},
          {"vendor", device.vendor},
          {"driver", device.driver},
          {"memory_bytes", device.memory_bytes},
          {"largest_allocation_bytes", device.largest_allocation_bytes},
          {"compute_units", device.compute_units},
          {"unified_memory", device.unified_memory},
          {"host_visible_buffers", device.host_visible_buffers},
          {"async_copy", device.async_copy},
          {"fp16", device.fp16}};
}

// What `--backend` takes on this machine.
nlohmann::ordered_json backends_json() {
  nlohmann::ordered_json backends = nlohmann::ordered_json::array();
  backends.push_back({{"backend", "host"}, {"name", cpu_info().model}, {"unified_memory", true}});
  std::string last;
  size_t number = 0;
  for (const DeviceInfo& device : list_devices()) {
    number = device.backend == last ? number + 1 : 0;
    last = device.backend;
    backends.push_back(to_json(device));
    backends.back()["backend"] = fmt::format("{}:{}", device.backend, number);
  }
  return backends;
}

void print_backends() {
  fmt::print("\nbackends here (--backend):\n");
  for (const auto& backend : backends_json()) {
    fmt::print("{:<20} {}", backend["backend"].get<std::string>(), backend["name"].get<std::string>());
    if (backend.contains("memory_bytes"))
      fmt::print(", {} ({} in one allocation){}", format_bytes(backend["memory_bytes"].get<uint64_t>()),
                 format_bytes(backend["largest_allocation_bytes"].get<uint64_t>()),
                 backend["unified_memory"].get<bool>() ? ", unified with the host's memory" : "");
    fmt::print("\n");
  }
}

int run(const Arguments& arguments) {
  if (arguments.flag("template")) {
    fmt::print("{}", profile_text("template"));
    return 0;
  }
  if (arguments.has("name")) {
    fmt::print("{}", to_toml(find_profile(arguments.text("name"))));
    return 0;
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string& name : profile_names()) all.push_back(to_json(summarise(name)));
  if (arguments.flag("json")) {
    fmt::print("{}\n", nlohmann::ordered_json{{"profiles", all}, {"backends", backends_json()}}.dump(1));
    return 0;
  }
  fmt::print("{:<20} {:>9} {:>9} {:>10} {:>9} {:>9}  {}\n", "device", "read 4K", "reads/s", "sequential", "RAM", "VRAM",
             "");
  for (const auto& device : all) {
    const auto size = [](const nlohmann::ordered_json& bytes) { return format_bytes(bytes.get<double>()); };
    fmt::print("{:<20} {:>6.0f} us {:>9.0f} {:>8}/s {:>9} {:>9}  {}\n", device["name"].get<std::string>(),
               device["nvme"]["read_4k_us"].get<double>(), device["nvme"]["read_4k_iops"].get<double>(),
               size(device["nvme"]["sequential_bytes_per_s"]), size(device["ram"]["capacity_bytes"]),
               device["vram"].is_null() ? "-" : size(device["vram"]["capacity_bytes"]),
               device["title"].get<std::string>());
  }
  print_backends();
  return 0;
}

}  // namespace

Command devices_command() {
  return {"devices",
          "device profiles that the program carries, and the backends of this machine",
          "A profile says what a device's tiers and compute can do, every figure with its source. `tierscope probe` "
          "measures one of this machine.",
          {{"name", "print this profile (or file) whole, with its sources", false}},
          {{"template", "", "print the commented template of a profile", "", false, 0}, options::json()},
          {{"tierscope devices", "what is there"}, {"tierscope devices phone-ufs4", "its figures and their sources"}},
          run};
}

}  // namespace tierscope

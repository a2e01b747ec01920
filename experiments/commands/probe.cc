#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "experiments/commands/commands.h"
#include "experiments/model_shape.h"
#include "experiments/probe.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/engine/model_table.h"

namespace tierscope {
namespace {

constexpr double kBusy = 0.1;  // share of the processors' time that others may use
constexpr double kNoisy = 0.1;

void report(const Arguments& arguments, const DeviceProfile& profile, const std::string& access, double load) {
  const RamThreads& copies = profile.ram.threads.back();
  if (arguments.flag("json")) {
    const nlohmann::ordered_json json{{"profile", arguments.text("out")},
                                      {"noise", profile.noise},
                                      {"load_of_others", load},
                                      {"access", access},
                                      {"sequential_bytes_per_s", profile.nvme.sequential_bytes_per_s.value},
                                      {"ram_copy_bytes_per_s", copies.copy_bytes_per_s},
                                      {"ram_random_row_us", copies.random_row_us},
                                      {"numa_nodes", profile.ram.numa_nodes}};
    fmt::print("{}\n", json.dump(1));
    return;
  }
  fmt::print("{}: repeats differ by {:.1f} %, reads by {}\n", arguments.text("out"), profile.noise * 100, access);
}

void write(const Arguments& arguments, const DeviceProfile& profile) {
  const std::string text = to_toml(profile);
  parse_profile(text, arguments.text("out"));  // what cannot be read must not be written
  AtomicFile out(arguments.text("out"));
  out.write(text);
  out.commit();
}

// The decoder's passes alone: of all figures they follow the machine's state most.
int update(const Arguments& arguments, const Backend& backend, const ProbeOptions& options) {
  if (!arguments.has("model"))
    throw UsageError("only a model's passes are measured again", "--update", "give the model with --model");
  DeviceProfile profile = read_profile(arguments.text("update"));
  if (profile.compute.on_device != (backend.device() != nullptr))
    throw UsageError("the profile's passes were measured on another backend", "--update", "give the same --backend");
  const ShapedModel model = shape_of_model(arguments.text("model"));
  MeasuredModel measured = probe_model(GgufFile::open(arguments.text("model")), model.shape, backend, options);
  std::erase_if(profile.compute.models, [&](const MeasuredModel& before) {
    return before.weight_bytes == measured.weight_bytes &&
           before.passes.front().block_us.size() == measured.passes.front().block_us.size();
  });
  profile.compute.models.push_back(std::move(measured));
  write(arguments, profile);
  return 0;
}

int run(const Arguments& arguments) {
  ProbeOptions options;
  options.seconds_per_point = arguments.real("seconds-per-point");
  options.rounds = static_cast<uint32_t>(arguments.number("rounds"));
  options.seed = arguments.number("seed");
  options.threads =
      static_cast<unsigned>(arguments.number_if("threads").value_or(std::max(1u, std::thread::hardware_concurrency())));
  if (options.seconds_per_point <= 0) throw UsageError("must be above 0", "--seconds-per-point");
  if (options.rounds == 0 || options.threads == 0) throw UsageError("--rounds and --threads must be at least 1");
  if (!arguments.flag("quiet"))
    options.on_progress = [](const std::string& what) { fmt::print(stderr, "probe: {}\n", what); };
  const double load = machine_load();
  if (load > kBusy)
    fmt::print(stderr, "tierscope: warning: others use {:.0f} % of the processors; the figures will be too slow\n",
               load * 100);
  const Backend backend(arguments.text("backend"), {});
  if (arguments.has("update")) return update(arguments, backend, options);

  DeviceProfile profile;
  profile.name = arguments.text("name");
  profile.title = fmt::format("measured by tierscope probe, {} threads", options.threads);
  auto row_bytes = static_cast<uint32_t>(arguments.number("row-bytes"));
  std::optional<ScratchFile> scratch;
  std::filesystem::path file;
  TableFile table;
  if (arguments.has("model")) {
    const ShapedModel model = shape_of_model(arguments.text("model"));
    file = arguments.text("model");
    row_bytes = static_cast<uint32_t>(model.table.row_bytes);
    const GgufFile opened = GgufFile::open(file);
    table = model_table(opened);
    profile.compute.models.push_back(probe_model(opened, model.shape, backend, options));
    if (backend.device()) {
      profile.compute.on_device = true;
      const ComputeRates rates = rates_of(profile.compute.models.back(), model.shape);
      profile.compute.flops_per_s = {rates.flops_per_s, "measured: tierscope probe, the model's longest pass"};
      profile.compute.weight_bytes_per_s = {rates.read_bytes_per_s, "measured: tierscope probe, the model's decode"};
    }
  } else {
    file = scratch.emplace(arguments.text("dir"), arguments.bytes("file-bytes"), options.seed).path();
    table = {file, 0, std::filesystem::file_size(file) / row_bytes, row_bytes, 0, nullptr};
  }
  const StorageProbe storage = probe_storage(file, options);
  profile.nvme = storage.profile;
  profile.noise = storage.noise;
  profile.host = probe_host(table, options);
  profile.ram = probe_ram(row_bytes, options);
  if (backend.device()) profile.vram = probe_device(*backend.device(), row_bytes, options);
  if (!profile.compute.on_device) {
    const ComputeRates rates = probe_compute(options);
    profile.compute.flops_per_s = {rates.flops_per_s, "measured: tierscope probe, multiply-adds in registers"};
    profile.compute.weight_bytes_per_s = {rates.read_bytes_per_s, "measured: tierscope probe, reading memory"};
  }
  profile.compute.block_overhead_us = {0, "measured: tierscope probe: within the passes of the models measured"};

  write(arguments, profile);
  if (profile.noise > kNoisy)
    fmt::print(stderr, "tierscope: warning: repeats differ by {:.0f} %; measure when the machine is quiet\n",
               profile.noise * 100);
  report(arguments, profile, storage.access, load);
  return 0;
}

}  // namespace

Command probe_command() {
  return {"probe",
          "measure this machine's tiers (and a model's compute) into a device profile",
          "Random reads by size and depth, bursts as a step sends them, sequential reads, memory copies, the program's "
          "own work per step and, given a model, the decoder's passes; of a device, copies and gathers too. States how "
          "much its repeats differ.",
          {},
          {{"out", "FILE", "the profile to write", "", false, 0},
           {"model", "FILE", "measure its decoder, and read from its file", "", false, 0},
           {"update", "PROFILE", "with --model: measure its passes alone, all else stays as this file has it", "",
            false, 0},
           {"dir", "D", "without a model: where a scratch file is written and read", ".", false, 0},
           {"file-bytes", "B", "size of the scratch file; larger is fairer to drives with caches", "1GiB", false, 0},
           {"row-bytes", "B", "row to copy in memory where no model is given", "9520", false, 0},
           {"name", "NAME", "what the profile calls the machine", "this-machine", false, 0},
           {"seconds-per-point", "S", "longer is more accurate", "0.1", false, 0},
           {"rounds", "N", "repeats of the bursts, from which the noise is told, and of the decoder", "3", false, 0},
           options::backend(),
           options::threads(),
           options::seed(),
           options::quiet(),
           options::json()},
          {{"tierscope probe --out here.toml", "the tiers below the current folder"},
           {"tierscope probe --model e2b.gguf --out here.toml", "also the decoder's time per block"},
           {"tierscope probe --backend opencl --model e2b.gguf --out gpu.toml", "the decoder and copies on a device"},
           {"tierscope probe --model e2b.gguf --update here.toml --out now.toml", "the decoder again, minutes later"}},
          run};
}

}  // namespace tierscope

#include "sim/device_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/base/toml_table.h"
#include "sim/profile_files.h"

namespace tierscope {
namespace {

// What a figure of this kind can be on any machine of today; outside it the unit is wrong.
struct Range {
  double low, high;
  std::string_view unit;
};
constexpr Range kBandwidth{1e6, 1e14, "bytes per second (3.5 GB/s is 3.5e9)"};
constexpr Range kMicroseconds{0, 1e6, "microseconds"};
constexpr Range kCapacity{1e6, 1e14, "bytes (8 GB is 8e9)"};
constexpr Range kFlops{1e8, 1e17, "operations per second (10 TFLOP/s is 1e13)"};
constexpr std::array kHostStepKinds{HostStep::Kind::cached, HostStep::Kind::read, HostStep::Kind::kept};
constexpr Range kIops{10, 1e9, "operations per second"};

double checked(const TomlTable& table, std::string_view key, double value, const Range& range) {
  if (value < range.low || value > range.high || value != value)
    throw Error(fmt::format("{:g} is impossible", value), table.where(key), fmt::format("give {}", range.unit));
  return value;
}

double number(const TomlTable& table, std::string_view key, const Range& range) {
  return checked(table, key, table.number(key), range);
}

std::string source(const TomlTable& table) {
  constexpr std::array kinds{"datasheet:", "published:", "measured:", "estimate:"};
  if (!table.has("source"))
    throw Error("has no source", table.where(), "add source = \"datasheet: ...\", or published, measured, estimate");
  std::string text = table.text("source");
  const auto kind = std::ranges::find_if(kinds, [&](const char* word) { return text.starts_with(word); });
  if (kind == kinds.end() || trim(text.substr(std::string_view(*kind).size())).empty())
    throw Error(fmt::format("the source '{}' does not say what it is", text), table.where("source"),
                "begin with datasheet:, published:, measured: or estimate:, then the reference or the reasoning");
  return text;
}

Figure figure(const TomlTable& table, std::string_view key, const Range& range) {
  const TomlTable inner = table.table(key);
  Figure result{number(inner, "value", range), source(inner)};
  inner.finish();
  return result;
}

Quantiles quantiles(const TomlTable& table, std::string_view key) {
  const TomlTable inner = table.table(key);
  const Quantiles q{number(inner, "p50", kMicroseconds), number(inner, "p90", kMicroseconds),
                    number(inner, "p99", kMicroseconds), number(inner, "p999", kMicroseconds)};
  inner.finish();
  if (q.p50 <= 0 || q.p50 > q.p90 || q.p90 > q.p99 || q.p99 > q.p999)
    throw Error("percentiles must be above 0 and must not fall", inner.where(), "order them p50 <= p90 <= p99 <= p999");
  return q;
}

uint32_t whole(const TomlTable& table, std::string_view key, uint64_t low, uint64_t high) {
  const uint64_t value = table.whole(key);
  if (value < low || value > high)
    throw Error(fmt::format("{} is not between {} and {}", value, low, high), table.where(key));
  return static_cast<uint32_t>(value);
}

void check_random_reads(const TomlTable& table, const StorageProfile& nvme) {
  const auto& reads = nvme.random_reads;
  if (reads.empty()) throw Error("no random read is given", table.where(), "add [[nvme.random_read]] tables");
  if (std::ranges::none_of(reads, [](const RandomRead& r) { return r.depth == 1; }))
    throw Error("depth 1 is missing", table.where("random_read"), "a single read's latency is needed");
  if (std::ranges::all_of(reads, [](const RandomRead& r) { return r.depth == 1; }))
    throw Error("every random read has depth 1", table.where("random_read"), "add one with the device's queue full");
  for (const RandomRead& read : reads) {
    if (read.iops * read.block_bytes > 1.5 * nvme.sequential_bytes_per_s.value)
      throw Error(fmt::format("{} reads/s of {} are faster than sequential reading", read.iops, read.block_bytes),
                  table.where("random_read"), "check iops and sequential_bytes_per_s");
    // Little's law: what is in flight cannot be less than rate x latency.
    if (read.iops * read.latency_us.p50 * 1e-6 > 2.0 * read.depth)
      throw Error(
          fmt::format("{} reads/s at {} us need more than depth {}", read.iops, read.latency_us.p50, read.depth),
          table.where("random_read"), "check iops, latency_us and depth");
  }
}

StorageProfile read_storage(const TomlTable& table) {
  StorageProfile nvme;
  nvme.sequential_bytes_per_s = figure(table, "sequential_bytes_per_s", kBandwidth);
  nvme.cpu_us_per_read = figure(table, "cpu_us_per_read", kMicroseconds);
  for (const TomlTable& entry : table.tables("random_read")) {
    nvme.random_reads.push_back({whole(entry, "block_bytes", 512, 1 << 24), whole(entry, "depth", 1, 65536),
                                 number(entry, "iops", kIops), quantiles(entry, "latency_us"), source(entry)});
    entry.finish();
  }
  for (const TomlTable& entry : table.tables("burst")) {
    nvme.bursts.push_back({whole(entry, "block_bytes", 512, 1 << 24), whole(entry, "reads", 1, 1 << 24),
                           number(entry, "mean_us", kMicroseconds), quantiles(entry, "us"),
                           number(entry, "background_us", kMicroseconds), number(entry, "submit_us", kMicroseconds),
                           source(entry)});
    if (nvme.bursts.back().submit_us > nvme.bursts.back().background_us)
      throw Error("handing reads over takes longer than the reads", entry.where("submit_us"));
    entry.finish();
  }
  for (const TomlTable& entry : table.tables("idle_read")) {
    nvme.idle_reads.push_back({number(entry, "pause_us", kMicroseconds), number(entry, "extra_us", kMicroseconds),
                               number(entry, "extra_submit_us", kMicroseconds), source(entry)});
    if (nvme.idle_reads.back().extra_submit_us > nvme.idle_reads.back().extra_us)
      throw Error("handing the read over takes longer than the read", entry.where("extra_submit_us"));
    entry.finish();
  }
  table.finish();
  check_random_reads(table, nvme);
  const auto by_size_then_count = [](const auto& a, const auto& b) {
    if (a.block_bytes != b.block_bytes) return a.block_bytes < b.block_bytes;
    if constexpr (requires { a.depth; })
      return a.depth < b.depth;
    else
      return a.reads < b.reads;
  };
  std::ranges::sort(nvme.random_reads, by_size_then_count);
  std::ranges::sort(nvme.bursts, by_size_then_count);
  std::ranges::sort(nvme.idle_reads, {}, &IdleRead::pause_us);
  return nvme;
}

RamProfile read_ram(const TomlTable& table) {
  RamProfile ram;
  ram.capacity_bytes = figure(table, "capacity_bytes", kCapacity);
  if (table.has("numa_nodes")) ram.numa_nodes = whole(table, "numa_nodes", 1, 1024);
  for (const TomlTable& entry : table.tables("threads")) {
    ram.threads.push_back({whole(entry, "threads", 1, 4096), number(entry, "copy_bytes_per_s", kBandwidth),
                           number(entry, "random_row_us", kMicroseconds), whole(entry, "row_bytes", 1, 1 << 24),
                           source(entry)});
    entry.finish();
  }
  if (ram.threads.empty()) throw Error("no copy figure is given", table.where(), "add [[ram.threads]]");
  table.finish();
  std::ranges::sort(ram.threads, {}, &RamThreads::threads);
  return ram;
}

HostStep::Kind host_step_kind(const TomlTable& table) {
  const std::string text = table.text("kind");
  std::vector<std::string> names;
  for (const HostStep::Kind kind : kHostStepKinds) {
    if (text == name(kind)) return kind;
    names.emplace_back(name(kind));
  }
  throw Error(unknown_name("kind of step", text, names), table.where("kind"));
}

HostProfile read_host(const TomlTable& table) {
  HostProfile host{figure(table, "step_us", kMicroseconds), figure(table, "access_us", kMicroseconds), {}};
  for (const TomlTable& entry : table.tables("step")) {
    host.steps.push_back({host_step_kind(entry), whole(entry, "rows", 1, 1 << 24),
                          number(entry, "begin_us", kMicroseconds), number(entry, "collect_us", kMicroseconds),
                          number(entry, "retire_us", kMicroseconds), source(entry)});
    entry.finish();
  }
  table.finish();
  std::ranges::sort(host.steps, [](const HostStep& a, const HostStep& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.rows < b.rows;
  });
  for (const HostStep::Kind kind : kHostStepKinds)
    if (!host.steps.empty() && std::ranges::count(host.steps, kind, &HostStep::kind) < 2)
      throw Error(fmt::format("fewer than two steps are given whose rows are {}", name(kind)), table.where("step"),
                  "give steps of few and of many rows for each kind, or none at all");
  return host;
}

VramProfile read_vram(const TomlTable& table) {
  VramProfile vram;
  vram.capacity_bytes = figure(table, "capacity_bytes", kCapacity);
  vram.unified = table.boolean("unified");
  vram.upload_latency_us = figure(table, "upload_latency_us", kMicroseconds);
  vram.upload_bytes_per_s = figure(table, "upload_bytes_per_s", kBandwidth);
  vram.gather_latency_us = figure(table, "gather_latency_us", kMicroseconds);
  vram.gather_bytes_per_s = figure(table, "gather_bytes_per_s", kBandwidth);
  table.finish();
  return vram;
}

MeasuredPass read_pass(const TomlTable& table) {
  MeasuredPass pass;
  pass.tokens = whole(table, "tokens", 1, 1 << 20);
  pass.context = whole(table, "context", 0, 1 << 24);
  pass.before_rows_us = number(table, "before_rows_us", {0, 1e9, "microseconds"});
  pass.block_us = table.numbers("block_us");
  pass.head_us = number(table, "head_us", {0, 1e9, "microseconds"});
  pass.source = source(table);
  table.finish();
  if (pass.block_us.empty()) throw Error("a pass has at least one block", table.where("block_us"));
  double total = 0;
  for (const double us : pass.block_us) total += checked(table, "block_us", us, {0, 1e9, "microseconds"});
  if (total <= 0 || pass.before_rows_us > total)
    throw Error(fmt::format("{:g} us before the rows exceed the {:g} us of all blocks", pass.before_rows_us, total),
                table.where("before_rows_us"));
  return pass;
}

ComputeProfile read_compute(const TomlTable& table) {
  ComputeProfile compute;
  const std::string where = table.text("on");
  if (where != "cpu" && where != "device")
    throw Error(fmt::format("'{}' is not a place to compute", where), table.where("on"), "write \"cpu\" or \"device\"");
  compute.on_device = where == "device";
  compute.flops_per_s = figure(table, "flops_per_s", kFlops);
  compute.weight_bytes_per_s = figure(table, "weight_bytes_per_s", kBandwidth);
  compute.block_overhead_us = figure(table, "block_overhead_us", kMicroseconds);
  for (const TomlTable& entry : table.tables("model")) {
    MeasuredModel model;
    model.name = entry.text("name");
    model.weight_bytes = entry.whole("weight_bytes");
    model.threads = whole(entry, "threads", 1, 4096);
    for (const TomlTable& pass : entry.tables("pass")) model.passes.push_back(read_pass(pass));
    entry.finish();
    if (model.passes.empty()) throw Error("a model without passes", entry.where(), "add [[compute.model.pass]]");
    for (const MeasuredPass& pass : model.passes)
      if (pass.block_us.size() != model.passes.front().block_us.size())
        throw Error("passes with different numbers of blocks", entry.where("pass"));
    std::ranges::sort(model.passes, [](const MeasuredPass& a, const MeasuredPass& b) {
      return a.tokens != b.tokens ? a.tokens < b.tokens : a.context < b.context;
    });
    compute.models.push_back(std::move(model));
  }
  table.finish();
  return compute;
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string to_toml(std::string_view key, const Figure& figure) {
  return fmt::format("{} = {{ value = {:.6g}, source = {} }}\n", key, figure.value, toml_string(figure.source));
}

std::string to_toml(const Quantiles& q) {
  return fmt::format("{{ p50 = {:.6g}, p90 = {:.6g}, p99 = {:.6g}, p999 = {:.6g} }}", q.p50, q.p90, q.p99, q.p999);
}

}  // namespace

std::string_view name(HostStep::Kind kind) {
  switch (kind) {
    case HostStep::Kind::cached:
      return "cached";
    case HostStep::Kind::read:
      return "read";
    case HostStep::Kind::kept:
      return "kept";
  }
  return "";
}

DeviceProfile parse_profile(std::string_view toml, const std::string& name) {
  const TomlTable root = TomlTable::parse(toml, name);
  if (!root.has("tierscope_profile"))
    throw Error("is no device profile", name, "it must say tierscope_profile = 1 (see: tierscope devices --template)");
  if (root.whole("tierscope_profile") != 1)
    throw Error("is a profile of another version", root.where("tierscope_profile"), "this program reads version 1");
  DeviceProfile profile;
  profile.name = root.text("name");
  profile.title = root.text("title");
  if (root.has("noise")) profile.noise = number(root, "noise", {0, 10, "a share, 0.02 for 2 %"});
  profile.nvme = read_storage(root.table("nvme"));
  profile.ram = read_ram(root.table("ram"));
  profile.host = read_host(root.table("host"));
  if (root.has("vram")) profile.vram = read_vram(root.table("vram"));
  profile.compute = read_compute(root.table("compute"));
  if (profile.compute.on_device && !profile.vram)
    throw Error("computes on a device that is not described", root.where("compute"), "add [vram]");
  root.finish();
  return profile;
}

DeviceProfile read_profile(const std::filesystem::path& file) {
  return parse_profile(read_text_file(file), file.string());
}

DeviceProfile find_profile(const std::string& name_or_file) {
  if (const auto text = profile_text(name_or_file); !text.empty()) return parse_profile(text, name_or_file);
  if (name_or_file.ends_with(".toml") || name_or_file.find('/') != std::string::npos) return read_profile(name_or_file);
  const auto names = profile_names();
  throw UsageError(unknown_name("device", name_or_file, names), "--device", "or give a profile's file, ./NAME.toml");
}

std::string to_toml(const DeviceProfile& profile) {
  std::string out = fmt::format("tierscope_profile = 1\nname = {}\ntitle = {}\n", toml_string(profile.name),
                                toml_string(profile.title));
  if (profile.noise > 0) out += fmt::format("noise = {:.4g}\n", profile.noise);
  out += "\n[nvme]\n" + to_toml("sequential_bytes_per_s", profile.nvme.sequential_bytes_per_s) +
         to_toml("cpu_us_per_read", profile.nvme.cpu_us_per_read);
  for (const RandomRead& read : profile.nvme.random_reads)
    out +=
        fmt::format("[[nvme.random_read]]\nblock_bytes = {}\ndepth = {}\niops = {:.6g}\nlatency_us = {}\nsource = {}\n",
                    read.block_bytes, read.depth, read.iops, to_toml(read.latency_us), toml_string(read.source));
  for (const Burst& burst : profile.nvme.bursts)
    out += fmt::format(
        "[[nvme.burst]]\nblock_bytes = {}\nreads = {}\nmean_us = {:.6g}\nus = {}\nbackground_us = {:.6g}\n"
        "submit_us = {:.6g}\nsource = {}\n",
        burst.block_bytes, burst.reads, burst.mean_us, to_toml(burst.us), burst.background_us, burst.submit_us,
        toml_string(burst.source));
  for (const IdleRead& read : profile.nvme.idle_reads)
    out +=
        fmt::format("[[nvme.idle_read]]\npause_us = {:.6g}\nextra_us = {:.6g}\nextra_submit_us = {:.6g}\nsource = {}\n",
                    read.pause_us, read.extra_us, read.extra_submit_us, toml_string(read.source));
  out += "\n[ram]\n" + to_toml("capacity_bytes", profile.ram.capacity_bytes) +
         fmt::format("numa_nodes = {}\n", profile.ram.numa_nodes);
  for (const RamThreads& entry : profile.ram.threads)
    out += fmt::format(
        "[[ram.threads]]\nthreads = {}\ncopy_bytes_per_s = {:.6g}\nrandom_row_us = {:.6g}\nrow_bytes = {}\n"
        "source = {}\n",
        entry.threads, entry.copy_bytes_per_s, entry.random_row_us, entry.row_bytes, toml_string(entry.source));
  out += "\n[host]\n" + to_toml("step_us", profile.host.step_us) + to_toml("access_us", profile.host.access_us);
  for (const HostStep& step : profile.host.steps)
    out += fmt::format(
        "[[host.step]]\nkind = \"{}\"\nrows = {}\nbegin_us = {:.6g}\ncollect_us = {:.6g}\nretire_us = {:.6g}\n"
        "source = {}\n",
        name(step.kind), step.rows, step.begin_us, step.collect_us, step.retire_us, toml_string(step.source));
  if (const auto& vram = profile.vram)
    out += fmt::format("\n[vram]\nunified = {}\n", vram->unified) + to_toml("capacity_bytes", vram->capacity_bytes) +
           to_toml("upload_latency_us", vram->upload_latency_us) +
           to_toml("upload_bytes_per_s", vram->upload_bytes_per_s) +
           to_toml("gather_latency_us", vram->gather_latency_us) +
           to_toml("gather_bytes_per_s", vram->gather_bytes_per_s);
  out += fmt::format("\n[compute]\non = \"{}\"\n", profile.compute.on_device ? "device" : "cpu") +
         to_toml("flops_per_s", profile.compute.flops_per_s) +
         to_toml("weight_bytes_per_s", profile.compute.weight_bytes_per_s) +
         to_toml("block_overhead_us", profile.compute.block_overhead_us);
  for (const MeasuredModel& model : profile.compute.models) {
    out += fmt::format("[[compute.model]]\nname = {}\nweight_bytes = {}\nthreads = {}\n", toml_string(model.name),
                       model.weight_bytes, model.threads);
    for (const MeasuredPass& pass : model.passes)
      out += fmt::format(
          "[[compute.model.pass]]\ntokens = {}\ncontext = {}\nbefore_rows_us = {:.6g}\nblock_us = [{:.6g}]\n"
          "head_us = {:.6g}\nsource = {}\n",
          pass.tokens, pass.context, pass.before_rows_us, fmt::join(pass.block_us, ", "), pass.head_us,
          toml_string(pass.source));
  }
  return out;
}

std::string_view profile_text(std::string_view name) {
  const auto found = std::ranges::find(profile_files(), std::string(name) + ".toml", &EmbeddedText::name);
  return found == profile_files().end() ? std::string_view() : found->text;
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const EmbeddedText& file : profile_files())
    if (file.name != "template.toml") names.emplace_back(file.name.substr(0, file.name.size() - 5));
  return names;
}

}  // namespace tierscope

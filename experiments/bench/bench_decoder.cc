// Speed of the whole decoder on a model's file: prefill of several lengths, decode at several contexts, time from start
// to the first token. Prints one JSON object, as scripts/compare-llama-cpp.mjs reads it.
//   bench_decoder MODEL [TOKENS_FILE] [--prefill N,N..] [--decode CONTEXT,CONTEXT..] [--repeats N]
// 0 repeats: the start only.
// The rows of the per-layer embedding come from the page cache, one pread each, as they come to llama.cpp by mmap.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "experiments/bench/ram_read.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/median.h"
#include "runtime/compute/cpu.h"
#include "runtime/model/decoder.h"

namespace tierscope {
namespace {

constexpr unsigned kThreads = 2;
constexpr uint32_t kContextTokens = 2304, kChunkTokens = 512, kDecodeTokens = 24;

struct Settings {
  std::string model, tokens_file;
  std::vector<uint32_t> prefill{128, 512, 2048}, decode{64, 2048};
  uint32_t repeats = 3;
};

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class FileRows final : public StepRows {
 public:
  FileRows(const GgufFile& file, std::span<const BatchToken> tokens) : table_(find_ple_table(file)), tokens_(tokens) {}
  void await() override {
    const int fd = open(table_->path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw Error("cannot be opened", table_->path.string());
    rows_.resize(tokens_.size() * table_->row_bytes);
    for (size_t i = 0; i < tokens_.size(); ++i)
      if (pread(fd, rows_.data() + i * table_->row_bytes, table_->row_bytes,
                static_cast<off_t>(table_->offset + tokens_[i].token * table_->row_bytes)) !=
          static_cast<ssize_t>(table_->row_bytes))
        throw Error("a row cannot be read", table_->path.string());
    close(fd);
  }
  const std::byte* row(size_t i) const override { return rows_.data() + i * table_->row_bytes; }

 private:
  std::optional<PleTable> table_;
  std::span<const BatchToken> tokens_;
  std::vector<std::byte> rows_;
};

class Session {
 public:
  Session(const std::string& model, std::vector<TokenId> ids)
      : file_(GgufFile::open(model)),
        ids_(std::move(ids)),
        decoder_(make_cpu_decoder(file_, {kThreads, kContextTokens, 1, kChunkTokens})),
        logits_(decoder_->hyperparameters().vocab) {
    if (ids_.empty())
      for (uint32_t i = 0; i < kContextTokens; ++i)
        ids_.push_back((i * 7919 + 13) % (decoder_->hyperparameters().vocab - 10) + 10);
    if (ids_.size() < kContextTokens) throw Error(fmt::format("fewer than {} tokens", kContextTokens), "tokens file");
  }

  // Positions [first, last), in chunks; logits of the last only.
  double forward(uint32_t first, uint32_t last) {
    const auto start = Clock::now();
    for (uint32_t begin = first; begin < last; begin += kChunkTokens) {
      std::vector<BatchToken> batch;
      for (uint32_t at = begin; at < std::min(last, begin + kChunkTokens); ++at)
        batch.push_back({ids_[at], 0, at, at + 1 == last});
      FileRows rows(file_, batch);
      decoder_->forward(batch, rows, logits_.data());
    }
    return seconds_since(start);
  }
  double prefill_tokens_per_s(uint32_t tokens) {
    decoder_->reset(0);
    return tokens / forward(0, tokens);
  }
  double decode_tokens_per_s(uint32_t context) {
    decoder_->reset(0);
    forward(0, context);
    double seconds = 0;
    for (uint32_t at = context; at < context + kDecodeTokens; ++at) seconds += forward(at, at + 1);
    return kDecodeTokens / seconds;
  }
  // Calls `work` and gives what each part took in it.
  template <class Work>
  nlohmann::ordered_json parts_of(Work&& work) {
    const nlohmann::ordered_json before = to_json(decoder_->part_seconds());
    work();
    nlohmann::ordered_json parts = to_json(decoder_->part_seconds());
    for (const auto& [part, seconds] : before.items()) parts[part] = double{parts[part]} - double{seconds};
    return parts;
  }
  const Decoder& decoder() const { return *decoder_; }

 private:
  GgufFile file_;
  std::vector<TokenId> ids_;
  std::unique_ptr<Decoder> decoder_;
  std::vector<float> logits_;
};

// Every weight is read once for a token. The machine's bandwidth moves from minute to minute: each decode is compared
// with a read loop that ran right before it.
struct Decode {
  std::vector<double> tokens_per_s, read_bytes_per_s, share;
};

void decode_beside_ram(Session& session, ThreadPool& pool, uint32_t context, Decode& into) {
  const double ram = read_bytes_per_s(pool), rate = session.decode_tokens_per_s(context);
  into.tokens_per_s.push_back(rate);
  into.read_bytes_per_s.push_back(ram);
  into.share.push_back(rate * static_cast<double>(session.decoder().weight_bytes()) / ram);
}

uint64_t peak_rss_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

// What this process had the storage device read.
uint64_t device_bytes() {
  const std::string io = read_text_file("/proc/self/io"), key = "\nread_bytes: ";
  const size_t at = io.find(key);
  if (at == std::string::npos) throw Error("no line of read_bytes", "/proc/self/io");
  return std::stoull(io.substr(at + key.size()));
}

nlohmann::ordered_json measure(const Settings& settings, std::vector<TokenId> ids) {
  const auto start = Clock::now();
  Session session(settings.model, std::move(ids));
  nlohmann::ordered_json json{{"level", level_name(chosen_level())}, {"load_s", seconds_since(start)}};
  session.forward(0, 1);
  json["start_to_first_logits_s"] = seconds_since(start);
  json["start_device_bytes"] = device_bytes();
  json["peak_rss_bytes"] = peak_rss_bytes();
  if (settings.repeats == 0) return json;
  // Before the read loop, whose memory is no decoder's.
  for (const uint32_t tokens : settings.prefill) session.prefill_tokens_per_s(tokens);
  for (const uint32_t context : settings.decode) session.decode_tokens_per_s(context);
  json["peak_rss_bytes"] = peak_rss_bytes();
  ThreadPool pool(kThreads);
  std::map<uint32_t, std::vector<double>> prefill;
  std::map<uint32_t, Decode> decode;
  for (uint32_t repeat = 0; repeat < settings.repeats; ++repeat) {
    for (const uint32_t tokens : settings.prefill) prefill[tokens].push_back(session.prefill_tokens_per_s(tokens));
    for (const uint32_t context : settings.decode) decode_beside_ram(session, pool, context, decode[context]);
  }
  for (const auto& [tokens, rates] : prefill) json["prefill"][std::to_string(tokens)] = median(rates);
  for (const auto& [context, runs] : decode) {
    json["decode"][std::to_string(context)] = median(runs.tokens_per_s);
    // Of the shortest context, where weights are nearly all that is read.
    if (context != decode.begin()->first) continue;
    json["ram_read_bytes_per_s"] = median(runs.read_bytes_per_s);
    json["decode_share_of_ram"] = median(runs.share);
  }
  for (const uint32_t tokens : settings.prefill)
    json["part_seconds"][fmt::format("prefill{}", tokens)] =
        session.parts_of([&] { session.prefill_tokens_per_s(tokens); });
  for (const uint32_t context : settings.decode) {
    session.decode_tokens_per_s(context);  // leaves the context behind that the parts are measured at
    json["part_seconds"][fmt::format("decode{}", context)] =
        session.parts_of([&] { session.forward(context + kDecodeTokens, context + kDecodeTokens + 1); });
  }
  json["weight_bytes"] = session.decoder().weight_bytes();
  return json;
}

std::vector<TokenId> read_ids(const std::string& path) {
  std::istringstream text(read_text_file(path));
  return {std::istream_iterator<TokenId>(text), std::istream_iterator<TokenId>()};
}

std::vector<uint32_t> read_list(const std::string& text) {
  std::vector<uint32_t> numbers;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    numbers.push_back(static_cast<uint32_t>(std::stoul(item)));
    if (numbers.back() == 0 || numbers.back() + kDecodeTokens >= kContextTokens)
      throw UsageError(fmt::format("tokens must lie between 1 and {}", kContextTokens - kDecodeTokens - 1), item);
  }
  return numbers;
}

Settings read_settings(std::span<char*> arguments) {
  Settings settings;
  std::vector<std::string> files;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string argument = arguments[i];
    if (!argument.starts_with("--")) {
      files.push_back(argument);
      continue;
    }
    if (++i == arguments.size()) throw UsageError("an option without its value", argument);
    const std::string value = arguments[i];
    if (argument == "--prefill")
      settings.prefill = read_list(value);
    else if (argument == "--decode")
      settings.decode = read_list(value);
    else if (argument == "--repeats")
      settings.repeats = static_cast<uint32_t>(std::stoul(value));
    else
      throw UsageError("unknown option", argument);
  }
  if (files.empty() || files.size() > 2)
    throw UsageError("usage: bench_decoder MODEL [TOKENS_FILE] [--prefill N,..] [--decode N,..] [--repeats N]");
  settings.model = files[0];
  if (files.size() > 1) settings.tokens_file = files[1];
  return settings;
}

}  // namespace
}  // namespace tierscope

int main(int argc, char** argv) {
  try {
    const auto settings = tierscope::read_settings(std::span(argv, static_cast<size_t>(argc)).subspan(1));
    const auto ids =
        settings.tokens_file.empty() ? std::vector<tierscope::TokenId>() : tierscope::read_ids(settings.tokens_file);
    fmt::print("{}\n", tierscope::measure(settings, ids).dump(1));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_decoder: {}\n", error.what());
    return 1;
  }
}

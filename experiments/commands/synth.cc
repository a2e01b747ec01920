#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/model/synthetic.h"

namespace tierscope {
namespace {

int run(const Arguments& arguments) {
  const SynthPreset& preset = synth_preset(arguments.text("PRESET"));
  SynthOptions options = default_synth_options(preset);
  const auto read_type = [&](const char* option, DType& type) {
    if (arguments.has(option)) type = dtype_by_name(arguments.text(option)).type;
  };
  read_type("weights", options.weights);
  read_type("ple", options.ple);
  read_type("embd", options.embedding);
  options.seed = arguments.number("seed");
  options.threads = thread_count(arguments);
  std::optional<GgufFile> vocabulary;
  if (arguments.has("vocab-from")) vocabulary = GgufFile::open(arguments.text("vocab-from"));
  options.vocabulary_from = vocabulary ? &*vocabulary : nullptr;

  const std::string path = arguments.text("OUT.gguf");
  const auto start = std::chrono::steady_clock::now();
  const uint64_t bytes = write_synthetic_model(preset, options, path);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (arguments.flag("json"))
    fmt::print(
        "{}\n",
        nlohmann::ordered_json{
            {"path", path}, {"preset", preset.name}, {"bytes", bytes}, {"seed", options.seed}, {"seconds", seconds}}
            .dump(1));
  else
    fmt::print("{}: {} in {:.1f} s; its weights are random\n", path, format_bytes(bytes), seconds);
  return 0;
}

std::string presets_text() {
  std::string text =
      "Writes a GGUF file of the exact Gemma 4 architecture with random weights of sane scale, "
      "byte-identical\nfor a seed. Presets:\n";
  for (const SynthPreset& preset : synth_presets())
    text += fmt::format("  {:<11} {} ({} weights, {} table, {} head)\n", preset.name, preset.summary,
                        dtype_name(preset.weights), dtype_name(preset.ple), dtype_name(preset.embedding));
  text.pop_back();
  return text;
}

}  // namespace

Command synth_command() {
  return {"synth",
          "write a model of the exact architecture with random weights",
          presets_text(),
          {{"PRESET", "which model", true}, {"OUT.gguf", "the file to write", true}},
          {{"weights", "T", "type of the blocks' matrices, e.g. Q4_0, Q6_K, BF16", "", false, 0},
           {"ple", "T", "type of the per-layer-embedding table", "", false, 0},
           {"embd", "T", "type of the token embedding, which is the output head too", "", false, 0},
           {"vocab-from", "FILE", "take the tokenizer of this GGUF file instead of a synthetic one", "", false, 0},
           options::seed(),
           options::threads(),
           options::json()},
          {{"tierscope synth gemma4-e2b e2b.gguf", "Gemma 4 E2B as Q4_0 with a Q8_0 table, 4.1 GB"},
           {"tierscope synth tiny tiny.gguf --weights Q6_K --ple IQ4_XS", "a small model for tests"}},
          run};
}

}  // namespace tierscope

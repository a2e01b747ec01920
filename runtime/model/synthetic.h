// Models of the exact Gemma 4 architecture with random weights, written as GGUF: for tests, and for measuring where no
// published file may be had. Speed, memory and placement are those of a real file; the text they generate is noise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

#include "runtime/gguf/gguf.h"
#include "traces/ngram.h"

namespace tierscope {

struct SynthPreset {
  std::string_view name, summary;
  uint32_t layers, hidden, heads, kv_heads;
  uint32_t head_dim_sliding, head_dim_full;
  uint32_t full_every;     // layers full_every - 1, 2 full_every - 1, ... see everything
  uint32_t shared_layers;  // the last ones, which read earlier layers' KV
  uint32_t ffn_width, ffn_width_shared;
  uint32_t vocab, ple_dim, window;
  DType weights, ple, embedding;  // unless asked otherwise
};

std::span<const SynthPreset> synth_presets();
const SynthPreset& synth_preset(std::string_view name);  // UsageError with the nearest name

struct SynthOptions {
  DType weights = DType::f32;    // matrices of blocks whose rows fit its blocks, others BF16; norms are F32
  DType ple = DType::f32;        // per_layer_token_embd
  DType embedding = DType::f32;  // token_embd, which is the output head too
  uint64_t seed = 1;
  unsigned threads = 1;
  const GgufFile* vocabulary_from = nullptr;  // whose tokenizer.* keys are taken; null: a synthetic vocabulary
};

SynthOptions default_synth_options(const SynthPreset& preset);

// Writes the model; equal options but for `threads` give equal bytes. Gives the file's size.
// Errors: UsageError where a type's blocks do not fit the table's rows; Error of GgufWriter.
uint64_t write_synthetic_model(const SynthPreset& preset, const SynthOptions& options,
                               const std::filesystem::path& path);

// A file that holds an n-gram table alone, with the keys by which read_ngram_geometry finds `geometry` again.
uint64_t write_synthetic_ngram(const NgramGeometry& geometry, uint64_t row_values, DType type, uint64_t seed,
                               unsigned threads, const std::filesystem::path& path);

}  // namespace tierscope

// N-gram addressing: a token's rows are hashes of the last few tokens. Per head h of order n:
//   row = ((t0*m0 ^ t1*m1 ^ ... ^ t(n-1)*m(n-1)) mod size_h) + offset_h
// t_s is the token s back, or the boundary token before the sequence's start (and, with `reset_at_boundary`, from the
// last boundary token backwards). Sources: Qwen4-Exp's and DeepSeek Engram's published code and sizes.
// Pure and thread-safe. Errors: UsageError, or Error where the values come from a file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "traces/addressing.h"

namespace tierscope {

// One model layer that owns hashed tables: its heads lie one after the other in the row space shared by all layers.
struct NgramLayer {
  uint32_t block = 0;                 // the model's block that uses the rows, counting from 0
  std::vector<uint64_t> multipliers;  // m0 .. m(max order - 1)
  std::vector<uint64_t> head_sizes, head_offsets;
};

struct NgramGeometry {
  // How it is written. One that was read from a model file and equals no preset has a text that names its origin and
  // does not parse.
  std::string text;
  std::string caveat;  // see Addressing::caveat
  uint32_t vocab = 0;
  TokenId boundary = 0;
  bool reset_at_boundary = true;
  uint32_t max_order = 3;  // orders 2 .. max_order
  uint32_t heads_per_order = 8;
  std::vector<NgramLayer> layers;
  uint64_t table_rows = 0;      // may exceed what the heads name: files pad their tables
  std::vector<TokenId> id_map;  // per token the id that is hashed (Engram's compressed vocabulary); empty: the token's
  uint32_t rows_per_token() const { return static_cast<uint32_t>(layers.size()) * (max_order - 1) * heads_per_order; }
};

// What may differ from a preset's own values.
struct NgramChanges {
  uint32_t vocab = 0;       // 0: the preset's; the multipliers follow from it
  int64_t boundary = -1;    // -1: the preset's
  uint64_t head_rows = 0;   // heads of consecutive primes from here up; 0: the preset's size
  std::string id_map_file;  // white-space separated: for token 0, 1, ... the id that is hashed
};

// "qwen4-exp": orders 2 and 3, 8 heads each, one layer: 16 rows a token, 320,001,446 rows.
// "deepseek-engram": orders 2 to 4, 8 heads each, layers 1 and 14: 48 rows a token, 768,022,850 rows. The multipliers
// of DeepSeek's files are not published; they are drawn as Qwen4-Exp's are, with Engram's seed rule.
NgramGeometry ngram_preset(std::string_view name, const NgramChanges& changes);

// As a GGUF file has it under `PREFIX.ple.*`; arrays of several layers are concatenated.
struct NgramKeys {
  std::string origin;  // the file, for messages
  uint32_t vocab = 0;
  uint64_t table_rows = 0;
  uint64_t ngram_size = 0, heads_per_ngram = 0, eos_token_id = 0;
  std::vector<uint64_t> layers, head_vocab_sizes, head_offsets, layer_multipliers;
};
NgramGeometry ngram_geometry(const NgramKeys& keys);

// Error where a product of an id and its multiplier exceeds 63 bits, heads overlap or exceed the table, rows exceed a
// RowId, or counts do not agree.
void check_geometry(const NgramGeometry& geometry, const std::string& where);

std::unique_ptr<Addressing> make_ngram_addressing(NgramGeometry geometry);

}  // namespace tierscope

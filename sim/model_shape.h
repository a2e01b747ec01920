// What the timing model must know of a decoder: the bytes it streams and the arithmetic it does, block by block. Built
// by the program from a model file (or a preset), so that `sim` does not depend on the runtime.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tierscope {

struct BlockShape {
  uint64_t weight_bytes = 0;     // as stored: what a pass reads from memory
  uint64_t weights = 0;          // values: 2 operations per value and token
  uint32_t attention_width = 0;  // query heads x head dimension: 4 operations per value, token and position seen
  uint32_t kv_width = 0;         // 2 x key-value heads x head dimension: values read per position seen
  uint32_t window = 0;           // positions seen at most; 0: all
  bool operator==(const BlockShape&) const = default;
};

struct ModelShape {
  std::string name;
  std::vector<BlockShape> blocks;
  BlockShape input;  // what runs before block 0 (Gemma: the projection of the PLE context)
  BlockShape head;   // the output projection, once per logits row
  uint32_t table_rows = 0;
  uint64_t row_bytes = 0;
  uint64_t weight_bytes = 0;        // all but the table
  uint64_t kv_bytes_per_token = 0;  // all layers that keep keys and values
  double first_use_in_block = 0;    // where the table's rows are first used: block + the share of it done by then
  bool operator==(const ModelShape&) const = default;
};

}  // namespace tierscope

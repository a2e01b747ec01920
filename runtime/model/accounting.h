// Where a model file's parameters are and which of them a token touches; the geometry of its PLE table. Works on any
// GGUF file, whatever its architecture, keys or types. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/gguf/gguf.h"
#include "runtime/model/hyperparameters.h"

namespace tierscope {

struct ParameterGroup {
  std::string name;  // "attention"
  uint64_t parameters = 0;
  uint64_t bytes = 0;              // without tensors of types whose size is not known
  std::vector<std::string> types;  // in order of appearance
};

// Figures that a model's publisher gives, which count more than a text-only file holds.
struct PublishedCount {
  std::string_view model;
  double total, embedding, effective;
};

struct ModelAccount {
  uint64_t total = 0;
  uint64_t embedding = 0;  // tables that are looked up by token: the token embedding and the PLE table
  uint64_t effective = 0;  // total - embedding: what must be near the compute
  // What one decode step multiplies or looks up: the effective ones (of experts, those chosen), the output head where
  // it is the token embedding, and the token's rows.
  uint64_t active_per_token = 0;
  uint64_t bytes = 0;                    // of tensors of known types
  uint64_t bytes_per_token = 0;          // weights that one decode step reads, rows included
  std::vector<ParameterGroup> groups;    // in order of appearance
  std::vector<std::string> unsupported;  // names of tensors whose type has no kernel here
  std::optional<PublishedCount> published;
};
// `rows_per_token`: of the PLE table.
ModelAccount account_parameters(const GgufFile& file, uint32_t rows_per_token);

// How single rows lie on a device that reads whole pages.
struct RowPages {
  uint64_t page_bytes = 4096;
  uint64_t fewest = 0, most = 0;
  double mean = 0;
  double read_amplification = 0;  // bytes read for one row alone / row_bytes
};
RowPages row_pages(const PleTable& table, uint64_t page_bytes = 4096);

}  // namespace tierscope

// A golden model with its tokens, and its PLE table in memory: what tests of the decoder run on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/gguf/gguf.h"
#include "runtime/model/decoder.h"

namespace tierscope {

class GoldenModel {
 public:
  explicit GoldenModel(const std::string& name);  // "micro-f32"

  const GgufFile& file() const { return file_; }
  const std::vector<TokenId>& tokens() const { return tokens_; }
  uint32_t vocab() const { return vocab_; }
  std::vector<float> exact_logits() const;  // [tokens][vocab]

  // One forward pass with the rows that `batch` needs; the logits of the tokens that want them.
  std::vector<float> forward(Decoder& decoder, const std::vector<BatchToken>& batch) const;
  // All tokens as sequence 0 in steps of `chunk`, every token wanting logits.
  std::vector<float> forward_in_chunks(Decoder& decoder, std::span<const TokenId> tokens, uint32_t chunk) const;

  static std::filesystem::path path(const std::string& name, const std::string& suffix);

 private:
  std::string name_;
  GgufFile file_;
  uint32_t vocab_ = 0;
  std::vector<TokenId> tokens_;
  std::vector<std::byte> table_;
  uint64_t row_bytes_ = 0;
};

// By model: the NMSE that its logits must keep. Exact arithmetic for float32, else what llama.cpp reaches times 1.5.
std::map<std::string, double> logit_bounds();

// Sum of squared differences over the sum of squares of `exact`.
double nmse(std::span<const float> values, std::span<const float> exact);

}  // namespace tierscope

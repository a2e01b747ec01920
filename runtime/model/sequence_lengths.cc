#include "runtime/model/sequence_lengths.h"

#include <fmt/format.h>

#include <stdexcept>

#include "runtime/base/error.h"

namespace tierscope {

std::vector<uint32_t> lengths_after(std::span<const BatchToken> batch, std::vector<uint32_t> lengths,
                                    const Hyperparameters& model, const DecoderOptions& options) {
  if (batch.size() > options.max_batch_tokens)
    throw std::logic_error(
        fmt::format("a batch of {} tokens, prepared for {}", batch.size(), options.max_batch_tokens));
  for (const BatchToken& token : batch) {
    if (token.token >= model.vocab)
      throw Error(fmt::format("token {} is outside the vocabulary of {}", token.token, model.vocab), "",
                  "use tokens of this model's tokenizer");
    if (token.position >= options.context_tokens)
      throw Error(fmt::format("the context of {} tokens is full", options.context_tokens), "", "raise --ctx");
    if (token.position != lengths.at(token.sequence)++)
      throw std::logic_error(fmt::format("sequence {}: position {} is out of order", token.sequence, token.position));
  }
  return lengths;
}

}  // namespace tierscope

// Text to token ids and back, from a model's own vocabulary, which is handed in as a plain struct. Two kinds: `gemma4`
// (byte-pair merges by rank) and `llama` (merges by score); both fall back to byte tokens, so any bytes have ids.
// A Tokenizer is immutable and may be shared between threads; Encoder and Detokenizer have one owner each.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "traces/token_trace.h"

namespace tierscope {

// GGUF's tokenizer.ggml.token_type.
enum class TokenType : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct Vocabulary {
  std::string origin;  // the file, for messages
  std::string kind;    // "gemma4" or "llama"
  std::vector<std::string> tokens;
  std::vector<TokenType> types;     // as many as tokens
  std::vector<float> scores;        // llama: as many as tokens
  std::vector<std::string> merges;  // gemma4: "left right", best first
  std::optional<TokenId> bos, eos, end_of_turn, unknown;
  bool add_bos = true;
  bool add_space_prefix = false;
  std::string chat_template;  // as the file has it; "" for none
};

class Tokenizer {
 public:
  // Error naming the vocabulary's file where the kind is unknown, a merge is broken, counts disagree, or bytes have no
  // token to fall back to.
  explicit Tokenizer(Vocabulary vocabulary);
  ~Tokenizer();
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  const Vocabulary& vocabulary() const;
  uint32_t size() const;
  std::optional<TokenId> find(std::string_view token) const;  // by the exact text of the vocabulary
  // The bytes that the token stands for; control tokens: none.
  std::string_view bytes(TokenId token) const;

 private:
  friend class Encoder;
  struct State;
  std::unique_ptr<State> state_;
};

// Holds scratch space and a cache of recent pieces. The tokenizer must outlive it.
class Encoder {
 public:
  explicit Encoder(const Tokenizer& tokenizer);
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  // Appends the ids of `text` (any bytes). Control and user-defined tokens are recognised in it; no BOS is added.
  void encode(std::string_view text, std::vector<TokenId>& ids);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Streams text out: what it returns never ends within a UTF-8 character. Bytes that can no longer become a character
// come out as they are.
class Detokenizer {
 public:
  explicit Detokenizer(const Tokenizer& tokenizer);
  std::string push(TokenId token);  // Error where it is outside the vocabulary
  std::string finish();             // what is held back; the next push starts a new text

 private:
  const Tokenizer& tokenizer_;
  std::string held_;
  bool at_start_ = true;
};

std::vector<TokenId> encode(const Tokenizer& tokenizer, std::string_view text);
std::string decode(const Tokenizer& tokenizer, const std::vector<TokenId>& ids);

}  // namespace tierscope

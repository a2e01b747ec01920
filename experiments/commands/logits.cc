#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "experiments/backend.h"
#include "experiments/commands/commands.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/engine/model_table.h"
#include "runtime/engine/placed_decoder.h"

namespace tierscope {
namespace {

std::vector<TokenId> read_tokens(const std::filesystem::path& path, uint32_t vocab) {
  const std::string text = read_text_file(path);
  std::vector<TokenId> tokens;
  for (size_t at = text.find_first_not_of(" \t\r\n"); at != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(" \t\r\n", at), text.size());
    const std::string_view word(text.data() + at, end - at);
    const auto id = parse_unsigned(word);
    if (!id || *id >= vocab)
      throw Error(fmt::format("entry {}: '{}' is no token id below {}", tokens.size() + 1, printable(word), vocab),
                  path.string(), "write the ids of this model's tokenizer, separated by white space");
    tokens.push_back(static_cast<TokenId>(*id));
    at = text.find_first_not_of(" \t\r\n", end);
  }
  if (tokens.empty()) throw Error("holds no token id", path.string(), "see: tierscope tokenize");
  return tokens;
}

uint32_t step_tokens(const Arguments& arguments) {
  const std::string mode = arguments.text("mode");
  if (mode == "decode") return 1;
  const std::vector<std::string> modes{"prefill", "decode"};
  if (mode != "prefill") throw UsageError(unknown_name("mode", mode, modes), "--mode");
  const uint64_t chunk = arguments.number("chunk");
  if (chunk == 0 || chunk > UINT32_MAX)
    throw UsageError(fmt::format("cannot take {} tokens at once", chunk), "--chunk");
  return static_cast<uint32_t>(chunk);
}

DecoderOptions decoder_options(const Arguments& arguments, size_t tokens) {
  DecoderOptions options;
  options.threads = thread_count(arguments);
  const uint64_t context = arguments.number_if("ctx").value_or(tokens);
  if (context < tokens)
    throw UsageError(fmt::format("a context of {} does not hold the {} tokens", context, tokens), "--ctx");
  options.context_tokens = static_cast<uint32_t>(std::min<uint64_t>(context, UINT32_MAX));
  options.max_batch_tokens = std::min<uint32_t>(step_tokens(arguments), static_cast<uint32_t>(tokens));
  return options;
}

int run(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const GgufFile file = GgufFile::open(arguments.text("MODEL"));
  const uint32_t vocab = read_hyperparameters(file).vocab;
  const std::vector<TokenId> tokens = read_tokens(arguments.text("tokens"), vocab);
  const DecoderOptions options = decoder_options(arguments, tokens.size());
  AtomicFile out(arguments.text("out"));
  out.reserve(tokens.size() * uint64_t{vocab} * sizeof(float));

  const Placement placement = parse_placement(arguments.text("placement"));
  const std::optional<TableFile> table = find_placed_table(file, placement);
  const Backend backend(arguments.text("backend"), {&placement, 1});
  StoreOptions store;
  store.max_step_rows = options.max_batch_tokens;
  store.device = backend.device();
  backend.check_room(backend.decoder_memory(file, options), table, placement, store);
  const auto decoder = backend.make_decoder(file, options);
  PlacedDecoder model(*decoder, table, placement, store, 1);
  const auto loaded = std::chrono::steady_clock::now();
  std::vector<float> logits(size_t{options.max_batch_tokens} * vocab);
  for (uint32_t first = 0; first < tokens.size(); first += options.max_batch_tokens) {
    std::vector<BatchToken> batch;
    for (uint32_t i = first; i < std::min<size_t>(tokens.size(), first + options.max_batch_tokens); ++i)
      batch.push_back({tokens[i], 0, i, true});
    model.forward(batch, logits.data());
    out.write(std::as_bytes(std::span(logits).first(batch.size() * vocab)));
  }
  out.commit();

  const auto done = std::chrono::steady_clock::now();
  const std::chrono::duration<double> load_s = loaded - start, compute_s = done - loaded;
  const std::string access = model.store() ? model.store()->effective_access() : "";
  if (arguments.flag("json"))
    fmt::print("{}\n", nlohmann::ordered_json{{"tokens", tokens.size()},
                                              {"vocab", vocab},
                                              {"load_s", load_s.count()},
                                              {"compute_s", compute_s.count()},
                                              {"parts_s", to_json(decoder->part_seconds())},
                                              {"effective_access", access},
                                              {"backend", backend.text()}}
                           .dump(1));
  else
    fmt::print("{} tokens x {} logits in {:.3f} s (loaded in {:.3f} s)\n", tokens.size(), vocab, compute_s.count(),
               load_s.count());
  return 0;
}

}  // namespace

Command logits_command() {
  return {"logits",
          "the logits of every position of a token sequence",
          "Runs the decoder with its per-layer embeddings under a placement, which never changes a bit. The output is "
          "little-endian float32 [tokens][vocab].",
          {{"MODEL", "GGUF file of a Gemma 4 model", true}},
          {{"tokens", "FILE", "token ids, separated by white space", "", false, 0},
           {"out", "FILE", "where the logits go", "", false, 0},
           {"placement", "P", "where the table lives (see: tierscope help placement)", "nvme", false, 0},
           {"mode", "M", "prefill (in chunks) or decode (token by token)", "prefill", false, 0},
           options::chunk(),
           options::context(),
           options::backend(),
           options::threads(),
           options::json()},
          {{"tierscope logits model.gguf --tokens ids.txt --out logits.f32 --placement nvme+ram:64MiB:s3fifo",
            "rows that the cache does not hold come straight from the file"}},
          run};
}

}  // namespace tierscope

#include "runtime/compute/cpu.h"

#include <array>
#include <cstdlib>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "runtime/compute/cpu_features.h"

namespace tierscope {
namespace {

constexpr std::array<std::string_view, 7> kLevelNames{"plain", "avx2", "avx512", "amx", "neon", "dotprod", "i8mm"};

// What a level needs, lowest first; of another architecture's CPU nothing is found.
struct LevelFeature {
  CpuLevel level;
  bool CpuInfo::*feature;
};
constexpr LevelFeature kLevelFeatures[] = {{CpuLevel::avx2, &CpuInfo::avx2},       {CpuLevel::avx512, &CpuInfo::avx512},
                                           {CpuLevel::amx, &CpuInfo::amx},         {CpuLevel::neon, &CpuInfo::neon},
                                           {CpuLevel::dotprod, &CpuInfo::dotprod}, {CpuLevel::i8mm, &CpuInfo::i8mm}};

std::vector<CpuLevel> levels_of(const CpuInfo& info) {
  std::vector<CpuLevel> levels{CpuLevel::plain};
  for (const LevelFeature& level : kLevelFeatures)
    if (info.*level.feature) levels.push_back(level.level);
  return levels;
}

CpuInfo detect() {
  CpuInfo info;
  info.model = cpu_model();
  detect_features(info);
  info.best = levels_of(info).back();
  return info;
}

CpuLevel choose() {
  const char* forced = std::getenv("TIERSCOPE_CPU");
  if (forced == nullptr || *forced == 0) return cpu_info().best;
  std::vector<std::string> names;
  for (const CpuLevel level : available_levels()) {
    if (level_name(level) == forced) return level;
    names.emplace_back(level_name(level));
  }
  throw UsageError(unknown_name("kernel level of this machine", forced, names), "TIERSCOPE_CPU");
}

}  // namespace

const CpuInfo& cpu_info() {
  static const CpuInfo info = detect();
  return info;
}

std::string_view level_name(CpuLevel level) {
  return kLevelNames[static_cast<size_t>(level)];
}

std::span<const CpuLevel> available_levels() {
  static const std::vector<CpuLevel> levels = levels_of(cpu_info());
  return levels;
}

CpuLevel chosen_level() {
  static const CpuLevel level = choose();
  return level;
}

}  // namespace tierscope

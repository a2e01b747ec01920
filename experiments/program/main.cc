#include "experiments/registry.h"

int main(int argc, char** argv) {
  return tierscope::run_program({argv + 1, argv + argc});
}

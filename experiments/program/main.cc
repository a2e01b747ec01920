#include <csignal>

#include "experiments/registry.h"

int main(int argc, char** argv) {
  // A file that outgrows the limit on file sizes is an error with a message, like a full disk, not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
  return tierscope::run_program({argv + 1, argv + argc});
}

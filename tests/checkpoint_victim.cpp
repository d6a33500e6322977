#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/faulty_files.hpp"
#include "tests/numbers.hpp"

// A program that the tests kill:
//
//   checkpoint_victim DIRECTORY CALL STEP
//
// goes on from the directory to a step, with a checkpoint after every second one, of which it tells when it is durable.
// It kills itself before the CALL-th call that changes a file.

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto files = std::make_shared<FaultyFiles>();
  files->arm(FaultyFiles::Fault::kill, std::stoull(argv[2]));
  Numbers numbers;
  const auto runtime = numbers.open(argv[1], 2, {.begin_if_empty = true, .keep = 2, .files = files});
  const std::uint64_t last = std::stoull(argv[3]);
  while (runtime->latest().number() < last) {
    numbers.step_to(*runtime, runtime->latest().number() + 2);
    const std::string line = std::to_string(runtime->checkpoint().get()) + "\n";
    if (write(STDOUT_FILENO, line.data(), line.size()) < 0) return 2;
  }
}

#include <lockstep_checkpoint.hpp>
namespace ls = lockstep;

// A program that knows lockstep as installed only.
int main() {
  ls::Dataflow flow;
  auto words = flow.input<std::string>("words");
  auto counts = words | ls::group_by(ls::value, ls::count()) | ls::output("counts");
  ls::Runtime runtime(flow, {.workers = 2});
  runtime[words].push(std::vector<std::string>{"to", "be", "or", "not", "to", "be"});
  std::int64_t sum = 0;
  for (const auto& [row, weight] : runtime.step()[counts]) sum += weight * row.second;
  bool told = false;
  try {
    ls::checkpoints("a directory that is not there");
  } catch (const ls::NoCheckpoint&) {
    told = true;
  }
  return sum == 6 && told ? 0 : 1;
}

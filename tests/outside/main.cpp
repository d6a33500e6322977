#include <lockstep.hpp>
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
  return sum == 6 ? 0 : 1;
}

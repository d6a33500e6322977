// Twenty-five small dataflows, as a file of tests has them (compile_times.py).

#include <lockstep.hpp>
namespace ls = lockstep;
using Number = std::int64_t;
using Pair = std::pair<Number, Number>;

namespace {

template <class R, class Build>
std::uint64_t run(const R& row, Build build) {
  ls::Dataflow flow;
  auto in = flow.input<R>("in");
  auto out = build(in);
  ls::Runtime runtime(flow);
  runtime[in].push(row);
  return runtime.step()[out].size();
}

}  // namespace

int main() {
  std::uint64_t rows = 0;
  rows += run(Number{5}, [](auto& in) { return in | ls::filter([](Number n) { return n > 1; }) | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) { return in | ls::map([](Number n) { return n + 1; }) | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) { return in | ls::distinct() | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) { return in | ls::negate() | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) { return in | ls::aggregate(ls::count()) | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) { return in | ls::aggregate(ls::sum(ls::value)) | ls::output("out"); });
  rows += run(Number{5},
              [](auto& in) { return in | ls::aggregate(ls::min(ls::value), ls::max(ls::value)) | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) { return in | ls::group_by(ls::value, ls::count()) | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) {
    return in | ls::key_by(ls::value) | ls::map([](Number key, Number) { return key; }) | ls::output("out");
  });
  rows += run(Number{5}, [](auto& in) { return in | ls::plus(in) | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) { return in | ls::gather() | ls::output("out"); });
  rows += run(Number{5}, [](auto& in) {
    return in | ls::flat_map([](Number n) { return std::optional<Number>(n); }) | ls::output("out");
  });
  rows += run(Pair{1, 5}, [](auto& in) { return in | ls::key_by(&Pair::first) | ls::output("out"); });
  rows += run(Pair{1, 5},
              [](auto& in) { return in | ls::group_by(&Pair::first, ls::sum(&Pair::second)) | ls::output("out"); });
  rows += run(Pair{1, 5},
              [](auto& in) { return in | ls::group_by(&Pair::first, ls::min(&Pair::second)) | ls::output("out"); });
  rows += run(Pair{1, 5}, [](auto& in) {
    return in | ls::group_by(&Pair::first, ls::avg(&Pair::second), ls::count()) | ls::output("out");
  });
  rows += run(Pair{1, 5},
              [](auto& in) { return in | ls::group_by(&Pair::second, ls::sum(&Pair::first)) | ls::output("out"); });
  rows += run(Pair{1, 5}, [](auto& in) {
    return in | ls::filter([](const Pair& row) { return row.first > 1; }) | ls::output("out");
  });
  rows += run(Pair{1, 5},
              [](auto& in) { return in | ls::map([](const Pair& row) { return row.second; }) | ls::output("out"); });
  rows += run(Pair{1, 5}, [](auto& in) { return in | ls::distinct() | ls::output("out"); });
  rows += run(Pair{1, 5}, [](auto& in) {
    return in | ls::key_by(&Pair::first, &Pair::second) | ls::distinct() | ls::output("out");
  });
  rows += run(Pair{1, 5}, [](auto& in) {
    return in | ls::key_by(&Pair::first, &Pair::second) |
           ls::join(in | ls::key_by(&Pair::second, &Pair::first), [](Number a, Number b) { return a + b; }) |
           ls::output("out");
  });
  rows += run(Pair{1, 5}, [](auto& in) {
    return in | ls::key_by(&Pair::first, &Pair::second) |
           ls::join(in | ls::key_by(&Pair::first, &Pair::second), [](Number a, Number b) { return a * b; }) |
           ls::output("out");
  });
  rows += run(Pair{1, 5}, [](auto& in) { return in | ls::union_(in) | ls::output("out"); });
  rows += run(Pair{1, 5}, [](auto& in) { return in | ls::aggregate(ls::sum(&Pair::second)) | ls::output("out"); });
  return static_cast<int>(rows);
}

// A table beside a stream, a clock that steps by itself, a snapshot, and state that goes on from a directory.

#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>
#include <lockstep_checkpoint.hpp>
namespace ls = lockstep;
using namespace std::chrono_literals;

struct Person {
  std::int64_t id;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Person, (), (id, name))

struct Visit {
  std::int64_t person, minutes;
};
BOOST_DESCRIBE_STRUCT(Visit, (), (person, minutes))

struct NamedVisit {
  std::string name;
  std::int64_t minutes;
};
BOOST_DESCRIBE_STRUCT(NamedVisit, (), (name, minutes))

int main() {
  ls::Dataflow flow;
  auto people = flow.table<Person>("people", &Person::id);
  auto visits = flow.input<Visit>("visits");
  // With names for what has state, and versions for functions, a program that has changed goes on from its directory.
  const auto with_name = [](const Visit& v, const Person& p) { return NamedVisit{p.name, v.minutes}; };
  auto named = visits | ls::key_by(&Visit::person) | ls::join(people, with_name).version("1");
  auto spent =
      named | ls::group_by(&NamedVisit::name, ls::count(), ls::avg(&NamedVisit::minutes), ls::max(&NamedVisit::minutes))
                  .named("spent");
  auto result = spent | ls::output("spent", ls::accumulated);

  const auto show = [&](ls::Runtime& runtime) {
    for (const auto& [row, weight] : runtime.snapshot()[result].sorted()) fmt::print("{}\n", row);
  };

  const auto directory = std::filesystem::temp_directory_path() / fmt::format("visits-{}", getpid());
  {
    ls::Runtime runtime(flow, {.workers = 2}, ls::checkpoints(directory, {.begin_if_empty = true, .every = 10s}));
    runtime.start({.rows = 1000, .every = 1ms});  // a step when 1,000 rows are staged or one has waited for 1 ms
    auto session = runtime.open_session();        // one ordered source; any number of them, on any threads
    runtime[people].insert({1, "Ada"});
    (*session)[visits].push({1, 30});
    (*session)[visits].push({2, 45});  // of nobody we know yet
    runtime.wait((*session)[visits].push({1, 40}));
    show(runtime);
    runtime.checkpoint().get();  // durable from here on, whatever becomes of the process
  }

  ls::Runtime later(flow, {.workers = 3}, ls::checkpoints(directory));
  later[people].insert({2, "Grace"});     // her visit was not lost
  later[people].upsert({1, "Lovelace"});  // all that Ada's name is in changes, in one step
  later[visits].push({1, 40}, -1);        // this visit was a mistake
  later.step();
  show(later);
  std::filesystem::remove_all(directory);
}

#include <cctype>
#include <lockstep_kafka.hpp>

// Counts the words of a topic of lines into a topic of counts, by word.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;

int main(int argc, char** argv) {
  const auto words_of = [](const std::string& line) {
    std::vector<std::string> words(1);
    for (const char c : line) {
      if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
        words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      } else if (!words.back().empty()) {
        words.emplace_back();
      }
    }
    if (words.back().empty()) words.pop_back();
    return words;
  };

  ls::Dataflow flow;
  auto lines = flow.input<std::string>("lines", {.append_only = true});
  auto counts =
      lines | ls::flat_map(words_of) | ls::group_by(ls::value, ls::count()).named("counts") | ls::output("counts");

  kafka::Application app("word-count", flow);
  app.read(lines, "lines", kafka::text());
  app.write(counts, "counts", kafka::upsert(kafka::text(), kafka::text()));
  return app.run(argc, argv);
}

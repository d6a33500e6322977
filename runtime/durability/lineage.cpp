#include "runtime/durability/lineage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "runtime/rows/hash.hpp"

namespace lockstep {

namespace {

constexpr std::size_t kLongest = 160;

std::string bounded(std::string text) {
  if (text.size() <= kLongest) return text;
  std::size_t first = kLongest / 2;
  while (first != 0 && (static_cast<unsigned char>(text[first]) & 0xc0) == 0x80) --first;
  return fmt::format("{}...#{:016x}", text.substr(0, first), XXH3_64bits(text.data(), text.size()));
}

}  // namespace

struct Lineage::Term {
  std::string text;
  /// The same with versions.
  std::string versioned;
  std::optional<Function> function;
  std::vector<Sum> reads;
};

namespace {

template <class Sum, class Text>
std::string join(const Sum& sum, Text text) {
  std::string all;
  for (const auto& term : sum) all += (all.empty() ? "" : " + ") + (*term).*text;
  if (sum.empty()) return "nothing";
  return sum.size() == 1 ? all : "(" + all + ")";
}

template <class Sum, class Text>
std::string list(const std::vector<Sum>& reads, Text text) {
  std::string all;
  for (const Sum& sum : reads) all += (all.empty() ? "" : ", ") + join(sum, text);
  return bounded(std::move(all));
}

template <class Sum>
void add_up(Sum& sum, const Sum& more) {
  sum.insert(sum.end(), more.begin(), more.end());
  std::stable_sort(sum.begin(), sum.end(), [](const auto& a, const auto& b) { return a->text < b->text; });
}

}  // namespace

std::string Lineage::input_text(const std::string& name) { return fmt::format("input '{}'", name); }
std::string Lineage::operator_text(const std::string& name) { return fmt::format("operator '{}'", name); }

Lineage::Lineage(const Description& flow, LineageNames names) : flow_(flow), names_(std::move(names)) {}
Lineage::~Lineage() = default;

std::string Lineage::reads(const OperatorInfo& info) { return list(reads_of(info), &Term::text); }

std::string Lineage::of(EdgeId id) { return list(std::vector<Sum>{edge(id)}, &Term::text); }

std::vector<Lineage::Function> Lineage::functions(const OperatorInfo& info) {
  std::vector<Function> found;
  if (info.runs_user_code || !info.version.empty()) found.push_back({info.kind, info.name, info.version});
  std::set<std::string> visited;  // equal ones once, since it does not matter how many share an edge
  const auto visit = [&](const std::vector<Sum>& reads, const auto& visit_next) -> void {
    for (const Sum& sum : reads) {
      for (const std::shared_ptr<const Term>& term : sum) {
        if (!visited.insert(term->versioned).second) continue;
        if (term->function) found.push_back(*term->function);
        visit_next(term->reads, visit_next);
      }
    }
  };
  visit(reads_of(info), visit);
  return found;
}

Lineage::Sum Lineage::edge(EdgeId id) {
  const auto found = edges_.find(id);
  if (found != edges_.end()) return found->second;
  const OperatorInfo& info = flow_.operators[flow_.edges[id].producer];
  Sum sum;
  if (!info.has_output || id != info.output) {
    const auto side = std::find(info.side_edges.begin(), info.side_edges.end(), id) - info.side_edges.begin();
    for (const auto& term : root(info)) {
      const std::string text = fmt::format("side {} of {}", side + 1, term->text);
      sum.push_back(std::make_shared<const Term>(Term{text, text, std::nullopt, {}}));
    }
  } else if (info.source || (!info.state.empty() && !info.gives_what_it_reads)) {
    sum = root(info);
  } else {
    sum = apply(FusedPart(info), reads_of(info));
  }
  edges_.emplace(id, sum);
  return sum;
}

Lineage::Sum Lineage::root(const OperatorInfo& info) const {
  std::optional<std::string> text;
  if (info.source) {
    const InputInfo& input = flow_.inputs[*info.source];
    text = names_.input ? names_.input(input) : input_text(input.name);
  } else {
    text = names_.op ? names_.op(info) : operator_text(info.name);
  }
  if (!text) return {};
  return {std::make_shared<const Term>(Term{*text, *text, std::nullopt, {}})};
}

/// The parts on the way come after the streams that they read, which are the last ones then.
std::vector<Lineage::Sum> Lineage::reads_of(const OperatorInfo& info) {
  std::vector<Sum> reads;
  std::vector<Sum> open;
  auto part = info.fused.begin();
  std::size_t edges = 0;
  for (const std::size_t end : info.read_ends) {
    for (;;) {
      if (part != info.fused.end() && part->edges_before == edges && !open.empty()) {
        const auto first = open.end() - static_cast<std::ptrdiff_t>(part->takes);
        Sum applied = apply(*part++, {first, open.end()});
        open.erase(first, open.end());
        open.push_back(std::move(applied));
      } else if (edges != end) {
        open.push_back(edge(info.inputs[edges++]));
      } else {
        break;
      }
    }
    Sum& sum = reads.emplace_back();
    for (const Sum& one : open) add_up(sum, one);
    open.clear();
  }
  return reads;
}

Lineage::Sum Lineage::apply(const FusedPart& part, std::vector<Sum> reads) const {
  if (part.gives_what_it_reads) {
    Sum sum;
    for (const Sum& one : reads) add_up(sum, one);
    return sum;
  }
  if (std::all_of(reads.begin(), reads.end(), [](const Sum& sum) { return sum.empty(); })) return {};
  const std::string what = part.detail.empty() ? part.kind : part.kind + " " + part.detail;
  const std::string version = part.version.empty() ? "" : " version " + part.version;
  Term term;
  term.text = bounded(what + " of " + list(reads, &Term::text));
  term.versioned = bounded(what + version + " of " + list(reads, &Term::versioned));
  if (part.runs_user_code || !part.version.empty()) term.function = Function{part.kind, part.name, part.version};
  term.reads = std::move(reads);
  return {std::make_shared<const Term>(std::move(term))};
}

}  // namespace lockstep

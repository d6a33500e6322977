#include "runtime/durability/lineage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
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

std::string escaped(const std::string& name) {
  std::string text;
  for (const char c : name) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

struct Lineage::Term {
  std::string text;
  /// The same with versions.
  std::string versioned;
  std::optional<Function> function;
  std::vector<Sum> reads;
  bool is_new = false;         // or made of such
  bool has_functions = false;  // on the way
};

/// As a sum is written, equal texts are counted, whatever versions they have.
std::string Lineage::text_of(const Sum& sum, Text text) {
  if (sum.empty()) return "nothing";
  std::string all;
  std::size_t shown = 0;
  for (std::size_t i = 0; i < sum.size(); ++shown) {
    const std::string& one = (*sum[i].term).*text;
    std::uint64_t times = 0;
    for (; i < sum.size() && (*sum[i].term).*text == one; ++i) times += sum[i].times;
    all += (all.empty() ? "" : " + ") + (times == 1 ? one : fmt::format("{} x {}", times, one));
  }
  return shown == 1 ? all : "(" + all + ")";
}

std::string Lineage::text_of(const std::vector<Sum>& reads, Text text) {
  std::string all;
  for (const Sum& sum : reads) all += (all.empty() ? "" : ", ") + text_of(sum, text);
  return bounded(std::move(all));
}

void Lineage::add_up(Sum& sum, const Sum& more) {
  sum.insert(sum.end(), more.begin(), more.end());
  std::sort(sum.begin(), sum.end(), [](const Summand& a, const Summand& b) {
    return std::tie(a.term->text, a.term->versioned) < std::tie(b.term->text, b.term->versioned);
  });
  std::size_t kept = 0;
  for (std::size_t i = 1; i < sum.size(); ++i) {
    if (sum[i].term->versioned == sum[kept].term->versioned) {
      sum[kept].times += sum[i].times;
    } else {
      std::swap(sum[++kept], sum[i]);
    }
  }
  if (!sum.empty()) sum.resize(kept + 1);
}

Lineage::Sum Lineage::leaf(LineageNames::Named named) {
  auto term = std::make_shared<Term>();
  term->text = term->versioned = std::move(named.text);
  term->is_new = named.is_new;
  return {{std::move(term), 1}};
}

bool Lineage::has_new(const Sum& sum) {
  return std::any_of(sum.begin(), sum.end(), [](const Summand& one) { return one.term->is_new; });
}

std::string Lineage::input_text(const std::string& name) { return fmt::format("input '{}'", escaped(name)); }
std::string Lineage::operator_text(const std::string& name) { return fmt::format("operator '{}'", escaped(name)); }

Lineage::Lineage(const Description& flow, LineageNames names) : flow_(flow), names_(std::move(names)) {}
Lineage::~Lineage() = default;

std::string Lineage::reads(const OperatorInfo& info) { return text_of(reads_of(info), &Term::text); }

std::string Lineage::of(EdgeId id) { return text_of(std::vector<Sum>{edge(id)}, &Term::text); }

bool Lineage::reads_new(const OperatorInfo& info) {
  const std::vector<Sum> reads = reads_of(info);
  return std::any_of(reads.begin(), reads.end(), has_new);
}

bool Lineage::is_of_new(EdgeId id) { return has_new(edge(id)); }

std::vector<Lineage::Function> Lineage::functions(const OperatorInfo& info) {
  std::vector<Function> found;
  if (info.runs_user_code || !info.version.empty()) found.push_back({info.kind, info.name, info.version});
  add_functions(found, reads_of(info));
  return found;
}

std::vector<Lineage::Function> Lineage::functions(EdgeId id) {
  std::vector<Function> found;
  add_functions(found, {edge(id)});
  return found;
}

void Lineage::add_functions(std::vector<Function>& found, const std::vector<Sum>& reads) {
  std::map<std::string, std::uint64_t> visited;  // equal ones once, however many share an edge
  const auto visit = [&](const std::vector<Sum>& sums, const auto& visit_next) -> void {
    for (const Sum& sum : sums) {
      for (const auto& [term, times] : sum) {
        if (!term->has_functions) continue;
        const auto [place, is_first] = visited.emplace(term->versioned, visited.size());
        if (!is_first) {
          found.push_back({.kind = kAgain, .name = {}, .version = {}, .times = place->second});
          continue;
        }
        if (term->function || times != 1) {
          found.push_back(term->function.value_or(Function{}));
          found.back().times = times;
        }
        visit_next(term->reads, visit_next);
      }
    }
  };
  visit(reads, visit);
}

bool Lineage::read_the_same(const OperatorInfo& a, const OperatorInfo& b) {
  return are_the_same(reads_of(a), reads_of(b));
}

bool Lineage::are_the_same(const std::vector<Sum>& a, const std::vector<Sum>& b) {
  const auto same_summand = [](const Summand& one, const Summand& other) {
    if (one.times != other.times) return false;
    if (one.term == other.term) return true;
    return !one.term->function && one.term->text == other.term->text &&
           are_the_same(one.term->reads, other.term->reads);
  };
  const auto same_sum = [&](const Sum& one, const Sum& other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(), same_summand);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_sum);
}

Lineage::Sum Lineage::edge(EdgeId id) {
  const auto found = edges_.find(id);
  if (found != edges_.end()) return found->second;
  const OperatorInfo& info = flow_.operators[flow_.edges[id].producer];
  Sum sum;
  if (!info.has_output || id != info.output) {
    const auto side = std::find(info.side_edges.begin(), info.side_edges.end(), id) - info.side_edges.begin();
    if (const Sum of = root(info); !of.empty()) {
      sum = leaf({fmt::format("side {} of {}", side + 1, of[0].term->text), of[0].term->is_new});
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
  std::optional<LineageNames::Named> named;
  if (info.source) {
    const InputInfo& input = flow_.inputs[*info.source];
    named = names_.input ? names_.input(input) : LineageNames::Named{input_text(input.name)};
  } else {
    named = names_.op ? names_.op(info) : LineageNames::Named{operator_text(info.name)};
  }
  if (!named) return {};
  if (!info.gives.empty()) named->text += " giving " + info.gives;
  return leaf(std::move(*named));
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
  auto term = std::make_shared<Term>();
  term->text = bounded(what + " of " + text_of(reads, &Term::text));
  term->versioned = bounded(what + version + " of " + text_of(reads, &Term::versioned));
  if (part.runs_user_code || !part.version.empty()) term->function = Function{part.kind, part.name, part.version};
  term->has_functions = term->function.has_value();
  for (const Sum& sum : reads) {
    for (const Summand& one : sum) {
      term->is_new = term->is_new || one.term->is_new;
      term->has_functions = term->has_functions || one.term->has_functions;
    }
  }
  term->reads = std::move(reads);
  return {{std::move(term), 1}};
}

bool are_the_same(const std::vector<Lineage::Function>& a, const std::vector<Lineage::Function>& b) {
  const auto same = [](const Lineage::Function& one, const Lineage::Function& other) {
    return one.kind == other.kind && one.version == other.version && one.times == other.times;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

void encode(Encoder& out, const std::vector<Lineage::Function>& functions) {
  out.varint(functions.size());
  for (const Lineage::Function& one : functions) {
    out.bytes(one.kind);
    out.bytes(one.name);
    out.bytes(one.version);
    out.varint(one.times);
  }
}

std::vector<Lineage::Function> decode_functions(Decoder& in) {
  std::vector<Lineage::Function> functions;
  for (std::uint64_t count = in.varint(); count != 0; --count) {
    Lineage::Function& one = functions.emplace_back();
    one.kind = in.bytes();
    one.name = in.bytes();
    one.version = in.bytes();
    one.times = in.varint();
  }
  return functions;
}

}  // namespace lockstep

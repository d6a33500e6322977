#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "operators/arrange.hpp"
#include "operators/filter.hpp"
#include "operators/join_unique.hpp"
#include "operators/key_matcher.hpp"
#include "runtime/self_test.hpp"

namespace lockstep {

/// The equi-join of two keyed streams, over their indexes: Δ(a⋈b) = Δa⋈b′ + a′⋈Δb − Δa⋈Δb, where a′ and b′ are after
/// the step. Keeps nothing itself.
template <class K, class VA, class VB, class Function>
class JoinOperator : public JoinFunction<K, VA, VB, Function> {
 public:
  using Joined = JoinFunction<K, VA, VB, Function>;
  using typename Joined::OutRow;
  using typename Joined::ReaderA;
  using typename Joined::ReaderB;

  JoinOperator(Function function, std::string name, IndexView<K, VA>& a, IndexView<K, VB>& b)
      : Joined(std::move(function), std::move(name)), a_(&a), b_(&b) {}

  void eval(ReaderA& delta_a, ReaderB& delta_b, Batch<OutRow>& out) {
    bool fits = true;
    for_each_term(delta_a, delta_b, [&](const K& key, const VA& a, const VB& b, Int128 weight) {
      if (!fits_weight(weight)) [[unlikely]] {
        fits = false;
        return;
      }
      out.push_back({this->result(key, a, b), static_cast<Weight>(weight)});
    });
    if (!fits) [[unlikely]]
      eval_wide(delta_a, delta_b, out);
  }

 private:
  using RowA = Weighted<std::pair<K, VA>>;
  using RowB = Weighted<std::pair<K, VB>>;

  /// Some term's weight is out of range, but the terms of its row may cancel: judge their sums, key by key.
  void eval_wide(ReaderA& delta_a, ReaderB& delta_b, Batch<OutRow>& out) {
    struct Term {
      K key;
      OutRow row;
      Int128 weight;
    };
    std::vector<Term> terms;
    for_each_term(delta_a, delta_b, [&](const K& key, const VA& a, const VB& b, Int128 weight) {
      terms.push_back({key, this->result(key, a, b), weight});
    });
    const auto order = [](const Term& a, const Term& b) {
      const auto keys = row_traits<K>::compare(a.key, b.key);
      return keys != 0 ? keys : row_traits<OutRow>::compare(a.row, b.row);
    };
    std::sort(terms.begin(), terms.end(), [&](const Term& a, const Term& b) { return order(a, b) < 0; });
    out.clear();
    for (std::size_t i = 0; i < terms.size();) {
      const Term& first = terms[i];
      Int128 weight = 0;
      for (; i < terms.size() && order(first, terms[i]) == 0; ++i) weight += terms[i].weight;
      if (!fits_weight(weight)) throw_overflow("the weight of a joined row does not fit 64 bits", to_string(first.row));
      if (weight != 0) out.push_back({first.row, static_cast<Weight>(weight)});
    }
  }

  template <class Term>
  void for_each_term(ReaderA& delta_a, ReaderB& delta_b, Term&& term) {
    probe(delta_a, *b_, matches_b_, [&](const auto& row, const VB& b, Weight weight_b) {
      term(row.row.first, row.row.second, b, static_cast<Int128>(row.weight) * weight_b);
    });
    probe(delta_b, *a_, matches_a_, [&](const auto& row, const VA& a, Weight weight_a) {
      term(row.row.first, a, row.row.second, static_cast<Int128>(row.weight) * weight_a);
    });
    if (!delta_a.fresh() || !delta_b.fresh() || planted(Bug::join_keeps_both_deltas)) return;
    const int times = planted(Bug::join_takes_deltas_twice) ? 2 : 1;
    const auto each = [](auto& delta) {
      return [&delta](auto&& visit) {
        for (const auto& span : delta.spans()) {
          for (const auto& row : span) visit(row.row.first, row);
        }
      };
    };
    const auto hashes = [](auto& delta) { return [&delta] { return delta.key_hashes(); }; };
    matcher_.for_each_pair(delta_a.size(), each(delta_a), hashes(delta_a), delta_b.size(), each(delta_b),
                           hashes(delta_b), [&](const RowA& a, const RowB& b) {
                             term(a.row.first, a.row.second, b.row.second,
                                  -static_cast<Int128>(a.weight) * b.weight * times);
                           });
  }

  template <class Reader, class V, class Emit>
  void probe(Reader& delta, IndexView<K, V>& index, std::array<Match<V>, kBlock>& matches, Emit&& emit) {
    std::array<const K*, kBlock> keys;
    std::array<std::uint64_t, kBlock> hashes;
    const std::uint64_t* next_hash = delta.key_hashes().data();
    for (std::span<const Weighted<typename Reader::Row>> rows : delta.spans()) {
      while (!rows.empty()) {
        const auto block = rows.first(std::min(kBlock, rows.size()));
        // Old and new row of a key often stand side by side: one probe serves both.
        std::array<std::uint8_t, kBlock> match_of;
        std::size_t probes = 0;
        for (std::size_t i = 0; i < block.size(); ++i) {
          const K& key = block[i].row.first;
          const std::uint64_t hash = *next_hash++;
          if (i == 0 || hashes[probes - 1] != hash || !row_traits<K>::equal(*keys[probes - 1], key)) {
            keys[probes] = &key;
            hashes[probes++] = hash;
          }
          match_of[i] = static_cast<std::uint8_t>(probes - 1);
        }
        index.probe(std::span(keys).first(probes), std::span(hashes).first(probes), std::span(matches).first(probes));
        for (std::size_t i = 0; i < block.size(); ++i) {
          matches[match_of[i]].for_each([&](const V& value, Weight weight) { emit(block[i], value, weight); });
        }
        rows = rows.subspan(block.size());
      }
    }
  }

  IndexView<K, VA>* a_;
  IndexView<K, VB>* b_;
  KeyMatcher<K, const RowA, const RowB> matcher_;
  std::array<Match<VA>, kBlock> matches_a_;  // kept, since to clear them costs more than a probe
  std::array<Match<VB>, kBlock> matches_b_;
};

template <Expression Other, class Function>
class Join : public Named<Join<Other, Function>> {
 public:
  Join(Other other, Function function) : other_(std::move(other)), function_(std::move(function)) {}

  template <Expression E>
  auto apply(const E& in) const {
    static_assert(E::kKeyed && Other::kKeyed, "lockstep: join needs two keyed streams; use index_by first");
    static_assert(std::same_as<KeyOf<E>, KeyOf<Other>>,
                  "lockstep: the two streams of a join have keys of different types");
    using K = KeyOf<E>;
    using VA = ValueOf<E>;
    using VB = ValueOf<Other>;
    static_assert(std::is_invocable_v<Function&, const VA&, const VB&> ||
                      std::is_invocable_v<Function&, const K&, const VA&, const VB&>,
                  "lockstep: join's function can be called neither with two values nor with a key and two values");
    using Joined = JoinFunction<K, VA, VB, Function>;
    using OutRow = typename Joined::OutRow;
    static_assert(Row<OutRow>, "lockstep: what join's function returns cannot be a row");
    if (in.flow() != other_.flow()) throw FlowError("join: the two streams are of different dataflows");

    const auto a = arranged(in);
    const auto b = arranged(other_);
    const std::string name = this->name_or("join", a.label() + ", " + b.label());
    const Properties pa = a.properties();
    const Properties pb = b.properties();
    const bool unique = pa.unique_by_key && pb.unique_by_key;
    const Properties properties{.partitioning = Joined::kKeepKey ? Partitioning::by_key : Partitioning::none,
                                .append_only = pa.append_only && pb.append_only,
                                .unique_by_key = Joined::kKeepKey && unique,
                                .consolidated = Joined::kKeepKey && unique,
                                .step_dependent = pa.step_dependent || pb.step_dependent};
    OperatorInfo info{.kind = "join", .name = name};
    const auto add = [&]<class Operator>(std::type_identity<Operator>) {
      return add_operator<OutRow>(
          std::move(info), row_traits<OutRow>::schema(), properties,
          [function = function_, name, ea = a.edge(), eb = b.edge()](Assembly& assembly, EdgeId) {
            return Operator(function, name, assembly.view<K, VA>(ea), assembly.view<K, VB>(eb));
          },
          a, b);
    };
    const EdgeId edge = unique ? add(std::type_identity<UniqueJoinOperator<K, VA, VB, Function>>())
                               : add(std::type_identity<JoinOperator<K, VA, VB, Function>>());
    return StreamOf<Joined::kKeepKey, OutRow>(in.flow(), edge);
  }

 private:
  Other other_;
  Function function_;
};

/// All pairs of rows with equal keys, their weights multiplied. A function of the two values gives a keyed stream of
/// (key, result); a function of the key and the two values a plain stream of results. Both sides are indexed, each
/// once however many joins read it, or not at all if the operator before keeps an index already (group_by,
/// tables). O(matches) per changed row.
template <class Other, class Function>
requires Expression<std::remove_cvref_t<Other>>
auto join(Other&& other, Function function) {
  if constexpr (std::is_lvalue_reference_v<Other>) {
    return Join(other.stream(), std::move(function));
  } else {
    return Join(std::forward<Other>(other), std::move(function));
  }
}

struct NullsNeverMatch {};
/// As in SQL: rows whose key is an empty optional match nothing. `join(other, function, nulls_never_match)`.
inline constexpr NullsNeverMatch nulls_never_match{};

template <Expression Other, class Function>
class JoinOfPresent : public Named<JoinOfPresent<Other, Function>> {
 public:
  JoinOfPresent(Other other, Function function) : other_(std::move(other)), function_(std::move(function)) {}

  template <Expression E>
  auto apply(const E& in) const {
    static_assert(shape::Optional<KeyOf<E>>, "lockstep: nulls_never_match is for keys that are optionals");
    const auto present = filter([](const auto& key, const auto&) { return key.has_value(); });
    Join join(present.apply(other_), function_);
    join.take_name(this->given_name());
    return join.apply(present.apply(in));
  }

 private:
  Other other_;
  Function function_;
};

template <class Other, class Function>
requires Expression<std::remove_cvref_t<Other>>
auto join(Other&& other, Function function, NullsNeverMatch) {
  if constexpr (std::is_lvalue_reference_v<Other>) {
    return JoinOfPresent(other.stream(), std::move(function));
  } else {
    return JoinOfPresent(std::forward<Other>(other), std::move(function));
  }
}

}  // namespace lockstep

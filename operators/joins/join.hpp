#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "operators/joins/join_unique.hpp"
#include "operators/joins/keep_index.hpp"
#include "operators/joins/keys_in_both.hpp"
#include "operators/stateless/filter.hpp"

namespace lockstep {

/// The equi-join of two keyed streams, over their indexes: Δ(a⋈b) = Δa⋈b′ + a′⋈Δb − Δa⋈Δb, where a′ and b′ are after
/// the step. Keeps nothing itself.
///
/// Of a key that changes on both sides, all rows are brought together, and the function is called for pairs whose
/// weight changes: for none that was neither there before the step nor is after it.
template <class K, class VA, class VB, class Function>
class JoinOperator : public JoinFunction<K, VA, VB, Function> {
 public:
  using Joined = JoinFunction<K, VA, VB, Function>;
  using typename Joined::OutRow;
  using typename Joined::ReaderA;
  using typename Joined::ReaderB;

  JoinOperator(Function function, std::string name, const IndexView<K, VA>& a, const IndexView<K, VB>& b)
      : Joined(std::move(function), std::move(name)), a_(&a), b_(&b) {}

  void eval(ReaderA& delta_a, ReaderB& delta_b, Batch<OutRow>& out) {
    const bool both = delta_a.fresh() && delta_b.fresh();
    if (both) find_keys_in_both(delta_a, delta_b);
    const bool any_in_both = both && !in_both_.keys().empty();
    bool fits = true;
    for_each_term(delta_a, delta_b, any_in_both, [&](const K& key, const VA& a, const VB& b, Int128 weight) {
      if (!fits_weight(weight)) [[unlikely]] {
        fits = false;
        return;
      }
      out.push_back({this->result(key, a, b), static_cast<Weight>(weight)});
    });
    if (!fits) [[unlikely]]
      eval_wide(delta_a, delta_b, any_in_both, out);
  }

 private:
  using RowA = Weighted<std::pair<K, VA>>;
  using RowB = Weighted<std::pair<K, VB>>;

  /// Some term's weight is out of range, but the terms of its row may cancel: judge their sums, key by key.
  void eval_wide(ReaderA& delta_a, ReaderB& delta_b, bool any_in_both, Batch<OutRow>& out) {
    struct Term {
      K key;
      OutRow row;
      Int128 weight;
    };
    std::vector<Term> terms;
    for_each_term(delta_a, delta_b, any_in_both, [&](const K& key, const VA& a, const VB& b, Int128 weight) {
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

  void find_keys_in_both(ReaderA& delta_a, ReaderB& delta_b) {
    const auto each = [](auto& delta) {
      return [&delta](auto&& visit) {
        for (const auto& span : delta.spans()) {
          for (const auto& row : span) visit(row.row.first, row);
        }
      };
    };
    const auto hashes = [](auto& delta) { return [&delta] { return delta.key_hashes(); }; };
    in_both_.find(delta_a.size(), each(delta_a), hashes(delta_a), delta_b.size(), each(delta_b), hashes(delta_b));
  }

  template <class Term>
  void for_each_term(ReaderA& delta_a, ReaderB& delta_b, bool any_in_both, Term&& term) {
    const auto of_a = [&](const RowA& row, const VB& b, Weight weight_b) {
      term(row.row.first, row.row.second, b, static_cast<Int128>(row.weight) * weight_b);
    };
    const auto of_b = [&](const RowB& row, const VA& a, Weight weight_a) {
      term(row.row.first, a, row.row.second, static_cast<Int128>(row.weight) * weight_a);
    };
    if (!any_in_both) [[likely]] {
      const auto none = [](std::size_t) { return false; };
      probe(delta_a, *b_, matches_b_, made_b_, none, of_a);
      probe(delta_b, *a_, matches_a_, made_a_, none, of_b);
      return;
    }
    probe(
        delta_a, *b_, matches_b_, made_b_, [this](std::size_t ordinal) { return in_both_.has_a(ordinal); }, of_a);
    probe(
        delta_b, *a_, matches_a_, made_a_, [this](std::size_t ordinal) { return in_both_.has_b(ordinal); }, of_b);
    join_groups(term);
  }

  /// All rows of a delta, but those to be skipped, with what the other side has for their keys.
  template <class Reader, class V, class Skip, class Emit>
  void probe(Reader& delta, const IndexView<K, V>& index, std::array<Match<V>, kProbedAtOnce>& matches, Batch<V>& made,
             Skip&& skip, Emit&& emit) {
    using Row = Weighted<typename Reader::Row>;
    std::array<const Row*, kProbedAtOnce> rows;
    std::array<const K*, kProbedAtOnce> keys;
    std::array<std::uint64_t, kProbedAtOnce> hashes;
    // Old and new row of a key often stand side by side: one probe serves both.
    std::array<std::uint8_t, kProbedAtOnce> match_of;
    std::size_t size = 0;
    std::size_t probes = 0;
    const auto flush = [&] {
      index.probe(std::span(keys).first(probes), std::span(hashes).first(probes), std::span(matches).first(probes),
                  made);
      for (std::size_t i = 0; i < size; ++i) {
        matches[match_of[i]].for_each([&](const V& value, Weight weight) { emit(*rows[i], value, weight); });
      }
      size = probes = 0;
    };
    const std::span<const std::uint64_t> all_hashes = delta.key_hashes();
    std::size_t ordinal = 0;
    for (std::span<const Row> span : delta.spans()) {
      for (const Row& row : span) {
        const std::uint64_t hash = all_hashes[ordinal];
        if (skip(ordinal++)) continue;
        const K& key = row.row.first;
        if (size == 0 || hashes[probes - 1] != hash || !row_traits<K>::equal(*keys[probes - 1], key)) {
          keys[probes] = &key;
          hashes[probes++] = hash;
        }
        match_of[size] = static_cast<std::uint8_t>(probes - 1);
        rows[size++] = &row;
        if (size == kProbedAtOnce) flush();
      }
    }
    if (size != 0) flush();
  }

  /// A value of one side whose weight changes.
  template <class V>
  struct Change {
    const V* value;
    Int128 delta;
    Weight after = 0;
  };
  template <class V>
  using Changes = AppendVector<Change<V>>;

  template <class Term>
  void join_groups(Term&& term) {
    std::array<const K*, kProbedAtOnce> keys;
    std::array<std::uint64_t, kProbedAtOnce> hashes;
    auto groups = in_both_.keys();
    while (!groups.empty()) {
      const auto block = groups.first(std::min(kProbedAtOnce, groups.size()));
      for (std::size_t i = 0; i < block.size(); ++i) {
        keys[i] = block[i].key;
        hashes[i] = block[i].hash;
      }
      const auto all_keys = std::span(keys).first(block.size());
      const auto all_hashes = std::span(hashes).first(block.size());
      a_->probe(all_keys, all_hashes, std::span(matches_a_).first(block.size()), made_a_);
      b_->probe(all_keys, all_hashes, std::span(matches_b_).first(block.size()), made_b_);
      for (std::size_t i = 0; i < block.size(); ++i) {
        changes_a_.clear();
        changes_b_.clear();
        in_both_.for_each_a(block[i], [&](const RowA& row) { changes_a_.push_back({&row.row.second, row.weight}); });
        in_both_.for_each_b(block[i], [&](const RowB& row) { changes_b_.push_back({&row.row.second, row.weight}); });
        add_up(changes_a_);
        add_up(changes_b_);
        join_group(*keys[i], matches_a_[i], matches_b_[i], term);
      }
      groups = groups.subspan(block.size());
    }
  }

  /// Each value once, in order, and only those whose weight changes.
  template <class V>
  static void add_up(Changes<V>& changes) {
    if (changes.size() > 1) {
      std::sort(changes.begin(), changes.end(),
                [](const Change<V>& a, const Change<V>& b) { return row_traits<V>::compare(*a.value, *b.value) < 0; });
    }
    std::size_t kept = 0;
    for (const Change<V>& one : changes) {
      if (kept != 0 && row_traits<V>::equal(*changes[kept - 1].value, *one.value)) {
        changes[kept - 1].delta += one.delta;
      } else {
        if (kept != 0 && changes[kept - 1].delta == 0) --kept;
        changes[kept++] = one;
      }
    }
    if (kept != 0 && changes[kept - 1].delta == 0) --kept;
    changes.erase(changes.begin() + static_cast<std::ptrdiff_t>(kept), changes.end());
  }

  template <class V>
  static Change<V>* find(Changes<V>& changes, const V& value) {
    const auto found = std::partition_point(changes.begin(), changes.end(), [&](const Change<V>& one) {
      return row_traits<V>::compare(*one.value, value) < 0;
    });
    return found != changes.end() && row_traits<V>::equal(*found->value, value) ? &*found : nullptr;
  }

  template <class Term>
  void join_group(const K& key, const Match<VA>& match_a, const Match<VB>& match_b, Term&& term) {
    // What changes on one side, with what stays as it was on the other.
    match_b.for_each([&](const VB& b, Weight weight) {
      if (Change<VB>* const change = find(changes_b_, b)) {
        change->after = weight;
      } else {
        for (const Change<VA>& a : changes_a_) term(key, *a.value, b, a.delta * weight);
      }
    });
    match_a.for_each([&](const VA& a, Weight weight) {
      if (Change<VA>* const change = find(changes_a_, a)) {
        change->after = weight;
      } else {
        for (const Change<VB>& b : changes_b_) term(key, a, *b.value, b.delta * weight);
      }
    });
    // What changes on both: a′b′ − ab.
    for (const Change<VA>& a : changes_a_) {
      for (const Change<VB>& b : changes_b_) {
        const Int128 weight = static_cast<Int128>(a.after) * b.after - (a.after - a.delta) * (b.after - b.delta);
        if (weight != 0) term(key, *a.value, *b.value, weight);
      }
    }
  }

  const IndexView<K, VA>* a_;
  const IndexView<K, VB>* b_;
  KeysInBoth<K, const RowA, const RowB> in_both_;
  Changes<VA> changes_a_;
  Changes<VB> changes_b_;
  std::array<Match<VA>, kProbedAtOnce> matches_a_;  // kept, since to clear them costs more than a probe
  std::array<Match<VB>, kProbedAtOnce> matches_b_;
  Batch<VA> made_a_;
  Batch<VB> made_b_;
};

template <Expression Other, class Function>
class Join : public Named<Join<Other, Function>> {
 public:
  Join(Other other, Function function) : other_(std::move(other)), function_(std::move(function)) {}

  template <Expression E>
  auto apply(const E& in) const {
    static_assert(E::kKeyed && Other::kKeyed, "lockstep: join needs two keyed streams; use key_by first");
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

#pragma once

#include <algorithm>

#include "operators/stateless/chain.hpp"
#include "operators/stateless/negate.hpp"

namespace lockstep {

template <class Left, class Right>
class BothReader {
 public:
  using Row = typename Left::Row;
  struct Cursor {
    std::size_t of_left = 0;  // rows read
    typename Left::Cursor left;
    typename Right::Cursor right;
  };

  BothReader(Left left, Right right) : left_(std::move(left)), right_(std::move(right)) {}

  template <class Sink>
  void for_each(Sink&& sink) {
    left_.for_each(sink);
    right_.for_each(sink);
  }
  template <class Sink>
  void for_each(Cursor& cursor, std::size_t count, Sink&& sink) {
    const std::size_t of_left = std::min(count, left_.size() - cursor.of_left);
    left_.for_each(cursor.left, of_left, sink);
    right_.for_each(cursor.right, count - of_left, sink);
    cursor.of_left += of_left;
  }
  std::size_t size() const { return left_.size() + right_.size(); }
  template <class Function>
  void for_each_edge(Function&& function) const {
    left_.for_each_edge(function);
    right_.for_each_edge(function);
  }

 private:
  Left left_;
  Right right_;
};

template <class Left, class Right>
struct BothPlan {
  Left left;
  Right right;
  auto bind(Assembly& assembly) const {
    auto a = left.bind(assembly);
    auto b = right.bind(assembly);
    return BothReader<decltype(a), decltype(b)>(std::move(a), std::move(b));
  }
};

/// Two expressions, one after the other.
template <class Left, class Right>
class Both {
 public:
  using Row = typename Left::Row;
  static constexpr bool kKeyed = Left::kKeyed;

  Both(Left left, Right right) : left_(std::move(left)), right_(std::move(right)) {}

  const std::shared_ptr<Description>& flow() const { return left_.flow(); }
  Properties properties() const {
    const Properties a = left_.properties();
    const Properties b = right_.properties();
    const bool same_place = a.partitioning == b.partitioning && a.partitioning != Partitioning::colocated;
    return {.partitioning = same_place ? a.partitioning : Partitioning::none,
            .append_only = a.append_only && b.append_only,
            .step_dependent = a.step_dependent || b.step_dependent};
  }
  std::string label() const { return left_.label() + ", " + right_.label(); }
  Schema schema() const { return left_.schema(); }
  std::vector<EdgeId> edges() const { return joined(left_.edges(), right_.edges()); }
  std::vector<std::string> fused() const { return joined(left_.fused(), right_.fused()); }
  std::optional<std::string> signature() const { return std::nullopt; }
  auto plan() const {
    auto a = left_.plan();
    auto b = right_.plan();
    return BothPlan<decltype(a), decltype(b)>{std::move(a), std::move(b)};
  }

 private:
  template <class T>
  static std::vector<T> joined(std::vector<T> a, const std::vector<T>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  }

  Left left_;
  Right right_;
};

template <bool kKeyedIn, class In>
struct PassLink {
  using Row = In;
  static constexpr bool kKeyed = kKeyedIn;

  template <class Sink>
  void pass(const In& row, Weight weight, Sink& sink) {
    sink(row, weight);
  }
};

template <Expression Other>
class Plus : public Named<Plus<Other>> {
 public:
  Plus(Other other, const char* kind) : other_(std::move(other)), kind_(kind) {}

  template <Expression E>
  auto apply(const E& in) const {
    static_assert(std::same_as<typename E::Row, typename Other::Row> && E::kKeyed == Other::kKeyed,
                  "lockstep: plus and minus need two streams of the same rows, both keyed or both plain");
    if (in.flow() != other_.flow()) throw FlowError("plus: the two streams are of different dataflows");
    using Link = PassLink<E::kKeyed, typename E::Row>;
    Both<E, Other> both(in, other_);
    const std::string name = this->name_or(kind_, both.label());
    const Properties properties = both.properties();
    return Chain<Both<E, Other>, Link>(std::move(both), Link{}, kind_, name, properties);
  }

 private:
  Other other_;
  const char* kind_;
};

/// The sum of two Z-sets: all rows of both. No state; O(1) per row; fused.
template <class Other>
requires Expression<std::remove_cvref_t<Other>>
auto plus(Other&& other) {
  if constexpr (std::is_lvalue_reference_v<Other>) {
    return Plus(other.stream(), "plus");
  } else {
    return Plus(std::forward<Other>(other), "plus");
  }
}

/// The difference of two Z-sets: a row that is only in the other has a negative weight. No state; O(1) per
/// row; fused.
template <class Other>
requires Expression<std::remove_cvref_t<Other>>
auto minus(Other&& other) { return Plus(std::forward<Other>(other) | negate(), "minus"); }

}  // namespace lockstep

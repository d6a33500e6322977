#pragma once

#include <algorithm>
#include <string>

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
  void reads(ReadInfo& info) const {
    left_.reads(info);
    right_.reads(info);
  }
  std::optional<std::string> signature() const { return std::nullopt; }
  auto plan() const {
    auto a = left_.plan();
    auto b = right_.plan();
    return BothPlan<decltype(a), decltype(b)>{std::move(a), std::move(b)};
  }

 private:
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
  [[gnu::cold]] auto apply(const E& in) const {
    if constexpr (!SameRows<E, Other>) {
      static_assert(SameRows<E, Other>,
                    "lockstep: plus and minus are of two streams of the same rows, both keyed or both plain");
      return in;
    } else {
      if (in.flow() != other_.flow())
        throw FlowError(std::string(kind_) + ": the two streams are of different dataflows");
      using Link = PassLink<E::kKeyed, typename E::Row>;
      Both<E, Other> both(in, other_);
      Part part = this->part(kind_, both.label());
      part.runs_user_code = false;
      part.gives_what_it_reads = true;
      part.properties = both.properties();
      return Chain<Both<E, Other>, Link>(std::move(both), Link{}, std::move(part));
    }
  }

 private:
  Other other_;
  const char* kind_;
};

struct MakePlus : OperatorMaker {
  template <class Other>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other) const { return Plus(as_operand(std::forward<Other>(other)), "plus"); }
};

/// The sum of two Z-sets: all rows of both. No state; O(1) per row; fused.
inline constexpr MakePlus plus{};

struct MakeMinus : OperatorMaker {
  template <class Other>
  requires Expression<std::remove_cvref_t<Other>>
  auto operator()(Other&& other) const { return Plus(std::forward<Other>(other) | negate(), "minus"); }
};

/// The difference of two Z-sets: a row that is only in the other has a negative weight. No state; O(1) per
/// row; fused.
inline constexpr MakeMinus minus{};

}  // namespace lockstep

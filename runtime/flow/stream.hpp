#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/flow/assembly.hpp"
#include "runtime/flow/description.hpp"
#include "runtime/flow/part.hpp"

namespace lockstep {

/// What operators apply to: a stream, or a chain of stateless operators on one that has not been given an edge yet.
/// Both say what they carry and what is known of it, and have a plan, which binds to a worker as a reader.
template <class E>
concept Expression = requires(const E& expression, Assembly& assembly) {
  typename E::Row;
  { E::kKeyed } -> std::convertible_to<bool>;
  { expression.flow() } -> std::same_as<const std::shared_ptr<Description>&>;
  { expression.properties() } -> std::same_as<Properties>;
  { expression.label() } -> std::same_as<std::string>;
  { expression.schema() } -> std::same_as<Schema>;
  expression.reads(std::declval<ReadInfo&>());
  { expression.signature() } -> std::same_as<std::optional<std::string>>;
  expression.plan().bind(assembly);
};

/// How to read an edge.
template <class R>
struct EdgePlan {
  EdgeId edge;
  EdgeReader<R> bind(Assembly& assembly) const { return assembly.reader<R>(edge); }
};

/// An edge of the dataflow: what both kinds of stream are.
template <class R>
class StreamBase {
 public:
  using Row = R;
  static_assert(lockstep::Row<R>, "lockstep: a stream's rows need row_traits");

  StreamBase(std::shared_ptr<Description> flow, EdgeId edge) : flow_(std::move(flow)), edge_(edge) {}

  const std::shared_ptr<Description>& flow() const { return flow_; }
  EdgeId edge() const { return edge_; }
  const EdgeInfo& info() const { return flow_->edge(edge_); }
  Properties properties() const { return info().properties; }
  std::string label() const { return info().name; }
  Schema schema() const { return info().schema; }
  /// Adds what there is to read.
  void reads(ReadInfo& info) const { info.add_edge(edge_); }
  std::optional<std::string> signature() const { return "edge " + std::to_string(edge_); }
  EdgePlan<R> plan() const { return {edge_}; }

 private:
  std::shared_ptr<Description> flow_;
  EdgeId edge_;
};

/// A stream of rows: at each step a delta, a Z-set of R. A handle, cheap to copy; functions take and return it.
template <class R>
class Stream : public StreamBase<R> {
 public:
  static constexpr bool kKeyed = false;

  using StreamBase<R>::StreamBase;
  /// Gives a chain an edge of its own.
  template <Expression Chain>
  requires std::same_as<typename Chain::Row, R> &&(!Chain::kKeyed) && requires(const Chain& c) { c.stream(); }
  Stream(const Chain& chain) : Stream(chain.stream()) {}

  const Stream& stream() const { return *this; }
};

/// A stream of key-value pairs that is partitioned by key: each worker has all of its keys' rows and no others.
template <class K, class V>
class KeyedStream : public StreamBase<std::pair<K, V>> {
 public:
  using Key = K;
  using Value = V;
  static constexpr bool kKeyed = true;

  using StreamBase<std::pair<K, V>>::StreamBase;
  template <Expression Chain>
  requires std::same_as<typename Chain::Row, std::pair<K, V>> && Chain::kKeyed && requires(const Chain& c) {
    c.stream();
  }
  KeyedStream(const Chain& chain) : KeyedStream(chain.stream()) {}

  const KeyedStream& stream() const { return *this; }
};

template <bool kKeyed, class R>
struct StreamFor {
  using type = Stream<R>;
};
template <class K, class V>
struct StreamFor<true, std::pair<K, V>> {
  using type = KeyedStream<K, V>;
};
/// The stream of such rows.
template <bool kKeyed, class R>
using StreamOf = typename StreamFor<kKeyed, R>::type;

template <class A, class B>
concept SameRows = std::same_as<typename A::Row, typename B::Row> && A::kKeyed == B::kKeyed;

template <class E>
using KeyOf = typename E::Row::first_type;
template <class E>
using ValueOf = typename E::Row::second_type;

/// An operator as it stands after `|`: gives the operator's result on a stream.
template <class Op, class E>
concept AppliesTo = requires(const Op& op, const E& expression) {
  op.apply(expression);
};

/// The base of what makes operators when it is called, as `map` does.
struct OperatorMaker {};
template <class Op>
concept HasParentheses = !std::derived_from<Op, OperatorMaker>;

template <class Op, class E>
auto apply_operator(const Op& op, const E& expression) {
  if constexpr (!HasParentheses<Op>) {
    static_assert(
        HasParentheses<Op>,
        "lockstep: write the operator with parentheses, and in them what it needs: distinct(), map(function)");
  } else if constexpr (!AppliesTo<Op, E>) {
    static_assert(AppliesTo<Op, E>, "lockstep: what stands after | is no operator for this stream");
  } else {
    return op.apply(expression);
  }
}

/// Composes streams and operators, as ranges do. A temporary chain is fused into what comes next; a chain that has
/// a name is one edge, evaluated once however many read it.
template <class Left, class Op>
requires Expression<std::remove_cvref_t<Left>>
auto operator|(Left&& left, const Op& op) {
  if constexpr (std::is_lvalue_reference_v<Left>) {
    return apply_operator(op, left.stream());
  } else {
    return apply_operator(op, left);
  }
}

/// The second stream of an operator, as it keeps it: a temporary chain will be fused, one that has a name is one edge.
template <class E>
requires Expression<std::remove_cvref_t<E>>
auto as_operand(E&& expression) {
  if constexpr (std::is_lvalue_reference_v<E>) {
    return expression.stream();
  } else {
    return std::remove_cvref_t<E>(std::forward<E>(expression));
  }
}

/// What an operator is called, and the version of its functions, as the user says.
class GivenName {
 public:
  /// An operator of this kind, with the name that it was given, or `kind(of, detail)`.
  Part part(std::string_view kind, const std::string& of, const std::string& detail = {}) const;

 protected:
  void set_name(std::string name);
  void set_version(std::string version);

 private:
  std::string name_;
  std::string version_;
};

/// The base of operators as they stand after `|`: lets the user name them, and number their functions.
template <class Derived>
class Named : public GivenName {
 public:
  /// Gives the operator a name of the user's, under which it is reported, and its state saved.
  Derived named(std::string name) const {
    Derived copy = static_cast<const Derived&>(*this);
    copy.set_name(std::move(name));
    return copy;
  }

  /// Numbers the operator's functions: saved state that functions of another version have made is not loaded.
  Derived version(std::string version) const {
    Derived copy = static_cast<const Derived&>(*this);
    copy.set_version(std::move(version));
    return copy;
  }

 protected:
  friend Derived;
  /// Another operator, called as this one is.
  template <class Other>
  Other called_alike(Other other) const {
    static_cast<GivenName&>(other) = *this;
    return other;
  }
};

}  // namespace lockstep

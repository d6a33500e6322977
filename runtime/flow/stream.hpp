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
#include "runtime/flow/names.hpp"

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
  { expression.edges() } -> std::same_as<std::vector<EdgeId>>;
  { expression.fused() } -> std::same_as<std::vector<std::string>>;
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
  const EdgeInfo& info() const { return flow_->edges[edge_]; }
  Properties properties() const { return info().properties; }
  std::string label() const { return info().name; }
  Schema schema() const { return info().schema; }
  std::vector<EdgeId> edges() const { return {edge_}; }
  std::vector<std::string> fused() const { return {}; }
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

template <class E>
using KeyOf = typename E::Row::first_type;
template <class E>
using ValueOf = typename E::Row::second_type;

/// An operator as it stands after `|`: gives the operator's result on a stream.
template <class Op, class E>
concept AppliesTo = requires(const Op& op, const E& expression) {
  op.apply(expression);
};

/// Composes streams and operators, as ranges do. A temporary chain is fused into what comes next; a chain that has
/// a name is one edge, evaluated once however many read it.
template <class Left, class Op>
requires Expression<std::remove_cvref_t<Left>>
auto operator|(Left&& left, const Op& op) {
  using E = std::remove_cvref_t<Left>;
  if constexpr (std::is_lvalue_reference_v<Left>) {
    const auto& stream = left.stream();
    static_assert(AppliesTo<Op, std::remove_cvref_t<decltype(stream)>>,
                  "lockstep: what stands after | cannot be applied to this stream; see the operator's description");
    return op.apply(stream);
  } else {
    static_assert(AppliesTo<Op, E>,
                  "lockstep: what stands after | cannot be applied to this stream; see the operator's description");
    return op.apply(left);
  }
}

/// The base of operators as they stand after `|`: lets the user name them.
template <class Derived>
class Named {
 public:
  /// Gives the operator a name of the user's, under which it is reported, and its state saved.
  Derived named(std::string name) const {
    Derived copy = static_cast<const Derived&>(*this);
    copy.name_ = checked_name("operator", std::move(name));
    return copy;
  }

  /// The given name, or `kind(of)`.
  std::string name_or(std::string_view kind, std::string_view of) const {
    return name_.empty() ? derived_name(kind, of) : name_;
  }
  /// Takes over the name of another operator, given or not.
  void take_name(const std::string& name) { name_ = name; }
  const std::string& given_name() const { return name_; }

 private:
  std::string name_;
};

}  // namespace lockstep

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exchange/exchange.hpp"
#include "runtime/flow/add_operator.hpp"
#include "runtime/flow/projection.hpp"
#include "runtime/flow/stream.hpp"

namespace lockstep {

/// A reader with a stateless operator on it: rows pass through without being gathered in between.
template <class Reader, class Link>
class ChainReader {
 public:
  using Row = typename Link::Row;
  /// In the source: so many of its rows are read at a time, whatever becomes of them.
  using Cursor = typename Reader::Cursor;

  ChainReader(Reader reader, Link link) : reader_(std::move(reader)), link_(std::move(link)) {}

  template <class Sink>
  void for_each(Sink&& sink) {
    reader_.for_each([&](const auto& row, Weight weight) { link_.pass(row, weight, sink); });
  }
  template <class Sink>
  void for_each(Cursor& cursor, std::size_t count, Sink&& sink) {
    reader_.for_each(cursor, count, [&](const auto& row, Weight weight) { link_.pass(row, weight, sink); });
  }
  std::size_t size() const { return reader_.size(); }
  template <class Function>
  void for_each_edge(Function&& function) const {
    reader_.for_each_edge(function);
  }

 private:
  Reader reader_;
  Link link_;
};

template <class Plan, class Link>
struct ChainPlan {
  Plan plan;
  Link link;
  auto bind(Assembly& assembly) const {
    auto reader = plan.bind(assembly);
    return ChainReader<decltype(reader), Link>(std::move(reader), link);
  }
};

/// Gathers what a chain gives.
template <class R>
struct Collect {
  template <class Reader>
  void eval(Reader& in, Batch<R>& out) {
    if constexpr (std::same_as<Reader, EdgeReader<R>>) {
      for (const auto& span : in.spans()) out.insert(out.end(), span.begin(), span.end());
    } else {
      in.for_each([&](auto&& row, Weight weight) { out.push_back({std::forward<decltype(row)>(row), weight}); });
    }
  }
};

/// A stateless operator on a stream or on another chain, not yet evaluated. If an operator takes it up directly, the
/// two are fused; if it is given a name, it becomes one edge on its first use, shared by all later ones.
template <class Source, class Link>
class Chain {
 public:
  using Row = typename Link::Row;
  static constexpr bool kKeyed = Link::kKeyed;

  Chain(Source source, Link link, std::string kind, std::string label, Properties properties,
        std::optional<std::string> signature = std::nullopt)
      : source_(std::move(source)),
        link_(std::move(link)),
        kind_(std::move(kind)),
        label_(std::move(label)),
        properties_(properties),
        signature_(std::move(signature)),
        memo_(std::make_shared<std::optional<StreamOf<kKeyed, Row>>>()) {}

  const std::shared_ptr<Description>& flow() const { return source_.flow(); }
  Properties properties() const { return properties_; }
  std::string label() const { return label_; }
  Schema schema() const {
    if constexpr (std::same_as<Row, typename Source::Row>) {
      return source_.schema();
    } else {
      return row_traits<Row>::schema();
    }
  }
  std::vector<EdgeId> edges() const { return source_.edges(); }
  std::vector<std::string> fused() const {
    std::vector<std::string> names = source_.fused();
    names.push_back(label_);
    return names;
  }
  std::optional<std::string> signature() const { return signature_; }
  auto plan() const {
    auto plan = source_.plan();
    return ChainPlan<decltype(plan), Link>{std::move(plan), link_};
  }

  /// The chain as an edge; of a keyed chain, partitioned by key, and the same for all that key one stream alike.
  const StreamOf<kKeyed, Row>& stream() const {
    if (!*memo_ && kKeyed && signature_) {
      if (const auto found = flow()->keyed_alike.find(*signature_); found != flow()->keyed_alike.end()) {
        memo_->emplace(flow(), found->second);
      }
    }
    if (!*memo_) {
      Properties properties = properties_;
      OperatorInfo info{.kind = kind_, .name = label_};
      const auto collect = [](Assembly&, EdgeId) { return Collect<Row>(); };
      EdgeId edge;
      if constexpr (kKeyed) {
        properties.partitioning = Partitioning::by_key;
        edge = add_exchanged<route::ByKey, Row>(*this, std::move(info), schema(), properties, collect);
      } else {
        edge = add_operator<Row>(std::move(info), schema(), properties, collect, *this);
      }
      flow()->operators.back().fused.pop_back();
      if (kKeyed && signature_) flow()->keyed_alike[*signature_] = edge;
      memo_->emplace(flow(), edge);
    }
    return **memo_;
  }

 private:
  Source source_;
  Link link_;
  std::string kind_;
  std::string label_;
  Properties properties_;
  std::optional<std::string> signature_;
  std::shared_ptr<std::optional<StreamOf<kKeyed, Row>>> memo_;
};

}  // namespace lockstep

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exchange/reads.hpp"
#include "operators/stateless/collect.hpp"
#include "runtime/flow/add_part.hpp"
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

/// A stateless operator on a stream or on another chain, not yet evaluated. If an operator takes it up directly, the
/// two are fused; if it is given a name, it becomes one edge on its first use, shared by all later ones.
template <class Source, class Link>
class Chain {
 public:
  using Row = typename Link::Row;
  static constexpr bool kKeyed = Link::kKeyed;

  /// Of `part`, what it is and the properties of its stream count.
  Chain(Source source, Link link, Part part, std::optional<std::string> signature = std::nullopt)
      : source_(std::move(source)),
        link_(std::move(link)),
        part_(std::move(part)),
        signature_(std::move(signature)),
        edge_(std::make_shared<std::optional<EdgeId>>()) {}

  const std::shared_ptr<Description>& flow() const { return source_.flow(); }
  Properties properties() const { return part_.properties; }
  std::string label() const { return part_.name; }
  Schema schema() const {
    if constexpr (std::same_as<Row, typename Source::Row>) {
      return source_.schema();
    } else {
      return row_traits<Row>::schema();
    }
  }
  void reads(ReadInfo& info) const {
    const std::size_t before = info.streams;
    source_.reads(info);
    info.add_fused(part_, info.streams - before);
  }
  std::optional<std::string> signature() const { return signature_; }
  auto plan() const {
    auto plan = source_.plan();
    return ChainPlan<decltype(plan), Link>{std::move(plan), link_};
  }

  /// The chain as an edge; of a keyed chain, partitioned by key, and the same for all that key one stream alike.
  [[gnu::cold]] StreamOf<kKeyed, Row> stream() const {
    if (!*edge_ && kKeyed && signature_) {
      if (const EdgeId* found = flow()->keyed_alike(*signature_)) *edge_ = *found;
    }
    if (!*edge_) {
      Part part = part_;
      part.schema = schema();
      const auto collect = [](const Site&) { return Collect<Row>(); };
      const auto add = [&](auto read) {
        read.info.drop_fused();  // that is this one
        return add_part<StreamOf<kKeyed, Row>>(flow(), part, collect, std::move(read)).edge();
      };
      if constexpr (kKeyed) {
        part.properties.partitioning = Partitioning::by_key;
        *edge_ = add(reads::by_key(*this));
        if (signature_) flow()->set_keyed_alike(*signature_, **edge_);
      } else {
        *edge_ = add(reads::in_place(*this));
      }
    }
    return {flow(), **edge_};
  }

 private:
  Source source_;
  Link link_;
  Part part_;
  std::optional<std::string> signature_;
  std::shared_ptr<std::optional<EdgeId>> edge_;  // that it has become
};

}  // namespace lockstep

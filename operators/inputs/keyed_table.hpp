#pragma once

#include <string>
#include <utility>

#include "operators/inputs/input_operator.hpp"
#include "operators/inputs/table_operator.hpp"
#include "operators/inputs/table_port.hpp"
#include "operators/outputs/contents.hpp"
#include "runtime/flow/dataflow.hpp"
#include "runtime/flow/names.hpp"
#include "runtime/flow/projection.hpp"
#include "runtime/state/state_form.hpp"

namespace lockstep {

/// A keyed table input: a keyed stream of (key, row) with at most one row per key, and the name under which
/// it is changed.
template <class R, class K, class KeyFunction>
class KeyedTable : public KeyedStream<K, R> {
 public:
  using Port = TablePort<R, K, KeyFunction>;

  KeyedTable(KeyedStream<K, R> stream, InputId id, KeyFunction key_of)
      : KeyedStream<K, R>(std::move(stream)), id_(id), key_of_(std::move(key_of)) {}

  InputId id() const { return id_; }
  const std::string& name() const { return this->flow()->inputs[id_].name; }
  const KeyFunction& key_of() const { return key_of_; }
  /// Whether it has event time.
  bool is_dated() const { return this->flow()->inputs[id_].event_time != nullptr; }

 private:
  InputId id_;
  KeyFunction key_of_;
};

template <class R>
auto Dataflow::table(std::string) {
  static_assert(std::is_void_v<R>,
                "lockstep: a table needs its key, a member or a function of the row: table<Row>(name, &Row::id)");
}

template <class R, class KeyFunction>
auto Dataflow::table(std::string name, KeyFunction key_of, TableOptions options) {
  return add_table<R>(std::move(name), std::move(key_of), std::move(options), nullptr);
}

template <class R, class KeyFunction>
auto Dataflow::add_table(std::string name, KeyFunction key_of, TableOptions options,
                         std::shared_ptr<const EventTime<R>> event_time) {
  static_assert(projection::Fits<false, KeyFunction, R>,
                "lockstep: a table's key function cannot be called with the table's rows");
  using K = projection::Result<false, KeyFunction, R>;
  using Operation = TableOperation<R, K>;
  Description& flow = *description_;
  const InputEdges edges = add_input<Operation>(flow, name, row_traits<R>::schema(), {}, event_time);
  Part part("table", derived_name("table", name));
  part.state = "rows by " + projection::name(key_of);
  part.form = state_form::row_of_key(derived::coding<K>(), derived::coding<R>());
  part.runs_user_code = projection::is_user_code<KeyFunction>;
  part.version = std::move(options.version);
  part.bound = "the rows of " + name;
  part.properties = {.partitioning = Partitioning::by_key, .unique_by_key = true, .consolidated = true};
  part.sides.push_back({"refused operations of " + name,
                        ledger_schema(),
                        {.partitioning = Partitioning::colocated, .append_only = true}});
  const auto stream = add_part<KeyedStream<K, R>>(
      description_, std::move(part),
      [event_time](const Site& site) {
        return TableOperator<R, K>(site.limits(), site.side<LedgerRow>(0), event_time);
      },
      reads::edge_by<route::ByOperationKey, Operation>(flow, edges.rows));
  flow.inputs[edges.input].ledger =
      add_ledger(description_, name, edges.rejects, flow.operators.back().side_edges.front());
  show_indexed<K, R>(flow, {ContentsName::Kind::table, stream.edge()}, stream.edge());
  return KeyedTable<R, K, KeyFunction>(stream, edges.input, std::move(key_of));
}

}  // namespace lockstep

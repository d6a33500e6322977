#pragma once

#include <optional>
#include <string>
#include <utility>

#include "operators/inputs/input_operator.hpp"
#include "operators/inputs/ledger.hpp"
#include "operators/inputs/port.hpp"
#include "runtime/flow/dataflow.hpp"

namespace lockstep {

/// A Z-set input: a stream, and the name under which rows are pushed into a runtime.
template <class R>
class Input : public Stream<R> {
 public:
  using Port = InputPort<R>;

  Input(Stream<R> stream, InputId id, InputOptions options)
      : Stream<R>(std::move(stream)), id_(id), options_(options) {}

  InputId id() const { return id_; }
  const std::string& name() const { return this->flow()->inputs[id_].name; }
  const InputOptions& options() const { return options_; }
  /// Whether it has event time.
  bool is_dated() const { return this->flow()->inputs[id_].event_time != nullptr; }

 private:
  InputId id_;
  InputOptions options_;
};

template <class R>
Input<R> add_dated_input(const std::shared_ptr<Description>& flow, const std::string& name, Schema schema,
                         InputOptions options, std::shared_ptr<const EventTime<R>> event_time) {
  const InputEdges edges =
      add_input<R>(*flow, name, std::move(schema), {.append_only = options.append_only}, std::move(event_time));
  flow->inputs[edges.input].ledger = add_ledger(flow, name, edges.rejects, std::nullopt);
  return Input<R>(Stream<R>(flow, edges.rows), edges.input, options);
}

template <class R>
Input<R> Dataflow::input(std::string name, InputOptions options) {
  return input<R>(std::move(name), row_traits<R>::schema(), options);
}

template <class R>
Input<R> Dataflow::input(std::string name, Schema schema, InputOptions options) {
  return add_dated_input<R>(description_, name, std::move(schema), options, nullptr);
}

}  // namespace lockstep

#pragma once

#include <memory>
#include <string>

#include "runtime/flow/stream.hpp"

namespace lockstep {

template <class R>
class EventTime;
template <class R>
class Input;

/// What is known of an input's rows beforehand.
struct InputOptions {
  /// Rows are never deleted: a negative weight goes to the ledger. Lets min and max keep one row per group.
  bool append_only = false;
};

struct TableOptions {
  /// Of a key that is a function: another one for one that does something else. State of another version is not loaded.
  std::string version = {};
};

/// The description of a computation: inputs, operators, outputs. Built once, from one thread, and instantiated any
/// number of times by runtimes, with any number of workers. What is wrong in it throws FlowError when it is built.
class Dataflow {
 public:
  Dataflow();

  /// An input whose rows come with weights: a Z-set input.
  template <class R>
  Input<R> input(std::string name, InputOptions options = {});
  /// The same for rows whose shape is known at run time only.
  template <class R>
  Input<R> input(std::string name, Schema schema, InputOptions options = {});
  /// With event time: see event_time().
  template <class R, class Time>
  Input<R> input(std::string name, InputOptions options, const Time& event_time);

  /// An input with at most one row per key: `insert`, `upsert`, `erase`. A keyed stream of (key, row).
  template <class R, class KeyFunction>
  auto table(std::string name, KeyFunction key_of, TableOptions options = {});
  template <class R, class KeyFunction, class Time>
  auto table(std::string name, KeyFunction key_of, TableOptions options, const Time& event_time);
  /// Without a key: it does not compile, and says so.
  template <class R>
  auto table(std::string name);

  /// The graph, for mermaid.js or Graphviz.
  std::string mermaid() const;
  std::string dot() const;
  /// A tree: each output, and below it, further in, what it is made of. A line says of an operator its kind and given
  /// name, what it does, the rows and properties of its stream, what bounds its state, by what its rows are exchanged,
  /// and which stateless operators run inside it.
  std::string explain() const;

  const std::shared_ptr<Description>& description() const { return description_; }

 private:
  template <class R, class KeyFunction>
  auto add_table(std::string name, KeyFunction key_of, TableOptions options,
                 std::shared_ptr<const EventTime<R>> event_time);

  std::shared_ptr<Description> description_;
};

}  // namespace lockstep

#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kafka/error.hpp"
#include "kafka/sink.hpp"
#include "kafka/source.hpp"
#include "runtime/clock/options.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/flow/dataflow.hpp"

namespace lockstep {
class Runtime;
}

namespace lockstep::kafka {

class Run;

/// Records whose key is that of a row, and whose value is what it has: no value, and it is gone.
template <class KeyFormat, class ValueFormat>
struct Upsert {
  KeyFormat key;
  ValueFormat value;
};
template <class KeyFormat, class ValueFormat>
Upsert<KeyFormat, ValueFormat> upsert(KeyFormat key, ValueFormat value) {
  return {std::move(key), std::move(value)};
}

template <class Given, class T>
concept IsFormat = requires(const Given& given) {
  given.template of<T>();
};

/// What a run of an application depends on, beside the application.
struct Settings {
  /// Of all clients: `bootstrap.servers` at least.
  Properties properties = {};
  /// Where checkpoints are kept. Empty: nowhere, and each run begins anew.
  std::filesystem::path state = {};
  std::chrono::milliseconds checkpoint_every{10'000};
  /// How often it is looked whether topics have more partitions.
  std::chrono::milliseconds partitions_every{30'000};
  RuntimeOptions runtime = {.step_rows = 100'000};
  StepPolicy step = {};
  /// Ends when all has been read that is there at the start.
  bool until_end = false;
  /// Told what goes wrong and is tried again, such as a checkpoint. Any thread.
  std::function<void(const std::string&)> on_problem = {};
};

/// A dataflow between topics: which of its inputs are read from where, and which outputs are written.
///
///     kafka::Application app("totals", flow);
///     app.read(orders, "orders", kafka::json());
///     app.write(totals, "totals", kafka::upsert(kafka::text(), kafka::json()));
///     return app.run(argc, argv);
///
/// At least once: a checkpoint has the state after a step, and up to where each partition was read; it is one when all
/// that was written up to this step is there. A run goes on from the last one. What was written after it is written
/// again, so that a topic of upserts ends right all the same.
class Application {
 public:
  /// `name`: of the consumer group in which it shows how far it is, and of its checkpoints.
  Application(std::string name, const Dataflow& flow);
  Application(const Application&) = delete;
  ~Application();

  /// Each record's value is a row, or by keyed() its key and value, or by record() all that it has. Throws FlowError if
  /// the input reads the topic already, or is of another dataflow.
  template <class R, class RowFormat>
  void read(const Input<R>& input, std::string topic, const RowFormat& format, SourceOptions options = {}) {
    add_source({input.name(), std::move(topic), std::move(options),
                [input, format = record_format<R>(format)](std::shared_ptr<Session> session, BadRecords bad) {
                  return std::unique_ptr<Feed>(new InputFeed<R>(std::move(session), bad, input, format));
                }},
               *input.flow());
  }
  /// Each record is what its key has now. The key of a row is what the table says, not what the record's key is; that
  /// is read only where there is no value.
  template <class R, class K, class KeyFunction, class KeyFormat, class ValueFormat>
  void read(const KeyedTable<R, K, KeyFunction>& table, std::string topic, const Upsert<KeyFormat, ValueFormat>& format,
            SourceOptions options = {}) {
    add_source(
        {table.name(), std::move(topic), std::move(options),
         [table, key = format.key.template of<K>(), value = format.value.template of<R>()](
             std::shared_ptr<Session> session, BadRecords bad) {
           return std::unique_ptr<Feed>(new TableFeed<R, K, KeyFunction>(std::move(session), bad, table, key, value));
         }},
        *table.flow());
  }

  /// What each key has after a step in which that has changed. Throws FlowError if a key may have several values.
  template <class K, class V, class KeyFormat, class ValueFormat>
  void write(const KeyedOutput<K, V>& output, std::string topic, const Upsert<KeyFormat, ValueFormat>& format) {
    add_sink({output.name(), std::move(topic),
              [output, key = format.key.template of<K>(), value = format.value.template of<V>()] {
                return std::unique_ptr<Writer>(new UpsertWriter<K, V>(output, key, value));
              }},
             output.flow(), output.id(), Says::upserts);
  }
  /// Each row that comes. Throws FlowError if rows may go again.
  template <class R, class ValueFormat>
  void write(const Output<R>& output, std::string topic, const ValueFormat& format) {
    static_assert(IsFormat<ValueFormat, R>,
                  "lockstep: this is no format of the output's rows; upsert() is one of the outputs of keyed streams");
    add_sink({output.name(), std::move(topic),
              [output, format = format.template of<R>()] {
                return std::unique_ptr<Writer>(new AppendWriter<R>(output, format));
              }},
             output.flow(), output.id(), Says::rows);
  }

  /// Runs it as the command line says, until it is told to stop: by SIGINT or SIGTERM, after which it finishes its
  /// step, takes a checkpoint and returns 0. `--help` has the options. Returns what main() has to.
  int run(int argc, const char* const* argv);

  /// The same from within a program: until Run::stop. Throws KafkaError, CheckpointError.
  std::unique_ptr<Run> start(const Settings& settings) const;

 private:
  friend class Run;
  struct Source {
    std::string input;
    std::string topic;
    SourceOptions options;
    std::function<std::unique_ptr<Feed>(std::shared_ptr<Session>, BadRecords)> make_feed;
  };
  struct Sink {
    std::string output;
    std::string topic;
    std::function<std::unique_ptr<Writer>()> make_writer;
  };

  void add_source(Source source, const Description& flow);
  /// What a topic can say of an output: what each key has, or which rows come.
  enum class Says : std::uint8_t { upserts, rows };
  void add_sink(Sink sink, const void* flow, OutputId output, Says says);

  const std::string name_;
  const Dataflow flow_;  // shares its description
  std::vector<Source> sources_;
  std::vector<Sink> sinks_;
};

/// How far a run is.
struct Status {
  std::uint64_t step = 0;
  std::uint64_t records_read = 0;
  std::uint64_t records_written = 0;
  std::uint64_t last_checkpoint = 0;  // its step; 0: there was none
};

/// A running application.
class Run {
 public:
  Run(const Application& application, const Settings& settings);
  Run(const Run&) = delete;
  /// As stop(), but that it does not throw.
  ~Run();

  /// Whether it still runs; throws what it failed of. With Settings::until_end it does until all has been read.
  bool runs() const;
  /// Reads no more, finishes its step, writes that, takes a checkpoint, and ends. Throws what it failed of. Idempotent.
  void stop();
  Status status() const;
  Runtime& runtime();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lockstep::kafka

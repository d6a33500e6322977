#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kafka/error.hpp"
#include "kafka/log.hpp"
#include "kafka/sink.hpp"
#include "kafka/source.hpp"
#include "kafka/status.hpp"
#include "runtime/clock/options.hpp"
#include "runtime/faults/errors.hpp"
#include "runtime/flow/dataflow.hpp"

namespace lockstep {
class Runtime;
}

namespace lockstep::kafka {

class Run;

/// What a run of an application depends on, beside the application.
struct Settings {
  /// Of the clients of the cluster that has no name: `bootstrap.servers` at least.
  Properties properties = {};
  /// The same of other clusters, by the names by which sources and sinks know them.
  std::map<std::string, Properties> clusters = {};
  /// Of formats: `schema.registry.url`.
  Properties formats = {};
  /// Where checkpoints are kept. Empty: nowhere, and each run begins anew.
  std::filesystem::path state = {};
  std::chrono::milliseconds checkpoint_every{10'000};
  /// How often it is looked whether topics have more partitions, and are still there, and the same ones. 0: not while
  /// it runs.
  std::chrono::milliseconds partitions_every{30'000};
  RuntimeOptions runtime = {.stage_bytes = std::size_t{256} << 20, .step_rows = 100'000};
  StepPolicy step = {};
  /// Ends when all has been read that is there at the start.
  bool until_end = false;
  /// The partitions of a source are read by so many threads at most, each with a client of its own; 0: one for each
  /// processor, up to four.
  unsigned reading_threads = 0;
  /// When it is told to stop, it fails if nothing that waits for being written has got to its topic for so long, as the
  /// cluster is away. 0: it waits.
  std::chrono::milliseconds stop_timeout{60'000};
  /// Gets what there is to tell: which partitions are read from where, what goes wrong and is tried again, such as a
  /// checkpoint, and what librdkafka has to say. Without it that writes to the standard error stream, and the rest is
  /// nowhere.
  Log log = {};
  /// Called at named points, by the thread that is there: so that tests can kill the process at any of them.
  std::function<void(std::string_view point)> on_point = {};
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

  /// Each record's value is a row, or by keyed() its key and value, or by record() all that it has; by weighted() it
  /// says how many such rows come or go. Throws FlowError if the input reads the topic already, or is of another
  /// dataflow.
  template <class R, class Given>
  void read(const Input<R>& input, Topics topics, const Given& format, SourceOptions options = {}) {
    const auto open = [input, format](const FormatContext& context) -> MakeFeed {
      return [input, made = record_format<R>(format, context)](std::shared_ptr<Session> session, Refusals refusals) {
        return std::unique_ptr<Feed>(new InputFeed<R>(std::move(session), refusals, input, made));
      };
    };
    add_source({input.name(), std::move(topics), std::move(options), open}, *input.flow());
  }
  /// Each record says what a key has: upsert(), debezium().
  template <class R, class K, class KeyFunction, class Given>
  void read(const KeyedTable<R, K, KeyFunction>& table, Topics topics, const Given& format,
            SourceOptions options = {}) {
    static_assert(IsTableFormat<Given, R, K>,
                  "lockstep: a table is read by upsert() or debezium(): what does a record do to a key?");
    const auto open = [table, format](const FormatContext& context) -> MakeFeed {
      return
          [table, made = format.template of_table<R, K>(context)](std::shared_ptr<Session> session, Refusals refusals) {
            return std::unique_ptr<Feed>(new TableFeed<R, K, KeyFunction>(std::move(session), refusals, table, made));
          };
    };
    add_source({table.name(), std::move(topics), std::move(options), open}, *table.flow());
  }

  /// What each key has after a step in which that has changed: upsert(), debezium(). Throws FlowError if a key may have
  /// several values.
  template <class K, class V, class Given>
  requires IsChangeFormat<Given, K, V>
  void write(const KeyedOutput<K, V>& output, std::string topic, const Given& format, SinkOptions<K> options = {}) {
    const auto open = [output, format, options](const FormatContext& context) {
      return std::unique_ptr<Writer>(
          new ChangeWriter<K, V>(output, format.template of_changes<K, V>(context), options));
    };
    add_sink({output.name(), std::move(topic), options.cluster, options.properties, open}, output.flow(), output.id(),
             Says::changes);
  }
  /// Each row that comes, in a format as for reading. Throws FlowError if rows may go again, unless the format is
  /// weighted().
  template <class R, class Given>
  void write(const Output<R>& output, std::string topic, const Given& format, SinkOptions<R> options = {}) {
    const auto open = [output, format, options](const FormatContext& context) {
      return std::unique_ptr<Writer>(new RowWriter<R>(output, record_format<R>(format, context), options));
    };
    add_sink({output.name(), std::move(topic), options.cluster, options.properties, open}, output.flow(), output.id(),
             record_format<R>(format, {})->says_weights() ? Says::weights : Says::rows);
  }

  /// What the command line says; `--help` has all of it. `run` reads and writes until it is told to stop: by SIGINT or
  /// SIGTERM, after which it finishes its step, takes a checkpoint and returns 0. `state` shows the checkpoints,
  /// `reset` removes them, `topology` shows the dataflow with its topics. Returns what main() has to: 1 if it fails, 2
  /// of a mistake in the command line.
  int run(int argc, const char* const* argv);

  /// The dataflow, as explain() shows it, with what it reads and writes.
  std::string topology() const;
  const std::string& name() const { return name_; }

  /// The same from within a program: until Run::stop. Throws KafkaError, CheckpointError, FlowError.
  std::unique_ptr<Run> start(const Settings& settings) const;

 private:
  friend class Run;
  friend class TestDriver;
  struct Source {
    std::string input;
    Topics topics;
    SourceOptions options;
    std::function<MakeFeed(const FormatContext&)> open;
  };
  struct Sink {
    std::string output;
    std::string topic;
    std::string cluster;
    Properties properties;
    std::function<std::unique_ptr<Writer>(const FormatContext&)> open;
  };

  void add_source(Source source, const Description& flow);
  /// What a topic says of an output: what each key has, which rows come, or which come and go.
  enum class Says : std::uint8_t { changes, rows, weights };
  void add_sink(Sink sink, const void* flow, OutputId output, Says says);

  const std::string name_;
  const Dataflow flow_;  // shares its description
  std::vector<Source> sources_;
  std::vector<Sink> sinks_;
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

#include "kafka/application.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace lockstep::kafka {

Application::Application(std::string name, const Dataflow& flow) : name_(std::move(name)), flow_(flow) {
  if (name_.empty()) throw FlowError("an application's name is empty");
}

Application::~Application() = default;

void Application::add_source(Source source, const Description& flow) {
  if (flow.identity != flow_.description()->identity) {
    throw FlowError(fmt::format("input '{}' does not belong to the dataflow of application '{}'", source.input, name_));
  }
  const std::string& topic = source.topics.name;
  const auto is_same = [&](const Source& other) {
    return other.input == source.input && other.topics.name == topic && other.options.cluster == source.options.cluster;
  };
  if (std::any_of(sources_.begin(), sources_.end(), is_same)) {
    throw FlowError(fmt::format("input '{}' reads topic '{}' already", source.input, topic));
  }
  (void)source.open({});  // throws what is wrong with its format
  sources_.push_back(std::move(source));
}

void Application::add_sink(Sink sink, const void* flow, OutputId output, Says says) {
  const Description& description = *flow_.description();
  const std::string& name = sink.output;
  if (flow != description.identity.get()) {
    throw FlowError(fmt::format("output '{}' does not belong to the dataflow of application '{}'", name, name_));
  }
  const lockstep::Properties& of_edge = description.edge(description.outputs[output].edge).properties;
  if (says == Says::changes && !of_edge.unique_by_key) {
    throw FlowError(fmt::format(
        "output '{}' may have several values for a key, which a topic of upserts cannot say: write weighted() "
        "rows",
        name));
  }
  if (says == Says::rows && !of_edge.append_only) {
    throw FlowError(
        fmt::format("rows of output '{}' may go again, which a topic of rows that come cannot say: write upsert() of "
                    "a keyed output, or weighted() rows, or make its inputs append-only",
                    name));
  }
  const auto is_same = [&sink](const Sink& other) {
    return other.output == sink.output && other.topic == sink.topic && other.cluster == sink.cluster;
  };
  if (std::any_of(sinks_.begin(), sinks_.end(), is_same)) {
    throw FlowError(fmt::format("output '{}' is written to topic '{}' already", name, sink.topic));
  }
  (void)sink.open({});
  sinks_.push_back(std::move(sink));
}

std::unique_ptr<Run> Application::start(const Settings& settings) const {
  if (sources_.empty()) throw FlowError(fmt::format("application '{}' reads no topic", name_));
  return std::make_unique<Run>(*this, settings);
}

std::string Application::topology() const {
  std::string text;
  const auto of_cluster = [](const std::string& cluster) {
    return cluster.empty() ? std::string() : fmt::format(" of cluster '{}'", cluster);
  };
  for (const Source& source : sources_) {
    text += fmt::format("{} reads {} '{}'{}\n", source.input, source.topics.is_pattern() ? "topics like" : "topic",
                        source.topics.name, of_cluster(source.options.cluster));
    if (!source.options.dead_letters.empty()) {
      text += fmt::format("  and writes what it refuses to topic '{}'\n", source.options.dead_letters);
    }
  }
  for (const Sink& sink : sinks_) {
    text += fmt::format("{} is written to topic '{}'{}\n", sink.output, sink.topic, of_cluster(sink.cluster));
  }
  return text + "\n" + flow_.explain();
}

}  // namespace lockstep::kafka

#include "kafka/command/status_text.hpp"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <iterator>
#include <sstream>
#include <utility>

#include "runtime/rows/text.hpp"

namespace lockstep::kafka {

namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<std::pair<std::string, std::string>>;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

class Families {
 public:
  explicit Families(const std::string& application) : application_(application) {}

  void add(const char* name, const char* help, MetricType type) {
    families_.push_back({.name = name, .help = help, .type = type, .metric = {}});
  }
  /// Of the family that was added last.
  void value(const Labels& labels, double value) {
    prometheus::ClientMetric metric;
    metric.label.push_back({"application", application_});
    for (const auto& [name, text] : labels) metric.label.push_back({name, text});
    MetricFamily& family = families_.back();
    (family.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    family.metric.push_back(std::move(metric));
  }
  void counter(const char* name, const char* help, std::uint64_t count) {
    add(name, help, MetricType::Counter);
    value({}, static_cast<double>(count));
  }
  void gauge(const char* name, const char* help, double level) {
    add(name, help, MetricType::Gauge);
    value({}, level);
  }
  std::string text() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  const std::string application_;
  std::vector<MetricFamily> families_;
};

/// 1,234 as 1.23 k.
std::string short_number(double number, const char* unit = "") {
  static constexpr std::array kPrefixes = {"", "k", "M", "G", "T"};
  std::size_t prefix = 0;
  while (number >= 1'000 && prefix + 1 < kPrefixes.size()) {
    number /= 1'000;
    ++prefix;
  }
  const int digits = prefix == 0 || number >= 100 ? 0 : number >= 10 ? 1 : 2;
  const std::string of = std::string(kPrefixes[prefix]) + unit;
  return fmt::format("{:.{}f}{}{}", number, digits, of.empty() ? "" : " ", of);
}

std::string age(std::chrono::nanoseconds time) {
  const double s = seconds(time);
  return s < 1     ? fmt::format("{:.0f} ms", s * 1'000)
         : s < 120 ? fmt::format("{:.0f} s", s)
                   : fmt::format("{:.0f} min", s / 60);
}

}  // namespace

std::string metrics_text(const std::string& application, const Status& status) {
  Families families(application);
  families.counter("lockstep_steps_total", "The last complete step", status.step);
  families.counter("lockstep_rows_total", "Rows that were stepped by this process", status.rows);
  families.gauge("lockstep_step_seconds", "How long the last step took", seconds(status.step_time));
  families.gauge("lockstep_state_bytes", "State of all operators", static_cast<double>(status.state_bytes));
  families.add("lockstep_records_read_total", "Records that were read by this process", MetricType::Counter);
  for (const TopicStatus& one : status.sources) {
    families.value({{"input", one.name}, {"topic", one.topic}}, static_cast<double>(one.records));
  }
  families.add("lockstep_records_refused_total", "Of these, what formats refused", MetricType::Counter);
  for (const TopicStatus& one : status.sources) {
    families.value({{"input", one.name}, {"topic", one.topic}}, static_cast<double>(one.refused));
  }
  families.add("lockstep_records_written_total", "Records that were written by this process", MetricType::Counter);
  for (const TopicStatus& one : status.sinks) {
    families.value({{"output", one.name}, {"topic", one.topic}}, static_cast<double>(one.records));
  }
  families.add("lockstep_lag_records", "Offsets of a partition that have not been read", MetricType::Gauge);
  for (const PartitionStatus& one : status.partitions) {
    families.value(
        {{"input", one.input}, {"topic", one.partition.topic}, {"partition", std::to_string(one.partition.partition)}},
        static_cast<double>(one.lag()));
  }
  families.gauge("lockstep_checkpoint_step", "The step of the last checkpoint; 0: there is none",
                 static_cast<double>(status.last_checkpoint));
  if (status.since_checkpoint) {
    families.gauge("lockstep_checkpoint_age_seconds", "Since the last checkpoint", seconds(*status.since_checkpoint));
  }
  families.gauge("lockstep_commit_step", "The step up to which all has been written",
                 static_cast<double>(status.last_commit));
  if (status.since_commit) {
    families.gauge("lockstep_commit_age_seconds", "Since that was so", seconds(*status.since_commit));
  }
  return families.text();
}

std::string json_text(const std::string& application, const Status& status) {
  std::string out = "{\"application\":";
  derived::append_quoted(out, application);
  const auto number = [&out](const char* name, auto value) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":{}", name, value);
  };
  number("step", status.step);
  number("rows", status.rows);
  number("step_seconds", seconds(status.step_time));
  number("state_bytes", status.state_bytes);
  number("records_read", status.records_read);
  number("records_refused", status.records_refused);
  number("records_written", status.records_written);
  number("lag", status.lag);
  number("checkpoint_step", status.last_checkpoint);
  if (status.since_checkpoint) number("checkpoint_age_seconds", seconds(*status.since_checkpoint));
  number("commit_step", status.last_commit);
  if (status.since_commit) number("commit_age_seconds", seconds(*status.since_commit));
  const auto topics = [&](const char* name, const char* of, const std::vector<TopicStatus>& all, bool is_source) {
    fmt::format_to(std::back_inserter(out), ",\"{}\":[", name);
    for (std::size_t i = 0; i < all.size(); ++i) {
      fmt::format_to(std::back_inserter(out), "{}{{\"{}\":", i == 0 ? "" : ",", of);
      derived::append_quoted(out, all[i].name);
      out += ",\"topic\":";
      derived::append_quoted(out, all[i].topic);
      number("records", all[i].records);
      if (is_source) number("refused", all[i].refused);
      out += '}';
    }
    out += ']';
  };
  topics("sources", "input", status.sources, true);
  topics("sinks", "output", status.sinks, false);
  out += ",\"partitions\":[";
  for (std::size_t i = 0; i < status.partitions.size(); ++i) {
    const PartitionStatus& one = status.partitions[i];
    out += i == 0 ? "{\"input\":" : ",{\"input\":";
    derived::append_quoted(out, one.input);
    out += ",\"topic\":";
    derived::append_quoted(out, one.partition.topic);
    number("partition", one.partition.partition);
    number("next", one.next);
    number("end", one.end);
    out += '}';
  }
  return out + "]}\n";
}

std::string line_text(const Status& status, const Status& before, std::chrono::nanoseconds since) {
  const double time = std::max(seconds(since), 1e-3);
  const auto rate = [time](std::uint64_t now, std::uint64_t then) {
    return short_number(static_cast<double>(now - then) / time) + "/s";
  };
  std::string line = fmt::format(
      "{} in, {} out, lag {}, step {} ({:.1f} ms), state {}", rate(status.records_read, before.records_read),
      rate(status.records_written, before.records_written), short_number(static_cast<double>(status.lag)), status.step,
      seconds(status.step_time) * 1'000, short_number(static_cast<double>(status.state_bytes), "B"));
  if (status.records_refused != 0) line += fmt::format(", {} refused", status.records_refused);
  if (status.since_checkpoint) line += fmt::format(", checkpoint {} ago", age(*status.since_checkpoint));
  if (status.since_commit) line += fmt::format(", written {} ago", age(*status.since_commit));
  return line;
}

}  // namespace lockstep::kafka

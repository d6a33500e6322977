#include "kafka/sink.hpp"

#include <fmt/format.h>

#include <exception>
#include <stdexcept>

#include "kafka/error.hpp"
#include "runtime/steps/step.hpp"

namespace lockstep::kafka {

void write(Writer& writer, const Step& step, RecordSink& to, std::string_view output, std::string_view topic) {
  try {
    writer.write(step, to);
  } catch (const KafkaError&) {
    throw;
  } catch (const std::exception& error) {
    throw KafkaError(fmt::format("output '{}' cannot be written to topic '{}' at step {}: {}", output, topic,
                                 step.number(), error.what()));
  }
}

void throw_no_partition(std::int32_t partition, std::int32_t partitions) {
  throw std::out_of_range(fmt::format("a record is to go to partition {}: the topic has {}", partition, partitions));
}

}  // namespace lockstep::kafka

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kafka/properties.hpp"

namespace lockstep::kafka {

/// Schemas of records by their numbers, as Confluent's registry has them, and those that speak as it does. Any thread.
class SchemaRegistry {
 public:
  /// That at `schema.registry.url`; `mock://name` is one of this process, for tests. With
  /// `schema.registry.basic.auth.user.info`, `user:password`, if it asks for that. Throws KafkaError if there is no
  /// URL.
  static std::shared_ptr<SchemaRegistry> of(const Properties& properties);
  virtual ~SchemaRegistry() = default;

  // It is asked again for half a minute if there is no answer, then they throw KafkaError.

  /// Nothing: there is none of this number.
  virtual std::optional<std::string> schema(std::int32_t id) = 0;
  /// Its number among those of a subject; the same, if it is there already. Throws KafkaError if it is refused.
  virtual std::int32_t add(const std::string& subject, const std::string& schema) = 0;
};

}  // namespace lockstep::kafka

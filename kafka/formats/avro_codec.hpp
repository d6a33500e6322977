#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "kafka/formats/avro_value.hpp"
#include "kafka/formats/format.hpp"
#include "kafka/registry/schema_registry.hpp"

namespace lockstep::kafka {

namespace avro_errors {

[[noreturn]] void throw_missing(std::string_view field);
[[noreturn]] void throw_length(std::size_t found, std::size_t wanted);
[[noreturn]] void throw_no_symbol();

}  // namespace avro_errors

/// Big-endian, two's complement, no longer than it has to be.
std::string avro_decimal(std::int64_t units);

/// The names of a schema's records and enums.
class AvroNames {
 public:
  AvroNames(std::string first, std::string name_space) : first_(std::move(first)), space_(std::move(name_space)) {}
  /// Begins the definition of a type, to be called as it is in C++; or names it, if it is defined, and returns false.
  bool define(std::string& out, const char* kind, const std::type_info* type, const std::string& name);

 private:
  const std::string first_;
  const std::string space_;
  std::vector<std::pair<const std::type_info*, std::string>> names_;
};

/// The frame around values: which schema they have, by its number in a registry. Any thread.
class AvroCodec {
 public:
  /// The registry is asked when it is needed first.
  AvroCodec(std::string schema, const std::string& subject, const FormatContext& context);

  void encode(std::string& out, FunctionRef<void(AvroOut&)> write) const;
  void decode(std::string_view bytes, FunctionRef<void(AvroValue&)> read) const;

 private:
  SchemaRegistry& registry() const;
  std::int64_t own_id() const;
  /// Of the writer's schema of this number.
  const AvroType& type(std::int32_t id) const;

  const std::string text_;
  const std::string subject_;
  const Properties properties_;
  mutable std::mutex registering_;
  mutable std::atomic<std::int64_t> id_{-1};  // of the own schema; -1: it is not registered
  mutable std::shared_mutex mutex_;
  mutable std::shared_ptr<SchemaRegistry> registry_;
  /// By number; or why what has it is refused.
  struct Known {
    std::shared_ptr<const AvroType> type;
    std::string refusal;
  };
  mutable std::map<std::int32_t, Known> types_;
};

}  // namespace lockstep::kafka

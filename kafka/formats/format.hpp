#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include "kafka/properties.hpp"

namespace lockstep::kafka {

/// Why bytes are not what their format says.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Of a value that is not what its row wants.
[[noreturn]] void throw_type();
/// Rethrows a FormatError that is being handled, as one that says of what.
[[noreturn]] void rethrow_of(std::string_view what);
[[noreturn]] void rethrow_of_field(std::string_view name);

/// Where a format is used.
struct FormatContext {
  /// Empty: not in one topic, or that is not known yet.
  std::string topic = {};
  bool is_key = false;
  /// Of formats, such as `schema.registry.url`.
  Properties properties = {};

  FormatContext of_key() const { return {topic, true, properties}; }
};

/// How values of one type are written as bytes, and read. Any thread.
template <class T>
class Format {
 public:
  virtual ~Format() = default;
  /// Appends. Throws FormatError of what cannot be written.
  virtual void encode(std::string& out, const T& value) const = 0;
  /// Throws FormatError.
  virtual T decode(std::string_view bytes) const = 0;
};

/// Whether values of this type have a format of what is given: by of<T>(), or of<T>(context).
template <class Given, class T>
concept IsFormat = requires(const Given& given) {
  given.template of<T>();
}
|| requires(const Given& given, const FormatContext& context) { given.template of<T>(context); };

template <class T, class Given>
std::shared_ptr<const Format<T>> make_format(const Given& given, const FormatContext& context) {
  static_assert(
      IsFormat<Given, T>,
      "lockstep: this is no format of such values; upsert() and debezium() are of tables, and of the outputs of "
      "keyed streams");
  if constexpr (requires { given.template of<T>(context); }) {
    return given.template of<T>(context);
  } else {
    return given.template of<T>();
  }
}

}  // namespace lockstep::kafka

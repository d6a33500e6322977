#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace lockstep::kafka {

/// Why bytes are not what their format says.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
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

}  // namespace lockstep::kafka

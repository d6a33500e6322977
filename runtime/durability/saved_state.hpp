#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace lockstep {

/// Saved state that is damaged, of another version, or of another dataflow.
class SavedStateError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// All state of a runtime after a complete step, laid out by slots so that any number of workers can go on from it.
/// Made by Runtime::save(), taken by Runtime's constructor.
class SavedState {
 public:
  explicit SavedState(std::string bytes) : bytes_(std::move(bytes)) {}

  const std::string& bytes() const { return bytes_; }

  /// Writes the file whole or not at all. Throws std::system_error.
  void write(const std::string& path) const;
  /// Throws std::system_error if it cannot be read; what is in it is checked when a runtime loads it.
  static SavedState read(const std::string& path);

  /// Around the content: what it is, its version, its length and checksum.
  static SavedState seal(std::string_view content);
  /// The content. Throws SavedStateError.
  std::string_view unseal() const;

 private:
  std::string bytes_;
};

}  // namespace lockstep

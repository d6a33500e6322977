#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kafka/formats/logical_types.hpp"
#include "runtime/rows/shape.hpp"

namespace lockstep::kafka {

enum class FieldNames : std::uint8_t { as_described, camel_case };

/// What the fields of a row, and of the structs within it, are called in JSON.
class JsonNames {
 public:
  using Renamed = std::map<std::string, std::string>;

  /// As they are described.
  JsonNames() = default;
  /// Throws FlowError if two fields of a struct have one name; or if what is renamed is no field, unless it `may_lack`
  /// some.
  template <class T>
  static JsonNames of_rows(FieldNames names, const Renamed& renamed, bool may_lack = false) {
    JsonNames made;
    if (names == FieldNames::as_described && renamed.empty()) return made;
    made.add<T>(names, renamed);
    if (!may_lack) made.check(renamed);
    return made;
  }

  bool empty() const { return structs_.empty(); }
  /// The first of the fields' names.
  template <Described T>
  const std::string_view* of() const {
    return structs_.empty() ? shape::field_names<T>.data() : find(&kIdentity<T>);
  }
  // For derived::write_json.

  template <unsigned Scale>
  static void write(std::string& out, const Decimal<Scale>& value) {
    out += to_text(value);
  }
  static void write(std::string& out, const Uuid& value) { out += '"' + to_text(value) + '"'; }
  template <Described T>
  std::string_view operator()(std::type_identity<T>, std::size_t field) const {
    return of<T>()[field];
  }

 private:
  template <class T>
  static constexpr char kIdentity = 0;
  struct Struct {
    const void* identity = nullptr;
    std::vector<std::string> names = {};
    std::vector<std::string_view> views = {};
    std::vector<std::string> fields = {};  // as they are described
  };

  template <class T>
  void add(FieldNames names, const Renamed& renamed) {
    if constexpr (shape::Optional<T> || shape::Sequence<T>) {
      add<typename T::value_type>(names, renamed);
    } else if constexpr (shape::Composite<T> && !LogicalType<T>) {
      if constexpr (Described<T>) {
        if (!add(&kIdentity<T>, shape::field_names<T>, names, renamed)) return;
      }
      [&]<class... Field>(shape::FieldList<Field...>*) {
        (add<Field>(names, renamed), ...);
      }(static_cast<shape::Fields<T>*>(nullptr));
    }
  }
  /// Whether it was not there.
  bool add(const void* identity, std::span<const std::string_view> fields, FieldNames names, const Renamed& renamed);
  void check(const Renamed& renamed) const;
  const std::string_view* find(const void* identity) const {
    std::size_t at = 0;
    while (structs_[at]->identity != identity) ++at;
    return structs_[at]->views.data();
  }

  std::vector<std::shared_ptr<const Struct>> structs_;  // shared, since the views are of their strings
};

}  // namespace lockstep::kafka

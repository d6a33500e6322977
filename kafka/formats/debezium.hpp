#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kafka/formats/json.hpp"
#include "kafka/formats/table_format.hpp"

namespace lockstep::kafka {

namespace debezium_event {

enum class Operation : std::uint8_t { upsert, erase, truncate };
/// Throws FormatError of what says nothing of a table's rows.
Operation operation(std::string_view text);
/// The fields of an event, which a converter may have written with its schema: `{"schema": ..., "payload": ...}`.
void read_event(std::string_view text, FunctionRef<void(std::string_view name, JsonValue& value)> field);
/// The same of a key, which may be any value.
void read_key(std::string_view text, FunctionRef<void(JsonValue&)> read);
[[noreturn]] void throw_no_operation();
[[noreturn]] void throw_no_after();
[[noreturn]] void throw_no_key();

/// A key as it is, or as an object or array of its columns in their order.
template <class K>
K read_key(std::string_view text, const JsonRules& rules) {
  K key{};
  read_key(text, [&](JsonValue& in) {
    if constexpr (Described<K> && !LogicalType<K>) {
      from_json::read(in, key, rules);
    } else if (!in.is_object()) {
      from_json::read(in, key, rules);
    } else if constexpr (shape::TupleLike<K>) {
      std::size_t place = 0;
      in.fields([&](std::string_view name, JsonValue& value) {
        with_field_at(key, place, [&](auto& field) { from_json::read_field(value, name, field, rules); });
        if (++place > std::tuple_size_v<K>) throw_no_key();
      });
      if (place != std::tuple_size_v<K>) throw_no_key();
    } else {
      bool is_read = false;
      in.fields([&](std::string_view name, JsonValue& value) {
        if (std::exchange(is_read, true)) throw_no_key();
        from_json::read_field(value, name, key, rules);
      });
      if (!is_read) throw_no_key();
    }
  });
  return key;
}

}  // namespace debezium_event

template <class R, class K>
class DebeziumTable final : public TableFormat<R, K> {
 public:
  DebeziumTable(JsonRules rules, JsonRules key_rules) : rules_(std::move(rules)), key_rules_(std::move(key_rules)) {}

  TableChange<R, K> decode(const RecordView& record) const override {
    using Change = TableChange<R, K>;
    using Kind = typename Change::Kind;
    if (!record.value) return {};  // follows what has said already that the key has nothing
    std::optional<debezium_event::Operation> operation;
    std::optional<R> after;
    debezium_event::read_event(*record.value, [&](std::string_view name, JsonValue& value) {
      if (name == "op") {
        if (operation) from_json::throw_twice(name);
        operation = debezium_event::operation(value.text());
      } else if (name == "after") {
        if (after) from_json::throw_twice(name);
        from_json::read_field(value, name, after, rules_);
      } else {
        value.skip();
      }
    });
    if (!operation) debezium_event::throw_no_operation();
    switch (*operation) {
      case debezium_event::Operation::truncate: return {.kind = Kind::clear};
      case debezium_event::Operation::upsert:
        if (!after) debezium_event::throw_no_after();
        return {.kind = Kind::upsert, .row = std::move(after)};
      case debezium_event::Operation::erase: break;
    }
    if (record.key) {
      return {.kind = Kind::erase, .row = {}, .key = debezium_event::read_key<K>(*record.key, key_rules_)};
    }
    return {.kind = Kind::erase, .row = before(*record.value)};
  }

 private:
  /// Of a table without a primary key, whose records have none: the row that was. Elsewhere it may have but its key.
  R before(std::string_view text) const {
    std::optional<R> before;
    debezium_event::read_event(text, [&](std::string_view name, JsonValue& value) {
      name == "before" ? from_json::read_field(value, name, before, rules_) : value.skip();
    });
    if (!before) debezium_event::throw_no_key();
    return *std::move(before);
  }

  const JsonRules rules_;
  const JsonRules key_rules_;
};

template <class K, class V>
class DebeziumOutput final : public ChangeFormat<K, V> {
 public:
  DebeziumOutput(JsonRules rules, JsonRules key_rules) : rules_(std::move(rules)), key_rules_(std::move(key_rules)) {}

  void encode(RecordBuffer& out, const K& key, const V* before, const V* after) const override {
    out.has_key = out.has_value = true;
    write_json(out.key, key, key_rules_);
    const auto write = [&](const V* row) {
      row == nullptr ? void(out.value += "null") : write_json(out.value, *row, rules_);
    };
    out.value += "{\"before\":";
    write(before);
    out.value += ",\"after\":";
    write(after);
    out.value += before == nullptr ? R"(,"op":"c"})" : after == nullptr ? R"(,"op":"d"})" : R"(,"op":"u"})";
  }
  bool looks_at_before() const override { return true; }
  bool adds_tombstones() const override { return true; }

 private:
  const JsonRules rules_;
  const JsonRules key_rules_;
};

/// The events of Debezium in JSON, with their schemas or without: `op` is c, r, u (the key's row is `after`), d (it has
/// none; the key is the record's, or that of `before` in a table without a primary key) or t (no key has any), and
/// other fields say nothing. A record's key is the key's value, or an object of its columns. What comes twice, be it a
/// whole snapshot, does no harm. Written are `before`, `after` and `op`, and after a delete a record without a value.
struct Debezium {
  /// Of rows, and of keys as far as they have such fields.
  JsonOptions options = {};

  template <class R, class K>
  std::shared_ptr<const TableFormat<R, K>> of_table(const FormatContext& = {}) const {
    return std::make_shared<const DebeziumTable<R, K>>(json_rules<R>(options), key_rules<K>());
  }
  template <class K, class V>
  std::shared_ptr<const ChangeFormat<K, V>> of_changes(const FormatContext& = {}) const {
    return std::make_shared<const DebeziumOutput<K, V>>(json_rules<V>(options), key_rules<K>());
  }

 private:
  template <class K>
  JsonRules key_rules() const {
    return {UnknownFields::ignored, JsonNames::of_rows<K>(options.field_names, options.names, true)};
  }
};
inline Debezium debezium(JsonOptions options = {}) { return {std::move(options)}; }

}  // namespace lockstep::kafka

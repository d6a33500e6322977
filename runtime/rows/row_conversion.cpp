#include "runtime/rows/row_conversion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/rows/codec.hpp"
#include "runtime/rows/schema_coding.hpp"

namespace lockstep {

/// What becomes of the coding of one type.
struct RowConversion::Rule {
  enum class Kind { same, to_double, to_present, optional, sequence, fields };

  Kind kind = Kind::same;
  Schema was = {};
  std::vector<Rule> parts = {};  // the one of the element; or by fields as they were
  bool was_marked = false;       // elements of no bytes
  bool is_marked = false;
  struct Field {
    std::optional<std::size_t> from;  // of the fields that were
    std::string constant;
  };
  std::vector<Field> fields = {};  // as they are

  void convert(Decoder& in, Encoder& out) const {
    switch (kind) {
      case Kind::same: out.raw(coding_of(was, in)); return;
      case Kind::to_double:
        out.fixed64(std::bit_cast<std::uint64_t>(static_cast<double>(std::bit_cast<float>(in.fixed32()))));
        return;
      case Kind::to_present:
        out.byte(1);
        parts.front().convert(in, out);
        return;
      case Kind::optional: {
        const bool is_there = derived::decode_flag(in);
        out.byte(is_there);
        if (is_there) parts.front().convert(in, out);
        return;
      }
      case Kind::sequence: {
        const std::uint64_t count = in.varint();
        out.varint(count);
        for (std::uint64_t left = count; left != 0; --left) {
          if (was_marked) derived::decode_nothing(in);
          if (is_marked) out.byte(0);
          parts.front().convert(in, out);
        }
        return;
      }
      case Kind::fields: convert_fields(in, out); return;
    }
  }

 private:
  static std::string_view coding_of(const Schema& schema, Decoder& in) {
    const std::string_view from = in.rest();
    skip_row(schema, in);
    return from.substr(0, from.size() - in.remaining());
  }

  void convert_fields(Decoder& in, Encoder& out) const {
    std::string converted;
    Encoder to(converted);
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      begins.push_back(converted.size());
      if (is_kept(i)) {
        parts[i].convert(in, to);
      } else {
        skip_row(was.fields[i].schema, in);
      }
    }
    begins.push_back(converted.size());
    for (const Field& field : fields) {
      if (!field.from) {
        out.raw(field.constant);
      } else {
        const std::size_t begin = begins[*field.from];
        out.raw(std::string_view(converted).substr(begin, begins[*field.from + 1] - begin));
      }
    }
  }
  bool is_kept(std::size_t i) const {
    return std::any_of(fields.begin(), fields.end(), [i](const Field& field) { return field.from == i; });
  }
};

class RowConversion::Planner {
 public:
  explicit Planner(std::set<std::string>& changed) : changed_(changed) {}

  /// `in_type`: to whose change what changes here belongs; null: to its own.
  Rule plan(const Schema& was, const Schema& is, const std::string& path, const std::string* in_type, bool ordered) {
    if (was == is) return {.kind = Rule::Kind::same, .was = was};
    if (is.kind == Schema::Kind::optional && was.kind != Schema::Kind::optional) {
      note(in_type, was);
      return {.kind = Rule::Kind::to_present, .parts = {plan(was, element(is), path, in_type, ordered)}};
    }
    if (was.kind != is.kind) refuse(path, was, is);
    switch (was.kind) {
      case Schema::Kind::integer:
      case Schema::Kind::unsigned_integer:
        if (width(was) > width(is)) refuse(path, was, is);
        note(in_type, was);
        return {.kind = Rule::Kind::same, .was = was};  // their coding does not tell how wide they are
      case Schema::Kind::real:
        if (was.name != "float") refuse(path, was, is);
        note(in_type, was);
        return {.kind = Rule::Kind::to_double};
      case Schema::Kind::enumeration:
      case Schema::Kind::duration:
      case Schema::Kind::time:
        if (was.name != is.name) refuse(path, was, is);
        return plan(element(was), element(is), path, in_type, ordered);
      case Schema::Kind::optional:
        return {.kind = Rule::Kind::optional, .parts = {plan(element(was), element(is), path, in_type, ordered)}};
      case Schema::Kind::sequence:
        return {.kind = Rule::Kind::sequence,
                .parts = {plan(element(was), element(is), path, in_type, ordered)},
                .was_marked = may_be_no_bytes(element(was)),
                .is_marked = may_be_no_bytes(element(is))};
      case Schema::Kind::tuple: return plan_tuple(was, is, path, in_type, ordered);
      case Schema::Kind::record: return plan_record(was, is, path, ordered);
      default: refuse(path, was, is);
    }
  }

 private:
  [[noreturn]] static void refuse(const std::string& path, const Schema& was, const Schema& is) {
    throw SchemaChange(fmt::format("{} was {}, and is {}", path, was.to_string(), is.to_string()));
  }
  static const Schema& element(const Schema& schema) { return schema.fields.front().schema; }
  static unsigned width(const Schema& integer) {
    unsigned bits = 0;
    for (const char c : integer.name) {
      if ('0' <= c && c <= '9') bits = 10 * bits + static_cast<unsigned>(c - '0');
    }
    return bits;
  }
  void note(const std::string* in_type, const Schema& was) { changed_.insert(in_type ? *in_type : was.to_string()); }

  Rule plan_tuple(const Schema& was, const Schema& is, const std::string& path, const std::string* in_type,
                  bool ordered) {
    if (was.fields.size() != is.fields.size()) refuse(path, was, is);
    Rule rule{.kind = Rule::Kind::fields, .was = was};
    for (std::size_t i = 0; i < was.fields.size(); ++i) {
      rule.parts.push_back(plan(was.fields[i].schema, is.fields[i].schema, path, in_type, ordered));
      rule.fields.push_back({i, {}});
    }
    return rule;
  }

  Rule plan_record(const Schema& was, const Schema& is, const std::string& path, bool ordered) {
    const bool is_form = is.name.empty();
    if (was.name != is.name) refuse(path, was, is);
    Rule rule{.kind = Rule::Kind::fields, .was = was, .parts = std::vector<Rule>(was.fields.size())};
    const std::vector<std::string> defaults = is_form ? std::vector<std::string>() : fields_of(is);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < is.fields.size(); ++i) {
      const SchemaField& field = is.fields[i];
      const std::string place = is_form ? (path.empty() ? field.name : path) : is.name + "." + field.name;
      const auto from = find(was, is, i, place);
      if (from) {
        if (ordered && *from != kept) throw SchemaChange(place + " has another place in the order of fields");
        ++kept;
        rule.parts[*from] = plan_field(was.fields[*from].schema, field, is, place, ordered);
      } else if (!is_form) {
        changed_.insert(is.name);
      } else if (!may_be_no_bytes(field.schema)) {
        throw SchemaChange(place + " was not kept");
      }
      rule.fields.push_back({from, from || is_form ? std::string() : defaults[i]});
    }
    if (kept == was.fields.size()) return rule;
    if (ordered) throw SchemaChange(is.name + " has lost a field, by which rows that are kept may be told apart");
    if (!is_form) changed_.insert(is.name);
    return rule;
  }

  Rule plan_field(const Schema& was, const SchemaField& field, const Schema& of, const std::string& place,
                  bool ordered) {
    const bool is_form = of.name.empty();
    if (is_form && field.name == kKey && !(was == field.schema)) {
      throw SchemaChange(
          fmt::format("its key has changed: it was {}, and is {}", was.to_string(), field.schema.to_string()));
    }
    return plan(was, field.schema, place, is_form ? nullptr : &of.name, ordered || (is_form && field.name == kOrdered));
  }

  /// The place, among those that were, of the field that is the i-th now. Several of one name cannot be told apart, but
  /// by their places.
  static std::optional<std::size_t> find(const Schema& was, const Schema& is, std::size_t i, const std::string& place) {
    const auto places = [&name = is.fields[i].name](const Schema& of) {
      std::vector<std::size_t> found;
      for (std::size_t k = 0; k < of.fields.size(); ++k) {
        if (of.fields[k].name == name) found.push_back(k);
      }
      return found;
    };
    const auto old = places(was);
    const auto now = places(is);
    if (old.empty() && now.size() == 1) return std::nullopt;
    if (old.size() == 1 && now.size() == 1) return old.front();
    if (old != now) throw SchemaChange(place + " is there several times, which cannot be told apart");
    return i;
  }

  /// The codings of the fields of a record with its defaults.
  static std::vector<std::string> fields_of(const Schema& record) {
    std::vector<std::string> fields;
    Decoder in(record.defaults);
    for (const SchemaField& field : record.fields) {
      const std::string_view from = in.rest();
      skip_row(field.schema, in);
      fields.emplace_back(from.substr(0, from.size() - in.remaining()));
    }
    return fields;
  }

  std::set<std::string>& changed_;
};

RowConversion::RowConversion(const Schema& was, const Schema& is) {
  if (!(was == is) && (is_opaque(was) || is_opaque(is))) {
    throw SchemaChange("it holds rows that have a coding of their own");
  }
  rule_ = std::make_unique<const Rule>(Planner(changed_).plan(was, is, "", nullptr, false));
}
RowConversion::RowConversion(RowConversion&&) noexcept = default;
RowConversion::~RowConversion() = default;

void RowConversion::convert(Decoder& in, Encoder& out) const { rule_->convert(in, out); }

}  // namespace lockstep

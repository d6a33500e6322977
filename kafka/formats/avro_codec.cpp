#include "kafka/formats/avro_codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace lockstep::kafka {

namespace avro_errors {

void throw_missing(std::string_view field) {
  throw FormatError(fmt::format("field \"{}\" is missing in the writer's schema", field));
}
void throw_length(std::size_t found, std::size_t wanted) {
  throw FormatError(fmt::format("the writer's record has {} fields, not {}", found, wanted));
}
void throw_no_symbol() { throw FormatError("the value is none of its enum's"); }

}  // namespace avro_errors

std::string avro_decimal(std::int64_t units) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    const auto byte = static_cast<unsigned char>(static_cast<std::uint64_t>(units) >> shift);
    // A byte says nothing that only repeats the sign.
    const std::int64_t rest = shift == 0 ? 1 : units >> (shift - 1);
    if (bytes.empty() && shift != 0 && (rest == 0 || rest == -1)) continue;
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

bool AvroNames::define(std::string& out, const char* kind, const std::type_info* type, const std::string& name) {
  const auto is_same = [type](const auto& one) { return *one.first == *type; };
  if (const auto found = std::find_if(names_.begin(), names_.end(), is_same); found != names_.end()) {
    out += '"' + found->second + '"';
    return false;
  }
  std::string plain = names_.empty() && !first_.empty() ? first_ : name;
  // Without namespaces, which may be in the arguments of templates, too.
  std::string made;
  for (std::size_t at = 0; at < plain.size();) {
    std::size_t end = at;
    while (end < plain.size() && (std::isalnum(static_cast<unsigned char>(plain[end])) != 0 || plain[end] == '_'))
      ++end;
    const std::string_view word(plain.data() + at, end - at);
    const bool is_space =
        plain.compare(end, 2, "::") == 0 || word.empty() || word == "anonymous" || word == "namespace";
    if (!is_space) made += word;
    at = end == at ? at + 1 : end;
  }
  if (made.empty() || std::isdigit(static_cast<unsigned char>(made[0])) != 0) made = "Row" + made;
  const auto is_taken = [this](const std::string& tried) {
    return std::any_of(names_.begin(), names_.end(), [&](const auto& one) { return one.second == tried; });
  };
  std::string unique = made;
  for (int number = 2; is_taken(unique); ++number) unique = made + std::to_string(number);
  out += fmt::format(R"({{"type":"{}","name":"{}")", kind, unique);
  if (names_.empty() && !space_.empty()) out += fmt::format(R"(,"namespace":"{}")", space_);
  names_.emplace_back(type, unique);
  return true;
}

AvroCodec::AvroCodec(std::string schema, const std::string& subject, const FormatContext& context)
    : text_(std::move(schema)),
      subject_(!subject.empty() ? subject : context.topic + (context.is_key ? "-key" : "-value")),
      properties_(context.properties) {}

SchemaRegistry& AvroCodec::registry() const {
  const std::lock_guard lock(mutex_);
  if (registry_ == nullptr) registry_ = SchemaRegistry::of(properties_);
  return *registry_;
}

/// Registers it, if need be; again, if that has failed. (A function that throws may leave std::call_once hanging.)
std::int64_t AvroCodec::own_id() const {
  if (const std::int64_t id = id_.load(std::memory_order_acquire); id >= 0) return id;
  const std::lock_guard lock(registering_);
  std::int64_t id = id_.load(std::memory_order_relaxed);
  if (id < 0) {
    id = registry().add(subject_, text_);
    id_.store(id, std::memory_order_release);
  }
  return id;
}

void AvroCodec::encode(std::string& out, FunctionRef<void(AvroOut&)> write) const {
  const std::int64_t id = own_id();
  out += '\0';
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(static_cast<std::uint32_t>(id) >> shift);
  AvroOut to(out);
  write(to);
}

void AvroCodec::decode(std::string_view bytes, FunctionRef<void(AvroValue&)> read) const {
  constexpr std::size_t kHead = 5;
  if (bytes.size() < kHead || bytes[0] != 0) throw FormatError("it does not begin with the number of a schema");
  std::uint32_t id = 0;
  for (std::size_t at = 1; at < kHead; ++at) id = id << 8 | static_cast<unsigned char>(bytes[at]);
  AvroValue::parse(bytes.substr(kHead), type(static_cast<std::int32_t>(id)), read);
}

const AvroType& AvroCodec::type(std::int32_t id) const {
  const auto checked = [](const Known& known) -> const AvroType& {
    if (known.type == nullptr) throw FormatError(known.refusal);
    return *known.type;
  };
  {
    const std::shared_lock lock(mutex_);
    if (const auto found = types_.find(id); found != types_.end()) return checked(found->second);
  }
  const std::optional<std::string> text = registry().schema(id);
  if (!text) throw FormatError(fmt::format("its schema, {}, is not in the registry", id));
  Known known;
  try {
    known.type = avro_type_of(*text);
  } catch (const FormatError& error) {
    known.refusal = error.what();
  }
  const std::lock_guard lock(mutex_);
  return checked(types_.try_emplace(id, std::move(known)).first->second);
}

}  // namespace lockstep::kafka

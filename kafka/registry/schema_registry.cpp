#include "kafka/registry/schema_registry.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <chrono>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "kafka/error.hpp"
#include "runtime/rows/text.hpp"

namespace lockstep::kafka {

namespace {

using std::chrono::steady_clock;

constexpr std::chrono::seconds kAnswer{30};
constexpr std::chrono::seconds kKnown{2};
constexpr std::chrono::seconds kAskAgain{30};
constexpr std::int64_t kNoSchema = 40403;
constexpr const char* kType = "application/vnd.schemaregistry.v1+json";

struct CloseHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::size_t take(const char* data, std::size_t size, std::size_t count, void* to) {
  static_cast<std::string*>(to)->append(data, size * count);
  return size * count;
}

/// A field of an answer, which is an object.
template <class T>
std::optional<T> field(const std::string& answer, const char* name) {
  simdjson::dom::parser parser;
  T value{};
  if (parser.parse(answer)[name].get(value) != simdjson::SUCCESS) return std::nullopt;
  return value;
}
std::optional<std::string> text_field(const std::string& answer, const char* name) {
  simdjson::dom::parser parser;
  std::string_view value;
  if (parser.parse(answer)[name].get(value) != simdjson::SUCCESS) return std::nullopt;
  return std::string(value);
}

class HttpRegistry final : public SchemaRegistry {
 public:
  HttpRegistry(std::string url, std::string user) : url_(std::move(url)), user_(std::move(user)) {
    while (url_.ends_with('/')) url_.pop_back();
    static const CURLcode initialized = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (initialized != CURLE_OK) throw KafkaError("libcurl could not be initialized");
  }

  std::optional<std::string> schema(std::int32_t id) override {
    {
      const std::lock_guard lock(mutex_);
      const auto found = unknown_.find(id);
      if (found != unknown_.end() && steady_clock::now() < found->second + kAskAgain) return std::nullopt;
    }
    // One that was registered just now may not be known everywhere yet. Other answers of this status are of something
    // that is not the registry.
    Answer answer;
    for (const auto until = steady_clock::now() + kKnown;;) {
      answer = ask(fmt::format("/schemas/ids/{}", id), nullptr);
      if (answer.status != 404 || field<std::int64_t>(answer.text, "error_code") != kNoSchema) break;
      if (steady_clock::now() >= until) {
        const std::lock_guard lock(mutex_);
        unknown_[id] = steady_clock::now();
        return std::nullopt;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    std::optional<std::string> schema = text_field(answer.text, "schema");
    if (answer.status != 200 || !schema) fail(fmt::format("schema {}", id), answer);
    return schema;
  }

  std::int32_t add(const std::string& subject, const std::string& schema) override {
    std::string body = "{\"schema\":";
    derived::append_quoted(body, schema);
    body += '}';
    const Answer answer = ask("/subjects/" + escaped(subject) + "/versions", &body);
    const auto id = field<std::int64_t>(answer.text, "id");
    if (answer.status != 200 || !id) fail(fmt::format("the schema of '{}'", subject), answer);
    return static_cast<std::int32_t>(*id);
  }

 private:
  struct Answer {
    long status = 0;
    std::string text;
  };

  static std::string escaped(const std::string& text) {
    const std::unique_ptr<char, decltype(&curl_free)> escaped(
        curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size())), curl_free);
    return escaped.get();
  }
  [[noreturn]] void fail(const std::string& what, const Answer& answer) const {
    throw KafkaError(fmt::format("registry {}, {}: {} ({})", url_, what,
                                 text_field(answer.text, "message").value_or("no answer that is understood"),
                                 answer.status));
  }

  /// `body`: null: it is a question.
  Answer ask(const std::string& path, const std::string* body) const {
    const std::lock_guard lock(mutex_);
    for (const auto until = std::chrono::steady_clock::now() + kAnswer;;) {
      Answer answer;
      const std::string why = ask_once(path, body, answer);
      if (why.empty() && answer.status < 500) return answer;
      if (std::chrono::steady_clock::now() >= until) {
        if (why.empty()) return answer;
        throw KafkaError(fmt::format("registry {}: {}", url_, why));
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
  /// Why there is no answer; empty: there is one.
  std::string ask_once(const std::string& path, const std::string* body, Answer& answer) const {
    const std::unique_ptr<CURL, CloseHandle> handle(curl_easy_init());
    if (handle == nullptr) return "out of memory";
    const std::unique_ptr<curl_slist, CloseHandle> headers(
        curl_slist_append(nullptr, fmt::format("Content-Type: {}", kType).c_str()));
    const std::string url = url_ + path;
    curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &answer.text);
    if (!user_.empty()) curl_easy_setopt(handle.get(), CURLOPT_USERPWD, user_.c_str());
    if (body != nullptr) {
      curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDS, body->data());
      curl_easy_setopt(handle.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(body->size()));
    }
    if (const CURLcode error = curl_easy_perform(handle.get()); error != CURLE_OK) return curl_easy_strerror(error);
    curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &answer.status);
    return "";
  }

  std::string url_;
  const std::string user_;
  mutable std::mutex mutex_;
  std::map<std::int32_t, steady_clock::time_point> unknown_;  // when it was asked for last
};

class MockRegistry final : public SchemaRegistry {
 public:
  std::optional<std::string> schema(std::int32_t id) override {
    const std::lock_guard lock(mutex_);
    if (id < 1 || static_cast<std::size_t>(id) > schemas_.size()) return std::nullopt;
    return schemas_[static_cast<std::size_t>(id) - 1];
  }
  std::int32_t add(const std::string&, const std::string& schema) override {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < schemas_.size(); ++i) {
      if (schemas_[i] == schema) return static_cast<std::int32_t>(i) + 1;
    }
    schemas_.push_back(schema);
    return static_cast<std::int32_t>(schemas_.size());
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> schemas_;
};

}  // namespace

std::shared_ptr<SchemaRegistry> SchemaRegistry::of(const Properties& properties) {
  const auto property = [&properties](const char* name) {
    const auto found = properties.find(name);
    return found == properties.end() ? std::string() : found->second;
  };
  const std::string url = property("schema.registry.url");
  const std::string user = property("schema.registry.basic.auth.user.info");
  if (url.empty()) throw KafkaError("there is no schema.registry.url, which Avro needs");
  static std::mutex mutex;
  static std::map<std::pair<std::string, std::string>, std::shared_ptr<SchemaRegistry>> registries;
  const std::lock_guard lock(mutex);
  std::shared_ptr<SchemaRegistry>& registry = registries[{url, user}];
  if (registry == nullptr) {
    if (url.starts_with("mock://")) {
      registry = std::make_shared<MockRegistry>();
    } else {
      registry = std::make_shared<HttpRegistry>(url, user);
    }
  }
  return registry;
}

}  // namespace lockstep::kafka
